/// Names that a program file can give to values: unique within a graph, and Python identifiers, since PyTorch turns inputs into parameters
/// of a function that it compiles.
struct PythonNames {
    private var taken: Set<String> = []

    private static let keywords: Set<String> = [
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
        "except",
        "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try",
        "while", "with", "yield", "self", "torch", "math",
    ]

    /// A name like the wished one that is free, and is taken from now on.
    mutating func claim(_ wished: String) -> String {
        var name = String(wished.unicodeScalars.map { Self.isAllowed($0) ? Character($0) : "_" })
        if name.isEmpty || Self.keywords.contains(name) { name += "_" }
        if let first = name.unicodeScalars.first, ("0"..."9").contains(first) { name = "_" + name }
        var candidate = name
        var number = 0
        while !taken.insert(candidate).inserted {
            number += 1
            candidate = "\(name)_\(number)"
        }
        return candidate
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }
}
