import ApusSymbolic

// Quantiles: the elements below which given shares of all elements lie, and means without NaN.

extension Operator {
    static let quantile: Operator = quantile("quantile(Tensor self, Tensor q, ", ignoresNaN: false)
    static let quantileScalar: Operator = quantile("quantile.scalar(Tensor self, float q, ", ignoresNaN: false)
    static let nanquantile: Operator = quantile("nanquantile(Tensor self, Tensor q, ", ignoresNaN: true)
    static let nanquantileScalar: Operator = quantile("nanquantile.scalar(Tensor self, float q, ", ignoresNaN: true)

    static let nanmean: Operator = composite(
        "aten::nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "The mean of the elements that are not NaN; NaN where there are none. Half precision is summed up in float32, where PyTorch's sum overflows.",
        samples: {
            [
                [.tensor(try .withNaN()), .ints([1]), .bool(false), .none], [.tensor(try .sample([2, 3])), .none, .bool(true), .none],
                [.tensor(try .withNaN()), .none, .bool(false), .dtype(.float64)],
            ]
        }
    ) { call in
        let x = try call.tensor(0)
        guard x.dtype.isDifferentiable else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
        let dims: [Int] = try call.optionalInts(1) == nil ? [] : call.constants(1)
        let (keepDim, dtype) = (try call.bool(2), try call.dtype(3) ?? x.dtype)
        let counted: Tensor = try x.isnan().logicalNot().sum(dims: dims, keepDim: keepDim)
        // A sum of halves may exceed them where the mean does not.
        let sum: Tensor = try Tensor.where(x.isnan(), 0, x).sum(dims: dims, keepDim: keepDim, dtype: dtype.accumulation)
        return [.tensor(try (sum / counted).to(dtype))]
    }

    static let quantiles: [Operator] = [quantile, quantileScalar, nanquantile, nanquantileScalar, nanmean]

    private static func quantile(_ head: String, ignoresNaN: Bool) -> Operator {
        let takesTensor: Bool = head.contains("Tensor q")
        return composite(
            "aten::\(head)int? dim=None, bool keepdim=False, *, str interpolation=\"linear\") -> Tensor",
            "The elements below which the shares `q` of a dimension's elements lie, of all without one; several q stand in front. Between two elements: "
                + "'linear', 'lower', 'higher', 'midpoint' or 'nearest'. " + (ignoresNaN ? "NaN counts not." : "NaN if there is one.")
                + " Between an infinity and another number lies that infinity, where PyTorch gives NaN. q outside of 0...1 is an error.",
            samples: {
                let q: OperatorArgument = takesTensor ? .tensor(try Tensor([0.1, 0.45, 0.85] as [Float], shape: [3])) : .double(0.3)
                return try ["linear", "lower", "higher", "midpoint", "nearest"].enumerated().map {
                    [.tensor(try .sample([3, 5])), q, $0 == 0 ? .none : .int(1), .bool($0 < 2), .string($1)]
                } + [[.tensor(try .withNaN()), q, .int(1), .bool(false), .string("linear")]]
            }
        ) { call in [.tensor(try call.quantiles(ignoresNaN: ignoresNaN))] }
    }
}

extension Call {
    fileprivate func quantiles(ignoresNaN: Bool) throws -> Tensor {
        let x = try tensor(0)
        guard x.dtype == .float32 || x.dtype == .float64 else { throw error(.dtypeMismatch, "takes float32 or float64, not \(x.dtype)") }
        let (shares, isSingle) = try shares(x.dtype)
        let dim: Int? = try optionalInt(2) == nil ? nil : try self.dim(2)
        // The dimension becomes the last one; without one all elements do.
        let lines: Tensor = try dim.map { x.rank == 0 ? try x.reshaped([1]) : try x.movedDim(from: $0, to: -1) } ?? x.reshaped([-1])
        let size: SymInt = lines.shape[-1]
        try require(size > 0, error(.emptyReduction, "a tensor of shape \(x.shape) has no elements to order"))
        let sorted: Tensor = try lines.sort(dim: -1).values
        let missing: Tensor = try lines.isnan().sum(dim: -1, keepDim: true)
        // PyTorch counts positions in the elements' dtype; beyond its digits, float64 does.
        let digits: SymInt = SymInt(x.dtype.largestCounted)
        func counted(in dtype: DType) throws -> Tensor {
            let given: Tensor = try shares.to(dtype)
            if ignoresNaN { return try (given * (missing.neg() + (size - 1)).to(dtype)).clamp(min: 0).to(.float64) }
            return try (given * (size - 1)).to(.float64)
        }
        var places: Tensor
        switch x.dtype == .float64 ? true : decide(size - 1 <= digits) {
        case true?: places = try counted(in: x.dtype)
        case false?: places = try counted(in: .float64)
        case nil:
            let isFew: Tensor = try Tensor.full([], size) .<= (digits + 1)
            places = try Tensor.where(isFew, counted(in: x.dtype), counted(in: .float64))
        }
        // NaN, if there is one, stands last.
        if !ignoresNaN { places = try Tensor.where(missing .> 0, size - 1, places) }
        places = try places.expanded(Array(lines.shape.sizes.dropLast()) + [shares.shape[0]])
        // A share that is no tensor has been looked at.
        var isShare: Tensor?
        if case .tensor = self[1] { isShare = try (shares .>= 0) & (shares .<= 1) }
        var result: Tensor = try interpolated(sorted, places, isShare)
        if lines.rank > 1 || !isSingle { result = try result.movedDim(from: -1, to: 0) }
        if try bool(3) {
            var kept: [SymInt] = x.shape.sizes.map { _ in 1 }
            if let dim, x.rank > 0 {
                kept = x.shape.sizes
                kept[dim] = 1
            }
            return try result.reshaped(isSingle ? kept : [shares.shape[0]] + kept)
        }
        if isSingle { return try result.reshaped(dim == nil || x.rank == 0 ? [] : Array(lines.shape.sizes.dropLast())) }
        return result
    }

    /// The shares as a vector, and whether it stands for a single one.
    private func shares(_ dtype: DType) throws -> (Tensor, isSingle: Bool) {
        guard case .tensor(let given) = self[1] else {
            let share = try double(1)
            guard share >= 0, share <= 1 else { throw error(.invalidArgument, "q must lie between 0 and 1, not at \(share)") }
            return (try Tensor.full([1], share, dtype: dtype), true)
        }
        guard given.dtype == dtype else { throw differentDTypes(try tensor(0), given) }
        guard given.rank <= 1 else { throw error(.shapeMismatch, "q must be a number or a vector, not of shape \(given.shape)") }
        return (given.rank == 0 ? try given.reshaped([1]) : given, given.rank == 0)
    }

    /// Elements at places between positions of the last dimension; the shares that the places stand for must be some.
    private func interpolated(_ sorted: Tensor, _ places: Tensor, _ isShare: Tensor?) throws -> Tensor {
        func at(_ place: Tensor) throws -> Tensor {
            let index: Tensor = try place.to(.int64)
            return try sorted.gather(dim: -1, isShare.map { try positions(index, where: $0, "q must lie between 0 and 1") } ?? index)
        }
        // Where the two lie further apart than the dtype reaches, as infinities do, their shares are added instead.
        func between(_ a: Tensor, _ b: Tensor, _ weight: Tensor) throws -> Tensor {
            let isFar: Tensor = try (b - a).isfinite().logicalNot()
            let shared: Tensor = try Tensor.where(a .== b, a, a * (1 - weight) + b * weight)
            return try Tensor.where(isFar, shared, Tensor.where(isFar, 0, a).lerp(Tensor.where(isFar, 0, b), weight: weight))
        }
        let (below, above): (Tensor, Tensor) = (try places.floor(), try places.ceil())
        switch try string(4) {
        case "lower": return try at(below)
        case "higher": return try at(above)
        case "nearest": return try at(places.round())
        case "midpoint": return try between(at(below), at(above), Tensor.full([], 0.5, dtype: sorted.dtype))
        case "linear": return try between(at(below), at(above), (places - below).to(sorted.dtype))
        default:
            throw error(
                .invalidArgument, "interpolation must be 'linear', 'lower', 'higher', 'midpoint' or 'nearest', not '\(try string(4))'")
        }
    }
}

extension Tensor {
    /// The element below which a share of a dimension's elements lies, of all elements without a dimension; linear between two.
    public func quantile(_ share: any ScalarConvertible, dim: Int? = nil, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.quantileScalar, [.tensor(self), .float(share), dim.map { .int($0) } ?? .none, .bool(keepDim), .string("linear")])
    }
    /// The mean of the elements that are not NaN, over several dimensions, all of them when the list is empty.
    public func nanmean(dims: [Int] = [], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.nanmean, [.tensor(self), .ints(dims), .bool(keepDim), .none])
    }

    /// As `quantile`, of the elements that are not NaN.
    public func nanquantile(_ share: any ScalarConvertible, dim: Int? = nil, keepDim: Bool = false) throws -> Tensor {
        try applySingle(
            .nanquantileScalar, [.tensor(self), .float(share), dim.map { .int($0) } ?? .none, .bool(keepDim), .string("linear")])
    }

    /// The mean of a dimension's elements that are not NaN.
    public func nanmean(dim: Int, keepDim: Bool = false) throws -> Tensor { try nanmean(dims: [dim], keepDim: keepDim) }
}
