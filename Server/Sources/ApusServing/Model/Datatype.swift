import ApusRun

/// The Open Inference Protocol's names of element types.
public enum Datatype: String, Sendable, Hashable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case float16 = "FP16"
    case bfloat16 = "BF16"
    case float32 = "FP32"
    case float64 = "FP64"
    case bytes = "BYTES"

    /// Nil for complex numbers, which the protocol has no name for.
    public init?(_ dtype: DType) {
        guard let match = Datatype.allCases.first(where: { $0.dtype == dtype }) else { return nil }
        self = match
    }

    /// Nil where tensors have no such elements.
    public var dtype: DType? {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        case .uint16, .uint32, .uint64, .bytes: nil
        }
    }
}
