import ApusRun
import NIOCore

/// Writes JSON into a buffer.
struct JSONOutput {
    var buffer: ByteBuffer
    /// Whether the next value comes after another one.
    private var needsComma = false

    init(capacity: Int = 256) { buffer = ByteBufferAllocator().buffer(capacity: capacity) }

    mutating func object(_ body: (inout JSONOutput) throws -> Void) rethrows { try nested("{", "}", body) }
    mutating func array(_ body: (inout JSONOutput) throws -> Void) rethrows { try nested("[", "]", body) }

    mutating func array<Elements: Sequence>(_ elements: Elements, _ body: (inout JSONOutput, Elements.Element) throws -> Void) rethrows {
        try array { output in for element in elements { try body(&output, element) } }
    }

    mutating func key(_ name: String) {
        string(name)
        buffer.writeStaticString(":")
        needsComma = false
    }

    mutating func pair(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    mutating func pair(_ name: String, _ value: Int) {
        key(name)
        int(value)
    }

    mutating func int(_ value: Int) {
        separate()
        buffer.writeString(String(value))
    }

    mutating func bool(_ value: Bool) {
        separate()
        buffer.writeStaticString(value ? "true" : "false")
    }

    mutating func string(_ value: String) {
        separate()
        buffer.writeStaticString("\"")
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
            case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
            case 0x0A: buffer.writeStaticString("\\n")
            case 0..<0x20: buffer.writeString("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
            default: buffer.writeInteger(byte)
            }
        }
        buffer.writeStaticString("\"")
    }

    /// A tensor's elements in row-major order, without nesting. Numbers that are none are `NaN`, `Infinity` and `-Infinity`.
    mutating func elements(_ tensor: Tensor) throws {
        switch tensor.dtype {
        case .bool: try array(tensor.array(of: Bool.self)) { $0.bool($1) }
        case .uint8: try integers(tensor.array(of: UInt8.self))
        case .int8: try integers(tensor.array(of: Int8.self))
        case .int16: try integers(tensor.array(of: Int16.self))
        case .int32: try integers(tensor.array(of: Int32.self))
        case .int64: try integers(tensor.array(of: Int64.self))
        case .float64: try floats(tensor.array(of: Double.self))
        case .float32: try floats(tensor.array(of: Float.self))
        default: try floats(tensor.to(.float32).array(of: Float.self))
        }
    }

    private mutating func integers(_ values: [some FixedWidthInteger]) {
        list(values) { buffer, value in buffer.writeString(String(value)) }
    }

    private mutating func floats(_ values: [some BinaryFloatingPoint & LosslessStringConvertible]) {
        list(values) { buffer, value in
            if value.isFinite {
                buffer.writeString(value.description)
            } else {
                buffer.writeStaticString(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
            }
        }
    }

    private mutating func list<Value>(_ values: [Value], _ write: (inout ByteBuffer, Value) -> Void) {
        separate()
        buffer.writeStaticString("[")
        for (index, value) in values.enumerated() {
            if index > 0 { buffer.writeStaticString(",") }
            write(&buffer, value)
        }
        buffer.writeStaticString("]")
    }

    private mutating func nested(_ start: StaticString, _ end: StaticString, _ body: (inout JSONOutput) throws -> Void) rethrows {
        separate()
        buffer.writeStaticString(start)
        needsComma = false
        try body(&self)
        buffer.writeStaticString(end)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { buffer.writeStaticString(",") }
        needsComma = true
    }
}
