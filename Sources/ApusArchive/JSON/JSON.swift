/// A JSON document as a tree.
///
/// Foundation's `JSONSerialization` and `JSONDecoder` were considered first. They keep the last of two equal keys without a word, where a
/// program file with a name defined twice must be refused; they box every number; and they cannot say where in the document a
/// value was wrong in terms of its path. So this module has its own parser: strict, exact for 64-bit integers, limited in depth, and it
/// reports duplicate keys.
enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits: exact.
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// What the value is, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object in document order, each key once.
struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    struct Member: Sendable, Equatable {
        let key: String
        let value: JSON
    }

    private(set) var members: [Member]

    init(_ members: [Member] = []) { self.members = members }

    init(dictionaryLiteral elements: (String, JSON)...) {
        members = elements.map { Member(key: $0.0, value: $0.1) }
    }

    mutating func append(_ key: String, _ value: JSON) { members.append(Member(key: key, value: value)) }

    /// Linear in the number of members: meant for the small objects of a schema, not for tables.
    subscript(key: String) -> JSON? {
        for member in members where member.key == key { return member.value }
        return nil
    }

    /// The first key that occurs twice.
    var duplicateKey: String? {
        if members.count <= 12 {
            for (position, member) in members.enumerated() {
                for other in members[..<position] where other.key == member.key { return member.key }
            }
            return nil
        }
        var seen: Set<String> = []
        seen.reserveCapacity(members.count)
        for member in members where !seen.insert(member.key).inserted { return member.key }
        return nil
    }
}
