import ApusSymbolic
import ApusTensor

// Maxima over windows whose places are drawn (Graham, "Fractional max-pooling", 2014): sizes shrink by factors that are no whole numbers.

/// What maxima over windows at random places have in common.
public class FractionalMaxPoolBase: Module {
    public final let kernelSize: [SymInt]
    /// The result's sizes, or nil where `outputRatio` gives them.
    public final let outputSize: [SymInt]?
    public final let outputRatio: [Double]?
    /// Where windows lie between their places: numbers from 0 to 1 of `[N, C, dimensions]`, the last dimension of the image first in two and
    /// last in three; drawn at each call where nil.
    @Buffer public final var randomSamples: Tensor?
    private final let layer: String

    public final class var stateNames: [String: String] { ["randomSamples": "_random_samples"] }

    init(
        _ layer: String, dims: Int, _ kernelSize: any SpatialSize, outputSize: (any SpatialSize)?, outputRatio: [any ScalarConvertible]?,
        randomSamples: Tensor?
    ) throws {
        self.layer = layer
        self.kernelSize = try kernelSize.spread(over: dims, atLeast: 1, "kernelSize", in: layer)
        self.outputSize = try outputSize?.spread(over: dims, atLeast: 1, "outputSize", in: layer)
        let given: [Double]? = try outputRatio?.map { try $0.plainNumber("outputRatio", in: layer) }
        let ratios: [Double]? = given?.count == 1 ? Array(repeating: given?[0] ?? 0, count: dims) : given
        guard ratios?.count ?? dims == dims, ratios?.allSatisfy({ $0 > 0 && $0 < 1 }) ?? true else {
            throw TensorError(
                .invalidArgument, in: layer, "outputRatio must be one number or \(dims), each between 0 and 1, not \(given ?? [])")
        }
        self.outputRatio = ratios
        self.randomSamples = randomSamples
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let dims: Int = kernelSize.count
        try requireRank(x, dims + 1...dims + 2, in: layer)
        let batch: Tensor = x.rank == dims + 1 ? try x.unsqueezed(0) : x
        let samples: Tensor = try randomSamples ?? Tensor.rand([batch.shape[0], batch.shape[1], SymInt(dims)], dtype: x.dtype)
        guard samples.rank == 3 else {
            throw TensorError(.shapeMismatch, in: layer, "takes random samples [N, C, \(dims)], not \(samples.shape)")
        }
        var windows: Tensor = batch
        var split: [SymInt] = Array(batch.shape.sizes.prefix(2))
        for dim in 0..<dims {
            let size: SymInt = batch.shape[dim + 2]
            let count: SymInt = outputSize?[dim] ?? shrunk(size, by: outputRatio?[dim] ?? 1)
            let sample: Tensor = try samples.select(dim: 2, index: dims == 2 ? 1 - dim : dim)
            let places: Tensor = try starts(size, count, kernelSize[dim], sample.unsqueezed(-1))
            // [N, C, count, kernel] as one dimension, before it what is done already and after it what is to come as they are.
            let rows: Tensor = try (places.unsqueezed(-1) + Tensor.arange(kernelSize[dim])).flattened(from: 2)
            var sizes: [SymInt] = windows.shape.sizes
            sizes[dim + 2] = rows.shape[2]
            var aligned: [SymInt] = Array(repeating: 1, count: sizes.count)
            (aligned[0], aligned[1], aligned[dim + 2]) = (sizes[0], sizes[1], rows.shape[2])
            windows = try windows.gather(dim: dim + 2, rows.reshaped(aligned).expanded(sizes))
            split += [count, kernelSize[dim]]
        }
        let order: [Int] = [0, 1] + (0..<dims).map { 2 + 2 * $0 } + (0..<dims).map { 3 + 2 * $0 }
        let maxima: Tensor = try windows.reshaped(split).permuted(order).flattened(from: 2 + dims).max(dim: -1).values
        return x.rank == dims + 1 ? try maxima.squeezed(0) : maxima
    }

    private func shrunk(_ size: SymInt, by ratio: Double) -> SymInt { SymInt(SymFloat(size) * ratio, rounding: .towardZero) }

    /// The first places of `count` windows: the last window ends at the end, the others lie a part of the way between whole places.
    private func starts(_ size: SymInt, _ count: SymInt, _ kernel: SymInt, _ sample: Tensor) throws -> Tensor {
        try require(
            count + kernel - 1 <= size,
            TensorError(.shapeMismatch, in: layer, "\(count) windows of \(kernel) do not fit into a size of \(size)"))
        let last: Tensor = try Tensor.full([1], size - kernel, dtype: .int64)
        let ends: [SymInt] = sample.shape.sizes.dropLast() + [1]
        guard count.constant != 1 else { return try last.expanded(ends) }
        let step = SymFloat(size - kernel) / SymFloat(count - 1)
        let steps: Tensor = try Tensor.arange(count - 1, dtype: sample.dtype)
        let begun: Tensor = try (sample * step).trunc()
        let places: Tensor = try (((steps + sample) * step).trunc() - begun).to(.int64)
        return try Tensor.cat([places, last.expanded(ends)], dim: -1)
    }
}

/// The largest element of each window: from `[N, C, H, W]` (or without N) to sizes of your own, or `outputRatio` of what they were.
public final class FractionalMaxPool2d: FractionalMaxPoolBase {
    public init(_ kernelSize: some SpatialSize, outputSize: some SpatialSize, randomSamples: Tensor? = nil) throws {
        try super.init(
            "FractionalMaxPool2d", dims: 2, kernelSize, outputSize: outputSize, outputRatio: nil, randomSamples: randomSamples)
    }

    public init(_ kernelSize: some SpatialSize, outputRatio: any ScalarConvertible..., randomSamples: Tensor? = nil) throws {
        try super.init(
            "FractionalMaxPool2d", dims: 2, kernelSize, outputSize: nil, outputRatio: outputRatio, randomSamples: randomSamples)
    }
}

/// The largest element of each window: from `[N, C, D, H, W]` (or without N) to sizes of your own, or `outputRatio` of what they were.
public final class FractionalMaxPool3d: FractionalMaxPoolBase {
    public init(_ kernelSize: some SpatialSize, outputSize: some SpatialSize, randomSamples: Tensor? = nil) throws {
        try super.init(
            "FractionalMaxPool3d", dims: 3, kernelSize, outputSize: outputSize, outputRatio: nil, randomSamples: randomSamples)
    }

    public init(_ kernelSize: some SpatialSize, outputRatio: any ScalarConvertible..., randomSamples: Tensor? = nil) throws {
        try super.init(
            "FractionalMaxPool3d", dims: 3, kernelSize, outputSize: nil, outputRatio: outputRatio, randomSamples: randomSamples)
    }
}
