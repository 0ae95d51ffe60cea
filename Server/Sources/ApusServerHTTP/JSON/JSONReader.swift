import ApusServing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A value of a JSON text. Arrays, but for those of objects, are read when they are asked for: a tensor's elements go straight into its memory.
enum JSONValue {
    case null
    case bool(Bool)
    case number(Double)
    /// A number without fraction and exponent that 64 bits hold.
    case int(Int)
    case string(String)
    /// Where it stands, brackets included.
    case array(Range<Int>)
    /// An array of objects.
    case list([JSONValue])
    case object([(key: String, value: JSONValue)])

    subscript(key: String) -> JSONValue? {
        guard case .object(let entries) = self else { return nil }
        return entries.first { $0.key == key }?.value
    }
}

/// Reads JSON (RFC 8259), and `NaN`, `Infinity` and `-Infinity`, which clients write for numbers that are none.
struct JSONReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position: Int
    /// What JSON nests deeper is nobody's request.
    private static let deepest = 64
    /// Each key is compared with those before it.
    private static let mostKeys = 64
    /// Each takes far more memory than the two bytes that it may stand in.
    private static let mostObjects = 16_384
    private var objectCount = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, from position: Int = 0) { (self.bytes, self.position) = (bytes, position) }

    func fault(_ reason: String) -> ServingError { ServingError(.invalidRequest, "the request's JSON: \(reason) at byte \(position)") }

    /// The text's only value.
    mutating func whole() throws -> JSONValue {
        let value: JSONValue = try value()
        skipSpace()
        guard position == bytes.count else { throw fault("more after its end") }
        return value
    }

    mutating func value(depth: Int = 0) throws -> JSONValue {
        skipSpace()
        guard depth < JSONReader.deepest else { throw fault("nested too deep") }
        switch peek {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["):
            let start: Int = position
            position += 1
            if take(UInt8(ascii: "{")) {
                position -= 1
                return .list(try objects(depth))
            }
            position = start
            try skipArray(depth)
            return .array(start..<position)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t") where take("true"): return .bool(true)
        case UInt8(ascii: "f") where take("false"): return .bool(false)
        case UInt8(ascii: "n") where take("null"): return .null
        default:
            let start: Int = position
            if let integer = try integer() { return .int(integer) }
            position = start
            return .number(try number())
        }
    }

    /// The elements of an array, of which one more than the limit is as good as all.
    static func elements(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, limit: Int) throws -> [JSONValue] {
        var reader = JSONReader(bytes, from: range.lowerBound + 1)
        var values: [JSONValue] = []
        reader.skipSpace()
        while values.count <= limit, reader.peek != UInt8(ascii: "]") {
            values.append(try reader.value())
            reader.skipSpace()
            if reader.peek == UInt8(ascii: ",") { reader.position += 1 }
        }
        return values
    }

    // MARK: Parts

    func bytes(_ range: Range<Int>) -> Slice<UnsafeBufferPointer<UInt8>> { bytes[range] }
    mutating func advance() { position += 1 }
    mutating func move(to place: Int) { position = place }
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    mutating func take(_ text: StaticString) -> Bool {
        let length: Int = text.utf8CodeUnitCount
        guard position + length <= bytes.count, memcmp(bytes.baseAddress! + position, text.utf8Start, length) == 0 else { return false }
        position += length
        return true
    }

    mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func object(_ depth: Int) throws -> JSONValue {
        try Task.checkCancellation()
        objectCount += 1
        guard objectCount <= JSONReader.mostObjects else { throw fault("more than \(JSONReader.mostObjects) objects") }
        position += 1
        var entries: [(key: String, value: JSONValue)] = []
        if take(UInt8(ascii: "}")) { return .object(entries) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw fault("a key is expected") }
            let key: String = try string()
            guard take(UInt8(ascii: ":")) else { throw fault("a colon is expected") }
            guard entries.count < JSONReader.mostKeys else { throw fault("more than \(JSONReader.mostKeys) keys") }
            guard !entries.contains(where: { $0.key == key }) else { throw fault("the key '\(key)' stands twice") }
            entries.append((key, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw fault("a comma or the object's end is expected") }
        return .object(entries)
    }

    /// The rest of an array that begins with an object.
    private mutating func objects(_ depth: Int) throws -> [JSONValue] {
        var values: [JSONValue] = []
        repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw fault("a comma or the array's end is expected") }
        return values
    }

    /// Goes over an array as it would be read.
    private mutating func skipArray(_ depth: Int) throws {
        guard depth < JSONReader.deepest else { throw fault("nested too deep") }
        position += 1
        if take(UInt8(ascii: "]")) { return }
        repeat {
            skipSpace()
            switch peek {
            case UInt8(ascii: "["): try skipArray(depth + 1)
            case UInt8(ascii: "{"), UInt8(ascii: "\""), UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
                _ = try value(depth: depth + 1)
            default: try skipNumber()
            }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw fault("a comma or the array's end is expected") }
    }

    private mutating func string() throws -> String {
        position += 1
        let start: Int = position
        var hasEscapes = false
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw fault("a control character in a string") }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                position += 1
            }
            position += 1
        }
        guard position < bytes.count else { throw fault("a string without end") }
        let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
        position += 1
        guard let plain = String(validating: text, as: UTF8.self) else { throw fault("a string that is not UTF-8") }
        return hasEscapes ? try unescaped(plain) : plain
    }

    private func unescaped(_ text: String) throws -> String {
        var units: [UInt16] = []
        var rest = text.utf16.makeIterator()
        while let unit = rest.next() {
            guard unit == UInt16(UInt8(ascii: "\\")) else {
                units.append(unit)
                continue
            }
            guard let kind = rest.next().flatMap({ UnicodeScalar($0) }) else { throw fault("an escape without end") }
            switch kind {
            case "\"", "\\", "/": units.append(UInt16(kind.value))
            case "b": units.append(0x08)
            case "f": units.append(0x0C)
            case "n": units.append(0x0A)
            case "r": units.append(0x0D)
            case "t": units.append(0x09)
            case "u":
                var code: UInt16 = 0
                for _ in 0..<4 {
                    guard let digit = rest.next().flatMap({ UnicodeScalar($0) }).flatMap({ Character($0).hexDigitValue }) else {
                        throw fault("an escape that is no character")
                    }
                    code = code << 4 | UInt16(digit)
                }
                units.append(code)
            default: throw fault("an unknown escape")
            }
        }
        guard let result = String(validating: units, as: UTF16.self) else { throw fault("an escape that is half a character") }
        return result
    }
}
