import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// What a graph's nodes mean where a function that is traced takes them in: operations of the function.
///
/// Result types come from the operators' rules once more, under what is known of the function's own sizes; branches and loops are traced by
/// the calls that a function makes for them, so that each question is asked where it is open.
struct GraphInlining: GraphHandler {
    private var symbols: InlinedSymbols

    /// - Parameter symbols: what is known around the graph.
    init(_ symbols: InlinedSymbols) { self.symbols = symbols }

    /// What the graph gives for the inputs, one for each place.
    mutating func run(_ graph: Graph, _ inputs: [Tensor]) throws -> [LeafValue] {
        try run(graph, inputs.map { .tensor($0) }).map { LeafValue($0) }
    }

    /// Bare symbols first: others may be written in terms of them.
    mutating func bind(_ inputs: [OperatorArgument], of graph: Graph) throws {
        for (input, given) in zip(graph.inputs, inputs) {
            guard let shape = graph.spec(input)?.shape, let tensor = given.tensor, shape.count == tensor.rank else { continue }
            symbols.bindBare(shape, to: tensor.shape)
        }
        for (input, given) in zip(graph.inputs, inputs) {
            try symbols.bind(graph.type(input), to: given, "the input '\(graph.name(input))'")
        }
    }

    mutating func bind(_ type: ValueType, to seen: OperatorArgument, _ name: @autoclosure () -> String) throws {
        try symbols.bind(type, to: seen, name())
    }

    func value(of argument: OperatorArgument, in name: String) throws -> OperatorArgument { try symbols.value(of: argument) }

    func results(of node: Node, _ values: GraphValues) throws -> [OperatorArgument]? {
        let call = Call(node.operator, try arguments(of: node, values))
        switch node.operator {
        case .cond: return try branch(try CondArguments(call), node.outputs.count)
        case .whileLoop: return try loop(try WhileArguments(call))
        case .scan: return try steps(try ScanArguments(call))
        case .call:
            let part = try PartArguments(call)
            return try run(part.body, part.operands).map(\.argument)
        case .assertScalar:
            try check(call[0], node)
            return []
        case .constrainRange, .constrainRangeForSize:
            try checkRange(call)
            return []
        default: return try apply(call.operator, call.arguments).flatMap(\.elements)
        }
    }

    // MARK: Checks

    private func check(_ argument: OperatorArgument, _ node: Node) throws {
        guard node.arguments.count > 1, case .string(let message) = node.arguments[1] else {
            throw TensorError(.invalidArgument, in: node.operator.schema.name, "has no message")
        }
        try requireOrAsk(try truth(argument), TensorError(.checkFailed, message).located(at: node.site))
    }

    private func truth(_ argument: OperatorArgument) throws -> SymBool {
        switch argument {
        case .symBool(let condition): condition
        case .scalar(.bool(let holds)): SymBool(holds)
        case .scalar(.int(let number)): number != 0
        default: throw TensorError(.invalidArgument, in: "_assert_scalar", "takes a condition")
        }
    }

    private func checkRange(_ call: Call) throws {
        guard call.arguments.count == 3, case .scalar(.int(let number)) = call[0] else {
            throw call.error(.invalidArgument, "takes a number and two bounds")
        }
        func bound(_ argument: OperatorArgument) -> SymInt? { if case .scalar(.int(let bound)) = argument { bound } else { nil } }
        let low: SymInt? = bound(call[1]) ?? (call.operator == .constrainRangeForSize ? 0 : nil)
        let high: SymInt? = bound(call[2])
        func failure() -> TensorError {
            TensorError(
                .checkFailed, "the number \(number) must be in \(low.map { "\($0)" } ?? "")...\(high.map { "\($0)" } ?? "")")
        }
        if let low { try require(low <= number, failure()) }
        if let high { try require(number <= high, failure()) }
    }

    // MARK: Control flow

    /// Runs a body. What it binds is its own.
    private func run(_ body: GraphBody, _ inputs: [Tensor]) throws -> [LeafValue] {
        var inner: GraphInlining = self
        return try inner.run(body.graph, inputs)
    }

    private func tensors(_ body: GraphBody, _ inputs: [Tensor]) throws -> [Tensor] {
        try run(body, inputs).map { leaf in
            guard let tensor = leaf.tensor else { throw TensorError(.unsupported, "a body gives \(leaf) where a tensor is expected") }
            return tensor
        }
    }

    private func branch(_ branch: CondArguments<Tensor>, _ count: Int) throws -> [OperatorArgument] {
        let spec = TreeSpec.list(Array(repeating: .leaf, count: count))
        func whenTrue() throws -> NestedValue { NestedValue(try run(branch.whenTrue, branch.operands), spec) }
        func whenFalse() throws -> NestedValue { NestedValue(try run(branch.whenFalse, branch.operands), spec) }
        switch try Predicate(branch.predicate, in: "cond") {
        case .tensor(let tensor): return try cond(tensor, then: whenTrue, else: whenFalse).leaves.map(\.argument)
        case .condition(let condition): return try cond(condition, then: whenTrue, else: whenFalse).leaves.map(\.argument)
        }
    }

    private func loop(_ loop: WhileArguments<Tensor>) throws -> [OperatorArgument] {
        func next(_ carried: [Tensor]) throws -> [Tensor] { try tensors(loop.body, carried + loop.operands) }
        let results: [Tensor]
        if let output = loop.condition.graph.outputs.first, loop.condition.graph.type(of: output).spec != nil {
            results = try whileLoop(loop.carried, while: { try tensors(loop.condition, $0 + loop.operands)[0] }, do: next)
        } else {
            results = try whileLoop(loop.carried, while: { try condition(loop.condition.graph, $0 + loop.operands) }, do: next)
        }
        return results.map { .tensor($0) }
    }

    /// The condition of a loop, without asking whether it holds.
    private func condition(_ graph: Graph, _ inputs: [Tensor]) throws -> SymBool {
        var inner: GraphInlining = self
        guard let condition = try inner.run(graph, inputs.map { .tensor($0) }).first else {
            throw TensorError(.invalidArgument, in: "whileLoop", "has no condition")
        }
        return try truth(condition)
    }

    private func steps(_ arguments: ScanArguments<Tensor>) throws -> [OperatorArgument] {
        let (carried, results): ([Tensor], [Tensor]) = try scan(arguments.initial, over: arguments.xs) { carried, slices in
            let given: [Tensor] = try tensors(arguments.body, carried + slices + arguments.operands)
            return (Array(given.prefix(carried.count)), Array(given.dropFirst(carried.count)))
        }
        return (carried + results).map { .tensor($0) }
    }
}

extension LeafValue {
    /// What a graph gives in one place. A truth value that leaves the graph is a question of the function, as its own would be.
    fileprivate init(_ result: OperatorArgument) {
        switch result {
        case .tensor(let tensor): self = .tensor(tensor)
        case .scalar(.int(let size)): self = .int(size)
        case .scalar(.float(let number)): self = .float(number)
        case .scalar(.bool(let value)): self = .bool(value)
        case .symBool(let condition): self = .bool(condition.value)
        case .string(let text): self = .string(text)
        default: self = .none
        }
    }

    fileprivate var argument: OperatorArgument {
        switch self {
        case .tensor(let tensor): .tensor(tensor)
        case .int(let size): .int(size)
        case .float(let number): .scalar(.float(number))
        case .bool(let value): .bool(value)
        case .string(let text): .string(text)
        case .none: .none
        }
    }
}
