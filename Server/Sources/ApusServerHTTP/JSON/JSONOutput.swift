import ApusRun

/// Writes JSON.
struct JSONOutput {
    private(set) var bytes: [UInt8] = []
    /// Whether the next value comes after another one.
    private var needsComma = false

    init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    mutating func object(_ body: (inout JSONOutput) throws -> Void) rethrows { try nested("{", "}", body) }
    mutating func array(_ body: (inout JSONOutput) throws -> Void) rethrows { try nested("[", "]", body) }

    mutating func array<Elements: Sequence>(_ elements: Elements, _ body: (inout JSONOutput, Elements.Element) throws -> Void) rethrows {
        try array { output in for element in elements { try body(&output, element) } }
    }

    mutating func key(_ name: String) {
        string(name)
        write(":")
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
        write(String(value))
    }

    mutating func bool(_ value: Bool) {
        separate()
        write(value ? "true" : "false")
    }

    mutating func string(_ value: String) {
        separate()
        write("\"")
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""): write("\\\"")
            case UInt8(ascii: "\\"): write("\\\\")
            case 0x0A: write("\\n")
            case 0..<0x20: write("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        write("\"")
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
        list(values) { output, value in output.write(String(value)) }
    }

    private mutating func floats(_ values: [some BinaryFloatingPoint & LosslessStringConvertible]) {
        list(values) { output, value in
            if value.isFinite {
                output.write(value.description)
            } else {
                output.write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
            }
        }
    }

    private mutating func list<Value>(_ values: [Value], _ element: (inout JSONOutput, Value) -> Void) {
        separate()
        write("[")
        for (index, value) in values.enumerated() {
            if index > 0 { write(",") }
            element(&self, value)
        }
        write("]")
    }

    private mutating func nested(_ start: String, _ end: String, _ body: (inout JSONOutput) throws -> Void) rethrows {
        separate()
        write(start)
        needsComma = false
        try body(&self)
        write(end)
        needsComma = true
    }

    private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func separate() {
        if needsComma { write(",") }
        needsComma = true
    }
}
