import ApusGraph
import ApusSymbolic
import ApusTensor

/// A program around what depends on values. What stands between is planned: a piece for each stretch of nodes, whose sizes are known by the
/// time that it runs. Nodes whose results depend on values run by themselves, and so do branches and loops whose sizes or conditions do; each
/// of their bodies is a plan, for all passes the same.
final class Pieces: Sendable {
    enum Piece: Sendable {
        case plan(Plan, reads: [Value], writes: [Value])
        /// - Parameter isControl: whether it has bodies
        case node(Node, isControl: Bool)
    }

    let graph: Graph
    let pieces: [Piece]
    /// For each piece the values that nothing reads after it.
    private let lastReads: [[Value]]
    private let bodies: [ObjectIdentifier: Plan]

    /// A stretch of fewer nodes takes longer to hand over to a plan than to run by itself.
    private static let fewNodes = 3

    /// - Parameter frozen: the inputs that no run changes
    init(_ graph: Graph, frozen: Set<Value>, _ pipeline: LoweringPipeline, cacheSize: Int) throws {
        self.graph = graph
        var pieces: [Piece] = []
        var bodies: [ObjectIdentifier: Plan] = [:]
        var pipeline: LoweringPipeline = pipeline
        let bodyPipeline: LoweringPipeline = pipeline
        // The passes have seen these nodes.
        pipeline.graphPasses = []
        func addNode(_ node: Node) throws {
            for body in node.bodies {
                let roles: [Plan.Role] = try graph.operands(of: body, in: node).map { operand in
                    operand.map { frozen.contains($0) } ?? false ? .frozen : .varying
                }
                bodies[ObjectIdentifier(body)] = try Plan(
                    body.graph, roles: roles, pipeline: bodyPipeline, cacheSize: cacheSize, isPart: true)
            }
            pieces.append(.node(node, isControl: !node.bodies.isEmpty))
        }
        func addStretch(_ range: Range<Int>) throws {
            if range.isEmpty { return }
            if range.count < Pieces.fewNodes, graph.nodes[range].allSatisfy({ $0.bodies.isEmpty }) {
                for node in graph.nodes[range] { try addNode(node) }
                return
            }
            let (part, reads, writes): (Graph, [Value], [Value]) = graph.part(range)
            let roles: [Plan.Role] = reads.map { frozen.contains($0) ? .frozen : .varying }
            pieces.append(
                .plan(try Plan(part, roles: roles, pipeline: pipeline, cacheSize: cacheSize, isPart: true), reads: reads, writes: writes))
        }
        var start = 0
        let obstacles = Obstacles(graph)
        // A number that is read may be asked for in any piece.
        for (position, node) in graph.nodes.enumerated() where node.isRead || obstacles.reason(node, in: graph) != nil {
            try addStretch(start..<position)
            try addNode(node)
            start = position + 1
        }
        try addStretch(start..<graph.nodes.count)
        (self.pieces, self.bodies) = (pieces, bodies)
        var kept: Set<Value> = Set(graph.outputs.compactMap(\.value))
        var lastReads: [[Value]] = []
        for piece in pieces.reversed() {
            let values: [Value] = piece.reads + piece.writes
            lastReads.append(values.filter { kept.insert($0).inserted })
        }
        self.lastReads = lastReads.reversed()
    }

    /// Runs the program.
    /// - Parameters:
    ///   - inputs: one for each of the graph's
    ///   - symbols: what is known around it
    func run(_ inputs: [Tensor], knowing symbols: SymbolValues, _ profiler: Profiler?) throws -> [RuntimeValue] {
        var symbols: SymbolValues = symbols
        try symbols.bind(graph.inputs, of: graph, to: inputs.map { .tensor($0) })
        var values = GraphValues(graph)
        for (input, tensor) in zip(graph.inputs, inputs) { values[input] = .tensor(tensor) }
        for (number, piece) in pieces.enumerated() {
            switch piece {
            case .plan(let plan, let reads, let writes):
                let tensors: [Tensor] = try reads.map { try values.tensor($0) }
                for (value, result) in zip(writes, try plan.run(tensors, knowing: symbols, profiler)) { values[value] = result.argument }
            case .node(let node, let isControl):
                do { try run(node, isControl: isControl, &values, &symbols, profiler) } catch let error as TensorError {
                    throw symbols.explained(error, of: node).located(at: node.site)
                }
            }
            for value in lastReads[number] { values[value] = nil }
        }
        return try graph.outputs.map { try RuntimeValue(try symbols.concrete(try values.argument($0))) }
    }

    private func run(
        _ node: Node, isControl: Bool, _ values: inout GraphValues, _ symbols: inout SymbolValues, _ profiler: Profiler?
    ) throws {
        try Deadline.check()
        let name: String = node.operator.schema.name
        let arguments: [OperatorArgument] = try node.arguments.map { try symbols.concrete(try values.argument($0), in: name) }
        let results: [OperatorArgument]
        if !isControl {
            func compute() throws -> [OperatorArgument] { try apply(node.operator, arguments).flatMap(\.elements) }
            results =
                try profiler?.measure(
                    .step, node.operator.name, operators: [node.operator.name], site: node.site?.description, compute) ?? compute()
        } else {
            let control = ControlFlowRun(symbols: symbols) { body in
                { inputs, symbols in
                    guard let plan = self.bodies[ObjectIdentifier(body)] else {
                        return try GraphExecutor(body.graph).run(inputs, knowing: symbols)
                    }
                    return try plan.run(inputs.compactMap(\.tensor), knowing: symbols, profiler).map(\.argument)
                }
            }
            // Bodies in bodies.
            results = try withStackRoom { try control.results(of: Call(node.operator, arguments)) ?? [] }
        }
        guard results.count == node.outputs.count else {
            throw TensorError(.unsupported, in: name, "gave \(results.count) results where the graph has \(node.outputs.count)")
        }
        for (output, result) in zip(node.outputs, results) {
            try symbols.bind(graph.type(output), to: try RuntimeValue(result), "the result '%\(graph.name(output))'")
            values[output] = result
        }
    }
}

extension Pieces: CustomStringConvertible {
    /// The pieces, one a line, with what they read and write.
    var description: String {
        func list(_ values: [Value]) -> String { values.map { "%\(graph.name($0))" }.joined(separator: ", ") }
        return pieces.enumerated().map { number, piece in
            let title: String =
                switch piece {
                case .plan(let plan, _, _): "plan of \(plan.graph.nodes.count) nodes"
                case .node(let node, _): node.operator.name
                }
            let writes: String = piece.writes.isEmpty ? "" : " -> \(list(piece.writes))"
            return "    \(number): \(title)(\(list(piece.reads)))\(writes)\n"
        }.joined()
    }
}

extension Pieces.Piece {
    /// The values that it reads.
    var reads: [Value] {
        switch self {
        case .plan(_, let reads, _): reads
        case .node(let node, _): node.operands
        }
    }

    var writes: [Value] {
        switch self {
        case .plan(_, _, let writes): writes
        case .node(let node, _): node.outputs
        }
    }
}

extension GraphValues {
    fileprivate func tensor(_ value: Value) throws -> Tensor {
        guard case .tensor(let tensor) = try argument(value) else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is no tensor")
        }
        return tensor
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

    /// Some of the nodes as a graph, with the values of this one that it takes and gives.
    fileprivate func part(_ range: Range<Int>) -> (Graph, reads: [Value], writes: [Value]) {
        var part = Graph()
        var places: [Value: Value] = [:]
        var reads: [Value] = []
        for node in nodes[range] {
            for operand in node.operands where places[operand] == nil {
                places[operand] = part.addInput(name(operand), type(operand))
                reads.append(operand)
            }
            for output in node.outputs { places[output] = output }
        }
        for (number, read) in reads.enumerated() { places[read] = part.inputs[number] }
        for node in nodes[range] {
            let arguments: [GraphArgument] = node.arguments.map { $0.map { places[$0] ?? $0 } }
            let made: [Value] = part.append(
                node.operator, arguments, types: node.outputs.map { type($0) }, names: node.outputs.map { name($0) }, site: node.site,
                modulePath: node.modulePath, provenance: node.provenance)
            for (output, value) in zip(node.outputs, made) { places[output] = value }
        }
        var readLater = Set(outputs.compactMap(\.value))
        for node in nodes[range.upperBound...] { readLater.formUnion(node.operands) }
        let writes: [Value] = nodes[range].flatMap(\.outputs).filter { readLater.contains($0) }
        part.outputs = writes.map { .value(places[$0] ?? $0) }
        return (part, reads, writes)
    }
}
