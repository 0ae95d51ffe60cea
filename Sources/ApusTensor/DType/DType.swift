/// The type of a tensor's elements.
///
/// The raw values are those of `apus_dtype` in the C kernels. `float16` and `bfloat16` are stored as such and computed in `float32`.
public enum DType: UInt8, Sendable, Hashable, CaseIterable {
    case bool, uint8, int8, int16, int32, int64
    case float16, bfloat16, float32, float64
    case complex64, complex128
}

extension DType {
    /// Bytes of one element.
    @inlinable
    public var byteWidth: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64, .complex64: 8
        case .complex128: 16
        }
    }

    /// True for the four real floating-point types.
    @inlinable
    public var isFloatingPoint: Bool { rawValue >= DType.float16.rawValue && rawValue <= DType.float64.rawValue }

    /// True for `complex64` and `complex128`.
    @inlinable
    public var isComplex: Bool { rawValue >= DType.complex64.rawValue }

    /// True for the signed and unsigned integers, not for `bool`.
    @inlinable
    public var isInteger: Bool { rawValue >= DType.uint8.rawValue && rawValue <= DType.int64.rawValue }

    /// True where gradients can flow: floating point and complex.
    @inlinable
    public var isDifferentiable: Bool { rawValue >= DType.float16.rawValue }

    /// The type that `float16` and `bfloat16` are computed in; every other type is computed in itself.
    public var accumulation: DType { self == .float16 || self == .bfloat16 ? .float32 : self }

    /// The real type of a complex type's parts; every other type is its own.
    public var real: DType {
        switch self {
        case .complex64: .float32
        case .complex128: .float64
        default: self
        }
    }

    /// The complex type whose parts have this type (`float16` and `bfloat16` widen to `complex64`).
    public var complex: DType { self == .float64 || self == .complex128 ? .complex128 : .complex64 }

    /// A floating-point result for this input: itself when floating or complex, else `float32`, PyTorch's default type.
    public var floating: DType { isDifferentiable ? self : .float32 }
}

extension DType: CustomStringConvertible {
    /// The type's name in lower case, as PyTorch and NumPy spell it.
    public var description: String {
        switch self {
        case .bool: "bool"
        case .uint8: "uint8"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .float32: "float32"
        case .float64: "float64"
        case .complex64: "complex64"
        case .complex128: "complex128"
        }
    }

    /// Looks a type up by its name, or nil.
    public init?(name: String) {
        guard let match = DType.allCases.first(where: { $0.description == name }) else { return nil }
        self = match
    }
}
