import ApusSymbolic

/// A function of one example as a function of a batch, after `torch.vmap`: `try vmap(f)(batch)` is `f` of each example, stacked.
///
///     let norms = try vmap { x in try x.norm() }(points)
///     let each = try vmap { x, y in try gradient(at: weight) { try mseLoss($0.matmul(x), y) } }(inputs, targets)
///
/// The function sees one example's shapes. Elementwise operations, reductions, products of matrices, softmax, views and what is made of them run
/// once, on the whole batch; others run example by example and are stacked, which costs what a loop costs. What does not depend on the batch is
/// computed once. The function can't ask for an example's numbers (`item`, a branch on values), since they differ between examples; drawings that
/// depend on the batch are made for each example, others once.
///
/// Gradients go through, may be taken inside, and functions made so can be nested and exported.
/// - Parameters:
///   - inDims: for each argument the dimension along which its examples lie, which the function doesn't see; nil for one that is not a batch
///   - outDims: for each result the dimension to put the examples along; one number for all, 0 by default
/// - Throws: (the function made) `TensorError` where no argument is a batch, where numbers of examples differ, for what can't be done for a batch.
public func vmap(
    _ function: @escaping ([Tensor]) throws -> [Tensor], inDims: [Int?], outDims: [Int] = [0]
) -> ([Tensor]) throws -> [Tensor] {
    { inputs in
        guard inputs.count == inDims.count else {
            throw TensorError(.invalidArgument, in: "vmap", "\(inputs.count) arguments are given for \(inDims.count) inDims")
        }
        let batches: [Tensor?] = try zip(inputs, inDims).map { input, dim in try dim.map { try input.movedDim(from: $0, to: 0) } }
        guard let size = batches.compactMap({ $0 }).first?.shape[0] else {
            throw TensorError(.invalidArgument, in: "vmap", "no argument is a batch: one of inDims must be a number")
        }
        for batch in batches.compactMap({ $0 }) {
            try require(
                batch.shape[0] == size,
                TensorError(.shapeMismatch, in: "vmap", "batches must be of one size, not \(size) and \(batch.shape[0])"))
        }
        let interpreter = BatchInterpreter(size: size)
        let examples: [Tensor] = try zip(batches, inputs).map { batch, input in try batch.map { try interpreter.example(of: $0) } ?? input }
        let results: [Tensor] = try Interpreter.with(interpreter) { try function(examples) }
        guard outDims.count == 1 || outDims.count == results.count else {
            throw TensorError(.invalidArgument, in: "vmap", "\(outDims.count) outDims are given for \(results.count) results")
        }
        return try results.enumerated().map { index, result in
            try interpreter.batch(of: result).movedDim(from: 0, to: outDims.count == 1 ? outDims[0] : outDims[index])
        }
    }
}

/// A function of one example as a function of a batch; see the form with lists.
public func vmap(
    _ function: @escaping (Tensor) throws -> Tensor, inDim: Int = 0, outDim: Int = 0
) -> (Tensor) throws -> Tensor {
    let whole = vmap({ [try function($0[0])] }, inDims: [inDim], outDims: [outDim])
    return { try whole([$0])[0] }
}

/// A function of two arguments of an example as a function of batches; see the form with lists.
public func vmap(
    _ function: @escaping (Tensor, Tensor) throws -> Tensor, inDims: (Int?, Int?) = (0, 0), outDim: Int = 0
) -> (Tensor, Tensor) throws -> Tensor {
    let whole = vmap({ [try function($0[0], $0[1])] }, inDims: [inDims.0, inDims.1], outDims: [outDim])
    return { try whole([$0, $1])[0] }
}
