import ApusSymbolic
import ApusTensor

/// Runs loops node by node. What a body binds is its own in each pass. Between passes a loop ends where its task has been cancelled, whether or
/// not its bodies hold a node.
struct LoopRun {
    /// What is known where the loop stands.
    let symbols: SymbolValues

    func run(
        _ loop: WhileArguments<some Sendable>, carried: [RuntimeValue], operands: [RuntimeValue]
    ) throws -> [RuntimeValue] {
        let condition = GraphExecutor(loop.condition.graph)
        let body = GraphExecutor(loop.body.graph)
        var carried: [RuntimeValue] = carried
        while try holds(try runBody(condition, carried + operands)) {
            try Deadline.check()
            carried = try runBody(body, carried + operands)
        }
        return carried
    }

    func run(
        _ scan: ScanArguments<some Sendable>, carried: [RuntimeValue], xs: [RuntimeValue], operands: [RuntimeValue]
    ) throws -> [RuntimeValue] {
        let tensors: [Tensor] = xs.compactMap(\.tensor)
        guard tensors.count == xs.count, let length = try ScanLength.of(tensors).constant else {
            throw TensorError(.invalidArgument, in: "scan", "goes over tensors")
        }
        let body = GraphExecutor(scan.body.graph)
        var carried: [RuntimeValue] = carried
        var steps: [[Tensor]] = []
        for step in 0..<length {
            try Deadline.check()
            let slices: [RuntimeValue] = try tensors.map { .tensor(try $0.select(dim: 0, index: SymInt(step))) }
            let results: [RuntimeValue] = try runBody(body, carried + slices + operands)
            carried = Array(results.prefix(carried.count))
            steps.append(results.dropFirst(carried.count).compactMap(\.tensor))
        }
        let count: Int = scan.body.graph.outputs.count - carried.count
        let stacked: [RuntimeValue] = try (0..<count).map { position in
            .tensor(try Tensor.stack(try steps.map { try ScanStep.result($0, position) }))
        }
        return carried + stacked
    }

    private func runBody(_ body: GraphExecutor, _ inputs: [RuntimeValue]) throws -> [RuntimeValue] {
        var inner: SymbolValues = symbols
        return try body.run(inputs, &inner)
    }

    private func holds(_ results: [RuntimeValue]) throws -> Bool {
        switch results.first {
        case .bool(let value): return value
        case .tensor(let tensor): return try tensor.truth(in: "whileLoop")
        default: throw TensorError(.invalidArgument, in: "whileLoop", "the condition must be one truth value or a tensor of one bool")
        }
    }
}

enum ScanStep {
    /// One of a step's results.
    static func result(_ results: [Tensor], _ position: Int) throws -> Tensor {
        guard results.indices.contains(position) else {
            throw TensorError(.invalidArgument, in: "scan", "a step gives fewer tensors than another")
        }
        return results[position]
    }
}
