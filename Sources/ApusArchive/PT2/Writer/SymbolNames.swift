import ApusSymbolic

/// The names under which a program's symbols appear in its file: their own where these are unique.
final class SymbolNames {
    private var names: [Symbol: String] = [:]
    private var taken: Set<String> = []

    func name(_ symbol: Symbol) -> String {
        if let known = names[symbol] { return known }
        // PyTorch tells kinds of symbols by their first letter: s for sizes, u for integers read from tensors, zuf for floats.
        let prefix: String
        switch symbol.kind {
        case .backed: prefix = "s"
        case .unbackedInt, .unbackedBool: prefix = "u"
        case .unbackedFloat: prefix = "zuf"
        }
        let isPlain =
            symbol.name.hasPrefix(prefix) && symbol.name.count > prefix.count
            && symbol.name.dropFirst(prefix.count).allSatisfy { $0.isASCII && $0.isNumber }
        var candidate = isPlain ? symbol.name : "\(prefix)\(symbol.index)"
        var number = symbol.index
        while !taken.insert(candidate).inserted {
            number += 1
            candidate = "\(prefix)\(number)"
        }
        names[symbol] = candidate
        return candidate
    }

    /// The names that floats have got, in order.
    var floats: [String] { names.filter { $0.key.kind == .unbackedFloat }.map(\.value).sorted() }

    /// The description of a size for a table of the file.
    func value(_ size: SymInt) throws -> ProgramSchema.SymIntValue {
        if let known = size.constant { return .known(known) }
        return .expression(.init(text: try ExpressionWriter.text(size) { self.name($0) }))
    }

    func value(_ number: SymFloat) throws -> ProgramSchema.SymFloatValue {
        if let known = number.constant { return .known(known) }
        return .expression(.init(text: try ExpressionWriter.text(number) { self.name($0) }))
    }

    func value(_ condition: SymBool) throws -> ProgramSchema.SymBoolValue {
        if let known = condition.constant { return .known(known) }
        return .expression(.init(text: try ExpressionWriter.text(condition) { self.name($0) }))
    }
}
