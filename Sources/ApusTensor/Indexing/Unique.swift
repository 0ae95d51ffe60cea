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
        isConsecutive: true, inverse: 1,
        samples: { [[.tensor(try Tensor([3, 3, 1, 1, 1, 3] as [Int], shape: [6])), .bool(true), .bool(true), .none]] })

    static let bincount: Operator = Operator(
        "aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor",
        "How often each of the numbers 0, 1, 2 ... occurs in a vector, or the sum of its weights; at least `minlength` results.",
        effects: .dataDependent,
        rule: { call in
            _ = try call.countedVector()
            let dtype = try call.optionalTensor(1).map { $0.dtype == .float32 ? DType.float32 : .float64 } ?? .int64
            let size = try unbackedSize(for: "numbers counted", atMost: SymInt(Int.max))
            return [TensorSpec(dtype, try Shape([size], in: call.name))]
        },
        kernel: .host { call in
            let x = try call.countedVector()
            let least = try call.known(try call.int(2))
            guard least >= 0 else { throw call.error(.invalidArgument, "the minimal length is negative: \(least)") }
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
        let classes: SymInt = given == -1 ? try x.amax().item() + 1 : SymInt(given)
        let zeros = try Tensor.full(x.shape.sizes + [classes], 0, dtype: .int64)
        return [.tensor(try zeros.scatter(dim: -1, x.unsqueezed(-1), 1))]
    }

    static let distincts: [Operator] = [unique, uniqueConsecutive, bincount, oneHot]

    private static func distinct(
        _ schema: String, _ documentation: String, isConsecutive: Bool, inverse inverseIndex: Int,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation, effects: .dataDependent,
            rule: { call in
                let x = try call.tensor(0)
                if isConsecutive { try call.requireNoDimension() }
                let count = try unbackedSize(for: "distinct elements", atMost: x.count)
                let (values, empty) = (try Shape([count], in: call.name), try Shape([0] as [Int], in: call.name))
                return [
                    TensorSpec(x.dtype, values), TensorSpec(.int64, try call.bool(inverseIndex) ? x.shape : empty),
                    TensorSpec(.int64, try call.bool(inverseIndex + 1) ? values : empty),
                ]
            },
            kernel: .host { call in
                if isConsecutive { try call.requireNoDimension() }
                return try call.distinctElements(
                    isConsecutive: isConsecutive, inverse: try call.bool(inverseIndex), counts: try call.bool(inverseIndex + 1))
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

    fileprivate func requireNoDimension() throws {
        guard case .none = self[3] else { throw error(.unsupported, "distinct parts along a dimension; flatten them to numbers first") }
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
    /// The distinct elements in ascending order, for each element the position of its value, and how often each value occurs.
    public func unique() throws -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        let results = try applyTensors(.unique, [.tensor(self), .bool(true), .bool(true), .bool(true)])
        return (results[0], results[1], results[2])
    }

    /// How often each of the numbers 0, 1, 2 ... occurs in this vector.
    public func bincount(minLength: Int = 0) throws -> Tensor { try applySingle(.bincount, [.tensor(self), .none, .int(minLength)]) }

    /// A new last dimension of zeros with a one at each element's position.
    public func oneHot(classes: Int = -1) throws -> Tensor { try applySingle(.oneHot, [.tensor(self), .int(classes)]) }
}
