/// The syntax tree of a symbolic expression as a program file spells it: sympy's `srepr` text, for example
/// `FloorDiv(Add(Symbol('s10', positive=True, integer=True), Integer(2)), Integer(3))`.
///
/// Only the syntax is judged here; what the names mean is decided by whoever turns the tree into sizes and conditions.
indirect enum ExpressionSyntax: Sendable, Equatable {
    case integer(Int)
    case float(Double)
    case name(String)
    case text(String)
    case call(String, [ExpressionSyntax], keywords: [String: ExpressionSyntax])

    /// Deeper texts are refused: they come from attackers, and turning a tree into values recurses. A scope keeps 128 levels; one of
    /// quotients of sums of products is written as three.
    static let maximumDepth = 512
    /// Longest text, in bytes.
    static let maximumLength = 1 << 18

    /// - Throws: `ArchiveError` (`.invalidExpression` or `.limit`) with the byte position and the text.
    init(parsing text: String) throws {
        guard text.utf8.count <= Self.maximumLength else {
            throw ArchiveError(.limit, "an expression of \(text.utf8.count) bytes; \(Self.maximumLength) are accepted")
        }
        var parser = Parser(text)
        self = try parser.whole()
    }
}

extension ExpressionSyntax: CustomStringConvertible {
    /// The text again, in sympy's manner.
    var description: String {
        switch self {
        case .integer(let value): return "\(value)"
        case .float(let value): return "\(value)"
        case .name(let name): return name
        case .text(let text): return "'\(text)'"
        case .call(let head, let arguments, let keywords):
            let named = keywords.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return "\(head)(\((arguments.map(\.description) + named).joined(separator: ", ")))"
        }
    }
}

extension ExpressionSyntax {
    private struct Parser {
        private let text: String
        private let bytes: [UInt8]
        private var position = 0

        init(_ text: String) {
            self.text = text
            bytes = Array(text.utf8)
        }

        mutating func whole() throws -> ExpressionSyntax {
            let value = try expression(depth: 0)
            skipSpace()
            guard position == bytes.count else { throw failure("more text after the expression") }
            return value
        }

        private func failure(_ reason: String, code: ArchiveError.Code = .invalidExpression) -> ArchiveError {
            // A long text would bury the reason: the neighbourhood of the position is enough.
            let excerpt = text.count <= 80 ? text : String(text.prefix(80)) + "..."
            return ArchiveError(code, "\(reason) at byte \(position) of the expression \"\(excerpt)\"")
        }

        private mutating func skipSpace() { while position < bytes.count, bytes[position] == 0x20 { position += 1 } }

        private func isIdentifier(_ byte: UInt8, first: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): return true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): return !first
            default: return false
            }
        }

        private mutating func expression(depth: Int) throws -> ExpressionSyntax {
            guard depth < ExpressionSyntax.maximumDepth else {
                throw failure("nested deeper than \(ExpressionSyntax.maximumDepth) levels", code: .limit)
            }
            skipSpace()
            guard position < bytes.count else { throw failure("the text ends where a value should be") }
            let first = bytes[position]
            if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") { return .text(try quoted(first)) }
            if isIdentifier(first, first: true) { return try nameOrCall(depth: depth) }
            if first == UInt8(ascii: "-") || (first >= 0x30 && first <= 0x39) { return try number() }
            throw failure("an unexpected character")
        }

        private mutating func quoted(_ quote: UInt8) throws -> String {
            position += 1
            let start = position
            while position < bytes.count, bytes[position] != quote {
                guard bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20 else {
                    throw failure("an unexpected character in a string")
                }
                position += 1
            }
            guard position < bytes.count else { throw failure("a string without end") }
            position += 1
            return String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
        }

        private mutating func number() throws -> ExpressionSyntax {
            let start = position
            if bytes[position] == UInt8(ascii: "-") { position += 1 }
            // `-oo` is written as one word.
            if position < bytes.count, isIdentifier(bytes[position], first: true) { return .name("-" + identifier()) }
            while position < bytes.count, isNumberByte(at: position) { position += 1 }
            let literal = String(decoding: bytes[start..<position], as: UTF8.self)
            if let integer = Int(literal) { return .integer(integer) }
            guard literal.contains(where: { ".eE".contains($0) }), let double = Double(literal), double.isFinite else {
                throw failure("'\(literal)' is not a number of 64 bits")
            }
            return .float(double)
        }

        private func isNumberByte(at index: Int) -> Bool {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return true
            case UInt8(ascii: "-"), UInt8(ascii: "+"):
                return index > 0 && (bytes[index - 1] == UInt8(ascii: "e") || bytes[index - 1] == UInt8(ascii: "E"))
            default: return false
            }
        }

        private mutating func identifier() -> String {
            let start = position
            while position < bytes.count, isIdentifier(bytes[position], first: position == start) { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func nameOrCall(depth: Int) throws -> ExpressionSyntax {
            let head = identifier()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "(") else { return .name(head) }
            position += 1
            var arguments: [ExpressionSyntax] = []
            var keywords: [String: ExpressionSyntax] = [:]
            skipSpace()
            if position < bytes.count, bytes[position] == UInt8(ascii: ")") {
                position += 1
                return .call(head, [], keywords: [:])
            }
            while true {
                let value = try expression(depth: depth + 1)
                if case .name(let key) = value, position < bytes.count, bytes[position] == UInt8(ascii: "=") {
                    position += 1
                    guard keywords.updateValue(try expression(depth: depth + 1), forKey: key) == nil else {
                        throw failure("the keyword '\(key)' occurs twice")
                    }
                } else {
                    arguments.append(value)
                }
                skipSpace()
                guard position < bytes.count else { throw failure("a parenthesis without end") }
                if bytes[position] == UInt8(ascii: ",") {
                    position += 1
                    continue
                }
                guard bytes[position] == UInt8(ascii: ")") else { throw failure("a comma or a closing parenthesis should be here") }
                position += 1
                return .call(head, arguments, keywords: keywords)
            }
        }
    }
}
