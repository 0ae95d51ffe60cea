import ApusTensor

/// The element types of ONNX's tensors, by the numbers that files give them.
///
/// Those that Apus lacks are held in the narrowest of its types that has all their values, and every result is brought back to what the
/// type itself would have: a `uint16` is an `int32` from 0 to 65535, a `float8` a `float32` with few digits.
enum ONNXElement: Int, Sendable, Hashable, CaseIterable {
    case float32 = 1
    case uint8, int8, uint16, int16, int32, int64, string, bool, float16, float64, uint32, uint64, complex64, complex128, bfloat16
    case float8E4M3FN, float8E4M3FNUZ, float8E5M2, float8E5M2FNUZ, uint4, int4, float4E2M1, float8E8M0, uint2, int2

    /// The type that holds the elements; nil for texts.
    var dtype: DType? {
        switch self {
        case .float32, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float4E2M1, .float8E8M0: .float32
        case .uint8, .uint4, .uint2: .uint8
        case .int8, .int4, .int2: .int8
        case .int16: .int16
        case .int32, .uint16: .int32
        case .int64, .uint32, .uint64: .int64
        case .bool: .bool
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float64: .float64
        case .complex64: .complex64
        case .complex128: .complex128
        case .string: nil
        }
    }

    /// The element type that a dtype is the own one of.
    init(_ dtype: DType) {
        // The others that it holds are narrower, or come later.
        self = ONNXElement.allCases.first { $0.dtype == dtype && $0.bitWidth == 8 * dtype.byteWidth } ?? .float32
    }

    /// - Throws: `ArchiveError` for a number that names no type, or one that this reader does not have.
    init(number: some BinaryInteger) throws {
        guard let element = Int(exactly: number).flatMap(ONNXElement.init(rawValue:)) else {
            throw ArchiveError(.unsupportedDType, "the element type \(number) is not one of ONNX's that are read")
        }
        self = element
    }

    /// Whether Apus has the type itself.
    var isNative: Bool { dtype.map { ONNXElement($0) == self } ?? false }

    var isFloat: Bool { dtype?.isFloatingPoint ?? false }

    /// The bits of one element in a file.
    var bitWidth: Int {
        switch self {
        case .uint2, .int2: 2
        case .uint4, .int4, .float4E2M1: 4
        case .uint8, .int8, .bool, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0: 8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .float32, .int32, .uint32: 32
        case .float64, .int64, .uint64, .complex64: 64
        case .complex128: 128
        case .string: 0
        }
    }

    /// How integers lie that are not bytes of their own: whether they have a sign.
    var isSigned: Bool { [.int2, .int4, .int8, .int16, .int32, .int64].contains(self) }

    /// The values of an integer type, as far as int64 has them; nil for others.
    var integerRange: ClosedRange<Int>? {
        guard let dtype, dtype.isInteger, bitWidth > 0 else { return nil }
        if bitWidth == 64 { return isSigned ? Int.min...Int.max : 0...Int.max }
        return isSigned ? -(1 << (bitWidth - 1))...(1 << (bitWidth - 1)) - 1 : 0...(1 << bitWidth) - 1
    }

    /// The layout of a small float; nil for others.
    var smallFloat: ONNXSmallFloat? {
        switch self {
        case .float8E4M3FN: ONNXSmallFloat(exponentBits: 4, mantissaBits: 3, bias: 7, largest: 448, special: .nanOnly)
        case .float8E4M3FNUZ: ONNXSmallFloat(exponentBits: 4, mantissaBits: 3, bias: 8, largest: 240, special: .unsignedZero)
        case .float8E5M2: ONNXSmallFloat(exponentBits: 5, mantissaBits: 2, bias: 15, largest: 57344, special: .infinities)
        case .float8E5M2FNUZ: ONNXSmallFloat(exponentBits: 5, mantissaBits: 2, bias: 16, largest: 57344, special: .unsignedZero)
        case .float4E2M1: ONNXSmallFloat(exponentBits: 2, mantissaBits: 1, bias: 1, largest: 6, special: .none)
        case .float8E8M0: ONNXSmallFloat(exponentBits: 8, mantissaBits: 0, bias: 127, largest: 0x1p127, special: .powersOfTwo)
        default: nil
        }
    }
}

extension ONNXElement: CustomStringConvertible {
    /// As ONNX's documents write it.
    var description: String {
        switch self {
        case .float32: "float"
        case .float64: "double"
        case .float8E4M3FN: "float8e4m3fn"
        case .float8E4M3FNUZ: "float8e4m3fnuz"
        case .float8E5M2: "float8e5m2"
        case .float8E5M2FNUZ: "float8e5m2fnuz"
        case .float4E2M1: "float4e2m1"
        case .float8E8M0: "float8e8m0"
        case .string: "string"
        default: dtype.map { isNative ? "\($0)" : "" }.flatMap { $0.isEmpty ? nil : $0 } ?? rawName
        }
    }

    private var rawName: String {
        switch self {
        case .uint16: "uint16"
        case .uint32: "uint32"
        case .uint64: "uint64"
        case .uint4: "uint4"
        case .int4: "int4"
        case .uint2: "uint2"
        default: "int2"
        }
    }
}

/// A float of at most eight bits.
struct ONNXSmallFloat: Sendable {
    /// What the codes stand for that are no ordinary numbers.
    enum Special: Sendable { case none, nanOnly, unsignedZero, infinities, powersOfTwo }

    let exponentBits: Int
    let mantissaBits: Int
    let bias: Int
    /// The largest finite value.
    let largest: Double
    let special: Special

    /// The value of a code.
    func value(_ code: UInt8) -> Float {
        let sign: Float = special != .powersOfTwo && code >> (exponentBits + mantissaBits) & 1 == 1 ? -1 : 1
        let exponent = Int(code >> mantissaBits) & ((1 << exponentBits) - 1)
        let mantissa = Int(code) & ((1 << mantissaBits) - 1)
        let isTop: Bool = exponent == (1 << exponentBits) - 1
        switch special {
        case .none: break
        case .powersOfTwo:
            return code == 0xFF ? .nan : Float(sign: .plus, exponent: exponent - bias, significand: 1)
        case .nanOnly: if isTop, mantissa == (1 << mantissaBits) - 1 { return .nan }
        case .unsignedZero: if code == 0x80 { return .nan }
        case .infinities: if isTop { return mantissa == 0 ? sign * .infinity : .nan }
        }
        let fraction = Float(mantissa) / Float(1 << mantissaBits)
        if exponent == 0 { return sign * Float(sign: .plus, exponent: 1 - bias, significand: 1) * fraction }
        return sign * Float(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
    }
}
