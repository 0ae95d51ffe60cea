import ApusSymbolic
import ApusTensor

/// Runs branches and loops body by body. What a body binds is its own, in each pass. Between passes a loop ends where its task has been
/// cancelled, whether or not its bodies hold a node.
package struct ControlFlowRun {
    /// A body made ready: what it gives for its inputs, where some symbols are known.
    package typealias Body = ([Tensor], SymbolValues) throws -> [OperatorArgument]

    /// What is known where the branch or loop stands.
    private let symbols: SymbolValues
    private let ready: (GraphBody) -> Body

    /// - Parameter ready: makes a body ready; node by node where nothing is said
    package init(symbols: SymbolValues = SymbolValues(), ready: @escaping (GraphBody) -> Body = plain) {
        (self.symbols, self.ready) = (symbols, ready)
    }

    /// A body node by node.
    package static func plain(_ body: GraphBody) -> Body {
        let executor = GraphExecutor(body.graph)
        return { inputs, symbols in try executor.run(inputs.map { .tensor($0) }, knowing: symbols) }
    }

    /// What a call of control flow gives; nil for other operators.
    package func results(of call: Call) throws -> [OperatorArgument]? {
        switch call.operator {
        case .cond:
            let branch = try CondArguments(call)
            let holds: Bool = try holds(branch.predicate, in: call.name)
            return try ready(holds ? branch.whenTrue : branch.whenFalse)(branch.operands, symbols)
        case .whileLoop: return try passes(try WhileArguments(call))
        case .scan: return try steps(try ScanArguments(call))
        case .call:
            let part = try PartArguments(call)
            return try ready(part.body)(part.operands, symbols)
        default: return nil
        }
    }

    private func holds(_ argument: OperatorArgument?, in name: String) throws -> Bool {
        switch try Predicate(argument ?? .none, in: name) {
        case .condition(let condition): try symbols.value(of: condition, in: name)
        case .tensor(let tensor): try tensor.truth(in: name)
        }
    }

    private func passes(_ loop: WhileArguments<Tensor>) throws -> [OperatorArgument] {
        let (condition, body): (Body, Body) = (ready(loop.condition), ready(loop.body))
        var carried: [Tensor] = loop.carried
        while try holds(try condition(carried + loop.operands, symbols).first, in: "whileLoop") {
            try Deadline.check()
            carried = try body(carried + loop.operands, symbols).tensors
        }
        return carried.arguments
    }

    private func steps(_ scan: ScanArguments<Tensor>) throws -> [OperatorArgument] {
        let body: Body = ready(scan.body)
        let count: Int = scan.initial.count
        let (carried, results) = try ScanStep.run(scan.initial, over: scan.xs) { carried, slices in
            let given: [Tensor] = try body(carried + slices + scan.operands, symbols).tensors
            return (Array(given.prefix(count)), Array(given.dropFirst(count)))
        }
        return (carried + results).arguments
    }
}

package enum ScanStep {
    /// Makes each step of a scan over tensors with data.
    package static func run(
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

extension [OperatorArgument] {
    fileprivate var tensors: [Tensor] { compactMap { $0.tensor } }
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
