import Foundation
import JudgeSupport

/// What users can write: every public symbol, by `docs/public-api.txt` (which is checked against the modules), and the names of PyTorch that the
/// compiler corrects, of which a module does not tell, but its source does.
struct PublicSurface {
    struct Member {
        /// `clamp`
        let name: String
        /// As it is called: `clamp(min:max:)`.
        let form: String
        let isStatic: Bool
    }

    /// Declarations of a type's members, by `module type`.
    private let declarations: [String: [Substring]]
    /// Methods, properties and initialisers by the type that has them, functions under the module's name.
    private let members: [String: [Member]]
    /// The names of types, and of those that are nested in no other.
    let types: Set<String>
    let topLevelTypes: Set<String>
    /// PyTorch's name where Swift has another, and what the compiler offers: a form, or what to write. Names that differ by their case only are
    /// no part of it.
    let corrections: [(name: String, offered: String)]

    /// Modules that `import Apus` does not give.
    private static let otherProducts: Set<Substring> = ["ApusData", "ApusImages", "ApusView"]

    init() throws {
        var members: [String: [Member]] = [:]
        var declarations: [String: [Substring]] = [:]
        var types: Set<String> = []
        var topLevelTypes: Set<String> = []
        let list: String = try String(contentsOfFile: Python.root + "/docs/public-api.txt", encoding: .utf8)
        for line in list.split(separator: "\n") {
            let words: [Substring] = line.split(separator: " ", maxSplits: 1)
            if Self.otherProducts.contains(words[0]) { continue }
            // `ApusTensor Tensor: func abs()`, or `ApusTensor final class Operator`.
            let head: Substring = words[1].prefix { !" (<".contains($0) }
            let owner: String = head.hasSuffix(":") ? String(head.dropLast()) : String(words[0])
            let declaration: Substring = head.hasSuffix(":") ? words[1].dropFirst(head.count + 1) : words[1]
            if let type = Self.name(in: declaration, after: ["class ", "struct ", "enum ", "protocol "]) {
                types.insert(type)
                if !head.hasSuffix(":") { topLevelTypes.insert(type) }
            }
            if head.hasSuffix(":") { declarations["\(words[0]) \(owner)", default: []].append(declaration.drop { $0 == " " }) }
            if let member = Self.member(declaration) { members[owner, default: []].append(member) }
        }
        self.declarations = declarations
        self.members = members
        self.types = types
        self.topLevelTypes = topLevelTypes

        let source: String = try String(
            contentsOfFile: Python.root + "/Sources/ApusTensor/Tensor/Tensor+TorchNames.swift", encoding: .utf8)
        var offered: String = ""
        var corrections: [(name: String, offered: String)] = []
        for line in source.split(separator: "\n") {
            if line.contains("@available") { offered = String(line.split(separator: "\"")[1]) }
            if !offered.isEmpty, let name = Self.name(in: line, after: ["func ", "var "]) {
                corrections.append((name, offered))
                offered = ""
            }
        }
        self.corrections = corrections
    }

    /// The members of a type or module that have this name, each form once.
    func members(of owner: String, named name: String) -> [Member] {
        var seen: Set<String> = []
        return (members[owner] ?? []).filter { $0.name == name && seen.insert($0.form).inserted }
    }

    /// What a module declares in a type, with declarations as they are listed.
    func declarations(of type: String, in module: String) -> [Substring] { declarations["\(module) \(type)"] ?? [] }

    /// The names of a type's or module's members, each once.
    func names(of owner: String) -> Set<String> { Set((members[owner] ?? []).map(\.name)) }

    private static func name(in declaration: Substring, after keywords: [String]) -> String? {
        for keyword in keywords {
            guard let range = declaration.range(of: keyword) else { continue }
            let name: Substring = declaration[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "`" }
            if !name.isEmpty { return name.filter { $0 != "`" } }
        }
        return nil
    }

    private static func member(_ declaration: Substring) -> Member? {
        let isInitialiser: Bool = declaration.hasPrefix("init") || declaration.contains(" init(")
        guard let name = isInitialiser ? "init" : name(in: declaration, after: ["func ", "var "]) else { return nil }
        let isStatic: Bool = declaration.contains("static ")
        if !isInitialiser, declaration.range(of: "func ") == nil { return Member(name: name, form: name, isStatic: isStatic) }
        guard let found = declaration.range(of: name), let open = declaration[found.upperBound...].firstIndex(of: "(") else { return nil }
        return Member(name: name, form: name + labels(declaration[declaration.index(after: open)...]), isStatic: isStatic)
    }

    /// `(min:max:)`, of the text behind the opening parenthesis.
    private static func labels(_ text: Substring) -> String {
        var depth: Int = 0
        var labels: String = ""
        var isAtStart: Bool = true
        var label: String = ""
        for character in text {
            if "([".contains(character) { depth += 1 }
            if ")]".contains(character) { depth -= 1 }
            if depth < 0 { break }
            if isAtStart {
                if character == " ", label.isEmpty { continue }
                if character == " " || character == ":" {
                    labels += label + ":"
                    isAtStart = false
                    label = ""
                } else {
                    label.append(character)
                }
            } else if depth == 0, character == "," {
                isAtStart = true
            }
        }
        return "(\(labels))"
    }
}
