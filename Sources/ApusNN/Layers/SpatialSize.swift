import ApusSymbolic
import ApusTensor

/// A size for each spatial dimension: one number for all of them, or a list, `kernelSize: 3` or `kernelSize: [3, 5]`. A layer without weights
/// takes sizes of a trace as they are (`AdaptiveAvgPool2d(x.shape[2] / 2)`), one whose weights they shape takes their number, as `Int(n)`.
public protocol SpatialSize {
    var spatialSizes: [SymInt] { get }
}

extension Int: SpatialSize {
    public var spatialSizes: [SymInt] { [SymInt(self)] }
}

extension SymInt: SpatialSize {
    public var spatialSizes: [SymInt] { [self] }
}

extension Array: SpatialSize where Element: SymIntConvertible {
    public var spatialSizes: [SymInt] { map(\.symInt) }
}

extension SpatialSize {
    /// One number for each of `count` dimensions, none below `minimum`.
    func spread(over count: Int, atLeast minimum: Int, _ name: String, in layer: String) throws -> [SymInt] {
        let sizes: [SymInt] = spatialSizes.count == 1 ? Array(repeating: spatialSizes[0], count: count) : spatialSizes
        let error = TensorError(
            .invalidArgument, in: layer, "\(name) must be one number or \(count), each at least \(minimum), not \(spatialSizes)")
        guard sizes.count == count else { throw error }
        for size in sizes { try require(size >= minimum, error) }
        return sizes
    }

    /// The same as plain numbers.
    func numbers(over count: Int, atLeast minimum: Int, _ name: String, in layer: String) throws -> [Int] {
        try spread(over: count, atLeast: minimum, name, in: layer).map { Int($0) }
    }
}
