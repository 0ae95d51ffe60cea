import ApusSymbolic

extension Pointwise {
    /// One dtype of every kind that the operation is computed in.
    private var sampleDTypes: [DType] {
        [DType.float32, .float64, .bfloat16, .int64, .uint8, .bool, .complex64].filter { resultDType(resolve($0)) != nil }
    }

    /// One operand of every kind of dtype; then a zero-dimensional, an empty and a transposed one.
    func unarySamples(_ domain: ClosedRange<Double>, _ further: [OperatorArgument]) throws -> [[OperatorArgument]] {
        var operands: [Tensor] = try sampleDTypes.map { try .sample([2, 3], dtype: $0, in: domain) }
        guard let dtype = sampleDTypes.first else { return [] }
        operands.append(try .sample([], dtype: dtype, in: domain))
        operands.append(try .sample([0, 3], dtype: dtype, in: domain))
        operands.append(try .sample([4, 2], dtype: dtype, in: domain).transposed(0, 1))
        return operands.map { [.tensor($0)] + further }
    }

    /// Pairs of operands of every kind of dtype, broadcast and mixed.
    func binarySamples(_ domain: ClosedRange<Double>, _ further: [OperatorArgument]) throws -> [[OperatorArgument]] {
        var pairs: [(Tensor, Tensor)] = try sampleDTypes.map {
            (try .sample([2, 3], dtype: $0, in: domain), try .sample([3], dtype: $0, in: domain, seed: 2))
        }
        guard let dtype = sampleDTypes.first else { return [] }
        pairs.append((try .sample([2, 1], dtype: dtype, in: domain), try .sample([1, 3], dtype: dtype, in: domain, seed: 2)))
        pairs.append((try .sample([0, 3], dtype: dtype, in: domain), try .sample([1], dtype: dtype, in: domain, seed: 2)))
        if sampleDTypes.contains(.float32) && sampleDTypes.contains(.int64) {
            // A zero-dimensional operand of a higher precision does not widen the result; one of a higher category does.
            pairs.append((try .sample([2, 3], in: domain), try .sample([], dtype: .float64, in: domain, seed: 2)))
            pairs.append((try .sample([2, 3], dtype: .int64, in: domain), try .sample([], in: domain, seed: 2)))
            pairs.append((try .sample([3], dtype: .int64, in: domain), try .sample([2, 3], in: domain, seed: 2)))
        }
        return pairs.map { [.tensor($0), .tensor($1)] + further }
    }
}

extension Tensor {
    /// Data for the operator records' samples: a fixed sequence of numbers in a range, or between 0 and 9 (1 and 9 where the range is
    /// positive) for integers. Complex numbers have both parts in the range.
    static func sample(
        _ sizes: [Int], dtype: DType = .float32, in domain: ClosedRange<Double> = -2...2, seed: UInt64 = 1
    ) throws -> Tensor {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let count = Layout.elementCount(sizes) ?? 0
        let lowest: Double = domain.lowerBound > 0 ? 1 : 0
        let values: [Double] = (0..<(dtype.isComplex ? 2 * count : count)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let unit = Double(state >> 40) / Double(1 << 24)
            if dtype == .bool { return unit < 0.5 ? 0 : 1 }
            if dtype.isInteger { return lowest + (unit * (9 - lowest)).rounded() }
            return domain.lowerBound + unit * (domain.upperBound - domain.lowerBound)
        }
        guard dtype.isComplex else { return try Tensor(values, shape: sizes).to(dtype) }
        let parts = try Tensor(values, shape: [2 * count])
        guard let layout = Layout.contiguous(sizes) else { return parts }
        return try Tensor(storage: parts.storage, dtype: .complex128, layout: layout, offset: 0).to(dtype)
    }
}
