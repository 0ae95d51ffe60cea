/// A named unknown of a scope: a dynamic dimension of an input, or a value read from a traced tensor.
public struct Symbol: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// The size of an input's dimension: an example value is known.
        case backed
        /// An integer read from a traced tensor.
        case unbackedInt
        /// A float read from a traced tensor.
        case unbackedFloat
        /// A Boolean read from a traced tensor; as an integer it is 0 or 1.
        case unbackedBool
    }

    /// The position in the scope's list of symbols.
    public let index: Int
    /// A short name: `s0` for backed symbols, `u0` for unbacked ones.
    public let name: String
    public let kind: Kind
    /// Where it comes from, in the user's terms: `x.shape[0]`. Empty when nothing better than the name is known.
    public let origin: String
    /// The range that the symbol was made with. Known facts may narrow it: see ``SymbolScope/range(of:)-(Symbol)``.
    public let declaredRange: SymRange
    /// Whether it is the size of a tensor's dimension or a number of elements, which no program takes beyond ``SymbolScope/largestSize``.
    public let isSize: Bool

    let tie: ScopeTie

    /// The origin when there is one, else the name.
    public var displayName: String { origin.isEmpty ? name : origin }

    public var isBacked: Bool { kind == .backed }

    public static func == (a: Symbol, b: Symbol) -> Bool { a.index == b.index && a.tie === b.tie }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(index)
        hasher.combine(ObjectIdentifier(tie))
    }

    public var description: String { name }
}
