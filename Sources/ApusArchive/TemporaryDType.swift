enum DType: UInt8, Sendable, Hashable, CaseIterable {
    case bool, uint8, int8, int16, int32, int64
    case float16, bfloat16, float32, float64
    case complex64, complex128
    var byteWidth: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64, .complex64: 8
        case .complex128: 16
        }
    }
}
