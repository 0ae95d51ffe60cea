import ApusSymbolic
import ApusTensor

/// Computes what depends on constants alone, once, when the program is made.
///
/// It is no `GraphPass`: those keep a program's inputs, and results of folding become new ones, whose tensors the caller keeps with the
/// others. `ExportedProgram.foldingConstants` does so for a program.
public struct ConstantFolding: Sendable {
    /// Results above this many bytes are left to be computed, unless they are no larger than what they are made of.
    public var byteLimit: Int
    /// For plans, not for files: views of constants stay views of their memory, where copies are made of them otherwise, and results above the limit may
    /// be wider than what they are made of, as weights are that were stored in fewer bits.
    package var keepsViews = false

    public init(byteLimit: Int = 1 << 20) { self.byteLimit = byteLimit }

    package init(keepsViews: Bool) {
        self.init()
        self.keepsViews = keepsViews
    }

    public struct Result: Sendable {
        /// The graph with the new constants as inputs.
        public let graph: Graph
        /// The tensors of the new inputs, in order.
        public let constants: [Tensor]
    }

    /// Folds a graph.
    /// - Parameters:
    ///   - position: where among the inputs the new ones go
    ///   - constant: the tensor of an input that is a constant; nil for one that differs from run to run
    public func fold(_ graph: Graph, insertingAt position: Int, constant: (Graph.Value) -> Tensor?) throws -> Result {
        try graph.requireOwnValues()
        var folding = FoldingHandler(byteLimit: byteLimit, keepsViews: keepsViews)
        let known: GraphValues = try folding.carryOut(graph, graph.inputs.map { input in constant(input).map { .tensor($0) } })
        // What is known and read by something that is not becomes an input.
        var lifted: [Value] = []
        var seen = Set<Value>()
        let inputs = Set(graph.inputs)
        func read(_ value: Value) {
            if known[value] != nil, !inputs.contains(value), seen.insert(value).inserted { lifted.append(value) }
        }
        for node in graph.nodes where !isFolded(node, known) { for operand in node.operands { read(operand) } }
        for output in graph.outputs { if let value = output.value { read(value) } }

        var copy = GraphCopy(of: graph, provenance: "")
        for value in lifted { copy.map(value, to: copy.graph.addInput("folded_\(graph.name(value))", graph.type(value))) }
        for node in graph.nodes where !isFolded(node, known) { copy.keep(node, try node.arguments.map { try copy.mapped($0) }) }
        var folded: Graph = copy.finished()
        let own: ArraySlice<Value> = folded.inputs.prefix(graph.inputs.count)
        let place: Int = max(0, min(position, own.count))
        folded.setInputs(Array(own[..<place] + folded.inputs.dropFirst(own.count) + own[place...]))
        return Result(graph: folded, constants: lifted.compactMap { known[$0]?.tensor })
    }

    private func isFolded(_ node: Node, _ known: GraphValues) -> Bool {
        !node.outputs.isEmpty && node.outputs.allSatisfy { known[$0] != nil }
    }
}

/// What nodes mean to folding: those that read only what is known are computed.
private struct FoldingHandler: GraphHandler {
    let byteLimit: Int
    let keepsViews: Bool

    func results(of node: Node, _ values: GraphValues) throws -> [OperatorArgument]? {
        let operands: [Value] = node.operands
        guard node.effects.isPure, node.bodies.isEmpty, !operands.isEmpty, operands.allSatisfy({ values[$0] != nil }),
            node.arguments.allSatisfy({ $0.freeSymbols.isEmpty }), isSmall(node, values.graph, operands)
        else { return nil }
        let arguments: [OperatorArgument] = try arguments(of: node, values)
        return try Interpreter.with(nil) {
            // What fails now would fail on every run: it is left for them to say so.
            guard let results = try? applyTensors(node.operator, arguments), results.count == node.outputs.count else { return nil }
            return try results.map { .tensor(keepsViews ? $0 : try $0.contiguous()) }
        }
    }

    private func isSmall(_ node: Node, _ graph: Graph, _ operands: [Value]) -> Bool {
        func elements(_ value: Value) -> Int? { graph.spec(value)?.shape.constants.flatMap { Layout.elementCount($0) } }
        func bytes(_ value: Value) -> Int? {
            guard let spec = graph.spec(value), let count = elements(value) else { return nil }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: spec.dtype.byteWidth)
            return overflow ? nil : bytes
        }
        /// More than any memory holds where it does not fit: an expanded constant claims more elements than it has.
        func sum(_ counts: [Int]) -> Int {
            counts.reduce(0) { total, count in
                let (sum, overflow) = total.addingReportingOverflow(count)
                return overflow ? .max : sum
            }
        }
        let results: [Int] = node.outputs.compactMap { bytes($0) }
        guard results.count == node.outputs.count else { return false }
        if keepsViews, sum(node.outputs.compactMap { elements($0) }) <= sum(operands.compactMap { elements($0) }) { return true }
        return sum(results) <= max(byteLimit, sum(operands.compactMap { bytes($0) }))
    }
}
