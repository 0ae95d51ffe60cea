/// Takes text of comma-separated values apart, after RFC 4180: fields may be quoted, with doubled quotes, separators and line ends inside.
struct CSVParser {
    /// One line's fields; a quoted one may hold line ends.
    struct Row {
        /// The line at which it begins, from 1.
        let line: Int
        var fields: [String] = []
    }

    private let bytes: UnsafeRawBufferPointer
    private let separator: UInt8
    private var position = 0
    private var line = 1

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    init(_ bytes: UnsafeRawBufferPointer, separator: UInt8) {
        self.bytes = bytes
        self.separator = separator
        // What some programs write at the beginning of a text to say that it is UTF-8.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next row that is not empty, nil at the end.
    /// - Throws: `DataError` (`.malformed`) with the line.
    mutating func next() throws -> Row? {
        while position < bytes.count {
            if takeLineEnd() { continue }
            return try row()
        }
        return nil
    }

    private mutating func row() throws -> Row {
        var row = Row(line: line)
        while true {
            row.fields.append(position < bytes.count && bytes[position] == Self.quote ? try quotedField() : try plainField())
            if position == bytes.count || takeLineEnd() { return row }
            // Nothing else ends a field.
            position += 1
        }
    }

    private mutating func plainField() throws -> String {
        let start: Int = position
        while position < bytes.count, bytes[position] != separator, !isLineEnd { position += 1 }
        return try text(bytes[start..<position])
    }

    private mutating func quotedField() throws -> String {
        let begin: Int = line
        var content: [UInt8] = []
        position += 1
        while position < bytes.count {
            let byte: UInt8 = bytes[position]
            position += 1
            if byte != Self.quote {
                if byte == Self.lineFeed { line += 1 }
                content.append(byte)
            } else if position < bytes.count, bytes[position] == Self.quote {
                position += 1
                content.append(byte)
            } else {
                guard position == bytes.count || bytes[position] == separator || isLineEnd else {
                    throw DataError(.malformed, line: line, "a quoted field goes on behind its closing quote")
                }
                return try text(content)
            }
        }
        throw DataError(.malformed, line: begin, "a quoted field has no closing quote")
    }

    private func text(_ bytes: some Sequence<UInt8>) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DataError(.malformed, line: line, "a field is not UTF-8")
        }
        return text
    }

    private var isLineEnd: Bool {
        if bytes[position] == Self.lineFeed { return true }
        return bytes[position] == Self.carriageReturn && position + 1 < bytes.count && bytes[position + 1] == Self.lineFeed
    }

    private mutating func takeLineEnd() -> Bool {
        guard position < bytes.count, isLineEnd else { return false }
        position += bytes[position] == Self.carriageReturn ? 2 : 1
        line += 1
        return true
    }
}
