/// Writes a JSON tree as text.
///
/// Numbers come out exactly (the shortest digits that read back as the same double); infinities and NaN, which JSON lacks, must have been
/// turned into strings by whoever made the tree, as PyTorch does. With `indent`, members go on lines of their own.
enum JSONWriter {
    static func text(_ value: JSON, pretty: Bool = false) -> String {
        String(decoding: utf8(value, pretty: pretty), as: UTF8.self)
    }

    static func utf8(_ value: JSON, pretty: Bool = false) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(1 << 12)
        write(value, to: &output, indent: pretty ? 0 : nil)
        return output
    }

    private static func write(_ value: JSON, to output: inout [UInt8], indent: Int?) {
        switch value {
        case .null: output += "null".utf8
        case .bool(let flag): output += (flag ? "true" : "false").utf8
        case .int(let number): output += String(number).utf8
        case .double(let number):
            // "inf" and "nan" would not be JSON; writing null keeps the document readable should a caller forget.
            output += (number.isFinite ? "\(number)" : "null").utf8
        case .string(let text): write(text, to: &output)
        case .array(let elements):
            writeList(elements.count, open: "[", close: "]", to: &output, indent: indent) { position, output, inner in
                write(elements[position], to: &output, indent: inner)
            }
        case .object(let object):
            writeList(object.members.count, open: "{", close: "}", to: &output, indent: indent) { position, output, inner in
                write(object.members[position].key, to: &output)
                output += ": ".utf8
                write(object.members[position].value, to: &output, indent: inner)
            }
        }
    }

    private static func writeList(
        _ count: Int, open: String, close: String, to output: inout [UInt8], indent: Int?,
        element: (Int, inout [UInt8], Int?) -> Void
    ) {
        output += open.utf8
        let inner = indent.map { $0 + 1 }
        for position in 0..<count {
            if position > 0 { output += (indent == nil ? ", " : ",").utf8 }
            newLine(inner, to: &output)
            element(position, &output, inner)
        }
        if count > 0 { newLine(indent, to: &output) }
        output += close.utf8
    }

    private static func newLine(_ indent: Int?, to output: inout [UInt8]) {
        guard let indent else { return }
        output.append(0x0a)
        output.append(contentsOf: repeatElement(0x20, count: indent))
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)

    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): output += "\\\"".utf8
            case UInt8(ascii: "\\"): output += "\\\\".utf8
            case 0x0a: output += "\\n".utf8
            case 0x0d: output += "\\r".utf8
            case 0x09: output += "\\t".utf8
            case 0..<0x20:
                output += "\\u00".utf8
                output.append(hexadecimal[Int(byte >> 4)])
                output.append(hexadecimal[Int(byte & 15)])
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
