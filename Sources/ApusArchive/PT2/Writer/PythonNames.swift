/// Names that a program file can give to values: unique within a graph, and Python identifiers, since PyTorch turns inputs into parameters
/// of a function that it compiles.
struct PythonNames {
    private var taken: Set<String> = []
    /// The last number behind a name that was wished more than once.
    private var numbers: [String: Int] = [:]
    /// How many candidates have been tried: what the names cost.
    private(set) var attempts = 0

    private static let keywords: Set<String> = [
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
        "except",
        "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try",
        "while", "with", "yield", "self", "torch", "math",
    ]

    /// What Python and PyTorch's code generator call their own. A parameter of such a name is renamed there, without a look at whether the new
    /// name is another parameter's: `(sum, sum_1)` becomes `(sum_1, sum_1)`.
    private static let builtins: Set<String> = [
        "abs", "aiter", "all", "anext", "any", "ascii", "bin", "bool", "breakpoint", "bytearray", "bytes", "callable", "chr", "classmethod",
        "compile", "complex", "copyright", "credits", "delattr", "device", "dict", "dir", "divmod", "enumerate", "eval", "exec", "exit",
        "filter", "float", "format", "frozenset", "getattr", "globals", "hasattr", "hash", "help", "hex", "id", "inf", "input", "int",
        "isinstance", "issubclass", "iter", "len", "license", "list", "locals", "map", "max", "memoryview", "min", "nan", "next", "object",
        "oct", "open", "ord", "pow", "print", "property", "pytree", "quit", "range", "repr", "reversed", "round", "set", "setattr", "slice",
        "sorted", "staticmethod", "str", "sum", "super", "tuple", "type", "vars", "zip",
    ]

    /// A name for a parameter: not one of Python's own, nor one of those with a number behind it.
    static func parameter(_ wished: String) -> String {
        let base = wished.prefix { $0 != "_" }
        return builtins.contains(String(base)) ? "in_" + wished : wished
    }

    /// A name like the wished one that is free, and is taken from now on.
    mutating func claim(_ wished: String) -> String {
        var name = String(wished.unicodeScalars.map { Self.isAllowed($0) ? Character($0) : "_" })
        if name.isEmpty || Self.keywords.contains(name) { name += "_" }
        if let first = name.unicodeScalars.first, ("0"..."9").contains(first) { name = "_" + name }
        var candidate = name
        attempts += 1
        while !taken.insert(candidate).inserted {
            numbers[name, default: 0] += 1
            candidate = "\(name)_\(numbers[name, default: 0])"
            attempts += 1
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
