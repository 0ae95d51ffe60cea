import ApusSymbolic
import ApusTensor

/// Runs branches and loops node by node. What a body binds is its own, in each pass. Between passes a loop ends where its task has been
/// cancelled, whether or not its bodies hold a node.
struct ControlFlowRun {
    /// What is known where the branch or loop stands.
    var symbols = SymbolValues()

    /// What a call of control flow gives; nil for other operators.
    func results(of call: Call) throws -> [OperatorArgument]? {
        switch call.operator {
        case .cond:
            let branch = try CondArguments(call)
            let holds: Bool = try holds(branch.predicate, in: call.name)
            return try run(GraphExecutor((holds ? branch.whenTrue : branch.whenFalse).graph), branch.operands.arguments)
        case .whileLoop: return try passes(try WhileArguments(call))
        case .scan: return try steps(try ScanArguments(call))
        case .call:
            let part = try PartArguments(call)
            return try run(GraphExecutor(part.body.graph), part.operands.arguments)
        default: return nil
        }
    }

    private func run(_ body: GraphExecutor, _ inputs: [OperatorArgument]) throws -> [OperatorArgument] {
        try body.run(inputs, knowing: symbols)
    }

    private func holds(_ argument: OperatorArgument?, in name: String) throws -> Bool {
        switch try Predicate(argument ?? .none, in: name) {
        case .condition(let condition): try symbols.value(of: condition, in: name)
        case .tensor(let tensor): try tensor.truth(in: name)
        }
    }

    private func passes(_ loop: WhileArguments<Tensor>) throws -> [OperatorArgument] {
        let condition = GraphExecutor(loop.condition.graph)
        let body = GraphExecutor(loop.body.graph)
        let operands: [OperatorArgument] = loop.operands.arguments
        var carried: [OperatorArgument] = loop.carried.arguments
        while try holds(try run(condition, carried + operands).first, in: "whileLoop") {
            try Deadline.check()
            carried = try run(body, carried + operands)
        }
        return carried
    }

    private func steps(_ scan: ScanArguments<Tensor>) throws -> [OperatorArgument] {
        let body = GraphExecutor(scan.body.graph)
        let count: Int = scan.initial.count
        let (carried, results) = try ScanStep.run(scan.initial, over: scan.xs) { carried, slices in
            let given: [Tensor] = try run(body, (carried + slices + scan.operands).arguments).compactMap(\.tensor)
            return (Array(given.prefix(count)), Array(given.dropFirst(count)))
        }
        return (carried + results).arguments
    }
}

enum ScanStep {
    /// Makes each step of a scan over tensors with data.
    static func run(
        _ initial: [Tensor], over xs: [Tensor], _ step: ([Tensor], [Tensor]) throws -> (carried: [Tensor], results: [Tensor])
    ) throws -> (carried: [Tensor], results: [Tensor]) {
        guard let length = try ScanLength.of(xs).constant else { throw TensorError(.invalidArgument, in: "scan", "goes over tensors") }
        var carried: [Tensor] = initial
        var columns: [[Tensor]] = []
        for index in 0..<length {
            try Deadline.check()
            let (next, results) = try step(carried, try xs.map { try $0.select(dim: 0, index: SymInt(index)) })
            carried = next
            if columns.isEmpty { columns = results.map { _ in [] } }
            guard results.count == columns.count else {
                throw TensorError(.invalidArgument, in: "scan", "a step gives fewer tensors than another")
            }
            for (position, result) in results.enumerated() { columns[position].append(result) }
        }
        return (carried, try columns.map { try Tensor.stack($0) })
    }
}

extension [Tensor] {
    fileprivate var arguments: [OperatorArgument] { map { .tensor($0) } }
}

extension OperatorArgument {
    package var tensor: Tensor? {
        if case .tensor(let tensor) = self { return tensor }
        return nil
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
