import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let indexing: [ONNXOperator] = [
        ONNXOperator("Gather", onSizes: .moves([0])) { call in
            let (x, index) = (try call.tensor(0), try call.value(1))
            let axis: Int = try call.axis("axis", 0, rank: x.rank)
            if let known = index.known, known.rank == 0 {
                return try x.select(dim: axis, index: known.knownIntegers()[0])
            }
            return try x.index(Array(repeating: nil, count: axis) + [index.tensor().to(.int64)])
        },
        ONNXOperator("GatherElements", onSizes: .moves([0])) { call in
            let x: Tensor = try call.tensor(0)
            let axis: Int = try call.axis("axis", 0, rank: x.rank)
            return try x.gather(dim: axis, try fromFront(call.value(1), x.shape[axis]))
        },
        ONNXOperator("GatherND", onSizes: .moves([0])) { call in
            let (x, indices) = (try call.tensor(0), try call.tensor(1).to(.int64))
            return try x.index(try places(in: x, indices, batchDims: try call.int("batch_dims", 0), call))
        },
        ONNXOperator("Scatter") { try scatterElements($0) },
        ONNXOperator("ScatterElements") { try scatterElements($0) },
        ONNXOperator("ScatterND", onSizes: .moves([0, 2])) { try scatterND($0) },
        ONNXOperator("OneHot", results: .own) { try oneHot($0) },
        ONNXOperator("NonZero", results: .own) { try $0.tensor(0).nonzero().transposed(0, 1) },
        ONNXOperator("Compress") { call in
            var x: Tensor = try call.tensor(0)
            let axis: Int
            if try call.int("axis") != nil {
                axis = try call.axis("axis", 0, rank: x.rank)
            } else {
                (x, axis) = (try x.flattened(), 0)
            }
            let positions: Tensor = try call.tensor(1).nonzero().select(dim: 1, index: 0)
            return try x.indexSelect(dim: axis, positions)
        },
        ONNXOperator("Trilu") { call in
            let x: Tensor = try call.tensor(0)
            let diagonal: SymInt = call.has(1) ? try call.size(1) : 0
            return try call.flag("upper", true) ? x.triu(diagonal: diagonal) : x.tril(diagonal: diagonal)
        },
        ONNXOperator("Unique", isFolded: false, values: { try unique($0) }),
        ONNXOperator("ReverseSequence") { try reverseSequence($0) },
        ONNXOperator("TfIdfVectorizer", results: .own) { try countedSequences($0) },
        ONNXOperator("TensorScatter") { try tensorScatter($0) },
    ]

    /// Positions of which those below zero count from the end, as ones that count from the front.
    static func fromFront(_ index: ONNXValue, _ size: SymInt) throws -> Tensor {
        let x: Tensor = try index.tensor().to(.int64)
        if let known = index.known, (known.count.constant ?? .max) <= 1 << 16, try known.knownIntegers().allSatisfy({ $0 >= 0 }) {
            return x
        }
        return try Tensor.where(x .< 0, x + size, x)
    }

    /// The last dimension of the indices as one tensor of positions for each dimension of `x`, those of the batch in front.
    private static func places(in x: Tensor, _ indices: Tensor, batchDims: Int, _ call: ONNXCall) throws -> [Tensor?] {
        guard let count = indices.shape.last?.constant, batchDims >= 0, batchDims < indices.rank, count + batchDims <= x.rank else {
            throw call.error(.invalidProgram, "takes indices of \(indices.spec) for a tensor of \(x.spec)")
        }
        let batch: [Tensor] = try (0..<batchDims).map { dim in
            var sizes: [SymInt] = Array(repeating: 1, count: indices.rank - 1)
            sizes[dim] = x.shape[dim]
            return try Tensor.arange(x.shape[dim]).reshaped(sizes)
        }
        return try batch + (0..<count).map { try indices.select(dim: -1, index: $0) }
    }

    private static let reductionNames: [String: String] = ["add": "sum", "mul": "prod", "max": "amax", "min": "amin"]

    private static func scatterElements(_ call: ONNXCall) throws -> Tensor {
        let (x, updates) = (try call.tensor(0), try call.tensor(2))
        let axis: Int = try call.axis("axis", 0, rank: x.rank)
        let index: Tensor = try fromFront(call.value(1), x.shape[axis])
        let reduction: String = try call.choice("reduction", "none", of: ["none"] + reductionNames.keys.sorted())
        guard let name = reductionNames[reduction] else { return try x.scatter(dim: axis, index, updates) }
        return try x.scatterReduce(dim: axis, index, updates, reduce: name)
    }

    private static func scatterND(_ call: ONNXCall) throws -> Tensor {
        let (x, indices, updates) = (try call.tensor(0), try call.tensor(1).to(.int64), try call.tensor(2))
        let reduction: String = try call.choice("reduction", "none", of: ["none"] + reductionNames.keys.sorted())
        let places: [Tensor] = try places(in: x, indices, batchDims: 0, call).compactMap { $0 }
        guard let name = reductionNames[reduction] else { return try x.indexPut(places, updates) }
        if name == "sum" { return try x.indexPut(places, updates, accumulate: true) }
        guard !places.isEmpty else { throw call.error(.invalidProgram, "takes indices of \(indices.spec)") }
        // Along one dimension for all that are indexed.
        let sizes: [SymInt] = x.shape.sizes
        let flat: Tensor = try x.reshaped([SymInt.product(sizes[..<places.count]), SymInt.product(sizes[places.count...])])
        var position: Tensor = try places[0].zerosLike()
        for (place, size) in zip(places, sizes) { position = try position * size + Tensor.where(place .< 0, place + size, place) }
        let rows: Tensor = try position.reshaped([position.count, SymInt(1)]).expanded([position.count, flat.shape[1]])
        let source: Tensor = try updates.reshaped([position.count, flat.shape[1]])
        return try flat.scatterReduce(dim: 0, rows, source, reduce: name).reshaped(x.shape)
    }

    private static func oneHot(_ call: ONNXCall) throws -> Tensor {
        let (indices, values) = (try call.tensor(0).to(.int64), try call.tensor(2))
        let isNumber: Bool = try call.element(1).isFloat
        let depth: SymInt = isNumber ? SymInt(Int(exactly: try call.number(1) ?? 0) ?? 0) : try call.size(1)
        let axis: Int = try call.axis("axis", -1, rank: indices.rank + 1)
        var sizes: [SymInt] = Array(repeating: 1, count: indices.rank + 1)
        sizes[axis] = depth
        let classes: Tensor = try Tensor.arange(depth).reshaped(sizes)
        let index: Tensor = try Tensor.where(indices .< 0, indices + depth, indices).unsqueezed(axis)
        return try Tensor.where(index .== classes, values.select(dim: 0, index: 1), values.select(dim: 0, index: 0))
    }

    private static func unique(_ call: ONNXCall) throws -> [ONNXValue] {
        let x: Tensor = try call.tensor(0)
        let axis: Int? = try call.int("axis").map { try call.dim($0, rank: x.rank) }
        let along: Int = axis ?? 0
        let flat: Tensor = axis == nil ? try x.flattened() : x
        var (values, inverse, counts) = axis == nil ? try flat.unique() : try flat.unique(dim: along)
        // Where each value stands first: the least of the positions that it is at.
        let size: SymInt = flat.shape[along]
        let positions: Tensor = try Tensor.arange(size)
        let unset: Tensor = try counts.zerosLike() + size
        var first: Tensor = try unset.scatterReduce(dim: 0, inverse, positions, reduce: "amin")
        if try !call.flag("sorted", true) {
            let order: Tensor = try first.argsort()
            let rank: Tensor = try order.argsort()
            values = try values.indexSelect(dim: along, order)
            (first, counts) = (try first.indexSelect(dim: 0, order), try counts.indexSelect(dim: 0, order))
            inverse = try rank.indexSelect(dim: 0, inverse)
        }
        return [ONNXValue(.tensor(values), try call.element(0)), ONNXValue(first), ONNXValue(inverse), ONNXValue(counts)]
    }

    private static func reverseSequence(_ call: ONNXCall) throws -> Tensor {
        let (x, lengths) = (try call.tensor(0), try call.tensor(1).to(.int64))
        let (time, batch) = (try call.axis("time_axis", 0, rank: x.rank), try call.axis("batch_axis", 1, rank: x.rank))
        func along(_ tensor: Tensor, _ axis: Int) throws -> Tensor {
            var sizes: [SymInt] = Array(repeating: 1, count: x.rank)
            sizes[axis] = x.shape[axis]
            return try tensor.reshaped(sizes)
        }
        let position: Tensor = try along(Tensor.arange(x.shape[time]), time)
        let length: Tensor = try along(lengths, batch)
        let source: Tensor = try Tensor.where(position .< length, length - 1 - position, position)
        return try x.gather(dim: time, source.expanded(x.shape))
    }

    private static func tensorScatter(_ call: ONNXCall) throws -> Tensor {
        let (cache, update) = (try call.tensor(0), try call.tensor(1))
        let axis: Int = try call.axis("axis", -2, rank: cache.rank)
        let isCircular: Bool = try call.choice("mode", "linear", of: ["linear", "circular"]) == "circular"
        var sizes: [SymInt] = Array(repeating: 1, count: cache.rank)
        sizes[axis] = update.shape[axis]
        var index: Tensor = try Tensor.arange(update.shape[axis]).reshaped(sizes)
        if let start = try call.optional(2) {
            sizes[axis] = 1
            sizes[0] = cache.shape[0]
            index = try index + start.to(.int64).reshaped(sizes)
        }
        if isCircular { index = try index % cache.shape[axis] }
        return try cache.scatter(dim: axis, index.expanded(update.shape), update)
    }
}
