import Foundation

/// A member of a type as `docs/public-api.txt` declares it, and the link to it that the documentation's compiler takes.
struct MemberLink {
    /// `clamp`, `+`, `init`, `subscript`
    let name: String
    /// `clamp(min:max:)`
    let path: String
    /// `Tensor?,Tensor?`: tells members of one path apart.
    private let types: String

    /// What stands before a name.
    private static let words: Set<String> = [
        "associatedtype", "case", "class", "convenience", "enum", "final", "func", "indirect", "let", "mutating", "static", "struct",
        "typealias", "var",
    ]

    init(_ declaration: Substring) {
        // `->` is no bracket.
        let text: String = declaration.replacingOccurrences(of: "->", with: "\u{2192}").replacingOccurrences(of: "`", with: "")
        var rest: Substring = text[...]
        while let space = rest.firstIndex(of: " "), rest.hasPrefix("@") || MemberLink.words.contains(String(rest[..<space])) {
            rest = rest[rest.index(after: space)...]
        }
        let isWord: Bool = rest.first?.isLetter ?? false
        let name: Substring = rest.prefix { isWord ? $0.isLetter || $0.isNumber : !" (".contains($0) }
        self.name = String(name)
        rest = rest.dropFirst(name.count)
        guard let open = rest.firstIndex(of: "("), !rest[..<open].contains(":"), !rest[..<open].contains("=") else {
            (path, types) = (self.name, "")
            return
        }
        let parameters: [(label: String, type: String)] = MemberLink.parameters(rest[rest.index(after: open)...])
        let hasLabels: Bool = isWord && name != "subscript"
        path = "\(name)(\(parameters.map { (hasLabels ? $0.label : "_") + ":" }.joined()))"
        types = parameters.map(\.type).joined(separator: ",")
    }

    /// The links to members, each told apart from the others of its path.
    static func links(_ members: [MemberLink]) -> [String] {
        let counts: [String: Int] = members.reduce(into: [:]) { $0[$1.path, default: 0] += 1 }
        return members.map { member in
            if counts[member.path] == 1 { return member.path }
            let types: String = "\(member.path)-(\(member.types))"
            return unreadable[types].map { "\(member.path)-\($0)" } ?? types
        }
    }

    /// Links by types that the documentation's compiler can't read though it proposes them, with the hash that it takes in their place: where a
    /// name begins like the types, and where a type is in parentheses. A wrong one is a warning of `make docs`.
    private static let unreadable: [String: String] = [
        "-(_:_:)-(Tensor,Tensor)": "dbdy", "-(_:_:)-(Tensor,ScalarConvertible)": "3e0gk", "-(_:_:)-(ScalarConvertible,Tensor)": "nk02",
        "clamp(min:max:)-((ScalarConvertible)?,(ScalarConvertible)?)": "70luy",
    ]

    /// The parameters in the text behind the opening parenthesis.
    private static func parameters(_ text: Substring) -> [(label: String, type: String)] {
        var parts: [String] = [""]
        var depth: Int = 0
        for character in text {
            if "([<".contains(character) { depth += 1 }
            if ")]>".contains(character) { depth -= 1 }
            if depth < 0 { break }
            if depth == 0, character == "," { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts.filter { !$0.isEmpty }.map { part in
            let words: [Substring] = part.split(separator: ":", maxSplits: 1)
            return (String(words[0].split(separator: " ")[0]), bare(words[1].components(separatedBy: " = ")[0]))
        }
    }

    /// The type as links spell it: `[SymIntConvertible]` for `[any SymIntConvertible]`.
    private static func bare(_ type: String) -> String {
        var text: String = type
        for word in ["any ", "some ", "inout ", " "] { text = text.replacingOccurrences(of: word, with: "") }
        return text.replacingOccurrences(of: "\u{2192}", with: "->")
    }
}
