import ApusGraph
import ApusSymbolic
import ApusTensor

/// A program around what depends on values. What stands between is planned: a part for each stretch of nodes, whose sizes are known by the
/// time that it runs. Nodes whose results depend on values run by themselves, and so do branches and loops whose sizes or conditions do; each
/// body, of a part or of theirs, is a plan, for all passes the same.
final class Pieces: Sendable {
    private let executor: GraphExecutor
    private let bodies: [ObjectIdentifier: Plan]
    /// Of the bodies those that are stretches of this program.
    private let stretches: Set<ObjectIdentifier>

    /// A stretch of fewer nodes takes longer to hand over to a plan than to run by itself.
    private static let fewNodes = 3

    /// - Parameter frozen: the inputs that no run changes
    init(_ graph: Graph, frozen: Set<Value>, _ pipeline: LoweringPipeline, cacheSize: Int) throws {
        let (outline, stretches): (Graph, Set<ObjectIdentifier>) = try Pieces.outline(graph)
        var bodies: [ObjectIdentifier: Plan] = [:]
        for node in outline.nodes {
            for body in node.bodies {
                var pipeline: LoweringPipeline = pipeline
                // The passes have seen these nodes.
                if stretches.contains(ObjectIdentifier(body)) { pipeline.graphPasses = [] }
                let roles: [Plan.Role] = try outline.operands(of: body, in: node).map { operand in
                    operand.map { frozen.contains($0) } ?? false ? .frozen : .varying
                }
                bodies[ObjectIdentifier(body)] = try Plan(body.graph, roles: roles, pipeline: pipeline, cacheSize: cacheSize, isPart: true)
            }
        }
        (executor, self.bodies, self.stretches) = (GraphExecutor(outline), bodies, stretches)
    }

    /// The program with a part in the place of each stretch, and the parts' bodies.
    private static func outline(_ graph: Graph) throws -> (Graph, stretches: Set<ObjectIdentifier>) {
        var outline: Graph = graph
        var stretches: Set<ObjectIdentifier> = []
        outline.nodes = []
        let (obstacles, index) = (Obstacles(graph), ValueIndex(graph))
        func addStretch(_ range: Range<Int>) throws {
            if range.count < fewNodes, graph.nodes[range].allSatisfy({ $0.bodies.isEmpty }) {
                outline.nodes += graph.nodes[range]
                return
            }
            let (body, reads, writes): (GraphBody, [Value], [Value]) = try graph.part(Array(range), index)
            stretches.insert(ObjectIdentifier(body))
            outline.nodes.append(Node(.call, [.string("stretch"), .graph(body), .tensors(reads)], outputs: writes))
        }
        var start = 0
        // A number that is read may be asked for in any piece.
        for (position, node) in graph.nodes.enumerated() where node.isRead || obstacles.reason(node, in: graph) != nil {
            try addStretch(start..<position)
            outline.nodes.append(node)
            start = position + 1
        }
        try addStretch(start..<graph.nodes.count)
        return (outline, stretches)
    }

    /// Runs the program.
    /// - Parameters:
    ///   - inputs: one for each of the graph's
    ///   - symbols: what is known around it
    func run(_ inputs: [Tensor], knowing symbols: SymbolValues, _ profiler: Profiler?) throws -> [RuntimeValue] {
        func ready(_ body: GraphBody) -> ControlFlowRun.Body {
            guard let plan = bodies[ObjectIdentifier(body)] else { return ControlFlowRun.plain(body) }
            return { inputs, symbols in
                // Bodies in bodies.
                try withStackRoom { try plan.run(inputs, knowing: symbols, profiler).map { $0.argument } }
            }
        }
        let timing: ((Node, () throws -> [OperatorArgument]) throws -> [OperatorArgument])? = profiler.map { profiler in
            { node, made in
                try profiler.measure(
                    .step, node.operator.name, operators: [node.operator.name], site: node.site?.description, made)
            }
        }
        return try executor.run(inputs.map { .tensor($0) }, knowing: symbols, ready: ready, timing: timing).map { try RuntimeValue($0) }
    }
}

extension Pieces: CustomStringConvertible {
    /// The pieces, one a line, with what they read and write.
    var description: String {
        let graph: Graph = executor.graph
        func list(_ values: [Value]) -> String { values.map { "%\(graph.name($0))" }.joined(separator: ", ") }
        return graph.nodes.enumerated().map { number, node in
            let body: ObjectIdentifier? = node.bodies.first.map { ObjectIdentifier($0) }
            let plan: Plan? = body.flatMap { stretches.contains($0) ? bodies[$0] : nil }
            let title: String = plan.map { "plan of \($0.graph.nodes.count) nodes" } ?? node.operator.name
            let writes: String = node.outputs.isEmpty ? "" : " -> \(list(node.outputs))"
            return "    \(number): \(title)(\(list(node.operands)))\(writes)\n"
        }.joined()
    }
}

extension Graph {
    /// For each input of a node's body the value that it is in every pass; nil where passes differ.
    func operands(of body: GraphBody, in node: Node) throws -> [Value?] {
        let (varying, operands): (Int, [Value])
        switch node.operator {
        case .cond: (varying, operands) = (0, try CondArguments(node).operands)
        case .call: (varying, operands) = (0, try PartArguments(node).operands)
        case .whileLoop:
            let loop = try WhileArguments(node)
            (varying, operands) = (loop.carried.count, loop.operands)
        case .scan:
            let scan = try ScanArguments(node)
            (varying, operands) = (scan.initial.count + scan.xs.count, scan.operands)
        default: return body.graph.inputs.map { _ in nil }
        }
        return Array(repeating: nil, count: varying) + operands
    }
}
