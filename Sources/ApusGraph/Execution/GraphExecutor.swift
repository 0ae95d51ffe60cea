import ApusSymbolic
import ApusTensor

/// Runs a graph node by node through `apply`: the plain meaning of a program.
///
/// It runs programs whose sizes depend on data, and is the judge of the faster plan. Operations go to the thread's current interpreter, so that
/// a gradient recorder sees them. Every value is checked against its type in the graph, and is freed after its last use.
/// A value type without state between runs: many tasks may run one at the same time.
public struct GraphExecutor: Sendable {
    public let graph: Graph
    private let lastReads: [[Value]]

    public init(_ graph: Graph) {
        self.graph = graph
        lastReads = graph.lastReads()
    }

    /// Runs the graph on tensors, one for each input.
    public func run(_ inputs: [Tensor]) throws -> [RuntimeValue] {
        try run(inputs.map { .tensor($0) })
    }

    /// Runs the graph on one value for each input. Throws what a node throws, with the node's place in the source, `TensorError` for inputs
    /// and results that don't fit their types, and `CancellationError` before a node where the task that it runs in has been cancelled.
    public func run(_ inputs: [RuntimeValue]) throws -> [RuntimeValue] {
        try run(inputs.map(\.argument), knowing: SymbolValues()).map { try RuntimeValue($0) }
    }

    /// Runs the graph where some symbols are known already, as in the body of a branch. What it binds is its own.
    package func run(_ inputs: [OperatorArgument], knowing symbols: SymbolValues) throws -> [OperatorArgument] {
        try run(inputs, GraphRun(symbols: symbols))
    }

    /// Runs the graph, and tells of each of its own nodes what it gave, in order.
    package func run(
        _ inputs: [Tensor], observer: @escaping (Node, [OperatorArgument]) throws -> Void
    ) throws -> [OperatorArgument] {
        try run(inputs.map { .tensor($0) }, GraphRun(symbols: SymbolValues(), observer: observer))
    }

    /// Runs the graph with bodies that are made ready otherwise than node by node, and have the stack that they need from there.
    /// - Parameter timing: makes an operator's call, and may look at the clock
    package func run(
        _ inputs: [OperatorArgument], knowing symbols: SymbolValues, ready: @escaping (GraphBody) -> ControlFlowRun.Body,
        timing: ((Node, () throws -> [OperatorArgument]) throws -> [OperatorArgument])?
    ) throws -> [OperatorArgument] {
        var run = GraphRun(symbols: symbols, ready: ready, timing: timing)
        return try run.run(graph, inputs, lastReads: lastReads)
    }

    private func run(_ inputs: [OperatorArgument], _ start: GraphRun) throws -> [OperatorArgument] {
        var run: GraphRun = start
        // For bodies in bodies, and for sizes whose expressions are deep.
        return try withStackRoom(deepStack) { try run.run(graph, inputs, lastReads: lastReads) }
    }
}

/// What nodes mean to a run: they are computed, with numbers in the place of symbols.
private struct GraphRun: GraphHandler {
    var symbols: SymbolValues
    var observer: ((Node, [OperatorArgument]) throws -> Void)?
    /// Makes bodies ready.
    var ready: (GraphBody) -> ControlFlowRun.Body = ControlFlowRun.plain
    var timing: ((Node, () throws -> [OperatorArgument]) throws -> [OperatorArgument])?

    mutating func bind(_ inputs: [OperatorArgument], of graph: Graph) throws {
        try symbols.bind(graph.inputs, of: graph, to: try inputs.map { try RuntimeValue($0) })
    }

    mutating func bind(_ type: ValueType, to seen: OperatorArgument, _ name: @autoclosure () -> String) throws {
        try symbols.bind(type, to: try RuntimeValue(seen), name())
    }

    func explained(_ error: TensorError, of node: Node) -> TensorError { symbols.explained(error, of: node) }

    func value(of argument: OperatorArgument, in name: String) throws -> OperatorArgument { try symbols.concrete(argument, in: name) }

    func results(of node: Node, _ values: GraphValues) throws -> [OperatorArgument]? {
        let results: [OperatorArgument] = try computed(node, values)
        try observer?(node, results)
        return results
    }

    private func computed(_ node: Node, _ values: GraphValues) throws -> [OperatorArgument] {
        try Deadline.check()
        let call = Call(node.operator, try arguments(of: node, values))
        guard let results = try ControlFlowRun(symbols: symbols, ready: ready).results(of: call) else {
            func made() throws -> [OperatorArgument] { try apply(call.operator, call.arguments).flatMap(\.elements) }
            return try timing?(node, made) ?? made()
        }
        guard call.operator == .whileLoop, Interpreter.isRecordingGradients else { return results }
        return try Operator.withoutGradient(results.compactMap(\.tensor))
            .map { .tensor($0) }
    }
}
