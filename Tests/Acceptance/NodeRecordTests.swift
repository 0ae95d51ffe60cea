import Apus
import Testing

/// What every node of a program tells of where it comes from, and what operators of a user's own must say of themselves.
@Suite struct NodeRecordTests {
    private final class Inner: Module {
        let linear: Linear
        init() throws { linear = try Linear(3, 3) }

        func forward(_ x: Tensor) throws -> Tensor {
            let y = try linear(x)
            return x.shape[0] > 2 ? try y.relu() : try y.tanh()
        }
    }

    private final class Outer: Module {
        let inner: Inner
        init() throws { inner = try Inner() }

        func forward(_ x: Tensor) throws -> Tensor {
            let rows = try map(inner(x)) { row in try row.softmax(dim: 0) * 2 }
            return try cond(x.sum() .> 0) {
                try rows.cos()
            } else: {
                try rows.sin()
            }
        }
    }

    /// All nodes, those of bodies too, with the graph they are in.
    private func nodes(_ graph: Graph) -> [(node: Node, graph: Graph)] {
        graph.nodes.flatMap { node in [(node, graph)] + node.bodies.flatMap { nodes($0.graph) } }
    }

    private func expectRecorded(_ graph: Graph, _ paths: Set<String>) {
        let all = nodes(graph)
        for (node, graph) in all {
            #expect(node.site?.description.contains(".swift:") == true, "\(node.operator.name): no place in the source")
            #expect(node.modulePath.first?.type == "Outer", "\(node.operator.name): no module path")
            for output in node.outputs {
                guard let spec = graph.spec(output) else { continue }
                // The text has a dtype with a shape for each result.
                #expect(
                    graph.description.contains("%\(graph.name(output)): \(spec.description(naming: \.name))"),
                    "\(node.operator.name): no description of %\(graph.name(output))")
            }
        }
        #expect(Set(all.compactMap { $0.node.modulePath.last?.path }) == paths)
    }

    @Test("every node has its place, its value's description and its module path") func everyNode() throws {
        let x = try Tensor.ones([4, 3])
        let program = try export(try Outer(), args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        #expect(nodes(program.graph).contains { $0.node.operator == .cond } && nodes(program.graph).contains { $0.node.operator == .scan })
        expectRecorded(program.graph, ["", "inner", "inner.linear"])
    }

    @Test("in the backward part of a joint program too") func everyNodeOfAJointProgram() throws {
        let x = try Tensor.ones([4, 3])
        let model = try Outer()
        let program = try exportJoint({ (x: Tensor) in try model(x).sum() }, of: model, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        for (node, _) in nodes(program.graph) {
            #expect(node.site?.description.contains(".swift:") == true, "\(node.operator.name): no place in the source")
        }
    }

    @Test("an operator whose rule does not give what its schema says is an error that names it") func wrongRule() throws {
        func apply(_ rule: @escaping Operator.Rule) throws -> ExportedProgram {
            let twice = try Operator(
                Operator.Schema("mine::twice(Tensor self) -> Tensor"), rule: rule,
                kernel: .compute { call, outputs in try outputs[0].fill(from: call.tensor(0) * 2) })
            return try export({ (x: Tensor) in try applySingle(twice, [.tensor(x)]) }, args: try Tensor.ones([3]))
        }
        #expect(try apply { call in [try call.tensor(0).spec] }.graph.nodes.map(\.operator.name) == ["mine::twice"])
        let none = #expect(throws: TensorError.self) { _ = try apply { _ in [] } }
        #expect(none?.description.hasPrefix("twice: has 0 results where one tensor was expected (at NodeRecordTests.swift:") == true)
        let two = #expect(throws: TensorError.self) { _ = try apply { call in [try call.tensor(0).spec, try call.tensor(0).spec] } }
        #expect(two?.description.hasPrefix("twice: has 2 results where one tensor was expected (at NodeRecordTests.swift:") == true)
    }
}
