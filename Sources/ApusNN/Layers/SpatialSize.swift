import ApusTensor

/// A size for each spatial dimension: one number for all of them, or a list, `kernelSize: 3` or `kernelSize: [3, 5]`.
public protocol SpatialSize {
    var spatialSizes: [Int] { get }
}

extension Int: SpatialSize {
    public var spatialSizes: [Int] { [self] }
}

extension Array: SpatialSize where Element == Int {
    public var spatialSizes: [Int] { self }
}

extension SpatialSize {
    /// One number for each of `count` dimensions, none below `minimum`.
    func spread(over count: Int, atLeast minimum: Int, _ name: String, in layer: String) throws -> [Int] {
        let sizes = spatialSizes.count == 1 ? Array(repeating: spatialSizes[0], count: count) : spatialSizes
        guard sizes.count == count, sizes.allSatisfy({ $0 >= minimum }) else {
            throw TensorError(
                .invalidArgument, in: layer, "\(name) must be one number or \(count), each at least \(minimum), not \(spatialSizes)")
        }
        return sizes
    }
}
