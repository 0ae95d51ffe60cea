import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Carries out a graph's nodes as operations of a function that is traced.
///
/// Result types come from the operators' rules once more, under what is known of the function's own sizes; branches and loops are traced by
/// the calls that a function makes for them, so that each question is asked where it is open.
struct GraphInlining {
    private let graph: Graph
    private var symbols: InlinedSymbols
    private var values: [OperatorArgument?]

    /// - Parameter symbols: what is known around the graph.
    init(_ graph: Graph, _ symbols: InlinedSymbols) {
        self.graph = graph
        self.symbols = symbols
        values = Array(repeating: nil, count: graph.values.count)
    }

    /// What the graph gives for the inputs, one for each place.
    mutating func run(_ inputs: [Tensor]) throws -> [LeafValue] {
        guard inputs.count == graph.inputs.count else {
            throw TensorError(.invalidArgument, "the program takes \(graph.inputs.count) inputs, not \(inputs.count)")
        }
        // Bare symbols first: others may be written in terms of them.
        for (input, tensor) in zip(graph.inputs, inputs) {
            if let shape = graph.spec(input)?.shape, shape.count == tensor.rank { symbols.bindBare(shape, to: tensor.shape) }
        }
        for (input, tensor) in zip(graph.inputs, inputs) {
            try symbols.bind(graph.type(input), to: .tensor(tensor), "the input '\(graph.name(input))'")
            if graph.contains(input) { values[input.index] = .tensor(tensor) }
        }
        for node in graph.nodes {
            do { try execute(node) } catch let error as TensorError { throw error.located(at: node.site) }
        }
        return try graph.outputs.map { try leaf($0) }
    }

    private mutating func execute(_ node: Node) throws {
        let results: [OperatorArgument] = try results(of: node)
        guard results.count == node.outputs.count else {
            throw TensorError(
                .unsupported, in: node.operator.schema.name, "gave \(results.count) results where the graph has \(node.outputs.count)")
        }
        for (output, result) in zip(node.outputs, results) {
            try symbols.bind(graph.type(output), to: result, "the result '%\(graph.name(output))'")
            if graph.contains(output) { values[output.index] = result }
        }
    }

    private func results(of node: Node) throws -> [OperatorArgument] {
        switch node.operator {
        case .cond: return try branch(node)
        case .whileLoop: return try loop(node)
        case .scan: return try steps(node)
        case .call:
            let part = try PartArguments(node)
            return try run(part.body, try part.operands.map { try tensor($0) }).map { try argument($0) }
        case .assertScalar:
            try check(try resolve(node.arguments[0]), node)
            return []
        case .constrainRange, .constrainRangeForSize:
            try checkRange(node)
            return []
        default:
            return try apply(node.operator, try node.arguments.map { try resolve($0) }).flatMap { result -> [OperatorArgument] in
                if case .tensors(let tensors) = result { return tensors.map { .tensor($0) } }
                return [result]
            }
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

    private func checkRange(_ node: Node) throws {
        guard node.arguments.count == 3, case .scalar(.int(let number)) = try resolve(node.arguments[0]) else {
            throw TensorError(.invalidArgument, in: node.operator.schema.name, "takes a number and two bounds")
        }
        func bound(_ argument: GraphArgument) throws -> SymInt? {
            if case .scalar(.int(let bound)) = try resolve(argument) { return bound }
            return nil
        }
        let low: SymInt? = try bound(node.arguments[1]) ?? (node.operator == .constrainRangeForSize ? 0 : nil)
        let high: SymInt? = try bound(node.arguments[2])
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
        var inner = GraphInlining(body.graph, symbols)
        return try inner.run(inputs)
    }

    private func tensors(_ body: GraphBody, _ inputs: [Tensor]) throws -> [Tensor] {
        try run(body, inputs).map { leaf in
            guard let tensor = leaf.tensor else { throw TensorError(.unsupported, "a body gives \(leaf) where a tensor is expected") }
            return tensor
        }
    }

    private func branch(_ node: Node) throws -> [OperatorArgument] {
        let branch = try CondArguments(node)
        let operands: [Tensor] = try branch.operands.map { try tensor($0) }
        let spec = TreeSpec.list(Array(repeating: .leaf, count: node.outputs.count))
        func side(_ body: GraphBody) throws -> NestedValue { NestedValue(try run(body, operands), spec) }
        let joined: NestedValue
        switch try resolve(branch.predicate) {
        case .tensor(let predicate):
            joined = try cond(predicate) {
                try side(branch.whenTrue)
            } else: {
                try side(branch.whenFalse)
            }
        case let predicate:
            joined = try cond(try truth(predicate)) {
                try side(branch.whenTrue)
            } else: {
                try side(branch.whenFalse)
            }
        }
        return try joined.leaves.map { try argument($0) }
    }

    private func loop(_ node: Node) throws -> [OperatorArgument] {
        let loop = try WhileArguments(node)
        let carried: [Tensor] = try loop.carried.map { try tensor($0) }
        let operands: [Tensor] = try loop.operands.map { try tensor($0) }
        func next(_ carried: [Tensor]) throws -> [Tensor] { try tensors(loop.body, carried + operands) }
        let results: [Tensor]
        if let output = loop.condition.graph.outputs.first, loop.condition.graph.type(of: output).spec != nil {
            results = try whileLoop(carried, while: { try firstTensor(loop.condition, $0 + operands) }, do: next)
        } else {
            results = try whileLoop(carried, while: { try condition(loop.condition, $0 + operands) }, do: next)
        }
        return results.map { .tensor($0) }
    }

    private func firstTensor(_ body: GraphBody, _ inputs: [Tensor]) throws -> Tensor {
        guard let tensor = try tensors(body, inputs).first else { throw TensorError(.invalidArgument, in: "whileLoop", "has no condition") }
        return tensor
    }

    /// The condition of a loop, without asking whether it holds.
    private func condition(_ body: GraphBody, _ inputs: [Tensor]) throws -> SymBool {
        var graph: Graph = body.graph
        guard let output = graph.outputs.first else { throw TensorError(.invalidArgument, in: "whileLoop", "has no condition") }
        graph.outputs = []
        var inner = GraphInlining(graph, symbols)
        _ = try inner.run(inputs)
        return try inner.truth(try inner.argument(output))
    }

    private func steps(_ node: Node) throws -> [OperatorArgument] {
        let arguments = try ScanArguments(node)
        let initial: [Tensor] = try arguments.initial.map { try tensor($0) }
        let operands: [Tensor] = try arguments.operands.map { try tensor($0) }
        let (carried, results): ([Tensor], [Tensor]) = try scan(initial, over: try arguments.xs.map { try tensor($0) }) { carried, slices in
            let given: [Tensor] = try tensors(arguments.body, carried + slices + operands)
            return (Array(given.prefix(carried.count)), Array(given.dropFirst(carried.count)))
        }
        return (carried + results).map { .tensor($0) }
    }

    // MARK: Values

    private func known(_ value: Value) throws -> OperatorArgument {
        guard graph.contains(value), let known = values[value.index] else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is read before it is computed")
        }
        return known
    }

    private func tensor(_ value: Value) throws -> Tensor {
        guard case .tensor(let tensor) = try known(value) else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is no tensor")
        }
        return tensor
    }

    private func resolve(_ argument: GraphArgument) throws -> OperatorArgument {
        if case .tensor(let value) = argument { return try known(value) }
        return try symbols.value(of: try argument.map { try tensor($0) })
    }

    private func argument(_ output: GraphOutput) throws -> OperatorArgument {
        switch output {
        case .value(let value): try known(value)
        case .literal(.none): .none
        case .literal(.bool(let value)): .bool(value)
        case .literal(.int(let value)): .int(value)
        case .literal(.float(let value)): .double(value)
        case .literal(.string(let value)): .string(value)
        case .int(let size): .int(try symbols.value(of: size))
        case .float(let number): .scalar(.float(try symbols.value(of: number)))
        case .bool(let condition): try symbols.value(of: OperatorArgument.symBool(condition))
        }
    }

    private func leaf(_ output: GraphOutput) throws -> LeafValue {
        switch try argument(output) {
        case .tensor(let tensor): return .tensor(tensor)
        case .scalar(.int(let size)): return .int(size)
        case .scalar(.float(let number)): return .float(number)
        case .scalar(.bool(let value)): return .bool(value)
        // A truth value that leaves the graph: a question of the function, as its own would be.
        case .symBool(let condition): return .bool(condition.value)
        case .string(let text): return .string(text)
        default: return .none
        }
    }

    private func argument(_ leaf: LeafValue) throws -> OperatorArgument {
        switch leaf {
        case .tensor(let tensor): .tensor(tensor)
        case .int(let size): .int(size)
        case .float(let number): .scalar(.float(number))
        case .bool(let value): .bool(value)
        case .string(let text): .string(text)
        case .none: .none
        }
    }
}
