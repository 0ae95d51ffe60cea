import ApusTensor

/// Reads JSON text (RFC 8259, strictly) into a tree.
///
/// Refused, each with its byte position: anything but one value, trailing commas, comments, bare NaN and Infinity, control characters in
/// strings, invalid UTF-8, unpaired surrogates, the same key twice in one object, nesting deeper than `maximumDepth` (a
/// document of a million brackets must not exhaust the stack), and more values than its reader expects. A leading byte order mark is not accepted.
struct JSONParser {
    /// Far above what programs need (a control-flow body nests by six levels), far below what a stack holds.
    static let maximumDepth = 512

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    /// How many values there may still be: each takes far more memory than its text.
    private var valuesLeft: Int

    private init(_ bytes: UnsafeBufferPointer<UInt8>, maximumValues: Int) {
        self.bytes = bytes
        valuesLeft = maximumValues
    }

    /// - Parameter maximumValues: how many values a document may hold, for text that was decompressed.
    /// - Throws: `ArchiveError` (`.invalidJSON` or `.limit`) with the byte position.
    static func parse(_ raw: UnsafeRawBufferPointer, maximumValues: Int = .max) throws -> JSON {
        var parser = JSONParser(raw.bindMemory(to: UInt8.self), maximumValues: maximumValues)
        parser.skipSpace()
        let value = try withStackRoom(deepStack) { try parser.value(depth: 0) }
        parser.skipSpace()
        guard parser.position == parser.bytes.count else { throw parser.failure("more text after the value") }
        return value
    }

    static func parse(_ text: String) throws -> JSON {
        var text = text
        return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0)) }
    }

    private func failure(_ reason: String, code: ArchiveError.Code = .invalidJSON) -> ArchiveError {
        ArchiveError(code, at: "byte \(position)", reason)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0a, 0x0d, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws -> JSON {
        guard let first = current else { throw failure("the text ends where a value should be") }
        guard valuesLeft > 0 else { throw failure("more values than a file of this size has", code: .limit) }
        valuesLeft -= 1
        switch first {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw failure("a value cannot start like this")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws -> JSON {
        let length = text.utf8CodeUnitCount
        guard position + length <= bytes.count else { throw failure("the text ends inside a word") }
        for offset in 0..<length where bytes[position + offset] != text.utf8Start[offset] { throw failure("an unknown word") }
        position += length
        return value
    }

    private func checkDepth(_ depth: Int) throws {
        guard depth < Self.maximumDepth else { throw failure("nested deeper than \(Self.maximumDepth) levels", code: .limit) }
    }

    private mutating func object(depth: Int) throws -> JSONObject {
        try checkDepth(depth)
        let start = position
        position += 1
        var result = JSONObject()
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return result
        }
        while true {
            guard current == UInt8(ascii: "\"") else { throw failure("a key in quotes should be here") }
            let key = try string()
            skipSpace()
            guard current == UInt8(ascii: ":") else { throw failure("a colon should follow the key '\(key)'") }
            position += 1
            skipSpace()
            result.append(key, try value(depth: depth + 1))
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                skipSpace()
                continue
            }
            guard current == UInt8(ascii: "}") else { throw failure("a comma or a closing brace should be here") }
            position += 1
            break
        }
        if let key = result.duplicateKey {
            let isSame = result.members.count { $0.key.utf8.elementsEqual(key.utf8) } > 1
            throw ArchiveError(
                .duplicateName, at: "byte \(start)",
                "the key '\(key)' occurs twice in one object" + (isSame ? "" : ", in two ways of writing that are one text in Unicode"))
        }
        return result
    }

    private mutating func array(depth: Int) throws -> [JSON] {
        try checkDepth(depth)
        position += 1
        var result: [JSON] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return result
        }
        while true {
            result.append(try value(depth: depth + 1))
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                skipSpace()
                continue
            }
            guard current == UInt8(ascii: "]") else { throw failure("a comma or a closing bracket should be here") }
            position += 1
            return result
        }
    }

    private mutating func number() throws -> JSON {
        let start = position
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
        if current == UInt8(ascii: "-") { position += 1 }
        guard isDigit(current) else { throw failure("a digit should be here") }
        if current == UInt8(ascii: "0") {
            position += 1
            if isDigit(current) { throw failure("a number cannot start with a zero") }
        } else {
            while isDigit(current) { position += 1 }
        }
        var isInteger = true
        if current == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard isDigit(current) else { throw failure("a digit should follow the point") }
            while isDigit(current) { position += 1 }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard isDigit(current) else { throw failure("a digit should be in the exponent") }
            while isDigit(current) { position += 1 }
        }
        if isInteger, let exact = exactInteger(start..<position) { return .int(exact) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let double = Double(text), double.isFinite else {
            throw ArchiveError(.invalidJSON, at: "byte \(start)", "the number is too large")
        }
        return .double(double)
    }

    private func exactInteger(_ range: Range<Int>) -> Int? {
        var negative: Int = 0
        var index = range.lowerBound
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        // Gathered as a negative number: its range is the larger one.
        while index < range.upperBound {
            let (shifted, overflow) = negative.multipliedReportingOverflow(by: 10)
            let (next, overflow2) = shifted.subtractingReportingOverflow(Int(bytes[index] &- 0x30))
            if overflow || overflow2 { return nil }
            negative = next
            index += 1
        }
        if isNegative { return negative }
        return negative == Int.min ? nil : -negative
    }

    private mutating func string() throws -> String {
        let open = position
        position += 1
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = String(validating: bytes[start..<position], as: UTF8.self)
                guard let text else { throw ArchiveError(.invalidJSON, at: "byte \(open)", "a string that is not UTF-8") }
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start, open: open) }
            guard byte >= 0x20 else { throw failure("a control character in a string") }
            position += 1
        }
        throw ArchiveError(.invalidJSON, at: "byte \(open)", "a string without end")
    }

    private mutating func escapedString(from start: Int, open: Int) throws -> String {
        var buffer = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: buffer, as: UTF8.self) else {
                    throw ArchiveError(.invalidJSON, at: "byte \(open)", "a string that is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"):
                try escape(into: &buffer)
            case 0..<0x20:
                position -= 1
                throw failure("a control character in a string")
            default:
                buffer.append(byte)
            }
        }
        throw ArchiveError(.invalidJSON, at: "byte \(open)", "a string without end")
    }

    private mutating func escape(into buffer: inout [UInt8]) throws {
        guard let letter = current else { throw failure("the text ends inside an escape") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(letter)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0c)
        case UInt8(ascii: "n"): buffer.append(0x0a)
        case UInt8(ascii: "r"): buffer.append(0x0d)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"):
            var code = UInt32(try hexadecimal())
            if (0xd800..<0xdc00).contains(code) {
                guard current == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else {
                    throw failure("an unpaired surrogate")
                }
                position += 2
                let low = UInt32(try hexadecimal())
                guard (0xdc00..<0xe000).contains(low) else { throw failure("an unpaired surrogate") }
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("an unpaired surrogate") }
            buffer.append(contentsOf: String(Character(scalar)).utf8)
        default:
            throw failure("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws -> UInt16 {
        guard position + 4 <= bytes.count else { throw failure("the text ends inside an escape") }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue, bytes[position] < 0x80 else {
                throw failure("four hexadecimal digits should be here")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
