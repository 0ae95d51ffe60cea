package typealias Assignment = SymbolScope.Assignment

extension SymbolScope {
    /// Values for symbols: one point of the inputs that a trace stands for.
    public struct Assignment: Sendable, Hashable, CustomStringConvertible {
        public var integers: [SymInt.Symbol: Int]
        public var floats: [SymInt.Symbol: Double]

        public init(_ integers: [SymInt.Symbol: Int] = [:], floats: [SymInt.Symbol: Double] = [:]) {
            self.integers = integers
            self.floats = floats
        }

        /// The value of an integer symbol; a Boolean one is 0 or 1.
        public subscript(symbol: SymInt.Symbol) -> Int? {
            get { integers[symbol] }
            set { integers[symbol] = newValue }
        }

        /// `x.shape[0] = 4, y.shape[1] = 2`, in the order of the symbols' creation.
        public var description: String { description(naming: \.displayName) }

        /// The same with symbols named by `name`.
        public func description(naming name: (SymInt.Symbol) -> String) -> String {
            let whole = integers.map { (symbol: $0.key, text: String($0.value)) }
            let real = floats.map { (symbol: $0.key, text: String($0.value)) }
            return (whole + real).sorted { $0.symbol.index < $1.symbol.index }
                .map { "\(name($0.symbol)) = \($0.text)" }.joined(separator: ", ")
        }
    }
}
