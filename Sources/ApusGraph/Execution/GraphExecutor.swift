import ApusSymbolic
import ApusTensor

/// Runs a graph node by node through `apply`: the plain meaning of a program.
///
/// It runs programs whose sizes depend on data, and is the judge of the faster plan. Operations go to the thread's current interpreter, so that
/// a gradient recorder sees them. Every value is checked against its type in the graph, and is freed after its last use.
/// A value type without state between runs: many tasks may run one at the same time.
public struct GraphExecutor: Sendable {
    public let graph: Graph
    private let lastUses: [Int]

    public init(_ graph: Graph) {
        self.graph = graph
        lastUses = graph.lastUses()
    }

    /// Runs the graph on tensors, one for each input.
    public func run(_ inputs: [Tensor]) throws -> [RuntimeValue] {
        try run(inputs.map { .tensor($0) })
    }

    /// Runs the graph on one value for each input. Throws what a node throws, with the node's place in the source, `TensorError` for inputs
    /// and results that don't fit their types, and `CancellationError` before a node where the task that it runs in has been cancelled.
    public func run(_ inputs: [RuntimeValue]) throws -> [RuntimeValue] {
        var symbols = SymbolValues()
        return try run(inputs, &symbols)
    }

    /// Runs the graph where some symbols are known already, as in the body of a branch.
    public func run(_ inputs: [RuntimeValue], _ symbols: inout SymbolValues) throws -> [RuntimeValue] {
        guard inputs.count == graph.inputs.count else {
            throw TensorError(.invalidArgument, "the program takes \(graph.inputs.count) inputs, not \(inputs.count)")
        }
        // For bodies in bodies, and for sizes whose expressions are deep.
        return try withStackRoom(deepStack) { try runNodes(inputs, &symbols) }
    }

    private func runNodes(_ inputs: [RuntimeValue], _ symbols: inout SymbolValues) throws -> [RuntimeValue] {
        var run = GraphRun(graph, symbols)
        try run.bind(graph.inputs, to: inputs)
        for (position, node) in graph.nodes.enumerated() {
            try Deadline.check()
            do { try run.execute(node) } catch let error as TensorError { throw error.located(at: node.site) }
            run.free(node, lastUses, position)
        }
        symbols = run.symbols
        return try graph.outputs.map { try run.value(of: $0) }
    }
}

/// The state of one run.
struct GraphRun {
    let graph: Graph
    var symbols: SymbolValues
    private var values: [RuntimeValue?]

    init(_ graph: Graph, _ symbols: SymbolValues) {
        self.graph = graph
        self.symbols = symbols
        values = Array(repeating: nil, count: graph.values.count)
    }

    mutating func bind(_ inputs: [Value], to given: [RuntimeValue]) throws {
        try symbols.bind(inputs, of: graph, to: given)
        for (input, value) in zip(inputs, given) where graph.contains(input) { values[input.index] = value }
    }

    mutating func execute(_ node: Node) throws {
        let results: [RuntimeValue]
        if node.operator == .cond {
            results = try branch(node)
        } else if node.operator == .whileLoop {
            let loop = try WhileArguments(node)
            let final: [RuntimeValue] = try LoopRun(symbols: symbols).run(
                loop, carried: try loop.carried.map { try value(of: $0) }, operands: try loop.operands.map { try value(of: $0) })
            results =
                Interpreter.isRecordingGradients ? try Operator.withoutGradient(final.compactMap(\.tensor)).map { .tensor($0) } : final
        } else if node.operator == .scan {
            let scan = try ScanArguments(node)
            results = try LoopRun(symbols: symbols).run(
                scan, carried: try scan.initial.map { try value(of: $0) }, xs: try scan.xs.map { try value(of: $0) },
                operands: try scan.operands.map { try value(of: $0) })
        } else if node.operator == .call {
            let part = try PartArguments(node)
            results = try run(part.body, part.operands)
        } else {
            let arguments: [OperatorArgument] = try node.arguments.map { try resolve($0, node.operator.schema.name) }
            results = try apply(node.operator, arguments).flatMap { try GraphRun.flatten($0, node) }
        }
        guard results.count == node.outputs.count else {
            throw TensorError(
                .unsupported, in: node.operator.schema.name, "gave \(results.count) results where the graph has \(node.outputs.count)")
        }
        for (output, result) in zip(node.outputs, results) {
            try symbols.bind(graph.type(output), to: result, "the result '%\(graph.name(output))'")
            if graph.contains(output) { values[output.index] = result }
        }
    }

    private func branch(_ node: Node) throws -> [RuntimeValue] {
        let condition = try CondArguments(node)
        return try run(try holds(condition.predicate) ? condition.whenTrue : condition.whenFalse, condition.operands)
    }

    /// Runs a body. What it binds is its own; what leaves it, leaves as a result.
    private func run(_ body: GraphBody, _ operands: [Value]) throws -> [RuntimeValue] {
        var inner: SymbolValues = symbols
        return try GraphExecutor(body.graph).run(try operands.map { try value(of: $0) }, &inner)
    }

    private func holds(_ predicate: GraphArgument) throws -> Bool {
        switch try resolve(predicate, "cond") {
        case .scalar(.bool(let value)): return value
        case .tensor(let tensor): return try tensor.truth(in: "cond")
        default: throw TensorError(.invalidArgument, in: "cond", "the predicate must be a truth value or a tensor of one bool")
        }
    }

    mutating func free(_ node: Node, _ lastUses: [Int], _ position: Int) {
        for operand in node.operands where graph.contains(operand) && lastUses[operand.index] == position { values[operand.index] = nil }
        for output in node.outputs where graph.contains(output) && lastUses[output.index] < 0 { values[output.index] = nil }
    }

    // MARK: Values

    private func value(of value: Value) throws -> RuntimeValue {
        guard graph.contains(value), let known = values[value.index] else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is read before it is computed")
        }
        return known
    }

    func value(of output: GraphOutput) throws -> RuntimeValue {
        switch output {
        case .value(let value): try self.value(of: value)
        case .literal(let literal): RuntimeValue(literal)
        case .int(let size): .int(try symbols.value(of: size))
        case .float(let number): .float(try symbols.value(of: number))
        case .bool(let condition): .bool(try symbols.value(of: condition))
        }
    }

    private func tensor(_ value: Value) throws -> Tensor {
        guard case .tensor(let tensor) = try self.value(of: value) else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is no tensor")
        }
        return tensor
    }

    private func resolve(_ argument: GraphArgument, _ operatorName: String) throws -> OperatorArgument {
        switch argument {
        case .tensor(let value): try self.value(of: value).argument
        default: try symbols.concrete(try argument.map { try tensor($0) }, in: operatorName)
        }
    }

    /// One result of an operator as the graph counts it: a list gives one value for each element.
    private static func flatten(_ result: OperatorArgument, _ node: Node) throws -> [RuntimeValue] {
        switch result {
        case .none: return [.none]
        case .tensor(let tensor): return [.tensor(tensor)]
        case .tensors(let tensors): return tensors.map { .tensor($0) }
        case .optionalTensors(let tensors): return tensors.map { $0.map { .tensor($0) } ?? .none }
        case .scalar(.bool(let value)): return [.bool(value)]
        case .scalar(.int(let value)): if let known = value.constant { return [.int(known)] }
        case .scalar(.float(let value)): if let known = value.constant { return [.float(known)] }
        case .symBool(let value): if let known = value.constant { return [.bool(known)] }
        case .string(let value): return [.string(value)]
        default: break
        }
        throw TensorError(.unsupported, in: node.operator.schema.name, "gave a result that a graph can't hold")
    }
}

extension Tensor {
    /// The one element of a bool tensor.
    func truth(in operatorName: String) throws -> Bool {
        guard dtype == .bool, count.constant == 1, !isTraced else {
            throw TensorError(.invalidArgument, in: operatorName, "the predicate must be a tensor of one bool, not \(spec)")
        }
        return withExtendedLifetime(self) { baseAddress.load(as: UInt8.self) != 0 }
    }
}

extension TensorError {
    /// The same error with the place of the node that threw it, where it has none of the program's own.
    package func located(at site: NodeSite?) -> TensorError {
        var error = self
        switch site {
        case .call(let site)?: error.site = site
        case .text(let text)? where !message.hasSuffix("(at \(text))"): error.message += " (at \(text))"
        default: break
        }
        return error
    }
}
