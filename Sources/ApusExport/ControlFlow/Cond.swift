import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Runs one of two closures, as `if` does, and keeps both in an exported program.
///
///     let y = try cond(x.shape[0] > 3) { try x.cos() } else: { try x.sin() }
///
/// In eager code this is `if`. While a function is traced, each closure is traced once and becomes a body of one operation, whatever the
/// example's answer; what the closures use from around them, tensors or sizes, is passed in by itself. A plain `if` on sizes is kept as
/// well, at the price of one run of the whole function for each answer: `cond` costs one run, and may also ask what only the run of the
/// program knows, such as a value in the body of a loop.
///
/// A closure that throws while it is traced becomes a check of the program: inputs that lead there are refused with its text.
/// Gradients flow through the branch that is taken. In a program, what only the other one uses gets zeros: behind a slope that is infinite or no
/// number they are NaN, where eager code has nothing.
/// - Parameters:
///   - predicate: a condition on sizes or on numbers that were read: `n > 4`.
///   - whenTrue: gives tensors and sizes, in tuples, arrays and dictionaries. Both closures must give the same structure, and tensors of the
///     same dtypes and ranks; sizes may differ.
/// - Throws: what the closure that runs throws. While tracing, `ProgramError` for closures whose results don't agree.
public func cond<Output>(
    _ predicate: SymBool, then whenTrue: () throws -> Output, else whenFalse: () throws -> Output
) throws -> Output {
    try branch(.condition(predicate), whenTrue, whenFalse)
}

/// Runs one of two closures by a tensor of one bool: `cond(x.sum() .> 0) { ... } else: { ... }`. As `cond` of a condition on sizes, but that
/// the answer is the tensor's value when the program runs.
public func cond<Output>(
    _ predicate: Tensor, then whenTrue: () throws -> Output, else whenFalse: () throws -> Output
) throws -> Output {
    try branch(.tensor(predicate), whenTrue, whenFalse)
}

private func branch<Output>(
    _ predicate: Predicate, _ whenTrue: () throws -> Output, _ whenFalse: () throws -> Output
) throws -> Output {
    if let holds = try predicate.known(in: "cond") { return try withStackRoom { holds ? try whenTrue() : try whenFalse() } }
    guard let tracer = Interpreter.tracing else {
        throw TensorError(.tracing, in: "cond", "the condition belongs to a trace that has ended")
    }
    let site = CallSite.capture(skip: 2)
    return try withoutActuallyEscaping(whenTrue) { whenTrue in
        try withoutActuallyEscaping(whenFalse) { whenFalse in
            let trace = CondTrace(predicate: predicate, whenTrue: whenTrue, whenFalse: whenFalse, site: site)
            return try tracingBodies { try trace.run(tracer) }
        }
    }
}

/// A branch that is being traced.
private struct CondTrace<Output> {
    let predicate: Predicate
    let whenTrue: () throws -> Output
    let whenFalse: () throws -> Output
    let site: CallSite

    func run(_ tracer: any TracingInterpreter) throws -> Output {
        let bodies = (BodyTracer(of: "cond", parent: tracer), BodyTracer(of: "cond", parent: tracer))
        let first: Traced
        do { first = try traced(whenTrue, bodies.0, predicate.facts.whenTrue) } catch  where !error.isOfTrace {
            // The closure fails on every input that comes to it.
            return try predicate.refuse(when: true, error, tracer, site, else: whenFalse)
        }
        let second: Traced
        do { second = try traced(whenFalse, bodies.1, predicate.facts.whenFalse) } catch  where !error.isOfTrace {
            return try predicate.refuse(when: false, error, tracer, site, else: whenTrue)
        }
        guard first.tree.spec == second.tree.spec else {
            throw fail("return different structures, \(first.tree.spec) and \(second.tree.spec)")
        }
        var joins: [Join] = []
        for (position, pair) in zip(first.tree.leaves, second.tree.leaves).enumerated() {
            joins.append(try join(pair.0, pair.1, position, bodies))
        }
        try bodies.0.setResults(try bodies.0.trace { try joins.compactMap { try $0.tensors?.0() } })
        try bodies.1.setResults(try bodies.1.trace { try joins.compactMap { try $0.tensors?.1() } })
        var results: [Tensor] = try TensorControlFlow.finishCond(predicate.argument, bodies).reversed()
        var leaves: [LeafValue] = []
        for join in joins {
            switch join {
            case .plain(let leaf): leaves.append(leaf)
            case .tensor(_, let read):
                guard let result = results.popLast() else { throw TensorError(.unsupported, in: "cond", "gave too few results") }
                leaves.append(try read(result, tracer))
            }
        }
        var rest: ArraySlice<LeafValue> = leaves[...]
        return try rebuild(first.value, from: &rest, first.tree.spec)
    }

    private struct Traced {
        let value: Output
        let tree: FlatTree
    }

    private func traced(_ branch: () throws -> Output, _ body: BodyTracer, _ facts: [SymBool]) throws -> Traced {
        try body.trace(assuming: facts) {
            let value: Output = try branch()
            return Traced(value: value, tree: try flatten(value))
        }
    }

    private func fail(_ message: String) -> ProgramError { ProgramError(.untraceable, "the branches of cond \(message)", site: site) }

    // MARK: Results

    /// How one result comes out of the branch.
    private enum Join {
        /// The same value either way, or one that the predicate gives without a node.
        case plain(LeafValue)
        /// A tensor of each body, and what it is turned into outside.
        case tensor((() throws -> Tensor, () throws -> Tensor), read: (Tensor, any TracingInterpreter) throws -> LeafValue)

        var tensors: (() throws -> Tensor, () throws -> Tensor)? {
            if case .tensor(let tensors, _) = self { return tensors }
            return nil
        }
    }

    private func join(_ a: LeafValue, _ b: LeafValue, _ position: Int, _ bodies: (BodyTracer, BodyTracer)) throws -> Join {
        switch (a, b) {
        case (.tensor(let p), .tensor(let q)):
            guard p.dtype == q.dtype else { throw fail("return \(p.spec) and \(q.spec) as result \(position): the dtypes differ") }
            guard p.rank == q.rank else { throw fail("return \(p.spec) and \(q.spec) as result \(position): the ranks differ") }
            return .tensor(({ p }, { q })) { tensor, _ in .tensor(tensor) }
        case (.int(let p), .int(let q)): return try join(p, q, bodies)
        case (.float(let p), .float(let q)):
            if p.isIdentical(to: q), bodies.0.locals.isDisjoint(with: p.freeSymbols) { return .plain(a) }
            return .tensor(
                ({ try Tensor.scalar(.float(p), dtype: .float64) }, { try Tensor.scalar(.float(q), dtype: .float64) })
            ) { [site] tensor, tracer in
                guard case .float(let number) = try tracer.readNumber(.unbackedFloat, tensor, site: site) else { return .none }
                return .float(number)
            }
        case (.bool(let p), .bool(let q)) where p == q: return .plain(a)
        case (.string(let p), .string(let q)) where p == q: return .plain(a)
        case (.none, .none): return .plain(a)
        default:
            throw fail("return \(a) and \(b) as result \(position); return tensors or sizes where the branches differ")
        }
    }

    private func join(_ p: SymInt, _ q: SymInt, _ bodies: (BodyTracer, BodyTracer)) throws -> Join {
        let join = TypeJoin(predicate.condition, inner: bodies.0.locals.union(bodies.1.locals))
        if let size = join.choice(p, q) { return .plain(.int(size)) }
        let range: SymRange = join.range(p, q)
        return .tensor(
            ({ try Tensor.scalar(.int(p), dtype: .int64) }, { try Tensor.scalar(.int(q), dtype: .int64) })
        ) { [site] tensor, tracer in
            .int(try tracer.readSize(tensor, range: range, site: site))
        }
    }
}
