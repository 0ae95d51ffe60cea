/// A value with a JSON form.
protocol JSONConvertible {
    init(json: JSON) throws
    var json: JSON { get }
}

/// A mismatch between a document and what was expected, with the path to it. The path is put together while the error travels
/// outwards, so decoding pays nothing for it as long as all is well.
struct JSONMismatch: Error {
    /// From the outermost to the innermost step, each `.key` or `[index]`.
    private(set) var path = ""
    let reason: String

    init(_ reason: String) { self.reason = reason }

    static func expected(_ what: String, found: JSON) -> JSONMismatch {
        JSONMismatch("expected \(what), found \(found.kind)")
    }

    func under(_ step: String) -> JSONMismatch {
        var copy = self
        copy.path = step + path
        return copy
    }

    /// The path without the leading point.
    var location: String { path.hasPrefix(".") ? String(path.dropFirst()) : path }
}

/// Runs `body` and puts `.key` in front of the path of a mismatch.
func decoding<Result>(_ key: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as JSONMismatch { throw error.under(".\(key)") }
}

/// Runs `body` and puts `[index]` in front of the path of a mismatch.
func decoding<Result>(index: Int, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as JSONMismatch { throw error.under("[\(index)]") }
}

/// The fields of an object that stands for a record: unknown keys are ignored, missing ones are errors unless they have a default.
struct JSONFields {
    private let object: JSONObject

    init(_ json: JSON, of type: String) throws {
        guard case .object(let object) = json else { throw JSONMismatch.expected("an object (\(type))", found: json) }
        self.object = object
    }

    /// A field that must be there.
    func required<Value: JSONConvertible>(_ key: String, as type: Value.Type = Value.self) throws -> Value {
        guard let value = object[key] else { throw JSONMismatch("the key '\(key)' is missing") }
        return try decoding(key) { try Value(json: value) }
    }

    /// A field that must be there but may be null.
    func nullable<Value: JSONConvertible>(_ key: String, as type: Value.Type = Value.self) throws -> Value? {
        guard let value = object[key] else { throw JSONMismatch("the key '\(key)' is missing") }
        return value == .null ? nil : try decoding(key) { try Value(json: value) }
    }

    /// A field that may be absent or null.
    func optional<Value: JSONConvertible>(_ key: String, as type: Value.Type = Value.self) throws -> Value? {
        guard let value = object[key], value != .null else { return nil }
        return try decoding(key) { try Value(json: value) }
    }

    /// A field with a default.
    func value<Value: JSONConvertible>(_ key: String, default standard: Value) throws -> Value {
        guard let value = object[key] else { return standard }
        return try decoding(key) { try Value(json: value) }
    }
}

/// The one key and value of an object that stands for a union.
struct JSONVariant {
    let key: String
    let value: JSON
    private let type: String

    init(_ json: JSON, of type: String) throws {
        guard case .object(let object) = json else { throw JSONMismatch.expected("an object (\(type))", found: json) }
        guard object.members.count == 1, let member = object.members.first else {
            let keys = object.members.map(\.key).joined(separator: ", ")
            throw JSONMismatch("expected exactly one key (\(type)), found \(object.members.count)" + (keys.isEmpty ? "" : " (\(keys))"))
        }
        key = member.key
        value = member.value
        self.type = type
    }

    func decode<Value: JSONConvertible>(_ target: Value.Type = Value.self) throws -> Value {
        try decoding(key) { try Value(json: value) }
    }

    var unknown: JSONMismatch { JSONMismatch("'\(key)' is not a variant of \(type)") }
}

extension Bool: JSONConvertible {
    init(json: JSON) throws {
        guard case .bool(let value) = json else { throw JSONMismatch.expected("a boolean", found: json) }
        self = value
    }
    var json: JSON { .bool(self) }
}

extension Int: JSONConvertible {
    init(json: JSON) throws {
        guard case .int(let value) = json else {
            if case .double = json { throw JSONMismatch("expected an integer of at most 64 bits, found another number") }
            throw JSONMismatch.expected("an integer", found: json)
        }
        self = value
    }
    var json: JSON { .int(self) }
}

extension String: JSONConvertible {
    init(json: JSON) throws {
        guard case .string(let value) = json else { throw JSONMismatch.expected("a string", found: json) }
        self = value
    }
    var json: JSON { .string(self) }
}

/// Doubles follow PyTorch's habit: infinities and NaN are the strings that Python's JSON would write as bare words. An integer is taken
/// where it is exact.
extension Double: JSONConvertible {
    init(json: JSON) throws {
        switch json {
        case .double(let value): self = value
        case .int(let value):
            guard let exact = Double(exactly: value) else { throw JSONMismatch("the integer \(value) is not exact as a double") }
            self = exact
        case .string("Infinity"): self = .infinity
        case .string("-Infinity"): self = -.infinity
        case .string("NaN"): self = .nan
        default: throw JSONMismatch.expected("a number", found: json)
        }
    }
    var json: JSON {
        if isNaN { return .string("NaN") }
        if isInfinite { return .string(self < 0 ? "-Infinity" : "Infinity") }
        return .double(self)
    }
}

extension Array: JSONConvertible where Element: JSONConvertible {
    init(json: JSON) throws {
        guard case .array(let elements) = json else { throw JSONMismatch.expected("an array", found: json) }
        self = []
        reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            append(try decoding(index: index) { try Element(json: element) })
        }
    }
    var json: JSON { .array(map(\.json)) }
}

extension Optional: JSONConvertible where Wrapped: JSONConvertible {
    init(json: JSON) throws { self = json == .null ? nil : try Wrapped(json: json) }
    var json: JSON { map(\.json) ?? .null }
}

/// A table with string keys, kept in document order so that what is written is what was read.
struct JSONTable<Value: JSONConvertible & Sendable>: JSONConvertible, Sendable {
    private(set) var keys: [String] = []
    private var values: [String: Value] = [:]

    init() {}

    init(json: JSON) throws {
        guard case .object(let object) = json else { throw JSONMismatch.expected("an object", found: json) }
        keys.reserveCapacity(object.members.count)
        values.reserveCapacity(object.members.count)
        for member in object.members {
            self[member.key] = try decoding(member.key) { try Value(json: member.value) }
        }
    }

    var json: JSON {
        var object = JSONObject()
        for key in keys { if let value = values[key] { object.append(key, value.json) } }
        return .object(object)
    }

    var count: Int { keys.count }

    subscript(key: String) -> Value? {
        get { values[key] }
        set {
            if let newValue {
                if values.updateValue(newValue, forKey: key) == nil { keys.append(key) }
            } else if values.removeValue(forKey: key) != nil {
                keys.removeAll { $0 == key }
            }
        }
    }
}

extension JSONTable: Equatable where Value: Equatable {}
extension JSONTable: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, Value)...) {
        for (key, value) in elements { self[key] = value }
    }
}
