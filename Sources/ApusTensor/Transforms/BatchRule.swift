import ApusSymbolic

/// How an operator that is not elementwise runs on a whole batch. Operators without a rule run example by example.
enum BatchRule: Sendable {
    /// Its dimensions are counted one further. A list that is left out stands for all of the example's. `adding` is the number of dimensions
    /// that the result has more, which its numbers may count.
    case shifted(adding: Int = 0)
    /// The last dimensions are all that it looks at.
    case trailing
    /// A reduction over everything: the operator of the same over dimensions.
    case whole(@Sendable () -> Operator)
    /// Sizes are given, to which the batch's comes.
    case sized
    /// A permutation of all dimensions.
    case permuted
    /// A product of vectors or matrices.
    case product
    /// Reads its first argument along dimension 0 as a batch already, or without one.
    case merged
    /// In terms of operations on examples.
    case parts(@Sendable (Call) throws -> Tensor)

    static let table: [String: BatchRule] = {
        var rules: [String: BatchRule] = [:]
        func add(_ names: String, _ rule: BatchRule) {
            for name in names.split(separator: " ") { rules["aten::\(name)"] = rule }
        }
        add(
            """
            sum.dim_IntList nansum mean.dim prod.dim_int amax amin max.dim min.dim argmax argmin any.dim any.dims all.dim all.dims \
            var.correction std.correction linalg_vector_norm logsumexp _softmax _log_softmax softmax.int log_softmax.int \
            _softmax_backward_data _log_softmax_backward_data cumsum cumprod logcumsumexp sort flip gather scatter.src scatter_add \
            transpose.int movedim.int movedim.intlist select.int slice.Tensor squeeze.dim squeeze.dims unbind.int split.Tensor \
            split_with_sizes diagonal flatten.using_ints unflatten.int cat select_backward slice_backward
            """, .shifted())
        add("unsqueeze stack", .shifted(adding: 1))
        add("clone contiguous _to_copy alias detach tril triu", .trailing)
        add("view reshape _unsafe_view expand", .sized)
        add("permute", .permuted)
        add("mm bmm mv dot matmul", .product)
        add("convolution max_pool2d_with_indices avg_pool2d", .merged)
        add("sum", .whole { .sumDims })
        add("mean", .whole { .meanDims })
        add("max", .whole { .amax })
        add("min", .whole { .amin })
        add(
            "linear",
            .parts { call in
                let product: Tensor = try call.tensor(0).matmul(call.tensor(1).transposed(0, 1))
                return try call.optionalTensor(2).map { try product + $0 } ?? product
            })
        add(
            "t",
            .parts { call in
                let x: Tensor = try call.tensor(0)
                return x.rank < 2 ? x : try x.transposed(0, 1)
            })
        for name in ["addmm", "baddbmm", "addmv"] {
            add(
                name,
                .parts { call in
                    let plain: Tensor = try call.tensor(1).matmul(call.tensor(2))
                    let product: Tensor = try plain.scaled(by: call.factor(4, for: plain))
                    // With a factor of 0 it is not read.
                    if try call.scalar(3).isKnown(0) { return product }
                    return try call.tensor(0).scaled(by: call.factor(3, for: plain)) + product
                })
        }
        return rules
    }()

    /// Names of parameters that count dimensions.
    private static let dimensionNames: Set<String> = [
        "dim", "dims", "dim0", "dim1", "dim2", "source", "destination", "start_dim", "end_dim",
    ]

    /// Operators that reduce nothing over an empty list.
    private static let keepingAll: Set<String> = ["any", "all"]

    /// The results for the whole batch; nil where this call is one for example by example.
    func apply(_ batched: BatchCall) throws -> [Tensor]? {
        switch self {
        case .shifted(let added): return try Self.shift(batched, added)
        case .trailing: return try batched.run(Self.batches(batched))
        case .whole(let operation): return try Self.reduce(batched, operation())
        case .sized: return try Self.size(batched)
        case .permuted:
            let rank: Int = try batched.call.tensor(0).rank
            let dims: [Int] = try batched.call.permutation(1, rank).map { $0 + 1 }
            return try batched.whole(0).map { [try $0.permuted([0] + dims)] }
        case .product: return [try Self.multiply(batched)]
        case .merged: return try Self.merge(batched)
        case .parts: return nil
        }
    }

    /// The arguments with every tensor as a batch.
    private static func batches(_ batched: BatchCall) throws -> [OperatorArgument] {
        try batched.call.arguments.map { argument in try argument.map { try batched.interpreter.batch(of: $0) } }
    }

    private static func shift(_ batched: BatchCall, _ added: Int) throws -> [Tensor]? {
        let call: Call = batched.call
        var ranks: Set<Int> = []
        for argument in call.arguments { argument.forEachReference { ranks.insert($0.rank) } }
        var arguments: [OperatorArgument] = try batches(batched)
        guard let first = ranks.max() else { return nil }
        // Gradients of views that drop a dimension count those of the view's source.
        let sizes: Int? = call.operator.schema.index(of: "input_sizes")
        let rank: Int = try sizes.map { try call.ints($0).count } ?? first + added
        guard rank > 0, ranks.count == 1 else { return nil }
        func shifted(_ dim: SymInt) throws -> SymInt { SymInt(try normalize(dim: Int(dim), rank: rank, in: call.name) + 1) }
        for (index, parameter) in call.operator.schema.parameters.enumerated() {
            if index == sizes { arguments[index] = .ints([batched.interpreter.size] + (try call.ints(index))) }
            guard dimensionNames.contains(parameter.name), index < arguments.count else { continue }
            switch arguments[index] {
            case .scalar(.int(let dim)): arguments[index] = .int(try shifted(dim))
            case .ints(let dims) where !dims.isEmpty: arguments[index] = .ints(try dims.map(shifted))
            case .ints, .none:
                // No list: all of the example's dimensions. No number: the flattened example, which a batch has not.
                guard case .optional(.list) = parameter.kind, !(keepingAll.contains(call.name) && isEmptyList(call[index])) else {
                    return nil
                }
                arguments[index] = .ints(Array(1...rank))
            default: return nil
            }
        }
        return try batched.run(arguments)
    }

    private static func isEmptyList(_ argument: OperatorArgument) -> Bool {
        if case .ints(let list) = argument { list.isEmpty } else { false }
    }

    private static func reduce(_ batched: BatchCall, _ operation: Operator) throws -> [Tensor]? {
        guard let whole = batched.whole(0), whole.rank > 1 else { return nil }
        var arguments: [OperatorArgument] = [.tensor(whole), .ints(Array(1..<whole.rank)), .bool(false)]
        if operation.schema.parameters.count > 3 { arguments.append(batched.call[1]) }
        return try applyTensors(operation, arguments)
    }

    private static func size(_ batched: BatchCall) throws -> [Tensor]? {
        let sizes: [SymInt] = try batched.call.ints(1)
        guard case .tensor(let example) = batched.call[0], let whole = batched.whole(0) else { return nil }
        if batched.call.operator == .expand {
            return [try batched.aligned(example, rank: sizes.count).expanded([batched.interpreter.size] + sizes)]
        }
        // A size to be inferred is the example's, which may have no elements to infer from.
        let spec: TensorSpec = try batched.call.operator.rule(batched.call)[0]
        return [try whole.reshaped([batched.interpreter.size] + spec.shape.sizes)]
    }

    private static func multiply(_ batched: BatchCall) throws -> Tensor {
        let (a, b): (Tensor, Tensor) = (try batched.call.tensor(0), try batched.call.tensor(1))
        let rank: Int = max(a.rank, b.rank, 2)
        /// The operand with a row or a column for a vector, and the batch before what broadcasts.
        func matrices(_ x: Tensor, vectorDim: Int) throws -> Tensor {
            guard batched.interpreter.whole(x) != nil else { return x.rank == 1 ? try x.unsqueezed(vectorDim) : x }
            guard x.rank == 1 else { return try batched.aligned(x, rank: rank) }
            let ones: [SymInt] = Array(repeating: 1, count: rank - 2)
            let matrix: [SymInt] = vectorDim == 0 ? [1, x.shape[0]] : [x.shape[0], 1]
            return try batched.interpreter.batch(of: x).reshaped([batched.interpreter.size] + ones + matrix)
        }
        var product: Tensor = try matrices(a, vectorDim: 0).matmul(matrices(b, vectorDim: 1))
        if b.rank == 1 { product = try product.squeezed(-1) }
        if a.rank == 1 { product = try product.squeezed(b.rank == 1 ? -1 : -2) }
        return product
    }

    private static func merge(_ batched: BatchCall) throws -> [Tensor]? {
        guard let whole = batched.whole(0), whole.rank >= 4 else { return nil }
        // A convolution's batch has as many dimensions as its weights, a single image one fewer.
        if case .tensor(let weight) = batched.call[1], weight.rank != whole.rank - 1 { return nil }
        var arguments: [OperatorArgument] = batched.call.arguments
        for (index, argument) in arguments.enumerated() where index > 0 {
            var isBatched = false
            argument.forEachReference { if batched.interpreter.whole($0) != nil { isBatched = true } }
            if isBatched { return nil }
        }
        arguments[0] = .tensor(try whole.flattened(from: 0, to: 1))
        return try batched.run(arguments).map { try $0.reshaped([batched.interpreter.size, whole.shape[1]] + $0.shape.sizes.dropFirst()) }
    }
}
