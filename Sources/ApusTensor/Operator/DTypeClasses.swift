/// Kinds of dtypes, for operators that take only some.
struct DTypeClasses: OptionSet, Sendable {
    let rawValue: UInt8

    static let bool = DTypeClasses(rawValue: 1)
    static let integer = DTypeClasses(rawValue: 2)
    static let floating = DTypeClasses(rawValue: 4)
    static let complex = DTypeClasses(rawValue: 8)

    static let all: DTypeClasses = [.bool, .integer, .floating, .complex]
    static let numbers: DTypeClasses = [.integer, .floating, .complex]
    static let real: DTypeClasses = [.bool, .integer, .floating]
    static let realNumbers: DTypeClasses = [.integer, .floating]
    static let bits: DTypeClasses = [.bool, .integer]
    static let differentiable: DTypeClasses = [.floating, .complex]

    func contains(_ dtype: DType) -> Bool { contains(dtype.kind) }
}

extension DType {
    /// The kind: bool, integer, floating or complex.
    var kind: DTypeClasses {
        if self == .bool { return .bool }
        if isInteger { return .integer }
        return isFloatingPoint ? .floating : .complex
    }
}
