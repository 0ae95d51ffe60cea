import ApusSymbolic
import ApusTensor

// Gradients of branches and scans. Bodies are carried out once more while gradients flow back through them: nothing is kept from the way
// forward but the operands and what was drawn, so that a gradient costs one more run of the bodies.

/// The gradient of a branch: a branch on the same predicate, whose bodies are the gradients of the bodies.
struct CondGradient {
    private let call: GradientCall
    private let branch: CondArguments<Tensor>

    init(_ call: GradientCall) throws {
        self.call = call
        branch = try CondArguments(call.call)
    }

    func gradients() throws -> [OperatorArgument] {
        let predicate = try Predicate(branch.predicate, in: "cond")
        let wanted: [Int] = branch.operands.indices.filter { branch.operands[$0].dtype.isDifferentiable }
        let draws = (try draws(branch.whenTrue), try draws(branch.whenFalse))
        let results: [Tensor] = try TensorControlFlow.cond(
            predicate, needsBody: { ($0 ? branch.whenTrue : branch.whenFalse).graph.readsNumbers },
            { try backward(branch.whenTrue, wanted, draws.0) }, { try backward(branch.whenFalse, wanted, draws.1) })
        var gradients = [Tensor?](repeating: nil, count: branch.operands.count)
        for (position, gradient) in zip(wanted, results) { gradients[position] = gradient }
        return [.none, .none, .none, .optionalTensors(gradients)]
    }

    private func draws(_ body: GraphBody) throws -> [Tensor] {
        try SavedDraws.positions(in: body.graph, of: "cond").map { call.outputs[$0] }
    }

    private func backward(_ body: GraphBody, _ wanted: [Int], _ draws: [Tensor]) throws -> [Tensor] {
        try body.gradients(branch.operands, wanted: wanted, seeds: Array(call.gradients), draws: draws)
    }
}

extension Graph {
    /// Whether a node gives numbers or sizes that only its run knows.
    fileprivate var readsNumbers: Bool {
        nodes.contains { $0.operator.effects.contains(.dataDependent) || $0.bodies.contains { $0.graph.readsNumbers } }
    }

    /// The values that the outputs depend on.
    fileprivate func valuesBehindOutputs() -> Set<Value> {
        var reached = Set(outputs.compactMap(\.value))
        for node in nodes.reversed() where node.outputs.contains(where: reached.contains) { reached.formUnion(node.operands) }
        return reached
    }
}

extension GraphBody {
    /// The gradients of some inputs, given those of the results; zeros where nothing depends on an input.
    /// - Parameter draws: what the way forward drew.
    fileprivate func gradients(_ inputs: [Tensor], wanted: [Int], seeds: [Tensor?], draws: [Tensor]) throws -> [Tensor] {
        do {
            if draws.isEmpty { return try gradients(inputs, wanted: wanted, seeds: seeds) }
            return try Interpreter.with(DrawReplay(graph, draws)) { try gradients(inputs, wanted: wanted, seeds: seeds) }
        } catch let error as TensorError where error.code == .notDifferentiable && Interpreter.tracing != nil {
            // Eager code has a gradient wherever it does not run the body: a trace must not take the error for one of the function's own.
            throw TensorError(.tracing, in: error.operatorName, error.message, site: error.site)
        }
    }

    private func gradients(_ inputs: [Tensor], wanted: [Int], seeds: [Tensor?]) throws -> [Tensor] {
        let recorder = GradientRecorder()
        var inputs: [Tensor] = inputs
        for position in wanted {
            inputs[position] = try inputs[position].withOwnIdentity()
            try recorder.watch(inputs[position])
        }
        let outputs: [Tensor] = try Interpreter.with(recorder) { try replay(inputs) }
        var results: [Tensor] = []
        var known: [Tensor] = []
        for case (let output, let seed?) in zip(outputs, seeds) where output.dtype.isDifferentiable {
            results.append(output)
            known.append(seed)
        }
        let sources: [Tensor] = wanted.map { inputs[$0] }
        return try zip(recorder.gradients(of: results, seeds: known, with: sources), sources).map { gradient, source in
            try gradient ?? source.zerosLike()
        }
    }
}

/// The gradient of a scan: a scan from the last step to the first, which carries the gradients of what is carried and sums up those of the
/// operands. What each step was given is computed once more by a scan of its own.
struct ScanGradient {
    private let call: GradientCall
    private let scan: ScanArguments<Tensor>

    init(_ call: GradientCall) throws {
        self.call = call
        scan = try ScanArguments(call.call)
    }

    func gradients() throws -> [OperatorArgument] {
        let (initial, xs, operands) = (scan.initial, scan.xs, scan.operands)
        func differentiable(_ tensors: [Tensor]) -> [Int] { tensors.indices.filter { tensors[$0].dtype.isDifferentiable } }
        // What no result depends on gets no gradient, as in eager code: zeros would give NaN times the infinite slope of what is before it.
        let reached: Set<Value> = scan.body.graph.valuesBehindOutputs()
        func isReached(_ position: Int) -> Bool { reached.contains(scan.body.graph.inputs[position]) }
        let wantedInitial: [Int] = differentiable(initial)
        let wantedXs: [Int] = differentiable(xs).filter { isReached(initial.count + $0) }
        let wantedOperands: [Int] = differentiable(operands).filter { isReached(initial.count + xs.count + $0) }
        // Inputs of the body: carried, slices, operands.
        let wanted: [Int] =
            wantedInitial + wantedXs.map { initial.count + $0 } + wantedOperands.map { initial.count + xs.count + $0 }
        let seeds: [Int] = call.gradients.indices.filter { $0 >= initial.count && call.gradients[$0] != nil }

        let draws: [Tensor] = try SavedDraws.positions(in: scan.body.graph, of: "scan", from: initial.count).map { call.outputs[$0] }
        let given: [Tensor] = initial.isEmpty ? [] : try carriedByStep(draws)
        let seeded: [Tensor] = seeds.compactMap { call.gradients[$0] }
        let reversed: [Tensor] = try (xs + given + seeded + draws).map { try $0.flipped([0]) }
        let start: [Tensor] =
            try wantedInitial.map { try call.gradient($0) }
            // Half precision is added up in float32: rounded after each step, a sum would stop.
            + wantedOperands.map { try operands[$0].zerosLike().to(operands[$0].dtype.accumulation) }
        let backward = try TensorControlFlow.scan(start, over: reversed) { carried, slices in
            let x: [Tensor] = Array(slices.prefix(xs.count))
            let before: [Tensor] = Array(slices.dropFirst(xs.count).prefix(given.count))
            var all = [Tensor?](repeating: nil, count: call.gradients.count)
            for (position, gradient) in zip(wantedInitial, carried) { all[position] = gradient }
            for (position, gradient) in zip(seeds, slices.dropFirst(xs.count + given.count)) { all[position] = gradient }
            let gradients: [Tensor] = try scan.body.gradients(
                before + x + operands, wanted: wanted, seeds: all, draws: Array(slices.suffix(draws.count)))
            let sums: [Tensor] = try zip(carried.dropFirst(wantedInitial.count), gradients.dropFirst(wantedInitial.count + wantedXs.count))
                .map { try $0 + $1 }
            return (
                Array(gradients.prefix(wantedInitial.count)) + sums,
                Array(gradients.dropFirst(wantedInitial.count).prefix(wantedXs.count))
            )
        }
        func spread(_ values: some Sequence<Tensor>, _ positions: [Int], _ count: Int) -> OperatorArgument {
            var spread = [Tensor?](repeating: nil, count: count)
            for (position, value) in zip(positions, values) { spread[position] = value }
            return .optionalTensors(spread)
        }
        return [
            .none, spread(backward.carried, wantedInitial, initial.count),
            spread(try backward.results.map { try $0.flipped([0]) }, wantedXs, xs.count),
            spread(
                try zip(backward.carried.dropFirst(wantedInitial.count), wantedOperands).map { try $0.to(operands[$1].dtype) },
                wantedOperands, operands.count),
        ]
    }

    /// What each step was given of what is carried, stacked.
    private func carriedByStep(_ draws: [Tensor]) throws -> [Tensor] {
        try TensorControlFlow.scan(scan.initial, over: scan.xs + draws) { carried, slices in
            let replay = DrawReplay(scan.body.graph, Array(slices.suffix(draws.count)))
            let outputs: [Tensor] = try Interpreter.with(replay) {
                try scan.body.replay(carried + slices.prefix(scan.xs.count) + scan.operands)
            }
            return (Array(outputs.prefix(carried.count)), carried)
        }.results
    }
}
