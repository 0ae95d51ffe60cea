import ApusSymbolic
import ApusTensor

// Layers that make images larger at their borders. Pads are one number for all sides, or two for each dimension, the last dimension first:
// `[left, right, top, bottom]`. Negative ones cut.

/// What pads have in common.
public class PaddingBase: Module {
    public final let padding: [SymInt]
    private final let layer: String
    private final let mode: String
    private final let value: Double?

    /// - Parameter value: what a constant pad is filled with
    init(_ layer: String, dims: Int, _ padding: any SpatialSize, mode: String, value: Double? = nil) throws {
        let sizes: [SymInt] = padding.spatialSizes
        guard sizes.count == 1 || sizes.count == 2 * dims else {
            throw TensorError(.invalidArgument, in: layer, "padding must be one number or \(2 * dims), not \(sizes)")
        }
        self.padding = sizes.count == 1 ? Array(repeating: sizes[0], count: 2 * dims) : sizes
        (self.layer, self.mode, self.value) = (layer, mode, value)
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let dims: Int = padding.count / 2
        if value == nil { try requireRank(x, dims + 1...dims + 2, in: layer) }
        return try x.padded(padding, mode: mode, value: value)
    }
}

/// Pads lines `[..., C, L]` with a number.
public final class ConstantPad1d: PaddingBase {
    public init(_ padding: some SpatialSize, _ value: any ScalarConvertible) throws {
        try super.init("ConstantPad1d", dims: 1, padding, mode: "constant", value: value.plainNumber("value", in: "ConstantPad"))
    }
}

/// Pads images `[..., C, H, W]` with a number.
public final class ConstantPad2d: PaddingBase {
    public init(_ padding: some SpatialSize, _ value: any ScalarConvertible) throws {
        try super.init("ConstantPad2d", dims: 2, padding, mode: "constant", value: value.plainNumber("value", in: "ConstantPad"))
    }
}

/// Pads volumes `[..., C, D, H, W]` with a number.
public final class ConstantPad3d: PaddingBase {
    public init(_ padding: some SpatialSize, _ value: any ScalarConvertible) throws {
        try super.init("ConstantPad3d", dims: 3, padding, mode: "constant", value: value.plainNumber("value", in: "ConstantPad"))
    }
}

/// Pads lines `[..., C, L]` with zeros.
public final class ZeroPad1d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ZeroPad1d", dims: 1, padding, mode: "constant", value: 0) }
}

/// Pads images `[..., C, H, W]` with zeros.
public final class ZeroPad2d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ZeroPad2d", dims: 2, padding, mode: "constant", value: 0) }
}

/// Pads volumes `[..., C, D, H, W]` with zeros.
public final class ZeroPad3d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ZeroPad3d", dims: 3, padding, mode: "constant", value: 0) }
}

/// Pads lines `[..., C, L]` with what is mirrored at the border, which is not repeated.
public final class ReflectionPad1d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ReflectionPad1d", dims: 1, padding, mode: "reflect") }
}

/// Pads images `[..., C, H, W]` with what is mirrored at the border, which is not repeated.
public final class ReflectionPad2d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ReflectionPad2d", dims: 2, padding, mode: "reflect") }
}

/// Pads volumes `[..., C, D, H, W]` with what is mirrored at the border, which is not repeated.
public final class ReflectionPad3d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ReflectionPad3d", dims: 3, padding, mode: "reflect") }
}

/// Pads lines `[..., C, L]` with the elements at the border.
public final class ReplicationPad1d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ReplicationPad1d", dims: 1, padding, mode: "replicate") }
}

/// Pads images `[..., C, H, W]` with the elements at the border.
public final class ReplicationPad2d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ReplicationPad2d", dims: 2, padding, mode: "replicate") }
}

/// Pads volumes `[..., C, D, H, W]` with the elements at the border.
public final class ReplicationPad3d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("ReplicationPad3d", dims: 3, padding, mode: "replicate") }
}

/// Pads lines `[..., C, L]` with what is at the other end.
public final class CircularPad1d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("CircularPad1d", dims: 1, padding, mode: "circular") }
}

/// Pads images `[..., C, H, W]` with what is at the other end.
public final class CircularPad2d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("CircularPad2d", dims: 2, padding, mode: "circular") }
}

/// Pads volumes `[..., C, D, H, W]` with what is at the other end.
public final class CircularPad3d: PaddingBase {
    public init(_ padding: some SpatialSize) throws { try super.init("CircularPad3d", dims: 3, padding, mode: "circular") }
}
