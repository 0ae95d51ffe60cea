import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Runs a closure again and again on what it gave, as long as a condition holds, as `while` does, and keeps the loop in an exported program.
///
///     let (steps, y) = try whileLoop((SymInt(0), x)) { i, y in i < n } do: { i, y in (i + 1, try y * 0.5) }
///
/// In eager code this is `while`. While a function is traced, condition and body are traced into the bodies of one operation, however many
/// passes a run will make; a plain `while` is traced pass by pass.
///
/// - Tensors and `SymInt`s are carried, in tuples, arrays and dictionaries; what else stands there must stay as it is. What the closures use
///   from around them is passed in by itself and is not carried.
/// - A dtype or a rank never changes. A size that changes from pass to pass is known in the body as a symbol of its own, with the tightest
///   range that can be proved from the start, the condition and the body; a size that stays, stays known.
/// - Questions in the body about what it carries have no one answer: ask them by `cond`. Questions about other sizes are the function's, as
///   anywhere.
/// - There is no gradient through the loop, in eager code neither: use ``scan(_:over:reversed:_:)``, whose number of steps is a size.
/// - A program with a loop runs node by node.
///
/// A body that throws whatever it gets becomes a check of the program that the loop makes no pass.
///
/// - Parameters:
///   - initial: what the first pass gets.
///   - condition: on sizes: `i < n`.
/// - Returns: what the last pass gave; `initial` where there was none.
/// - Throws: what the closures throw; `TensorError` for a body that gives another structure, dtype or rank than it got; between two passes, in
///   eager code as in a program, `CancellationError` where the task that it runs in has been cancelled, and `DeadlineExceededError` where the
///   time of `withDeadline` is up.
public func whileLoop<Carried>(
    _ initial: Carried, while condition: (Carried) throws -> SymBool, do body: (Carried) throws -> Carried
) throws -> Carried {
    try loop(initial, { .condition(try condition($0)) }, body)
}

/// Runs a closure again and again as long as a tensor of one bool is true: `whileLoop(x) { x in try x.sum() .< 100 } do: { x in try x * 2 }`.
/// As `whileLoop` with a condition on sizes, but that the answer is the tensor's value.
/// - Throws: also `TensorError` for a condition that is no tensor of one bool.
public func whileLoop<Carried>(
    _ initial: Carried, while condition: (Carried) throws -> Tensor, do body: (Carried) throws -> Carried
) throws -> Carried {
    try loop(initial, { .tensor(try condition($0)) }, body)
}

private func loop<Carried>(
    _ initial: Carried, _ condition: (Carried) throws -> Predicate, _ body: (Carried) throws -> Carried
) throws -> Carried {
    let start: FlatTree = try flatten(initial)
    guard let tracer = Interpreter.tracing else {
        var carried: Carried = initial
        while true {
            guard let holds = try condition(carried).known(in: "whileLoop") else {
                throw TensorError(.tracing, in: "whileLoop", "the condition belongs to a trace that has ended")
            }
            if !holds { break }
            try Deadline.check()
            carried = try withStackRoom { try body(carried) }
            try CarriedValues.requireSameKinds(start, try flatten(carried), in: "whileLoop")
        }
        return try withoutGradient(carried)
    }
    let site = CallSite.capture(skip: 2)
    return try withoutActuallyEscaping(condition) { condition in
        try withoutActuallyEscaping(body) { body in
            let trace = WhileTrace(tracer: tracer, initial: initial, start: start, condition: condition, body: body, site: site)
            return try tracingBodies(mayNotRun: true) { try trace.run() }.get()
        }
    }
}

/// What an eager loop gives, with no gradient for what is differentiable; see ``Operator/withoutGradient(_:)``.
func withoutGradient<Carried>(_ carried: Carried) throws -> Carried {
    guard Interpreter.current != nil else { return carried }
    let tree: FlatTree = try flatten(carried)
    func isDifferentiable(_ leaf: LeafValue) -> Bool { leaf.tensor?.dtype.isDifferentiable ?? false }
    var results: ArraySlice<Tensor> = try Operator.withoutGradient(tree.leaves.filter(isDifferentiable).compactMap(\.tensor))[...]
    var leaves: ArraySlice<LeafValue> = tree.leaves.map { leaf -> LeafValue in
        guard isDifferentiable(leaf), let result = results.popFirst() else { return leaf }
        return .tensor(result)
    }[...]
    return try rebuild(carried, from: &leaves, tree.spec)
}

/// What may differ from pass to pass, and what not.
enum CarriedValues {
    /// Requires the structure, kinds, dtypes and ranks that a loop started with.
    static func requireSameKinds(_ start: FlatTree, _ next: FlatTree, in construct: String) throws {
        func fail(_ code: TensorError.Code, _ message: String) -> TensorError { TensorError(code, in: construct, message) }
        guard start.spec == next.spec else {
            throw fail(.invalidArgument, "the body gives \(next.spec) where \(start.spec) is carried: the structure must stay the same")
        }
        for (index, (before, after)) in zip(start.leaves, next.leaves).enumerated() {
            let name = "the carried value \(index)\(start.paths[index].isEmpty ? "" : " ('\(start.paths[index])')")"
            switch (before, after) {
            case (.tensor(let p), .tensor(let q)):
                guard p.dtype == q.dtype else {
                    throw fail(.dtypeMismatch, "\(name) is \(p.spec) and becomes \(q.spec): a dtype stays; convert it with to(.\(p.dtype))")
                }
                guard p.rank == q.rank else {
                    throw fail(.shapeMismatch, "\(name) is \(p.spec) and becomes \(q.spec): the number of dimensions stays")
                }
            case (.int, .int): continue
            default:
                guard before.isSame(as: after) else {
                    throw fail(
                        .invalidArgument,
                        "\(name) is \(before) and becomes \(after): carry tensors and SymInts; other numbers as zero-dimensional tensors")
                }
            }
        }
    }
}
