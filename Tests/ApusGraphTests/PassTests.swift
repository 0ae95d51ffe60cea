import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@Suite struct PassTests {
    private func same(_ a: Graph, _ b: Graph, on inputs: [Tensor]) throws -> Bool {
        let (p, q) = (try GraphExecutor(a).run(inputs), try GraphExecutor(b).run(inputs))
        return try zip(p, q).allSatisfy { try $0.tensor?.array(of: Float.self) == $1.tensor?.array(of: Float.self) } && p.count == q.count
    }

    @Test func deadCodeKeepsChecks() throws {
        let type = try float32([3])
        var graph = Graph()
        let x = graph.addInput("x", type)
        let cos = try graph.add("aten::cos", .tensor(x), type: type)
        _ = try graph.add("aten::sin", .tensor(cos), type: type)
        graph.append(.assertScalar, [.bool(true), .string("kept")], types: [])
        let neg = try graph.add("aten::neg", .tensor(x), type: type)
        graph.outputs = [.value(neg)]
        let result = try PassManager([DeadCodeElimination()]).run(graph)
        #expect(result.nodes.map(\.operator.name) == ["aten::_assert_scalar", "aten::neg"])
        #expect(graph.nodes.count == 4)
        #expect(try same(graph, result, on: [ramp([3])]))
    }

    @Test func commonSubexpressions() throws {
        let one = OneSize()
        let type = try float32([one.size])
        var graph = Graph()
        let x = graph.addInput("x", type)
        let a = try graph.add("aten::add.Scalar", .tensor(x), .scalar(.int(one.size)), .int(1), type: type)
        let b = try graph.add("aten::add.Scalar", .tensor(x), .scalar(.int(one.size)), .int(1), type: type)
        let c = try graph.add("aten::add.Scalar", .tensor(x), .scalar(.int(one.size + 1)), .int(1), type: type)
        let d = try graph.add("aten::add.Scalar", .tensor(x), .double(1), .int(1), type: type)
        let product = try graph.add("aten::mul.Tensor", .tensor(a), .tensor(b), type: type)
        let other = try graph.add("aten::mul.Tensor", .tensor(c), .tensor(d), type: type)
        graph.outputs = [.value(product), .value(other)]
        let result = try PassManager([CommonSubexpressionElimination()]).run(graph)
        #expect(result.nodes.count == 5)
        #expect(try same(graph, result, on: [ramp([4])]))
    }

    /// x -> sin(cos(x)) + sin(x), as an operator of a user's own with a decomposition.
    private func wave() throws -> Operator {
        Operator(
            try Schema("mine::wave(Tensor self) -> Tensor"), rule: { [try $0.tensor(0).spec] }, kernel: .composite,
            decomposition: { call in
                let x = try call.tensor(0)
                return [.tensor(try x.cos().sin() + x.sin())]
            }, samples: { [[.tensor(try Tensor([1, 2] as [Float], shape: [2]))]] })
    }

    @Test func decomposition() throws {
        let one = OneSize()
        let type = try float32([one.size, 2])
        let wave = try wave()
        var graph = Graph()
        let x = graph.addInput("x", type)
        let y = graph.append(wave, [.tensor(x)], types: [type], site: .text("Model.swift:8"))
        graph.outputs = [.value(y[0])]
        let strict = Decomposition(to: .coreATen, isStrict: true)
        let result = try PassManager([strict], verifier: Verifier(dialect: .coreATen)).run(graph)
        #expect(result.nodes.map(\.operator.name) == ["aten::cos", "aten::sin", "aten::sin", "aten::add.Tensor"])
        #expect(result.nodes.allSatisfy { $0.site?.description == "Model.swift:8" && $0.provenance == strict.name })
        #expect(try same(graph, result, on: [ramp([3, 2])]))
    }

    @Test func decompositionNamesWhatIsLeft() throws {
        let opaque = Operator(
            try Schema("mine::opaque(Tensor self) -> Tensor"), rule: { [try $0.tensor(0).spec] },
            kernel: .host { [.tensor(try $0.tensor(0))] })
        let type = try float32([2])
        var graph = Graph()
        let x = graph.addInput("x", type)
        graph.outputs = graph.append(opaque, [.tensor(x)], types: [type]).map { .value($0) }
        let error = #expect(throws: PassError.self) { try PassManager([Decomposition(isStrict: true)]).run(graph) }
        #expect(
            error?.description.hasPrefix(
                "pass 'decompose to core ATen' did not do what it promises: opaque: has no decomposition into the dialect 'core ATen'")
                == true)
    }

    /// Writes x + x for 2 * x.
    private struct DoubleToSum: NodeRewriter {
        let name = "double to sum"
        func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
            guard node.operator.name == "aten::mul.Scalar", case .scalar(let factor) = arguments[1], factor.isKnown(2) else { return nil }
            return try copy.apply(try op("aten::add.Tensor"), [arguments[0], arguments[0], .int(1)])
        }
    }

    @Test func rewriters() throws {
        let graph = try branchGraph(OneSize())
        let result = try PassManager([DoubleToSum()]).run(graph)
        #expect(result.nodes.map(\.operator.name) == ["apus::cond", "aten::add.Tensor"])
        #expect(result.nodes[1].provenance == "double to sum")
        #expect(try same(graph, result, on: [ramp([5])]))
    }

    private struct Breaking: GraphPass {
        let name = "breaking"
        func run(_ graph: Graph) throws -> Graph {
            var graph = graph
            graph.nodes.removeFirst()
            return graph
        }
    }

    private struct Refusing: GraphPass {
        let name = "refusing"
        func requires(_ graph: Graph) throws { throw TensorError(.unsupported, "not this one") }
        func run(_ graph: Graph) throws -> Graph { graph }
    }

    @Test func theManagerNamesThePass() throws {
        let graph = try branchGraph(OneSize())
        let broken = #expect(throws: PassError.self) { try PassManager([DeadCodeElimination(), Breaking()]).run(graph) }
        #expect(broken?.pass == "breaking")
        #expect(broken?.stage == .verify)
        let refused = #expect(throws: PassError.self) { try PassManager([Refusing()]).run(graph) }
        #expect(refused?.description.hasPrefix("pass 'refusing' can't work on this program: not this one (at PassTests.swift:") == true)
        #expect(try "\(PassManager([]).run(graph))" == "\(graph)")
    }
}
