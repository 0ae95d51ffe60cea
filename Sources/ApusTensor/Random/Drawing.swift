import ApusSymbolic
import CApusKernels

/// What random numbers are drawn from. An operator of the table and a drawing with a seed of its own share it.
package enum Drawing: Sendable {
    /// From `low` (included) to `high` (not included).
    case uniform(low: Double, high: Double)
    case normal(mean: Double, deviation: Double)
    /// From `low` (included) to `high` (not included).
    case integers(low: Int, high: Int)
    case bernoulli(Double)
    case exponential(rate: Double)
    /// An order of 0 ..< count.
    case permutation(count: SymInt)

    /// Throws where the parameters make no sense, or the dtype can't hold the numbers; under PyTorch's conditions, and where a floating-point
    /// dtype would repeat integers or leave their bounds, of which PyTorch warns or is silent.
    func check(_ dtype: DType, in name: String) throws {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
            guard condition else { throw TensorError(.invalidArgument, in: name, message()) }
        }
        switch self {
        case .uniform(let low, let high):
            try require(low.isFinite && high.isFinite && low <= high, "there is no number from \(low) to \(high)")
            guard dtype.isFloatingPoint else { throw Drawing.mismatch(dtype, name) }
            try require(
                max(-low, high, high - low) <= dtype.largestFinite,
                "the range from \(low) to \(high), or its width, is beyond the largest number of \(dtype), \(dtype.largestFinite)")
        case .normal(_, let deviation):
            try require(deviation >= 0, "the standard deviation must not be negative: \(deviation)")
            guard dtype.isFloatingPoint else { throw Drawing.mismatch(dtype, name) }
        case .integers(let low, let high):
            try require(low < high, "there is no integer from \(low) to below \(high)")
            guard !dtype.isComplex else { throw Drawing.mismatch(dtype, name) }
            var (first, end) = (Int64(low), Int64(high))
            try require(
                apus_random_bounds(Int32(dtype.rawValue), &first, &end), "\(dtype) does not hold the integers from \(low) to below \(high)")
        case .bernoulli(let probability):
            try require(probability >= 0 && probability <= 1, "the probability must lie between 0 and 1, not at \(probability)")
        case .exponential(let rate):
            try require(rate > 0, "the rate must be positive: \(rate)")
            guard dtype.isFloatingPoint else { throw Drawing.mismatch(dtype, name) }
        case .permutation(let count):
            guard !dtype.isComplex && dtype != .bool else { throw Drawing.mismatch(dtype, name) }
            if dtype != .int64 { try Drawing.requireCounted(count, dtype, name) }
        }
    }

    /// Requires that a dtype holds 0 ..< count.
    private static func requireCounted(_ count: SymInt, _ dtype: DType, _ name: String) throws {
        try require(
            count - 1 <= SymInt(dtype.largestCounted),
            TensorError(
                .invalidArgument, in: name,
                "\(dtype) does not tell \(count) numbers apart: it counts no further than to \(dtype.largestCounted)"))
    }

    private static func mismatch(_ dtype: DType, _ name: String) -> TensorError {
        TensorError(.dtypeMismatch, in: name, "does not draw numbers of \(dtype)")
    }

    /// Fills a tensor from a place in a stream.
    func fill(_ output: Tensor, from place: apus_random_state, _ call: Call) throws {
        var out = output.view
        let status: Int32 =
            switch self {
            case .uniform(let low, let high): apus_random_uniform(place, low, high, &out)
            case .normal(let mean, let deviation): apus_random_normal(place, mean, deviation, &out)
            case .integers(let low, let high): apus_random_integers(place, Int64(low), Int64(high), &out)
            case .bernoulli(let probability): apus_random_bernoulli(place, probability, &out)
            case .exponential(let rate): apus_random_exponential(place, rate, &out)
            case .permutation: apus_random_permutation(place, &out)
            }
        withExtendedLifetime(output) {}
        try ApusTensor.check(status, call)
    }
}

extension Tensor {
    /// Draws from the default generator through an operator; with a seed, from the beginning of that seed's stream. While tracing, a drawing
    /// with a seed becomes a constant of the program, which needs known sizes.
    static func draw(_ operation: Operator, _ arguments: [OperatorArgument], seed: UInt64?) throws -> Tensor {
        guard let seed else { return try applySingle(operation, arguments) }
        guard case .compute = operation.kernel, let drawing = operation.drawing else {
            throw TensorError(.unsupported, in: operation.schema.name, "does not take a seed of its own")
        }
        let call = Call(operation, arguments)
        let spec: TensorSpec = try operation.rule(call)[0]
        guard spec.shape.layout != nil else {
            throw TensorError(
                .tracing, in: operation.schema.name,
                "numbers from a seed are a constant of the program, but the shape \(spec.shape) is symbolic; draw without a seed, or set RandomGenerator.default's"
            )
        }
        return try Interpreter.with(nil) {
            let output = try Tensor.uninitialized(spec.shape, dtype: spec.dtype, in: call.name)
            try drawing(call).fill(output, from: apus_random_state(seed: seed, offset: 0), call)
            return output
        }
    }

    /// Starts the default generator's stream of a seed from its beginning.
    public static func seed(_ seed: UInt64) { RandomGenerator.default.seed(seed) }
}
