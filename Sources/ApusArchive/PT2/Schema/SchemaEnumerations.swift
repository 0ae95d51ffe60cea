/// An enumeration that the file writes as an integer.
protocol JSONEnumeration: JSONConvertible, RawRepresentable, Equatable where RawValue == Int {}

extension JSONEnumeration {
    init(json: JSON) throws {
        let number = try Int(json: json)
        guard let value = Self(rawValue: number) else { throw JSONMismatch("\(number) is not a known \(Self.self)") }
        self = value
    }

    var json: JSON { .int(rawValue) }
}

extension ProgramSchema {
    /// Element types, in the file's own numbering (not that of PyTorch's C++ side).
    enum ScalarType: Int, JSONEnumeration, Sendable, CaseIterable {
        case unknown = 0
        case uint8 = 1
        case int8 = 2
        case int16 = 3
        case int32 = 4
        case int64 = 5
        case float16 = 6
        case float32 = 7
        case float64 = 8
        case complex32 = 9
        case complex64 = 10
        case complex128 = 11
        case bool = 12
        case bfloat16 = 13
        case uint16 = 28
        case float8E4M3FN = 29
        case float8E5M2 = 30
        case float8E4M3FNUZ = 31
        case float8E5M2FNUZ = 32
        case float8E8M0FNU = 33
        case uint32 = 34
        case uint64 = 35
    }

    enum Layout: Int, JSONEnumeration, Sendable {
        case unknown = 0
        case sparseCoo = 1
        case sparseCsr = 2
        case sparseCsc = 3
        case sparseBsr = 4
        case sparseBsc = 5
        case mkldnn = 6
        case strided = 7
    }

    enum MemoryFormat: Int, JSONEnumeration, Sendable {
        case unknown = 0
        case contiguous = 1
        case channelsLast = 2
        case channelsLast3d = 3
        case preserve = 4
    }
}
