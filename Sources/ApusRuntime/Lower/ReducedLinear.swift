import ApusTensor

extension Operator {
    /// A product with a weight that is stored in fewer bits. No program has it: the pass `reduced-weights` writes it.
    static let reducedLinear = Operator(
        "apus::reduced_linear(Tensor input, Tensor weight, Tensor? scales, Tensor? zero_points, Tensor? bias, int group_size) -> Tensor",
        "`input @ ((weight - zero_points) * scales)^T + bias`, in float32: weight is [out, in] of bfloat16, or of 8-bit integers; scales and zero "
            + "points are numbers, or [out or 1, groups], each for `group_size` columns of the weight (0: for all of them).",
        rule: { call in
            let (x, weight) = (try call.tensor(0), try call.tensor(1))
            return [TensorSpec(.float32, try Shape(Array(x.shape.sizes.dropLast()) + [weight.shape[0]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let weight: Tensor = try ReducedWeight(call).widened()
            let product: Tensor = try call.tensor(0).linear(weight, bias: call.optionalTensor(4))
            try outputs[0].fill(from: product)
        },
        samples: { [] })
}

/// A weight as it is stored.
struct ReducedWeight {
    /// [rows, columns]
    let levels: Tensor
    /// Nothing, a number, or a matrix [rows or 1, groups], each number for `groupSize` columns.
    let scales: OperatorArgument
    let zeroPoints: OperatorArgument
    let groupSize: Int

    /// The weight in float32, or what `gather` takes of the rows of a matrix.
    func widened(_ gather: (Tensor) throws -> Tensor = { $0 }) throws -> Tensor {
        var weight: Tensor = try gather(levels).to(.float32)
        switch zeroPoints {
        case .scalar(let number): weight = try weight - number
        case .tensor(let matrix): weight = try weight - perColumn(matrix, gather).to(.float32)
        default: break
        }
        switch scales {
        case .scalar(let number): weight = try weight * number
        case .tensor(let matrix): weight = try weight * perColumn(matrix, gather)
        default: break
        }
        return weight
    }

    /// Numbers for groups, as they fall on the columns of the rows that are gathered.
    private func perColumn(_ matrix: Tensor, _ gather: (Tensor) throws -> Tensor) throws -> Tensor {
        let isPerRow: Bool = matrix.shape[0].isIdentical(to: levels.shape[0])
        let numbers: Tensor = isPerRow ? try gather(matrix) : try matrix.reshaped([-1])
        if groupSize == 0 || matrix.shape[1].constant == 1 { return numbers }
        return try numbers.repeatInterleave(groupSize, dim: -1).narrowed(dim: -1, from: 0, length: levels.shape[1])
    }

    /// The levels less their zero points; nil where they are no int8.
    func centered() throws -> Tensor? {
        if case .none = zeroPoints { return levels.dtype == .int8 ? levels : nil }
        let wide = ReducedWeight(levels: levels, scales: .none, zeroPoints: zeroPoints, groupSize: groupSize)
        let centered: Tensor = try wide.widened()
        guard try centered.amin().item(Double.self) >= -128, try centered.amax().item(Double.self) <= 127,
            try (centered .== centered.round()).all().item(Bool.self)
        else { return nil }
        return try centered.to(.int8)
    }

    /// A scale for each row and group; nil where one is not finite.
    func scaleMatrix() throws -> Tensor? {
        let matrix: Tensor
        switch scales {
        case .scalar(let number): matrix = try Tensor([Float(number.doubleValue ?? .nan)], shape: [1, 1])
        case .tensor(let tensor): matrix = tensor
        default: matrix = try Tensor([1] as [Float], shape: [1, 1])
        }
        guard try matrix.isfinite().all().item(Bool.self) else { return nil }
        return try matrix.expanded([levels.shape[0], matrix.shape[1]])
    }
}

extension ReducedWeight {
    /// - Parameter call: of `reducedLinear`
    init(_ call: Call) throws {
        self.init(levels: try call.tensor(1), scales: call[2], zeroPoints: call[3], groupSize: try call.constant(5))
    }
}
