package typealias Symbol = SymInt.Symbol

extension SymInt {
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

        /// What there is to know, in one place: symbols are copied wherever expressions are read.
        private final class Record: Sendable {
            let index: Int
            let name: String
            let kind: Kind
            let origin: String
            let declaredRange: SymRange
            let isSize: Bool
            let tie: ScopeTie

            init(_ index: Int, _ name: String, _ kind: Kind, _ origin: String, _ declaredRange: SymRange, _ isSize: Bool, _ tie: ScopeTie) {
                self.index = index
                self.name = name
                self.kind = kind
                self.origin = origin
                self.declaredRange = declaredRange
                self.isSize = isSize
                self.tie = tie
            }
        }

        private let record: Record

        init(index: Int, name: String, kind: Kind, origin: String, declaredRange: SymRange, isSize: Bool, tie: ScopeTie) {
            record = Record(index, name, kind, origin, declaredRange, isSize, tie)
        }

        /// The position in the scope's list of symbols.
        public var index: Int { record.index }
        /// A short name: `s0` for backed symbols, `u0` for unbacked ones.
        public var name: String { record.name }
        public var kind: Kind { record.kind }
        /// Where it comes from, in the user's terms: `x.shape[0]`. Empty when nothing better than the name is known.
        public var origin: String { record.origin }
        /// The range that the symbol was made with. Known facts may narrow it: see ``SymbolScope/range(of:)-(Symbol)``.
        public var declaredRange: SymRange { record.declaredRange }
        /// Whether it is the size of a tensor's dimension or a number of elements, which no program takes beyond ``SymbolScope/largestSize``.
        public var isSize: Bool { record.isSize }

        var tie: ScopeTie { record.tie }

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
}
