import ApusSymbolic
import ApusTensor

/// Images `[N, C, ...]` of one, two or three dimensions at other sizes: given ones, or `floor(size * scaleFactor)`, whose factors then place the
/// positions.
public class UpsampleBase: Module {
    public final let size: [SymInt]?
    public final let scaleFactor: [Double]?
    public final let mode: String
    public final let alignCorners: Bool

    init(size: (any SpatialSize)?, scaleFactor: [any ScalarConvertible]?, mode: String, alignCorners: Bool) throws {
        self.size = size?.spatialSizes
        let factors: [Double]? = try scaleFactor?.map { try $0.plainNumber("scaleFactor", in: "Upsample") }
        (self.scaleFactor, self.mode, self.alignCorners) = (factors, mode, alignCorners)
        guard factors?.allSatisfy({ $0 > 0 && $0.isFinite }) != false else {
            throw TensorError(.invalidArgument, in: "Upsample", "scale factors must be positive, not \(factors ?? [])")
        }
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 3...5, in: "Upsample")
        let dims: Int = x.rank - 2
        func spread<Element>(_ values: [Element]) -> [Element] {
            values.count == 1 ? Array(repeating: values[0], count: dims) : values
        }
        if let size { return try x.interpolated(to: spread(size), mode: mode, alignsCorners: alignCorners) }
        return try x.interpolated(by: spread(scaleFactor ?? []), mode: mode, alignsCorners: alignCorners)
    }
}

/// Images of one, two or three dimensions at other sizes.
///
/// `mode` is `nearest`, `linear` (of one dimension), `bilinear`, `bicubic` (of two) or `trilinear` (of three).
public final class Upsample: UpsampleBase {
    public init(size: some SpatialSize, mode: String = "nearest", alignCorners: Bool = false) throws {
        try super.init(size: size, scaleFactor: nil, mode: mode, alignCorners: alignCorners)
    }

    public init(scaleFactor: any ScalarConvertible..., mode: String = "nearest", alignCorners: Bool = false) throws {
        try super.init(size: nil, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners)
    }
}

/// `Upsample` of images by their nearest elements.
public final class UpsamplingNearest2d: UpsampleBase {
    public init(size: some SpatialSize) throws { try super.init(size: size, scaleFactor: nil, mode: "nearest", alignCorners: false) }
    public init(scaleFactor: any ScalarConvertible...) throws {
        try super.init(size: nil, scaleFactor: scaleFactor, mode: "nearest", alignCorners: false)
    }
}

/// `Upsample` of images between their elements, the corners in place.
public final class UpsamplingBilinear2d: UpsampleBase {
    public init(size: some SpatialSize) throws { try super.init(size: size, scaleFactor: nil, mode: "bilinear", alignCorners: true) }
    public init(scaleFactor: any ScalarConvertible...) throws {
        try super.init(size: nil, scaleFactor: scaleFactor, mode: "bilinear", alignCorners: true)
    }
}
