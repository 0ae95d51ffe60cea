import ApusSymbolic
import ApusTensor
import Foundation

/// How layers start, by PyTorch's formulas (`torch.nn.init`): each function gives a fresh tensor, `layer.weight = try Initialization.orthogonal([64, 32])`.
///
/// The numbers come from the default generator; `Tensor.seed` fixes them.
public enum Initialization {
    /// Evenly between `-bound` and `bound`.
    public static func uniform(_ sizes: [any SymIntConvertible], bound: any ScalarConvertible, dtype: DType = .float32) throws -> Tensor {
        try (Tensor.rand(sizes, dtype: dtype) * 2 - 1) * bound.scalar
    }

    /// Evenly between two numbers.
    public static func uniform(
        _ sizes: [any SymIntConvertible], from low: any ScalarConvertible = 0, to high: any ScalarConvertible = 1, dtype: DType = .float32
    ) throws -> Tensor {
        let low: Double = try low.plainNumber("low", in: "uniform")
        return try Tensor.rand(sizes, dtype: dtype) * (high.plainNumber("high", in: "uniform") - low) + low
    }

    /// Normally distributed.
    public static func normal(
        _ sizes: [any SymIntConvertible], mean: any ScalarConvertible = 0, std: any ScalarConvertible = 1, dtype: DType = .float32
    ) throws -> Tensor {
        try Tensor.randn(sizes, dtype: dtype) * std.option("std", in: "normal") + mean.scalar
    }

    /// Normally distributed within bounds, which are numbers as they come out: those outside are drawn as if again. By the inverse of the
    /// distribution function.
    public static func truncatedNormal(
        _ sizes: [any SymIntConvertible], mean: any ScalarConvertible = 0, std: any ScalarConvertible = 1,
        from low: any ScalarConvertible = -2, to high: any ScalarConvertible = 2, dtype: DType = .float32
    ) throws -> Tensor {
        let name = "truncatedNormal"
        let (mean, std): (Double, Double) = (try mean.plainNumber("mean", in: name), try std.option("std", in: name))
        let (low, high): (Double, Double) = (try low.plainNumber("low", in: name), try high.plainNumber("high", in: name))
        guard low <= high, std > 0 else {
            throw TensorError(.invalidArgument, in: name, "std must be above 0 and bounds in order, not \(std), \(low) and \(high)")
        }
        func place(_ bound: Double) -> Double { erf((bound - mean) / (std * 2.0.squareRoot())) }
        // Half precision has few numbers near the ends, where the inverse is steep.
        let wide: DType = dtype == .float64 ? .float64 : .float32
        let drawn: Tensor = try uniform(sizes, from: place(low), to: place(high), dtype: wide).erfinv()
        return try (drawn * (std * 2.0.squareRoot()) + mean).clamp(min: low, max: high).to(dtype)
    }

    /// One number everywhere.
    public static func constant(_ sizes: [any SymIntConvertible], _ value: any ScalarConvertible, dtype: DType = .float32) throws -> Tensor
    {
        try Tensor.full(sizes, value.scalar, dtype: dtype)
    }

    /// Zeros.
    public static func zeros(_ sizes: [any SymIntConvertible], dtype: DType = .float32) throws -> Tensor {
        try Tensor.zeros(sizes, dtype: dtype)
    }

    /// Ones.
    public static func ones(_ sizes: [any SymIntConvertible], dtype: DType = .float32) throws -> Tensor {
        try Tensor.ones(sizes, dtype: dtype)
    }

    /// The identity, as far as a matrix `[rows, columns]` reaches.
    public static func eye(_ sizes: [any SymIntConvertible], dtype: DType = .float32) throws -> Tensor {
        guard sizes.count == 2 else {
            throw TensorError(.shapeMismatch, in: "eye", "a matrix has two dimensions, not \(sizes.count)")
        }
        return try Tensor.eye(sizes[0], sizes[1], dtype: dtype)
    }

    /// Convolution weights `[out, in, ...]` of one to three spatial dimensions that hand on as many channels as they can, in each group.
    public static func dirac(_ sizes: [any SymIntConvertible], groups: some SymIntConvertible = 1, dtype: DType = .float32) throws -> Tensor
    {
        guard (3...5).contains(sizes.count) else {
            throw TensorError(.shapeMismatch, in: "dirac", "weights of convolutions have 3 to 5 dimensions, not \(sizes.count)")
        }
        let (groups, outputs): (Int, Int) = try divided(sizes[0].symInt, by: groups, "the number of output channels", in: "dirac")
        let plain: [Int] = try sizes.map { try $0.positive("a size", in: "dirac") }
        try requireCountable(plain, in: "dirac")
        let kernel: [Int] = Array(plain.dropFirst(2))
        let area: Int = kernel.reduce(1, *)
        let centre: Int = kernel.reduce(0) { $0 * $1 + $1 / 2 }
        let perGroup: Int = outputs / groups
        var ones: [Int] = []
        for group in 0..<groups {
            for channel in 0..<min(perGroup, plain[1]) { ones.append(((group * perGroup + channel) * plain[1] + channel) * area + centre) }
        }
        let flat: Tensor = try Tensor.zeros([outputs * plain[1] * area], dtype: dtype)
        let places: Tensor = try Tensor(ones, shape: [ones.count])
        return try flat.scatter(dim: 0, places, Tensor.ones([ones.count], dtype: dtype)).reshaped(plain)
    }

    /// Normally distributed, with a share of zeros in every column.
    public static func sparse(
        _ sizes: [any SymIntConvertible], sparsity: any ScalarConvertible, std: any ScalarConvertible = 0.01, dtype: DType = .float32
    ) throws -> Tensor {
        guard sizes.count == 2 else {
            throw TensorError(.shapeMismatch, in: "sparse", "a matrix has two dimensions, not \(sizes.count)")
        }
        let share: Double = try sparsity.plainNumber("sparsity", in: "sparse")
        try requireProbability(share, in: "sparse")
        let zeros: Int = Int((share * Double(Int(sizes[0].symInt))).rounded(.up))
        // A random order of each column's rows.
        let order: Tensor = try Tensor.rand(sizes, dtype: .float32).argsort(dim: 0)
        return try normal(sizes, std: std, dtype: dtype).maskedFill(order .< zeros, 0)
    }

    private static func requireCountable(_ sizes: [Int], in name: String) throws {
        var count = 1
        for size in sizes {
            let (product, overflows) = count.multipliedReportingOverflow(by: max(size, 1))
            if overflows { throw TensorError(.overflow, in: name, "a tensor of \(sizes) has more elements than can be counted") }
            count = product
        }
    }

    /// A matrix with orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al., 2013). Further dimensions count as columns.
    public static func orthogonal(
        _ sizes: [any SymIntConvertible], gain: any ScalarConvertible = 1, dtype: DType = .float32
    ) throws -> Tensor {
        guard sizes.count >= 2 else {
            throw TensorError(.shapeMismatch, in: "orthogonal", "needs at least two dimensions, not \(sizes.count)")
        }
        let plain: [Int] = try sizes.map { try $0.count("a size", in: "orthogonal") }
        try requireCountable(plain, in: "orthogonal")
        let (rows, columns): (Int, Int) = (plain[0], plain.dropFirst().reduce(1, *))
        guard rows > 0, columns > 0 else { return try Tensor.zeros(sizes, dtype: dtype) }
        let wide: DType = dtype == .float64 ? .float64 : .float32
        let (q, r) = try Tensor.randn([max(rows, columns), min(rows, columns)], dtype: wide).qr()
        // Of all factors the one with a positive diagonal: evenly distributed.
        let turned: Tensor = try q * r.diagonal().sign()
        return try ((rows < columns ? turned.transposed(0, 1) : turned).reshaped(plain) * gain.scalar).to(dtype)
    }
}
