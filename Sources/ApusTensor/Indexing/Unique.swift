import ApusSymbolic
import CApusKernels

// Distinct values and counts, whose number depends on values; and classes as ones among zeros.

extension Operator {
    static let unique: Operator = distinct(
        "aten::_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)",
        "The distinct elements in ascending order; on demand, for each element the position of its value, and how often each value occurs.",
        isConsecutive: false, inverse: 2,
        samples: {
            let x = try Tensor([3, 1, 3, 2, 1, 3] as [Int], shape: [2, 3])
            return [[.tensor(x), .bool(true), .bool(true), .bool(true)]]
        })

    static let uniqueConsecutive: Operator = distinct(
        "aten::unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> (Tensor, Tensor, Tensor)",
        "The elements with runs of equal ones taken once; on demand, for each element the position of its run, and the runs' lengths.",
        isConsecutive: true, dim: 3, inverse: 1,
        samples: {
            [
                [.tensor(try Tensor([3, 3, 1, 1, 1, 3] as [Int], shape: [6])), .bool(true), .bool(true), .none],
                [.tensor(try rows()), .bool(true), .bool(true), .int(1)],
            ]
        })

    static let uniqueDim: Operator = distinct(
        "aten::unique_dim(Tensor self, int dim, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)",
        "The distinct parts along a dimension in ascending order, compared element by element; on demand, for each part the position of its like, "
            + "and how often each occurs.",
        isConsecutive: false, dim: 1, inverse: 3,
        samples: { [[.tensor(try rows()), .int(1), .bool(true), .bool(true), .bool(true)]] })

    /// Columns of which some are equal.
    private static func rows() throws -> Tensor { try Tensor([3, 3, 1, 3, 3, 5, 5, 2, 4, 5] as [Int], shape: [2, 5]) }

    static let bincount: Operator = Operator(
        "aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor",
        "How often each of the numbers 0, 1, 2 ... occurs in a vector, or the sum of its weights; at least `minlength` results.",
        effects: .dataDependent,
        failure: ValueFailure(.invalidArgument, "takes numbers that are not negative") { call in try (call.tensor(0) .>= 0).all() },
        rule: { call in
            _ = try call.countedVector()
            let dtype = try call.optionalTensor(1).map { $0.dtype == .float32 ? DType.float32 : .float64 } ?? .int64
            let least = try call.int(2)
            try require(least >= 0, call.error(.invalidArgument, "the minimal length is negative: \(least)"))
            let size = try unbackedSize(for: "numbers counted", atLeast: least)
            return [TensorSpec(dtype, try Shape([size], in: call.name))]
        },
        kernel: .host { call in
            let x = try call.countedVector()
            let least = try call.known(try call.int(2))
            guard least >= 0 else { throw call.error(.invalidArgument, "the minimal length is negative: \(least)") }
            // A copy: for numbers that are repeated without end there is no memory, and counting them would not end.
            let values = try x.array(of: Int.self)
            if let negative = values.first(where: { $0 < 0 }) {
                throw call.error(.invalidArgument, "takes numbers that are not negative, not \(negative)")
            }
            let largest: Int = values.max() ?? -1
            guard largest < Int.max else { throw call.error(.overflow, "the number \(largest) is too large to count") }
            let weights = try call.optionalTensor(1)
            let dtype: DType = weights.map { $0.dtype == .float32 ? .float32 : .float64 } ?? .int64
            let output = try Tensor.uninitialized(try Shape([Swift.max(largest + 1, least)], in: call.name), dtype: dtype, in: call.name)
            var (input, out, bad): (apus_view, apus_view, Int64) = (x.view, output.view, 0)
            if let weights {
                let typed = try Interpreter.with(nil) { try weights.to(dtype) }
                var w = typed.view
                try check(apus_bincount(&input, &w, &out, &bad), call, index: bad, shape: output.shape)
                withExtendedLifetime(typed) {}
            } else {
                try check(apus_bincount(&input, nil, &out, &bad), call, index: bad, shape: output.shape)
            }
            withExtendedLifetime((x, output)) {}
            return [.tensor(output)]
        }, samples: { [[.tensor(try Tensor([1, 3, 1, 0] as [Int], shape: [4])), .none, .int(6)]] })

    static let oneHot: Operator = composite(
        "aten::one_hot(Tensor self, int num_classes=-1) -> Tensor",
        "A new last dimension of `num_classes` zeros with a one at each element's position. With -1 there are as many classes as the largest element "
            + "needs, which depends on values.",
        samples: { [[.tensor(try Tensor([2, 0, 1] as [Int], shape: [3])), .int(4)]] }
    ) { call in
        let x = try call.tensor(0)
        guard x.dtype == .int64 else { throw call.error(.dtypeMismatch, "takes int64, not \(x.dtype)") }
        let given = try call.constant(1)
        guard given >= -1, given != 0 else {
            throw call.error(.invalidArgument, "the number of classes must be positive or -1, not \(given)")
        }
        return [.tensor(try oneHot(x, classes: given == -1 ? try x.amax().item() + 1 : SymInt(given)))]
    }

    fileprivate static func oneHot(_ x: Tensor, classes: SymInt) throws -> Tensor {
        try Tensor.full(x.shape.sizes + [classes], 0, dtype: .int64).scatter(dim: -1, x.unsqueezed(-1), 1)
    }

    static let distincts: [Operator] = [unique, uniqueConsecutive, uniqueDim, bincount, oneHot]

    private static func distinct(
        _ schema: String, _ documentation: String, isConsecutive: Bool, dim dimIndex: Int? = nil, inverse inverseIndex: Int,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation, effects: .dataDependent,
            rule: { call in
                let x = try call.tensor(0)
                let (inverse, counts) = (try call.bool(inverseIndex), try call.bool(inverseIndex + 1))
                let empty = try Shape([0] as [Int], in: call.name)
                if let dim = try call.distinctDimension(dimIndex, isConsecutive: isConsecutive) {
                    var sizes = x.shape.sizes
                    let count = try unbackedSize(for: "distinct parts", atLeast: smaller(sizes[dim], 1), atMost: sizes[dim])
                    let positions = try Shape([sizes[dim]], in: call.name)
                    sizes[dim] = count
                    return [
                        TensorSpec(x.dtype, try Shape(sizes, in: call.name)), TensorSpec(.int64, positions),
                        TensorSpec(.int64, try Shape([count], in: call.name)),
                    ]
                }
                let count = try unbackedSize(for: "distinct elements", atLeast: smaller(x.count, 1), atMost: x.count)
                let values = try Shape([count], in: call.name)
                return [
                    TensorSpec(x.dtype, values), TensorSpec(.int64, inverse ? x.shape : empty),
                    TensorSpec(.int64, counts ? values : empty),
                ]
            },
            kernel: .host { call in
                let (inverse, counts) = (try call.bool(inverseIndex), try call.bool(inverseIndex + 1))
                guard let dim = try call.distinctDimension(dimIndex, isConsecutive: isConsecutive) else {
                    return try call.distinctElements(isConsecutive: isConsecutive, inverse: inverse, counts: counts)
                }
                let x = try call.tensor(0)
                guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
                return try Interpreter.with(nil) {
                    // Here PyTorch gives all three, asked for or not.
                    let (values, positions, tally) = try x.distinctParts(along: dim, isConsecutive: isConsecutive)
                    return [.tensor(values), .tensor(positions), .tensor(tally)]
                }
            }, samples: samples)
    }
}

extension Call {
    fileprivate func countedVector() throws -> Tensor {
        let x = try tensor(0)
        guard x.rank == 1, x.dtype.isInteger else { throw error(.invalidArgument, "takes a vector of integers, not \(x.spec)") }
        if let weights = try optionalTensor(1) {
            try require(
                weights.count == x.count, error(.shapeMismatch, "\(x.count) numbers need as many weights, not shape \(weights.shape)"))
        }
        return x
    }

    /// The dimension whose parts are told apart; nil where elements are, which the parts of a vector are too.
    fileprivate func distinctDimension(_ index: Int?, isConsecutive: Bool) throws -> Int? {
        guard let index else { return nil }
        if case .none = self[index] { return nil }
        let x = try tensor(0)
        guard x.rank > 0 else { throw error(.shapeMismatch, "a zero-dimensional tensor has no parts") }
        let dim = try dim(index)
        return isConsecutive && x.rank == 1 ? nil : dim
    }

    fileprivate func distinctElements(isConsecutive: Bool, inverse: Bool, counts: Bool) throws -> [OperatorArgument] {
        let x = try tensor(0)
        let whole = try Shape([x.layout.count] as [Int], in: name)
        let values = try Tensor.uninitialized(whole, dtype: x.dtype, in: name)
        let positions = try Tensor.uninitialized(inverse ? x.shape : try Shape([0] as [Int], in: name), dtype: .int64, in: name)
        let tally = try Tensor.uninitialized(counts ? whole : try Shape([0] as [Int], in: name), dtype: .int64, in: name)
        var (input, v, p, t, count): (apus_view, apus_view, apus_view, apus_view, Int64) = (
            x.view, values.view, positions.view, tally.view, 0
        )
        let status = withUnsafePointer(to: &p) { p in
            withUnsafePointer(to: &t) { t in apus_unique(isConsecutive, &input, &v, inverse ? p : nil, counts ? t : nil, &count) }
        }
        try check(status, self)
        withExtendedLifetime((x, values, positions, tally)) {}
        func taken(_ tensor: Tensor) throws -> Tensor {
            try Interpreter.with(nil) { try tensor.narrowed(dim: 0, from: 0, length: SymInt(Int(count))).clone() }
        }
        return [.tensor(try taken(values)), .tensor(positions), .tensor(counts ? try taken(tally) : tally)]
    }
}

extension Tensor {
    /// The distinct parts along a dimension, for each part the position of its like, and how often each occurs.
    fileprivate func distinctParts(along dim: Int, isConsecutive: Bool) throws -> (values: Tensor, positions: Tensor, counts: Tensor) {
        let size: SymInt = shape[dim]
        let width: SymInt = SymInt.product(shape.sizes.enumerated().filter { $0.offset != dim }.map { $0.element })
        let rows: Tensor = try movedDim(from: dim, to: 0).reshaped([size, width])
        // Stable sorts from the last column to the first put rows into the order of their first difference.
        var order: Tensor = try Tensor.arange(size)
        if !isConsecutive, size != 0 {
            guard let columns = width.constant else {
                throw TensorError(
                    .tracing, in: "unique_dim",
                    "the parts of shape \(shape) along dimension \(dim) are compared element by element, "
                        + "but their size is open")
            }
            for column in stride(from: columns - 1, through: 0, by: -1) {
                let keys: Tensor = try rows.select(dim: 1, index: SymInt(column)).indexSelect(dim: 0, order)
                order = try order.indexSelect(dim: 0, keys.argsort(dim: 0))
            }
        }
        let sorted: Tensor = try rows.indexSelect(dim: 0, order)
        let differs: Tensor = try (sorted.sliced(dim: 0, from: 1) .!= sorted.sliced(dim: 0, to: -1)).any(dim: 1)
        let starts: Tensor = try Tensor.cat([Tensor.full([smaller(size, 1)], true), differs])
        let places: Tensor = try starts.to(.int64).cumsum(dim: 0) - 1
        let firsts: Tensor = try starts.nonzero().reshaped([-1])
        let ends: Tensor = try Tensor.cat([firsts.sliced(dim: 0, from: 1), Tensor.full([smaller(size, 1)], size, dtype: .int64)])
        let positions: Tensor = try places.scatter(dim: 0, order, places)
        return (try indexSelect(dim: dim, order.indexSelect(dim: 0, firsts)), positions, try ends - firsts)
    }

    /// The distinct elements in ascending order, for each element the position of its value, and how often each value occurs.
    public func unique() throws -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        let results = try applyTensors(.unique, [.tensor(self), .bool(true), .bool(true), .bool(true)])
        return (results[0], results[1], results[2])
    }

    /// How often each of the numbers 0, 1, 2 ... occurs in this vector.
    public func bincount(minLength: any SymIntConvertible = 0) throws -> Tensor {
        try applySingle(.bincount, [.tensor(self), .none, .int(minLength)])
    }

    /// A new last dimension of zeros with a one at each element's position.
    /// - Parameter classes: the size of the new dimension; -1 for as many as the largest element needs, which is read from the tensor.
    public func oneHot(classes: any SymIntConvertible = -1) throws -> Tensor {
        // In a program the number of classes is then a number of its own.
        guard classes.symInt.constant == -1, Interpreter.current != nil else {
            return try applySingle(.oneHot, [.tensor(self), .int(classes)])
        }
        return try Operator.oneHot(self, classes: try amax().item() + 1)
    }

    /// The distinct parts along a dimension in ascending order, for each part the position of its like, and how often each occurs.
    public func unique(dim: Int) throws -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        let results = try applyTensors(.uniqueDim, [.tensor(self), .int(dim), .bool(true), .bool(true), .bool(true)])
        return (results[0], results[1], results[2])
    }

    /// The first of every run of equal elements, for each element the position of its run, and how long each is.
    public func uniqueConsecutive(dim: Int? = nil) throws -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        let results = try applyTensors(.uniqueConsecutive, [.tensor(self), .bool(true), .bool(true), dim.map { .int($0) } ?? .none])
        return (results[0], results[1], results[2])
    }
}
