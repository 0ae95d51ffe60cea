/// PyTorch's type promotion.
///
/// Operands fall into three ranks: tensors with dimensions, zero-dimensional tensors, and plain numbers. A lower rank changes the
/// result only when its category (bool < integer < floating < complex) is higher than that of every higher rank.
/// Source: PyTorch, "Tensor Attributes", section torch.dtype.
package struct Promotion: Sendable {
    private var dimensioned: DType?
    private var zeroDimensional: DType?
    private var number: DType?

    package init() {}

    /// The result of two tensors' types, both of the same rank.
    package static func promote(_ a: DType, _ b: DType) -> DType {
        if a == b { return a }
        let (low, high): (DType, DType) = a.rawValue < b.rawValue ? (a, b) : (b, a)
        switch (low, high) {
        case (.bool, _): return high
        case (.uint8, .int8): return .int16
        case (.float16, .bfloat16): return .float32
        case (.float64, .complex64): return .complex128
        default: return high
        }
    }

    package mutating func add(_ dtype: DType, isZeroDimensional: Bool) {
        if isZeroDimensional {
            zeroDimensional = zeroDimensional.map { Promotion.promote($0, dtype) } ?? dtype
        } else {
            dimensioned = dimensioned.map { Promotion.promote($0, dtype) } ?? dtype
        }
    }

    /// Adds a plain number, which counts as bool, int64, the default float32, or complex64.
    package mutating func add(_ scalar: Scalar) {
        let dtype: DType = scalar.defaultDType
        number = number.map { Promotion.promote($0, dtype) } ?? dtype
    }

    package mutating func add(_ tensor: Tensor) {
        add(tensor.dtype, isZeroDimensional: tensor.rank == 0)
    }

    /// The promoted type; `float32` when nothing was added.
    package var result: DType {
        Promotion.combine(dimensioned, Promotion.combine(zeroDimensional, number)) ?? .float32
    }

    private static func combine(_ higher: DType?, _ lower: DType?) -> DType? {
        guard let higher else { return lower }
        guard let lower, category(lower) > category(higher) else { return higher }
        return promote(higher, lower)
    }

    private static func category(_ dtype: DType) -> Int {
        if dtype == .bool { return 0 }
        if dtype.isInteger { return 1 }
        return dtype.isFloatingPoint ? 2 : 3
    }
}
