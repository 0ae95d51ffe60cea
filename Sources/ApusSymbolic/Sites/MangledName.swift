/// What a linker name of Swift says of its module.
enum MangledName {
    /// The module that declared a function, from its mangled name; for an extension, the extending module. `main` is
    /// top-level code. `nil` for C functions, and for thunks that belong to no one.
    static func module(of name: String) -> String? {
        if name == "main" || name.hasSuffix("_main") && !name.hasPrefix("_") { return "main" }
        var rest: Substring = name[...]
        guard let prefix = ["$s", "$S", "_$s", "_$S"].first(where: { name.hasPrefix($0) }) else { return nil }
        rest = rest.dropFirst(prefix.count)
        var isStandardType = false
        while let head = rest.first {
            if head.isNumber {
                guard isStandardType else { return identifier(rest)?.name }
                // After a standard type: the module that extends it, or one of the type's own functions.
                guard let next = identifier(rest) else { return nil }
                return next.rest.first == "E" ? next.name : "Swift"
            }
            if head == "s" { return "Swift" }
            // A standard type comes before the module that extends it.
            guard head == "S" else { return nil }
            rest = rest.dropFirst(2)
            isStandardType = true
        }
        return nil
    }

    private static func identifier(_ text: Substring) -> (name: String, rest: Substring)? {
        let digits: Substring = text.prefix { $0.isNumber }
        // A leading zero announces words that are shared with earlier ones; a module name comes first and has none.
        guard digits.first != "0", let length = Int(digits) else { return nil }
        let name: Substring = text.dropFirst(digits.count).prefix(length)
        return name.count == length ? (String(name), text.dropFirst(digits.count + length)) : nil
    }
}
