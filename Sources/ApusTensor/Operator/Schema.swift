extension Operator {
    /// An operator's signature, read from the text of its ATen schema.
    public struct Schema: Sendable {
        /// A parameter's or result's type, as far as operators here need it.
        public indirect enum Kind: Sendable, Hashable {
            case tensor, scalar, int, float, bool, string, dtype, layout, device, memoryFormat, generator
            /// A list; `count` is the fixed length in `int[2]`, which a single number may stand for.
            case list(Kind, count: Int?)
            case optional(Kind)
            /// A subgraph, in Apus's own control-flow schemas.
            case graph
        }

        public struct Parameter: Sendable {
            public let name: String
            public let kind: Kind
            /// The default as written in the schema, nil where the argument is required.
            public let defaultText: String?
            public let isKeywordOnly: Bool
            /// True for `Tensor(a!)`: the operator writes into this argument.
            public let isMutated: Bool
        }

        /// The whole text.
        public let text: String
        /// `aten` in `aten::add.Tensor`.
        public let namespace: String
        /// `add`.
        public let name: String
        /// `Tensor`; empty for the default overload.
        public let overload: String
        public let parameters: [Parameter]
        public let results: [Kind]
        /// True where a result shares memory with an argument (`Tensor(a)`).
        public let returnsView: Bool

        /// `aten::add.Tensor`.
        public var qualifiedName: String { overload.isEmpty ? "\(namespace)::\(name)" : "\(namespace)::\(name).\(overload)" }
    }
}

package typealias Schema = Operator.Schema

/// A schema text that can't be read.
public struct SchemaError: Error, Sendable, CustomStringConvertible {
    public let text: String
    public let reason: String
    public var description: String { "schema '\(text)': \(reason)" }
}

extension Operator.Schema {
    /// Reads e.g. `aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor`.
    public init(_ text: String) throws {
        func fail(_ reason: String) -> SchemaError { SchemaError(text: text, reason: reason) }
        guard let open = text.firstIndex(of: "("), let arrow = text.firstRange(of: ") -> ") else {
            throw fail("no parameter list or result")
        }
        let head: Substring = text[..<open]
        guard let colons = head.firstRange(of: "::") else { throw fail("no namespace") }
        self.text = text
        namespace = String(head[..<colons.lowerBound])
        let base: Substring = head[colons.upperBound...]
        if let dot = base.firstIndex(of: ".") {
            name = String(base[..<dot])
            overload = String(base[base.index(after: dot)...])
        } else {
            name = String(base)
            overload = ""
        }
        var parameters: [Parameter] = []
        var keywordOnly = false
        for part in Schema.split(text[text.index(after: open)..<arrow.lowerBound]) {
            if part == "*" {
                keywordOnly = true
                continue
            }
            guard let space = part.lastIndex(of: " ", before: "=") else { throw fail("no name in '\(part)'") }
            let typeText = String(part[..<space])
            let rest = part[part.index(after: space)...]
            let pieces = rest.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let kind = Kind(typeText) else { throw fail("unknown type '\(typeText)'") }
            parameters.append(
                Parameter(
                    name: String(pieces[0]), kind: kind, defaultText: pieces.count > 1 ? String(pieces[1]) : nil,
                    isKeywordOnly: keywordOnly, isMutated: typeText.contains("!")))
        }
        self.parameters = parameters
        var resultText: Substring = text[arrow.upperBound...]
        if resultText == "()" {
            results = []
            returnsView = false
            return
        }
        if resultText.hasPrefix("("), resultText.hasSuffix(")") { resultText = resultText.dropFirst().dropLast() }
        returnsView = resultText.contains("(") && !resultText.contains("!")
        results = try Schema.split(resultText).map { part in
            // A result may be named: `Tensor values`.
            let typeText = part.contains(" ") && !part.contains("(a -> *)") ? String(part.prefix { $0 != " " }) : part
            guard let kind = Kind(typeText) else { throw fail("unknown result type '\(typeText)'") }
            return kind
        }
    }

    /// Splits at commas outside brackets and trims blanks.
    private static func split(_ text: Substring) -> [String] {
        var parts: [String] = []
        var depth = 0
        var current = ""
        for character in text {
            if character == "," && depth == 0 {
                parts.append(current)
                current = ""
                continue
            }
            if "([".contains(character) { depth += 1 }
            if ")]".contains(character) { depth -= 1 }
            if !(character == " " && current.isEmpty) { current.append(character) }
        }
        if !current.isEmpty { parts.append(current) }
        return parts
    }

    /// The position of the parameter with this name.
    public func index(of name: String) -> Int? { parameters.firstIndex { $0.name == name } }
}

extension String {
    fileprivate func lastIndex(of character: Character, before stop: Character) -> String.Index? {
        let end = firstIndex(of: stop) ?? endIndex
        return self[..<end].lastIndex(of: character)
    }
}

extension Operator.Schema.Kind {
    /// Whether a result of this kind is a tensor or a list of them, not a number.
    package var holdsTensors: Bool {
        switch self {
        case .tensor: true
        case .list(let inner, _), .optional(let inner): inner.holdsTensors
        default: false
        }
    }

    fileprivate init?(_ text: String) {
        // `Tensor(a!)`, `Tensor(a -> *)[]`: aliasing is noted elsewhere.
        var plain = ""
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if depth == 0 { plain.append(character) }
            if character == ")" { depth -= 1 }
        }
        self.init(plain: plain[...])
    }

    private init?(plain: Substring) {
        if plain.hasSuffix("?") {
            guard let inner = Self(plain: plain.dropLast()) else { return nil }
            self = .optional(inner)
            return
        }
        if plain.hasSuffix("]"), let open = plain.lastIndex(of: "[") {
            guard let inner = Self(plain: plain[..<open]) else { return nil }
            self = .list(inner, count: Int(plain[plain.index(after: open)...].dropLast()))
            return
        }
        switch plain {
        case "Tensor": self = .tensor
        case "Scalar": self = .scalar
        case "int", "SymInt": self = .int
        case "float", "SymFloat": self = .float
        case "bool", "SymBool": self = .bool
        case "str": self = .string
        case "ScalarType": self = .dtype
        case "Layout": self = .layout
        case "Device": self = .device
        case "MemoryFormat": self = .memoryFormat
        case "Generator": self = .generator
        case "Graph": self = .graph
        default: return nil
        }
    }
}
