import ApusSymbolic
import CApusKernels

// Normalisation over the last dimensions. `y = (x - mean) * rstd * weight + bias` with rstd = 1 / sqrt(variance + eps).
// Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.

extension Operator {
    static let nativeLayerNorm: Operator = Operator(
        "aten::native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)",
        "Layer norm over the last dimensions, whose sizes are `normalized_shape`; also the mean and rstd, with size 1 in those dimensions. Floating-point tensors only.",
        rule: { call in
            let x = try call.tensor(0)
            let inner: Int = try call.normalizedRank(of: x, sizes: 1, parameters: [2, 3])
            var sizes: [SymInt] = x.shape.sizes
            for dim in (x.rank - inner)..<x.rank { sizes[dim] = 1 }
            let statistics = TensorSpec(try call.statisticsDType(parameters: [2, 3]), try Shape(sizes, in: call.name))
            return [x.spec, statistics, statistics]
        },
        kernel: .compute { call, outputs in
            let x: Tensor = try call.tensor(0).contiguous()
            let (weight, bias) = (try call.optionalTensor(2)?.contiguous(), try call.optionalTensor(3)?.contiguous())
            let (rows, columns) = try call.rowsAndColumns()
            var (input, out, mean, rstd) = (x.view, outputs[0].view, outputs[1].view, outputs[2].view)
            let status: Int32 = try withViews(weight, bias) { weight, bias in
                apus_layer_norm(rows, columns, try call.double(4), &input, weight, bias, &out, &mean, &rstd)
            }
            withExtendedLifetime((x, weight, bias, outputs)) {}
            try check(status, call)
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            let mask: [Bool] = [g.isWanted(0), g.isWanted(2), g.isWanted(3)]
            let results = try applyTensors(
                .nativeLayerNormBackward,
                [
                    .tensor(g.gradient), .tensor(x), g.call[1], .tensor(g.outputs[1]), .tensor(g.outputs[2]), g.call[2], g.call[3],
                    .bools(mask),
                ])
            // Second derivatives reach the input through the statistics as well.
            let count: SymInt = try g.call.ints(1).reduce(SymInt(1)) { $0 * $1 }
            let input: Tensor = try g.throughStatistics(results[0], x, mean: 1, rstd: 2, count: count) { $0 }
            return [mask[0] ? .tensor(input) : .none, .none, mask[1] ? .tensor(results[1]) : .none, mask[2] ? .tensor(results[2]) : .none]
        },
        samples: {
            let weight: Tensor = try .sample([4], in: 0.5...2, seed: 2)
            return [
                [.tensor(try .sample([2, 3, 4])), .ints([4]), .tensor(weight), .tensor(try .sample([4], seed: 3)), .double(1e-5)],
                [.tensor(try .sample([2, 3, 4], dtype: .float64)), .ints([3, 4]), .none, .none, .double(1e-3)],
                [.tensor(try .sample([2, 4], dtype: .bfloat16)), .ints([4]), .tensor(weight), .tensor(weight), .double(1e-5)],
                [.tensor(try .sample([4, 3]).transposed(0, 1)), .ints([4]), .tensor(weight), .none, .double(1e-5)],
            ]
        })

    static let nativeLayerNormBackward: Operator = Operator(
        "aten::native_layer_norm_backward(Tensor grad_out, Tensor input, SymInt[] normalized_shape, Tensor mean, Tensor rstd, Tensor? weight, Tensor? bias, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of layer norm's input, weight and bias; empty where `output_mask` says that one isn't wanted.",
        rule: { call in
            let x = try call.tensor(1)
            let mask = try call.mask3(7)
            let inner: Int = try call.normalizedRank(of: x, sizes: 2, parameters: [5, 6])
            try call.requireParameterDTypes([3, 4, 5, 6], of: x)
            try call.requireGradient(0, of: x)
            var sizes: [SymInt] = x.shape.sizes
            for dim in (x.rank - inner)..<x.rank { sizes[dim] = 1 }
            let statistics = try Shape(sizes, in: call.name)
            try call.requireShape(try call.tensor(3), statistics, "a mean")
            try call.requireShape(try call.tensor(4), statistics, "a rstd")
            let parameters = try Shape(call.ints(2), in: call.name)
            return [
                mask[0] ? x.spec : .empty(x.dtype),
                mask[1] ? TensorSpec(try call.optionalTensor(5)?.dtype ?? x.dtype, parameters) : .empty(x.dtype),
                mask[2] ? TensorSpec(try call.optionalTensor(6)?.dtype ?? x.dtype, parameters) : .empty(x.dtype),
            ]
        },
        kernel: .compute { call, outputs in
            let (gradient, x): (Tensor, Tensor) = (try call.tensor(0).contiguous(), try call.tensor(1).contiguous())
            let (mean, rstd): (Tensor, Tensor) = (try call.tensor(3).contiguous(), try call.tensor(4).contiguous())
            let weight: Tensor? = try call.optionalTensor(5)?.contiguous()
            let mask = try call.mask3(7)
            let columns: Int = try call.constants(2).reduce(1, &*)
            let rows: Int = try x.layout.sizesArray.dropLast(call.ints(2).count).reduce(1, &*)
            var (g, input, m, r) = (gradient.view, x.view, mean.view, rstd.view)
            let status: Int32 = withViews(weight, mask[0] ? outputs[0] : nil) { weight, gradInput in
                withViews(mask[1] ? outputs[1] : nil, mask[2] ? outputs[2] : nil) { gradWeight, gradBias in
                    apus_layer_norm_backward(Int64(rows), Int64(columns), &g, &input, &m, &r, weight, gradInput, gradWeight, gradBias)
                }
            }
            withExtendedLifetime((gradient, x, mean, rstd, weight, outputs)) {}
            try check(status, call)
        },
        decomposition: { call in
            let (gradient, x) = (try call.tensor(0), try call.tensor(1))
            let mask = try call.mask3(7)
            let inner: Int = try call.ints(2).count
            let (outerDims, innerDims) = (Array(0..<(x.rank - inner)), Array((x.rank - inner)..<x.rank))
            let normal: Tensor = try (x - call.tensor(3)) * call.tensor(4)
            let weighted: Tensor = try call.optionalTensor(5).map { try gradient * $0 } ?? gradient
            let empty: Tensor = try .zeros([0], dtype: x.dtype)
            func outerSum(_ tensor: Tensor) throws -> Tensor { outerDims.isEmpty ? tensor : try tensor.sum(dims: outerDims) }
            return [
                .tensor(mask[0] ? try normalizedGradient(weighted, normal, call.tensor(4), dims: innerDims).to(x.dtype) : empty),
                .tensor(mask[1] ? try outerSum(gradient * normal) : empty), .tensor(mask[2] ? try outerSum(gradient) : empty),
            ]
        },
        samples: {
            let x: Tensor = try .sample([2, 3, 4], dtype: .float64)
            let (mean, rstd): (Tensor, Tensor) = (
                try x.mean(dim: -1, keepDim: true), try (x.var(dim: -1, correction: 0, keepDim: true) + 1e-5).rsqrt()
            )
            let weight: Tensor = try .sample([4], dtype: .float64, in: 0.5...2, seed: 2)
            return [[true, true, true], [true, false, true]].map { mask in
                [
                    .tensor(x), .tensor(x), .ints([4]), .tensor(mean), .tensor(rstd), .tensor(weight), .tensor(weight), .bools(mask),
                ]
            }
        })

    static let layerNorm: Operator = composite(
        "aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor",
        "Layer norm over the last dimensions, whose sizes are `normalized_shape`. A variance that leaves float32 is none that matters, where PyTorch gives "
            + "0 or NaN.",
        samples: {
            [
                [.tensor(try .sample([2, 3, 4])), .ints([4]), .none, .none, .double(1e-5), .bool(true)],
                [.tensor(try .sample([2, 3])), .ints([2, 3]), .tensor(try .sample([2, 3], seed: 2)), .none, .double(1e-5), .bool(true)],
            ]
        },
        { call in [try apply(.nativeLayerNorm, Array(call.arguments.prefix(5)))[0]] })

    static let rmsNorm: Operator = Operator(
        "aten::rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
        "`x / sqrt(mean(x^2) + eps) * weight` over the last dimensions; eps is the dtype's smallest step from 1 where absent. Squares may leave float32, "
            + "of which PyTorch gives 0. Source: Zhang and Sennrich, 2019.",
        rule: { call in
            let x = try call.tensor(0)
            _ = try call.normalizedRank(of: x, sizes: 1, parameters: [2], takesComplex: true)
            try call.requireParameterDTypes([2], of: x)
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            if try call.tensor(0).dtype.isComplex {
                return try Interpreter.with(nil) { try call.copy(rmsNormalized(call), to: outputs[0]) }
            }
            let x: Tensor = try call.tensor(0).contiguous()
            let weight: Tensor? = try call.optionalTensor(2)?.contiguous()
            let (rows, columns) = try call.rowsAndColumns()
            let epsilon: Double = try call.optionalDouble(3) ?? x.dtype.smallestStep
            var (input, out) = (x.view, outputs[0].view)
            let status: Int32 = withViews(weight, nil) { weight, _ in apus_rms_norm(rows, columns, epsilon, &input, weight, &out) }
            withExtendedLifetime((x, weight, outputs)) {}
            try check(status, call)
        },
        gradient: { g in
            if g.outputs[0].dtype.isComplex { throw g.call.error(.notDifferentiable, "has a gradient for real numbers only") }
            // y = x / r, so that the gradient is (g - y mean(g y)) / r. No square is taken of x: it may leave the dtype.
            let x: Tensor = try g.call.tensor(0).wide()
            let dims: [Int] = try Array((x.rank - g.call.ints(1).count)..<x.rank)
            let epsilon: Double = try g.call.optionalDouble(3) ?? g.call.tensor(0).dtype.smallestStep
            let count: SymInt = try g.call.ints(1).reduce(SymInt(1)) { $0 * $1 }
            let size: Tensor = try (x / SymFloat(count).squareRoot()).norm(2, dims: dims, keepDim: true)
            let root: Tensor =
                try epsilon < 0 ? (size * size + epsilon).sqrt() : size.hypot(Tensor.full([], epsilon.squareRoot(), dtype: x.dtype))
            let normal: Tensor = try x / root
            let gradient: Tensor = try g.gradient.wide()
            let weight: Tensor? = try g.call.optionalTensor(2)
            let weighted: Tensor = try weight.map { try gradient * $0 } ?? gradient
            let input: Tensor? =
                try g.isWanted(0) ? (weighted - normal * (weighted * normal).mean(dims: dims, keepDim: true)) / root : nil
            return [
                .optional(try input?.to(g.call.tensor(0).dtype)), .none,
                try weight == nil ? .none : g.reduced(gradient * normal, to: 2),
            ]
        },
        decomposition: { call in [.tensor(try rmsNormalized(call))] },
        samples: {
            [
                [.tensor(try .sample([2, 3, 4])), .ints([4]), .tensor(try .sample([4], seed: 2)), .double(1e-5)],
                [.tensor(try .sample([2, 3], dtype: .float64)), .ints([2, 3]), .none, .none],
            ]
        })

    /// Of complex numbers the squares are no magnitudes', as in PyTorch.
    private static func rmsNormalized(_ call: Call) throws -> Tensor {
        let x: Tensor = try call.tensor(0).wide()
        let dims: [Int] = try Array((x.rank - call.ints(1).count)..<x.rank)
        let epsilon: Double = try call.optionalDouble(3) ?? call.tensor(0).dtype.smallestStep
        let normal: Tensor = try x * ((x * x).mean(dims: dims, keepDim: true) + epsilon).rsqrt()
        return try (call.optionalTensor(2).map { try normal * $0 } ?? normal).to(call.tensor(0).dtype)
    }

    static let layerNorms: [Operator] = [nativeLayerNorm, nativeLayerNormBackward, layerNorm, rmsNorm]

    /// The gradient of `(x - mean) * rstd` over dimensions, from the incoming gradient and the normalised values.
    static func normalizedGradient(_ gradient: Tensor, _ normal: Tensor, _ rstd: Tensor, dims: [Int]) throws -> Tensor {
        let mean: Tensor = try gradient.mean(dims: dims, keepDim: true)
        let along: Tensor = try normal * (gradient * normal).mean(dims: dims, keepDim: true)
        return try (gradient - mean - along) * rstd
    }
}

extension TensorSpec {
    /// The place of a result that isn't wanted.
    static func empty(_ dtype: DType) -> TensorSpec { TensorSpec(dtype, Shape(Layout.contiguous([0]) ?? .scalar)) }
}

extension Call {
    /// Requires that a tensor ends in the sizes that an argument lists, which the parameters at these positions have exactly; the number of
    /// sizes.
    fileprivate func normalizedRank(of x: Tensor, sizes: Int, parameters: [Int], takesComplex: Bool = false) throws -> Int {
        guard x.dtype.isFloatingPoint || (takesComplex && x.dtype.isComplex) else {
            throw error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes")
        }
        let target = try Shape(ints(sizes), in: name)
        func mismatch() -> TensorError {
            error(.shapeMismatch, "a tensor of shape \(x.shape) does not end in the sizes \(target)")
        }
        guard !target.isEmpty, target.count <= x.rank else { throw mismatch() }
        for (dim, size) in target.enumerated() where !x.shape[x.rank - target.count + dim].isIdentical(to: size) {
            try require(x.shape[x.rank - target.count + dim] == size, mismatch())
        }
        for position in parameters {
            guard let parameter = try optionalTensor(position) else { continue }
            let what = self.operator.schema.parameters[position].name
            guard parameter.rank == target.count else {
                throw error(.shapeMismatch, "the \(what) has shape \(parameter.shape), but the sizes to normalise are \(target)")
            }
            for (a, b) in zip(parameter.shape, target) where !a.isIdentical(to: b) {
                try require(
                    a == b, error(.shapeMismatch, "the \(what) has shape \(parameter.shape), but the sizes to normalise are \(target)"))
            }
        }
        return target.count
    }

    /// The dtype of means and reciprocal deviations: the input's, float32 where a half-precision input meets float32 parameters.
    func statisticsDType(parameters: [Int]) throws -> DType {
        let x = try tensor(0)
        try requireParameterDTypes(parameters, of: x)
        return try parameters.contains { try optionalTensor($0).map { $0.dtype != x.dtype } ?? false } ? .float32 : x.dtype
    }

    /// Requires that parameters and statistics, where they are given, have the input's dtype, or float32 beside an input in half precision.
    func requireParameterDTypes(_ positions: [Int], of x: Tensor) throws {
        for position in positions {
            guard let parameter = try optionalTensor(position), parameter.dtype != x.dtype else { continue }
            guard parameter.dtype == .float32, x.dtype.accumulation == .float32 else {
                let what = self.operator.schema.parameters[position].name
                throw error(.dtypeMismatch, "the \(what) is of \(parameter.dtype), but the input of \(x.dtype)")
            }
        }
    }

    /// Requires a gradient of the input's dtype and shape: kernels take its memory to be as large.
    func requireGradient(_ index: Int, of x: Tensor) throws {
        try requireGradientDType(index, of: x)
        try requireShape(try tensor(index), x.shape, "a gradient")
    }

    fileprivate func rowsAndColumns() throws -> (Int64, Int64) {
        let columns: Int = try constants(1).reduce(1, &*)
        let rows: Int = try tensor(0).layout.sizesArray.dropLast(ints(1).count).reduce(1, &*)
        return (Int64(rows), Int64(columns))
    }

    /// Which of three results are wanted.
    func mask3(_ index: Int) throws -> [Bool] {
        guard case .bools(let mask) = self[index], mask.count == 3 else {
            throw error(.invalidArgument, "output_mask must be three truth values")
        }
        return mask
    }
}

extension GradientCall {
    /// Adds what flows to the input through its mean and rstd, where those were used. `restored` gives a statistic the input's rank.
    func throughStatistics(
        _ gradient: Tensor, _ x: Tensor, mean: Int, rstd: Int, count: SymInt, _ restored: (Tensor) throws -> Tensor
    ) throws -> Tensor {
        var result: Tensor = gradient
        let (toMean, toRstd): (Tensor?, Tensor?) = (gradients[mean], gradients[rstd])
        guard isWanted(0) else { return gradient }
        if let toMean { result = try result + restored(toMean) / count }
        if let toRstd {
            let cube: Tensor = try outputs[rstd] * outputs[rstd] * outputs[rstd]
            let deviation: Tensor = try x - restored(outputs[mean])
            result = try result - restored(toRstd * cube) * deviation / count
        }
        return try result.to(x.dtype)
    }
}

extension DType {
    /// The distance from 1 to the next number.
    var smallestStep: Double {
        switch self {
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        case .float32, .complex64: 0x1p-23
        default: 0x1p-52
        }
    }
}

/// Calls the closure with two tensors as kernels see them; null for an absent one.
func withViews<Result>(
    _ a: Tensor?, _ b: Tensor?, _ body: (UnsafePointer<apus_view>?, UnsafePointer<apus_view>?) throws -> Result
) rethrows -> Result {
    var (first, second) = (a?.view ?? apus_view(), b?.view ?? apus_view())
    return try withUnsafePointer(to: &first) { first in
        try withUnsafePointer(to: &second) { second in
            try withExtendedLifetime((a, b)) { try body(a == nil ? nil : first, b == nil ? nil : second) }
        }
    }
}

extension Tensor {
    /// Layer norm over the last dimensions, whose sizes are `normalizedShape`.
    public func layerNorm(
        _ normalizedShape: [any SymIntConvertible], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: any ScalarConvertible = 1e-5
    ) throws -> Tensor {
        try applySingle(
            .layerNorm, [.tensor(self), .ints(normalizedShape), .optional(weight), .optional(bias), .float(epsilon), .bool(true)])
    }

    /// `x / sqrt(mean(x^2) + epsilon) * weight` over the last dimensions, whose sizes are `normalizedShape`.
    public func rmsNorm(_ normalizedShape: [any SymIntConvertible], weight: Tensor? = nil, epsilon: (any ScalarConvertible)? = nil) throws
        -> Tensor
    {
        try applySingle(
            .rmsNorm, [.tensor(self), .ints(normalizedShape), .optional(weight), epsilon.map { .float($0) } ?? .none])
    }
}
