import ApusProgram

/// The nesting of a program's arguments or results, as a program file spells it ("pytree spec").
///
/// The text is JSON: `[1, node]` with nodes `{"type": ..., "context": ..., "children_spec": [...]}`; a leaf has all three empty. Python's
/// containers are mapped to three kinds. What becomes of the rarer ones: a named tuple and `torch.Size` are tuples, a `deque` is
/// a list, `OrderedDict`, `defaultdict`, registered dataclasses and model outputs (which are tables of named values) are dictionaries.
/// A type outside these is an error that names it, since its order of values would be a guess. `None` is a leaf.
indirect enum TreeSpecText: Sendable, Equatable {
    case leaf
    case tuple([TreeSpecText])
    case list([TreeSpecText])
    /// Keys in the order of the values; keys that are not strings are kept as their text.
    case dictionary(keys: [String], [TreeSpecText])

    static let maximumDepth = 64
}

extension TreeSpecText {
    /// - Throws: `ArchiveError` (`.invalidTreeSpec`, or `.limit`) with the place inside the text.
    init(parsing text: String) throws {
        do {
            let json = try JSONParser.parse(text)
            guard case .array(let parts) = json, parts.count == 2, case .int(let version) = parts[0] else {
                throw JSONMismatch("expected [version, tree], found \(json.kind)")
            }
            guard version == 1 else {
                throw ArchiveError(.unsupportedVersion, "a tree specification of version \(version); 1 is read")
            }
            self = try decoding(index: 1) { try Self.node(parts[1], depth: 0) }
        } catch let error as JSONMismatch {
            throw ArchiveError(.invalidTreeSpec, at: error.location, error.reason)
        }
    }

    private static func node(_ json: JSON, depth: Int) throws -> TreeSpecText {
        guard depth < maximumDepth else { throw ArchiveError(.limit, "a tree specification deeper than \(maximumDepth) levels") }
        let fields = try JSONFields(json, of: "tree")
        let type: String? = try fields.nullable("type")
        let context: RawJSON = try fields.required("context")
        let specs: [RawJSON] = try fields.required("children_spec")
        let children = try decoding("children_spec") {
            try specs.enumerated().map { index, spec in try decoding(index: index) { try node(spec.json, depth: depth + 1) } }
        }
        guard let type else {
            guard children.isEmpty else { throw JSONMismatch("a leaf with children") }
            return .leaf
        }
        switch type {
        case "builtins.tuple", "torch.Size", "collections.namedtuple": return .tuple(children)
        case "builtins.list", "collections.deque": return .list(children)
        case "builtins.dict", "collections.OrderedDict": return try dictionary(try keys(context.json), children, type)
        case "collections.defaultdict":
            let inner: RawJSON = try decoding("context") { try JSONFields(context.json, of: "defaultdict").required("dict_context") }
            return try dictionary(try keys(inner.json), children, type)
        case "builtins.NoneType": return .leaf
        default:
            // Dataclasses and model outputs record the names of their values; anything else does not say what its children are.
            if let names = try? keys(context.json), names.count == children.count { return try dictionary(names, children, type) }
            throw ArchiveError(
                .invalidTreeSpec, "the Python type '\(type)' in the program's signature is not one of tuple, list, dict and their kin")
        }
    }

    private static func dictionary(_ keys: [String], _ children: [TreeSpecText], _ type: String) throws -> TreeSpecText {
        guard keys.count == children.count else {
            throw JSONMismatch("\(type) has \(keys.count) keys and \(children.count) children")
        }
        guard Set(keys).count == keys.count else { throw JSONMismatch("\(type) has the same key twice") }
        return .dictionary(keys: keys, children)
    }

    /// The keys out of a context: a JSON list, usually as text inside the JSON.
    private static func keys(_ context: JSON) throws -> [String] {
        try decoding("context") {
            var list = context
            if case .string(let text) = context {
                do { list = try JSONParser.parse(text) } catch {
                    throw JSONMismatch("expected a list of keys as JSON text, found \"\(text)\"")
                }
            }
            guard case .array(var elements) = list else { throw JSONMismatch.expected("a list of keys", found: list) }
            // A dataclass has two lists: fields with values, and fields that are None.
            if case .array(let fields)? = elements.first, elements.count == 2 { elements = fields }
            return try elements.map { element in
                switch element {
                case .string(let key): return key
                case .int(let key): return String(key)
                case .bool(let key): return key ? "True" : "False"
                case .object(let object):
                    if case .string(let name)? = object["name"], object["__enum__"] == .bool(true) { return name }
                    throw JSONMismatch("a key that is neither a string nor a number")
                default: throw JSONMismatch("a key that is neither a string nor a number")
                }
            }
        }
    }

    /// The text of the whole specification.
    var text: String { JSONWriter.text(.array([.int(1), json])) }

    private var json: JSON {
        func node(_ type: JSON, _ context: JSON, _ children: [TreeSpecText]) -> JSON {
            .object(["type": type, "context": context, "children_spec": .array(children.map(\.json))])
        }
        switch self {
        case .leaf: return node(.null, .null, [])
        case .tuple(let children): return node(.string("builtins.tuple"), .string("null"), children)
        case .list(let children): return node(.string("builtins.list"), .string("null"), children)
        case .dictionary(let keys, let children):
            return node(.string("builtins.dict"), .string(JSONWriter.text(keys.json)), children)
        }
    }

    /// The number of leaves.
    var leafCount: Int {
        switch self {
        case .leaf: 1
        case .tuple(let children), .list(let children), .dictionary(_, let children):
            children.reduce(0) { $0 + $1.leafCount }
        }
    }
}

extension TreeSpecText {
    var treeSpec: TreeSpec {
        switch self {
        case .leaf: .leaf
        case .tuple(let children): .tuple(children.map(\.treeSpec))
        case .list(let children): .list(children.map(\.treeSpec))
        case .dictionary(let keys, let children): .dictionary(keys, children.map(\.treeSpec))
        }
    }

    init(_ spec: TreeSpec) {
        switch spec {
        case .leaf: self = .leaf
        case .tuple(let children): self = .tuple(children.map { TreeSpecText($0) })
        case .list(let children): self = .list(children.map { TreeSpecText($0) })
        case .dictionary(let keys, let children): self = .dictionary(keys: keys, children.map { TreeSpecText($0) })
        }
    }
}

/// Any JSON value, where a record has a field of free form.
struct RawJSON: JSONConvertible, Sendable, Equatable {
    let json: JSON
    init(json: JSON) { self.json = json }
}
