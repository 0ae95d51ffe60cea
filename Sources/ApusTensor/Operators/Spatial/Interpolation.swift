import ApusSymbolic
import CApusKernels

// Images, volumes and signals [batch, channels, spatial...] at other sizes.

extension Operator {
    static let interpolations: [Operator] =
        (1...3).flatMap {
            interpolation("upsample_nearest\($0)d", .nearest, $0) + interpolation("_upsample_nearest_exact\($0)d", .nearestExact, $0)
        }
        + zip(["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"], 1...3).flatMap { interpolation($0, .linear, $1) }
        + interpolation("upsample_bicubic2d", .cubic, 2) + interpolation("_upsample_bilinear2d_aa", .averagingLinear, 2)
        + interpolation("_upsample_bicubic2d_aa", .averagingCubic, 2)

    /// An interpolation, the same with a choice of sizes or scale factors, and its gradient.
    private static func interpolation(_ name: String, _ mode: InterpolationMode, _ dims: Int) -> [Operator] {
        let aligns: Bool = mode != .nearest && mode != .nearestExact
        let align: String = aligns ? ", bool align_corners" : ""
        let scales: String = (dims == 1 ? ["scales"] : ["scales_d", "scales_h", "scales_w"].suffix(dims)).map { ", float? \($0)=None" }
            .joined()
        let form = InterpolationForm(mode: mode, dims: dims, aligns: aligns)
        let base = Operator(
            "aten::\(name)(Tensor self, SymInt[\(dims)] output_size\(align)\(scales)) -> Tensor",
            "\(form.text) at \(dims == 1 ? "another length" : "other sizes") of the last \(dims) dimensions. Scale factors, where given, place the "
                + "positions instead of the ratio of the sizes"
                + (aligns ? "; with `align_corners` the outermost positions coincide." : ".")
                + " Positions are exact beyond 2^23 of them too, where PyTorch rounds them to float32.",
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype, try form.resultShape(x, call, sizes: call.ints(1)))]
            },
            kernel: .compute { call, outputs in
                if try form.runs(call, outputs[0]) { return }
                try Interpreter.with(nil) { try call.copy(form.interpolated(call.tensor(0), call), to: outputs[0]) }
            },
            decomposition: { call in [.tensor(try form.interpolated(call.tensor(0), call))] },
            samples: { try form.samples() })
        let vector = composite(
            "aten::\(name).vec(Tensor input, SymInt[]? output_size\(align), float[]? scale_factors) -> Tensor",
            "As `\(name)`, of the sizes given or those that scale factors lead to, rounded down.",
            samples: {
                let x: Tensor = try .sample([1, 2] + [4, 3, 2].prefix(dims))
                let middle: [OperatorArgument] = aligns ? [.bool(false)] : []
                return [
                    [.tensor(x), .ints(Array(repeating: 5, count: dims))] + middle + [.none],
                    [.tensor(x), .none] + middle + [.floats(Array(repeating: 1.5, count: dims))],
                ]
            }
        ) { call in
            let (sizes, factors) = try form.sizesOrFactors(call, at: aligns ? 3 : 2)
            return [.tensor(try applySingle(base, [call[0], .ints(sizes)] + (aligns ? [call[2]] : []) + factors))]
        }
        let backward = composite(
            "aten::\(name)_backward(Tensor grad_output, SymInt[\(dims)] output_size, SymInt[\(dims + 2)] input_size\(align)\(scales)) -> Tensor",
            "The gradient of `\(name)`.",
            samples: {
                let gradient: Tensor = try .sample([1, 2] + [6, 5, 3].prefix(dims), seed: 2)
                return try form.samples().prefix(1).map { [.tensor(gradient), $0[1], .ints([1, 2] + [4, 3, 2].prefix(dims))] + $0[2...] }
            }
        ) { call in [.tensor(try form.interpolatedBack(call))] }
        return [base, vector, backward]
    }
}

/// An interpolation's kind.
private struct InterpolationForm: Sendable {
    let mode: InterpolationMode
    let dims: Int
    let aligns: Bool

    var text: String {
        switch mode {
        case .nearest: "The elements at the positions below, rounded down,"
        case .nearestExact: "The elements nearest to the centers of the new positions"
        case .linear: "Linear interpolation"
        case .cubic: "Cubic interpolation"
        case .averagingLinear, .averagingCubic:
            "Interpolation by a \(mode == .averagingCubic ? "cubic" : "triangle") as wide as the positions it stands for"
        }
    }

    func resultShape(_ x: Tensor, _ call: Call, sizes: [SymInt]) throws -> Shape {
        guard x.dtype.isFloatingPoint || (x.dtype == .uint8 && (!aligns || dims == 2)) else {
            throw call.error(.dtypeMismatch, "does not take \(x.dtype)")
        }
        guard x.rank == dims + 2 else {
            throw call.error(.shapeMismatch, "takes [batch, channels] and \(dims) more dimensions, not shape \(x.shape)")
        }
        guard sizes.count == dims else { throw call.error(.invalidArgument, "needs \(dims) sizes, not \(sizes.count)") }
        for size in sizes { try require(size > 0, call.error(.invalidArgument, "the sizes must be positive, not \(listText(sizes))")) }
        for size in x.shape.suffix(dims) {
            try require(size > 0, call.error(.shapeMismatch, "an input of shape \(x.shape) has nothing to read"))
        }
        return try Shape(Array(x.shape.sizes.prefix(2)) + sizes, in: call.name)
    }

    /// The taps of a spatial dimension. The output sizes are argument 1; the scales stand behind `align_corners`, which stands at `first`.
    private func taps(_ dim: Int, _ input: SymInt, _ call: Call, _ dtype: DType, at first: Int) throws -> InterpolationTaps {
        let scale: Double? = try call.optionalDouble(first + (aligns ? 1 : 0) + dim)
        return InterpolationTaps(
            mode: mode, input: input, output: try call.ints(1)[dim], scale: scale, alignsCorners: try aligns && call.bool(first),
            dtype: dtype == .float64 ? .float64 : .float32)
    }

    func interpolated(_ x: Tensor, _ call: Call) throws -> Tensor {
        _ = try resultShape(x, call, sizes: call.ints(1))
        if aligns, x.dtype == .uint8 {
            // Rows first, as PyTorch does: what is rounded between counts.
            return try (0..<dims).reversed().reduce(x) { result, dim in
                try result.interpolatedBytes(dim + 2, taps(dim, x.shape[dim + 2], call, .float64, at: 2))
            }
        }
        let wide: Tensor = try aligns ? x.to(x.dtype.accumulation) : x
        return try (0..<dims).reduce(wide) { result, dim in
            try result.interpolated(dim + 2, taps(dim, x.shape[dim + 2], call, x.dtype, at: 2))
        }.to(x.dtype)
    }

    func interpolatedBack(_ call: Call) throws -> Tensor {
        let (gradient, sizes, input) = (try call.tensor(0), try call.ints(1), try call.ints(2))
        guard gradient.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(gradient.dtype)") }
        guard sizes.count == dims, input.count == dims + 2 else {
            throw call.error(
                .invalidArgument, "needs \(dims) output sizes and \(dims + 2) input sizes, not \(sizes.count) and \(input.count)")
        }
        for size in sizes + input.dropFirst(2) { try require(size > 0, call.error(.invalidArgument, "the sizes must be positive")) }
        try call.requireShape(gradient, try Shape(Array(input.prefix(2)) + sizes, in: call.name), "a gradient")
        let wide: Tensor = try gradient.to(gradient.dtype.accumulation)
        return try (0..<dims).reduce(wide) { result, dim in
            try result.interpolatedBack(dim + 2, taps(dim, input[dim + 2], call, gradient.dtype, at: 3))
        }.to(gradient.dtype)
    }

    /// The vector kernels, where they have the mode.
    func runs(_ call: Call, _ output: Tensor) throws -> Bool {
        guard mode == .nearest || mode == .linear, try call.tensor(0).dtype.isFloatingPoint, output.layout.count > 0 else { return false }
        let x = try call.dense(0)
        var pool = poolingSizes(input: x, output: output, dims: dims)
        var scales: [Double] = [0, 0, 0]
        for dim in 0..<dims { scales[3 - dims + dim] = try call.optionalDouble(2 + (aligns ? 1 : 0) + dim) ?? 0 }
        let dtype = Int32(x.dtype.rawValue)
        let status: Int32 =
            mode == .nearest
            ? apus_upsample_nearest(&pool, dtype, scales, x.baseAddress, output.baseAddress)
            : apus_upsample_linear(&pool, dtype, try call.bool(2), scales, x.baseAddress, output.baseAddress)
        try check(status, call)
        withExtendedLifetime((x, output)) {}
        return true
    }

    /// Sizes that are given, or that follow from factors, and the factors as arguments.
    func sizesOrFactors(_ call: Call, at index: Int) throws -> ([SymInt], [OperatorArgument]) {
        let absent = [OperatorArgument](repeating: .none, count: dims)
        if let sizes = try call.optionalInts(1) {
            guard case .none = call[index] else { throw call.error(.invalidArgument, "takes sizes or scale factors, not both") }
            return (sizes, absent)
        }
        guard case .none = call[index] else {
            let (x, factors) = (try call.tensor(0), try call.floats(index))
            guard factors.count == dims, x.rank == dims + 2 else {
                throw call.error(.invalidArgument, "\(factors.count) scale factors don't fit shape \(x.shape)")
            }
            guard factors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw call.error(.invalidArgument, "the scale factors must be positive, not \(factors)")
            }
            let sizes: [SymInt] = factors.enumerated().map { SymInt(SymFloat(x.shape[$0 + 2]) * $1, rounding: .down) }
            return (sizes, factors.map { .double($0) })
        }
        throw call.error(.invalidArgument, "needs sizes or scale factors")
    }

    func samples() throws -> [[OperatorArgument]] {
        let x: Tensor = try .sample([1, 2] + [4, 3, 2].prefix(dims))
        let absent = [OperatorArgument](repeating: .none, count: dims)
        var result: [[OperatorArgument]] = [
            [.tensor(x), .ints(Array([6, 5, 3].prefix(dims)))] + (aligns ? [.bool(false)] : []) + absent,
            [.tensor(x), .ints(Array([3, 2, 4].prefix(dims)))] + (aligns ? [.bool(true)] : []) + absent,
        ]
        result.append(
            [.tensor(try x.to(.float64)), .ints(Array([6, 5, 3].prefix(dims)))] + (aligns ? [.bool(false)] : [])
                + absent.map { _ in .double(1.7) })
        if aligns, dims == 2 {
            let bytes: Tensor = try (x.abs() * 100).to(.uint8)
            result.append([.tensor(bytes), .ints([6, 5]), .bool(false)] + absent)
        }
        return result
    }
}

extension Tensor {
    /// Images [batch, channels, ...] of one, two or three dimensions at other sizes.
    ///
    /// - Parameters:
    ///   - mode: 'nearest' or 'nearest-exact'; 'linear' of one dimension, 'bilinear' or 'bicubic' of two, 'trilinear' of three.
    ///   - antialias: averages where an image shrinks; 'bilinear' and 'bicubic' only.
    public func interpolated(
        to sizes: [any SymIntConvertible], mode: String = "nearest", alignsCorners: Bool = false, antialias: Bool = false
    ) throws -> Tensor {
        let (operation, middle) = try Tensor.interpolation(sizes.count, mode, alignsCorners: alignsCorners, antialias: antialias)
        return try applySingle(operation, [.tensor(self), .ints(sizes)] + middle + Array(repeating: .none, count: sizes.count))
    }

    /// The same at sizes that are multiples of the image's by factors, rounded down. The factors place the positions, where PyTorch's
    /// `recompute_scale_factor` would take the ratios of the sizes.
    public func interpolated(
        by factors: [Double], mode: String = "nearest", alignsCorners: Bool = false, antialias: Bool = false
    ) throws -> Tensor {
        let (operation, middle) = try Tensor.interpolation(factors.count, mode, alignsCorners: alignsCorners, antialias: antialias, ".vec")
        return try applySingle(operation, [.tensor(self), .none] + middle + [.floats(factors)])
    }

    /// The operator for a mode, and what it takes besides sizes and factors.
    private static func interpolation(
        _ dims: Int, _ mode: String, alignsCorners: Bool, antialias: Bool, _ overload: String = ""
    ) throws -> (Operator, [OperatorArgument]) {
        guard (1...3).contains(dims) else {
            throw TensorError(.invalidArgument, in: "interpolate", "takes one, two or three sizes, not \(dims)")
        }
        let smooth: [String] = [["linear"], ["bilinear", "bicubic"], ["trilinear"]][dims - 1]
        let modes: [String] = antialias ? ["bilinear", "bicubic"] : ["nearest", "nearest-exact"] + smooth
        guard modes.contains(mode), smooth.contains(mode) || !antialias else {
            let names: String = modes.map { "'\($0)'" }.joined(separator: ", ")
            throw TensorError(
                .invalidArgument, in: "interpolate",
                "mode must be one of \(names) for \(antialias ? "antialiasing in two" : "\(dims)") dimensions, not '\(mode)'")
        }
        let name: String = mode == "nearest-exact" ? "_upsample_nearest_exact" : "\(antialias ? "_" : "")upsample_\(mode)"
        return (
            try .named("\(name)\(dims)d\(antialias ? "_aa" : "")\(overload)"),
            mode.hasPrefix("nearest") ? [] : [.bool(alignsCorners)]
        )
    }
}
