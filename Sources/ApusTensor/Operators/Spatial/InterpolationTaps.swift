import ApusSymbolic

/// How values between positions are read.
enum InterpolationMode {
    /// The position below; the nearest one; a line through two; a cubic through four. Averaging modes widen by the scale when shrinking.
    case nearest, nearestExact, linear, cubic, averagingLinear, averagingCubic
}

/// One dimension of an interpolation: which input positions make an output position, and with which weights. Source of the formulas:
/// PyTorch's convention of coordinates; Keys, "Cubic convolution interpolation for digital image processing", 1981 (with -0.75; -0.5 when averaging).
struct InterpolationTaps {
    let mode: InterpolationMode
    let input: SymInt
    let output: SymInt
    /// The scale factor that was asked for; nil for the ratio of the sizes.
    let scale: Double?
    let alignsCorners: Bool
    /// The dtype of the weights.
    let dtype: DType

    /// The dtype to compute coordinates in: that of the weights for the nearest positions, as PyTorch does, as far as float32 counts positions.
    private var coordinateDType: DType {
        let isCounted: Bool = decide(input <= 1 << 23) == true && decide(output <= 1 << 23) == true
        return isCounted && (mode == .nearest || mode == .nearestExact) ? dtype : .float64
    }

    /// Input positions per output position.
    private var ratio: SymFloat {
        if alignsCorners { return SymFloat(input - 1) / SymFloat(larger(output - 1, 1)) }
        if let scale, scale > 0 { return SymFloat(1 / scale) }
        return SymFloat(input) / SymFloat(output)
    }

    /// Where output positions lie in the input.
    private func coordinates() throws -> Tensor {
        let places: Tensor = try Tensor.arange(output, dtype: coordinateDType)
        switch mode {
        case .nearest: return try places * ratio
        case .nearestExact: return try (places + 0.5) * ratio
        default:
            if alignsCorners { return try places * ratio }
            return try (places + 0.5) * ratio - 0.5
        }
    }

    private func held(_ positions: Tensor) throws -> Tensor { try positions.to(.int64).clamp(min: 0, max: input - 1) }

    /// Pairs of positions (int64) and weights, both of one element for each output position; no weight stands for 1. Not for averaging modes.
    func taps() throws -> [(positions: Tensor, weights: Tensor?)] {
        var source: Tensor = try coordinates()
        if mode == .nearest || mode == .nearestExact { return [(try held(source.floor()), nil)] }
        if mode == .linear { source = try source.clamp(min: 0) }
        let below: Tensor = try source.floor()
        let part: Tensor = try source - below
        if mode == .linear {
            // At the edge both are the last element, whatever the weights.
            return [(try held(below), try (1 - part).to(dtype)), (try held(below + 1), try part.to(dtype))]
        }
        return try (-1...2).map { step in (try held(below + step), try Self.cubic((part - step).abs(), -0.75).to(dtype)) }
    }

    /// The cubic kernel at distances below 2.
    static func cubic(_ x: Tensor, _ a: Double) throws -> Tensor {
        let near: Tensor = try (x * (a + 2) - (a + 3)) * x * x + 1
        let far: Tensor = try ((x * a - 5 * a) * x + 8 * a) * x - 4 * a
        return try Tensor.where(x .<= 1, near, far)
    }

    /// The weights of an averaging mode as a matrix [output, input].
    func matrix() throws -> Tensor {
        let isCubic: Bool = mode == .averagingCubic
        // Shrinking widens the kernel by the scale.
        let scale: Tensor = try Tensor.full([], ratio, dtype: .float64)
        let width: Tensor = try scale.clamp(min: 1)
        let center: Tensor = try ((Tensor.arange(output, dtype: .float64) + 0.5) * scale).unsqueezed(1)
        let support: Tensor = try width * (isCubic ? 2 : 1)
        let position: Tensor = try Tensor.arange(input, dtype: .float64)
        let (first, last): (Tensor, Tensor) = (try (center - support + 0.5).trunc(), try (center + support + 0.5).trunc())
        let distance: Tensor = try ((position - center + 0.5) / width).abs()
        var weights: Tensor = try isCubic ? Self.cubic(distance, -0.5) : 1 - distance
        weights = try weights.maskedFill((position .< first) | (position .>= last) | (distance .>= (isCubic ? 2 : 1)), 0)
        return try (weights / weights.sum(dim: 1, keepDim: true)).to(dtype)
    }
}

extension Tensor {
    /// The tensor with a dimension interpolated.
    func interpolated(_ dim: Int, _ taps: InterpolationTaps) throws -> Tensor {
        if taps.mode == .averagingLinear || taps.mode == .averagingCubic {
            return try movedDim(from: dim, to: -1).matmul(taps.matrix().t()).movedDim(from: -1, to: dim)
        }
        let parts: [Tensor] = try taps.taps().map { positions, weights in
            let read: Tensor = try indexSelect(dim: dim, positions)
            return try weights.map { try read * $0.along(dim, of: rank) } ?? read
        }
        return try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
    }

    /// A tensor of bytes with a dimension interpolated as PyTorch does it: with weights of 16 bits, as many of them behind the point as the largest has
    /// room for, and every sum rounded to a byte.
    func interpolatedBytes(_ dim: Int, _ taps: InterpolationTaps) throws -> Tensor {
        let matrix: Tensor
        if taps.mode == .averagingLinear || taps.mode == .averagingCubic {
            matrix = try taps.matrix()
        } else {
            let zeros: Tensor = try Tensor.zeros([taps.output, taps.input], dtype: .float64)
            matrix = try taps.taps().reduce(zeros) { sum, tap in
                let weights: Tensor = try tap.weights ?? tap.positions.onesLike().to(.float64)
                return try sum.scatterAdd(dim: 1, tap.positions.unsqueezed(1), weights.unsqueezed(1))
            }
        }
        let bits: Tensor = try ((matrix.amax().reciprocal() * 32767.5).log2().ceil() - 1).clamp(max: 22)
        let scaled: Tensor = try matrix * bits.exp2()
        let weights: Tensor = try (scaled + scaled.sign() * 0.5).trunc().to(.int64)
        let sums: Tensor = try to(.int64).movedDim(from: dim, to: -1).matmul(weights.t())
        let unit: Tensor = try bits.exp2().to(.int64)
        let rounded: Tensor = try (sums + unit.div(2, rounding: .floor)).div(unit, rounding: .floor)
        return try rounded.clamp(min: 0, max: 255).to(.uint8).movedDim(from: -1, to: dim)
    }

    /// The gradient of the tensor that was interpolated, from that of the result.
    func interpolatedBack(_ dim: Int, _ taps: InterpolationTaps) throws -> Tensor {
        if taps.mode == .averagingLinear || taps.mode == .averagingCubic {
            return try movedDim(from: dim, to: -1).matmul(taps.matrix()).movedDim(from: -1, to: dim)
        }
        var sizes: [SymInt] = shape.sizes
        sizes[dim] = taps.input
        return try taps.taps().reduce(Tensor.zeros(sizes, dtype: dtype)) { sum, tap in
            try sum.indexAdd(dim: dim, tap.positions, tap.weights.map { try self * $0.along(dim, of: rank) } ?? self)
        }
    }

    /// A vector as a tensor of `rank` dimensions that runs along one of them.
    func along(_ dim: Int, of rank: Int) throws -> Tensor {
        var sizes = [SymInt](repeating: 1, count: rank)
        sizes[dim] = shape[0]
        return try reshaped(sizes)
    }
}
