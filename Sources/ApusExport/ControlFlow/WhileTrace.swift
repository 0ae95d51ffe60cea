import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// A `whileLoop` that is being traced.
///
/// A first trace assumes that dimensions stay and numbers vary; where the body shows otherwise, the types are widened and it is traced again.
/// The last trace is done with the bounds that are provable for what varies, and is the one that is kept. In the trial of a loop around, whose
/// traces are thrown away, the trial has told all that is needed: loops in loops take a number of traces that grows as the square of their depth.
struct WhileTrace<Carried> {
    let tracer: any TracingInterpreter
    let initial: Carried
    let start: FlatTree
    let condition: (Carried) throws -> Predicate
    let body: (Carried) throws -> Carried
    let site: CallSite

    /// One trace of condition and body.
    private struct Attempt {
        let condition: BodyTracer
        let body: BodyTracer
        /// What stands for each group of sizes that vary.
        let symbols: [SymInt]
        /// The condition, where it is one on sizes.
        var facts: [SymBool] = []
        var next: [LeafValue] = []
        /// The types, corrected by what the body gives.
        var types: CarriedTypes
        var hasChanged = false
    }

    /// A closure's own error, in a trace that stands for every pass: each of them throws it.
    private struct ClosureError: Error {
        let error: any Error
        /// Thrown by the body, which may not run at all.
        let isOfBody: Bool
    }

    /// The error is one that the loop throws in eager code too, whatever it starts with.
    func run() throws -> Result<Carried, any Error> {
        do { return .success(try traced()) } catch let thrown as ClosureError {
            guard thrown.isOfBody else { return .failure(thrown.error) }
            return try withoutPasses(thrown.error)
        } catch  where !error.isOfTrace {
            // Where there is no pass, nothing in the body fits.
            guard try isDead() else { throw error }
            return .success(try withoutGradient(initial))
        }
    }

    /// Whether what is known by now says that the loop makes no pass.
    private func isDead() throws -> Bool {
        guard case .condition(let holds) = try condition(initial) else { return false }
        return tracer.decide(holds) == false
    }

    /// The loop whose body always throws: it may make no pass.
    private func withoutPasses(_ error: any Error) throws -> Result<Carried, any Error> {
        let test: Predicate = try condition(initial)
        switch try test.known(in: "whileLoop") {
        case true?: return .failure(error)
        case false?: return .success(try withoutGradient(initial))
        case nil:
            let place: CallSite = error.callSite ?? site
            guard try tracer.demand(test, is: false, orThrow: error, site: place) else { return .failure(error) }
            return .success(try withoutGradient(initial))
        }
    }

    private func traced() throws -> Carried {
        for leaf in start.leaves { if case .float(let number) = leaf, number.constant == nil { throw unsupported(leaf) } }
        var types = CarriedTypes(start)
        // Each trace that is not the last widens something: there are finitely many sizes.
        for _ in 0..<64 {
            let trial: Attempt = try trace(types, isTrial: true)
            // A question in the body may have told that there is no pass.
            if !trial.facts.isEmpty, try isDead() { return try withoutGradient(initial) }
            types = trial.types
            if trial.hasChanged { continue }
            let next: [SymInt] = types.becoming(trial.next, trial.symbols)
            types.setRanges(types.provableRanges(trial.symbols, next, assuming: trial.facts, tracer.scope))
            if tracer.isTrial { return try finish(trial, within: types) }
            let last: Attempt = try trace(types, isTrial: false)
            if !last.hasChanged, isKept(last, types) { return try finish(last) }
            types = last.types
            if last.hasChanged { continue }
            types.widenRanges()
            let wide: Attempt = try trace(types, isTrial: false)
            types = wide.types
            if !wide.hasChanged { return try finish(wide) }
        }
        throw ProgramError(.untraceable, "the sizes that the body of whileLoop carries do not settle", site: site)
    }

    private func unsupported(_ leaf: LeafValue) -> TensorError {
        TensorError(.tracing, in: "whileLoop", "\(leaf) can't be carried: carry it as a zero-dimensional tensor")
    }

    private func isKept(_ attempt: Attempt, _ types: CarriedTypes) -> Bool {
        types.keepsRanges(
            attempt.symbols, types.becoming(attempt.next, attempt.symbols), assuming: attempt.facts, tracer.scope)
    }

    // MARK: Tracing

    private func trace(_ types: CarriedTypes, isTrial: Bool) throws -> Attempt {
        let symbols: [SymInt] = try types.groups.map { group in
            try tracer.freshInt(origin: "", range: group.range, isSize: group.isDimension, site: site)
        }
        var attempt = Attempt(
            condition: BodyTracer(of: "whileLoop", parent: tracer), body: BodyTracer(of: "whileLoop", parent: tracer), symbols: symbols,
            types: types)
        let test: Predicate = try attempt.condition.trace(isTrial: isTrial) {
            let given: Carried = try carried(types, symbols, in: attempt.condition)
            let test: Predicate = try asking(ofBody: false) { try condition(given) }
            if case .tensor = test { _ = try test.known(in: "whileLoop") }
            return test
        }
        switch test {
        case .condition(let holds):
            try holds.requireValid()
            attempt.condition.setOutputs([holds.constant.map { .literal(.bool($0)) } ?? .bool(holds)])
            attempt.facts = [holds]
        case .tensor(let tensor): try attempt.condition.setResults([tensor])
        }
        let facts: [SymBool] = attempt.facts
        try attempt.body.trace(assuming: facts, isTrial: isTrial) {
            let given: Carried = try carried(types, symbols, in: attempt.body)
            let tree: FlatTree = try flatten(try asking(ofBody: true) { try body(given) })
            try CarriedValues.requireSameKinds(start, tree, in: "whileLoop")
            attempt.next = tree.leaves
            let scope: SymbolScope = tracer.scope
            attempt.hasChanged = attempt.types.learn(from: tree.leaves, symbols) { p, q in
                let isEqual: SymBool = p == q
                return p.isIdentical(to: q) || scope.known(isEqual) == true
            }
            try attempt.body.setResults(try results(tree.leaves, types))
        }
        return attempt
    }

    private func asking<Answer>(ofBody isOfBody: Bool, _ closure: () throws -> Answer) throws -> Answer {
        do { return try closure() } catch  where !error.isOfTrace { throw ClosureError(error: error, isOfBody: isOfBody) }
    }

    /// What a body gets: inputs of its own, read as numbers where numbers are carried.
    private func carried(_ types: CarriedTypes, _ symbols: [SymInt], in body: BodyTracer) throws -> Carried {
        body.own(symbols.flatMap(\.freeSymbols))
        func known(_ size: CarriedTypes.Size) -> SymInt {
            switch size {
            case .fixed(let size): size
            case .varying(let group): symbols[group]
            }
        }
        // All inputs come before the first use of something from around.
        var inputs: [Tensor] = []
        for (index, slot) in types.slots.enumerated() {
            switch slot {
            case .tensor(let dtype, let sizes):
                inputs.append(body.addInput("carried_\(index)", TensorSpec(dtype, try Shape(sizes.map(known), in: "whileLoop"))))
            case .int(.varying): inputs.append(body.addInput("carried_\(index)", TensorSpec(.int64, .scalar)))
            case .int(.fixed), .plain: continue
            }
        }
        var rest: ArraySlice<Tensor> = inputs[...]
        func next() throws -> Tensor {
            guard let tensor = rest.popFirst() else { throw TensorError(.unsupported, in: "whileLoop", "a carried value is missing") }
            return tensor
        }
        let leaves: [LeafValue] = try types.slots.map { slot in
            switch slot {
            case .tensor: return .tensor(try next())
            case .int(.varying(let group)):
                try body.read(try next(), as: .int(symbols[group]), site: .call(site))
                return .int(symbols[group])
            case .int(.fixed(let size)): return .int(size)
            case .plain(let leaf): return leaf
            }
        }
        return try rebuilt(leaves)
    }

    private func rebuilt(_ leaves: [LeafValue]) throws -> Carried {
        var rest: ArraySlice<LeafValue> = leaves[...]
        do { return try rebuild(initial, from: &rest, start.spec) } catch let error as ProgramError where error.code == .structureMismatch {
            throw ProgramError(
                .untraceable, "whileLoop carries a number that may change as a plain Int; carry a SymInt: \(error.message)", site: site)
        }
    }

    /// The tensors of what is carried on, numbers as zero-dimensional ones.
    private func results(_ leaves: [LeafValue], _ types: CarriedTypes) throws -> [Tensor] {
        try zip(leaves, types.slots).compactMap { leaf, slot in
            switch (leaf, slot) {
            case (.tensor(let tensor), .tensor): tensor
            case (.int(let number), .int(.varying)): try Tensor.scalar(.int(number), dtype: .int64)
            default: nil
            }
        }
    }

    // MARK: The loop's node

    /// The loop of a trial, whose sizes keep the bounds that it has told.
    private func finish(_ trial: Attempt, within types: CarriedTypes) throws -> Carried {
        for (symbol, group) in zip(trial.symbols, types.groups) {
            for bound in group.range.bounds(of: symbol) { tracer.scope.assume(bound) }
        }
        return try finish(trial)
    }

    private func finish(_ attempt: Attempt) throws -> Carried {
        let carried: [Tensor] = try results(start.leaves, attempt.types)
        var tensors: ArraySlice<Tensor> = try TensorControlFlow.finishWhile(attempt.condition, attempt.body, carried)[...]
        // What the loop leaves, for each symbol of a pass. After the loop its condition does not hold.
        var left: [Symbol: SymInt] = [:]
        let exits: [SymBool] = attempt.facts.map { $0.negated() }
        let leaves: [LeafValue] = try attempt.types.slots.map { slot in
            switch slot {
            case .plain(let leaf): return leaf
            case .int(.fixed(let size)): return .int(size)
            case .tensor(_, let sizes):
                let tensor: Tensor = try popped(&tensors)
                for (size, after) in zip(sizes, tensor.shape) { note(size, after, attempt, &left) }
                return .tensor(tensor)
            case .int(.varying(let group)):
                let symbol: SymInt = attempt.symbols[group]
                let scope: SymbolScope = tracer.scope
                let range: SymRange = scope.scoped {
                    for exit in exits { scope.assume(exit) }
                    return scope.range(of: symbol)
                }
                let size: SymInt = try tracer.readSize(
                    try popped(&tensors), range: range.isEmpty ? attempt.types.groups[group].range : range,
                    site: site)
                note(.varying(group: group), size, attempt, &left)
                return .int(size)
            }
        }
        for exit in exits {
            // The function has asked already: nothing of it is computed once more.
            let holds: SymBool = tracer.scope.withoutOverflowChecks { exit.substituting(left) }
            let inner: Set<Symbol> = attempt.condition.locals
            if holds.fault == nil, inner.isDisjoint(with: holds.freeSymbols) { tracer.scope.assume(holds) }
        }
        return try rebuilt(leaves)
    }

    private func note(_ size: CarriedTypes.Size, _ after: SymInt, _ attempt: Attempt, _ left: inout [Symbol: SymInt]) {
        guard case .varying(let group) = size, let symbol = attempt.symbols[group].expression?.symbol else { return }
        left[symbol] = after
    }

    private func popped(_ tensors: inout ArraySlice<Tensor>) throws -> Tensor {
        guard let tensor = tensors.popFirst() else { throw TensorError(.unsupported, in: "whileLoop", "gave too few results") }
        return tensor
    }
}
