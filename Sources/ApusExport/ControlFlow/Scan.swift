import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Goes over the first dimension of tensors and carries something from step to step, as a `for` loop over `x[0]`, `x[1]`... does.
///
///     let (last, all) = try scan(h, over: x) { h, x in
///         let next = try (h.matmul(w) + x).tanh()
///         return (next, next * 2)
///     }
///
/// In eager code this is the loop. While a function is traced, the closure is traced once and becomes the body of one operation, however
/// many steps a run will make; a plain `for` is traced step by step. What the closure uses from around it is passed in by itself.
///
/// Gradients flow through it. The way back makes each step once more, so that a gradient costs about three times the scan; what is kept for
/// it are the tensors that go in and, for each step, what it was given of what is carried.
/// - Parameters:
///   - initial: tensors and `SymInt`s, in tuples, arrays and dictionaries: what the first step gets. Dtypes and shapes stay.
///   - xs: one tensor or more, of one first size, at least 1.
///   - reversed: goes from the last slice to the first; results stand where their slices stood.
///   - combine: gives what is carried on, and a result: tensors that are stacked along a new first dimension.
/// - Returns: what the last step carried on, and the stacked results.
/// - Throws: what the closure throws; `TensorError` for tensors of different first sizes, or with no slice, and for a step that changes the
///   structure, a dtype or a shape of what is carried; `CancellationError` between two steps where the task that it runs in has been cancelled.
public func scan<Carried, Input, Output>(
    _ initial: Carried, over xs: Input, reversed: Bool = false, _ combine: (Carried, Input) throws -> (Carried, Output)
) throws -> (Carried, Output) {
    try scanned(initial, xs, reversed, "scan", combine)
}

/// Runs a closure on each slice along the first dimension of tensors, and stacks what it gives.
///
///     let y = try map(x) { row in try row.softmax(dim: 0) }
///
/// As ``scan(_:over:reversed:_:)`` that carries nothing.
/// - Parameter xs: one tensor or more, of one first size, at least 1.
/// - Throws: what the closure throws; `TensorError` for tensors of different first sizes, or with no slice.
public func map<Input, Output>(_ xs: Input, _ transform: (Input) throws -> Output) throws -> Output {
    try scanned([Tensor](), xs, false, "map") { carried, x in (carried, try transform(x)) }.1
}

private func scanned<Carried, Input, Output>(
    _ initial: Carried, _ xs: Input, _ reversed: Bool, _ name: String, _ combine: (Carried, Input) throws -> (Carried, Output)
) throws -> (Carried, Output) {
    let start: FlatTree = try flatten(initial)
    let input: FlatTree = try flatten(xs)
    var tensors: [Tensor] = try input.leaves.map { leaf in
        guard let tensor = leaf.tensor else {
            throw TensorError(.invalidArgument, in: name, "goes over tensors, not over \(leaf)")
        }
        return tensor
    }
    do { _ = try ScanLength.of(tensors) } catch var error as TensorError {
        error.operatorName = name
        throw error
    }
    if reversed { tensors = try tensors.map { try $0.flipped([0]) } }
    let steps = ScanSteps<Carried, Input, Output>(
        initial: initial, start: start, example: xs, input: input, tensors: tensors, name: name, isReversed: reversed)
    if let tracer = Interpreter.tracing {
        let site = CallSite.capture(skip: 2)
        return try tracingBodies { try steps.trace(tracer, site, combine) }
    }
    return try steps.run(combine)
}

/// The steps of a scan, eager or traced.
private struct ScanSteps<Carried, Input, Output> {
    let initial: Carried
    let start: FlatTree
    let example: Input
    let input: FlatTree
    let tensors: [Tensor]
    let name: String
    let isReversed: Bool

    typealias Combine = (Carried, Input) throws -> (Carried, Output)

    private func fail(_ code: TensorError.Code, _ message: String) -> TensorError { TensorError(code, in: name, message) }

    private func slices(_ tensors: [Tensor]) throws -> Input {
        var rest: ArraySlice<LeafValue> = tensors.map { .tensor($0) }[...]
        return try rebuild(example, from: &rest, input.spec)
    }

    private func stacked(_ example: Output, _ spec: TreeSpec, _ tensors: [Tensor]) throws -> Output {
        var rest: ArraySlice<LeafValue> = try tensors.map { .tensor(isReversed ? try $0.flipped([0]) : $0) }[...]
        return try rebuild(example, from: &rest, spec)
    }

    /// What is carried keeps its shapes, too.
    private func requireSameShapes(_ next: FlatTree) throws {
        try CarriedValues.requireSameKinds(start, next, in: name)
        for (index, pair) in zip(start.leaves, next.leaves).enumerated() {
            guard case (.tensor(let p), .tensor(let q)) = pair else { continue }
            for (before, after) in zip(p.shape, q.shape) {
                let stays: SymBool = before == after
                try require(
                    stays,
                    fail(.shapeMismatch, "the carried value \(index) is \(p.spec) and becomes \(q.spec): a shape stays; use whileLoop"))
            }
        }
    }

    private func results(_ output: FlatTree) throws -> [Tensor] {
        try output.leaves.map { leaf in
            guard let tensor = leaf.tensor else {
                throw fail(.invalidArgument, "a step gives \(leaf): results are stacked, give tensors")
            }
            return tensor
        }
    }

    func run(_ combine: Combine) throws -> (Carried, Output) {
        var carried: Carried = initial
        var last: (value: Output, spec: TreeSpec)?
        let (_, all) = try ScanStep.run([], over: tensors) { _, x in
            let (next, output) = try withStackRoom { try combine(carried, try slices(x)) }
            try requireSameShapes(try flatten(next))
            carried = next
            let tree: FlatTree = try flatten(output)
            if let last, last.spec != tree.spec {
                throw fail(.invalidArgument, "a step gives \(tree.spec) where another gave \(last.spec): the structure must stay the same")
            }
            last = (output, tree.spec)
            return ([], try results(tree))
        }
        guard let last else { throw fail(.shapeMismatch, "goes over no slice") }
        return (carried, try stacked(last.value, last.spec, all))
    }

    func trace(_ tracer: any TracingInterpreter, _ site: CallSite, _ combine: Combine) throws -> (Carried, Output) {
        let body = BodyTracer(of: name, parent: tracer)
        var numbers: [Int: SymInt] = [:]
        var next = start
        let (output, outputTree) = try body.trace {
            var inputs: ArraySlice<Tensor> = try carriedTensors(start.leaves).enumerated().map { index, tensor in
                body.addInput("carried_\(index)", tensor.spec)
            }[...]
            let slices: [Tensor] = try tensors.enumerated().map { body.addInput("x_\($0)", try $1.spec.slice) }
            var leaves: ArraySlice<LeafValue> = try start.leaves.enumerated().map { index, leaf in
                switch leaf {
                case .tensor: return inputs.popFirst().map { .tensor($0) } ?? leaf
                case .int:
                    guard let tensor = inputs.popFirst() else { return leaf }
                    let number: SymInt = try body.readSize(tensor, range: .unbounded, site: site)
                    numbers[index] = number
                    return .int(number)
                default: return leaf
                }
            }[...]
            let given: Carried = try rebuild(initial, from: &leaves, start.spec)
            let (carried, output) = try combine(given, try self.slices(slices))
            next = try flatten(carried)
            try requireSameShapes(next)
            let tree: FlatTree = try flatten(output)
            let results: [Tensor] = try self.results(tree)
            for result in results where !body.locals.isDisjoint(with: result.shape.flatMap(\.freeSymbols)) {
                throw fail(.tracing, "a step gives \(result.spec), whose size may differ from step to step; results are stacked")
            }
            try body.setResults(try carriedTensors(next.leaves) + results)
            return (output, tree)
        }
        let (carried, results) = try TensorControlFlow.finishScan(body, try carriedTensors(start.leaves), tensors)
        var rest: ArraySlice<Tensor> = carried[...]
        var leaves: ArraySlice<LeafValue> = try start.leaves.enumerated().map { index, leaf in
            switch leaf {
            case .tensor: return rest.popFirst().map { .tensor($0) } ?? leaf
            case .int:
                guard let tensor = rest.popFirst() else { return leaf }
                // What no step changes is what it was.
                if case .int(let after) = next.leaves[index], let number = numbers[index], after.isIdentical(to: number) { return leaf }
                return .int(try tracer.readSize(tensor, range: .unbounded, site: site))
            default: return leaf
            }
        }[...]
        return (try rebuild(initial, from: &leaves, start.spec), try stacked(output, outputTree.spec, results))
    }

    /// What is carried as tensors, numbers as zero-dimensional ones.
    private func carriedTensors(_ leaves: [LeafValue]) throws -> [Tensor] {
        try leaves.compactMap { leaf in
            switch leaf {
            case .tensor(let tensor): tensor
            case .int(let number): try Tensor.scalar(.int(number), dtype: .int64)
            default: nil
            }
        }
    }
}
