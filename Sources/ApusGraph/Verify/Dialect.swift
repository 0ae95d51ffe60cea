import ApusTensor

package typealias Dialect = Graph.Dialect

extension Graph {
    /// The operators that a program may hold at some stage of its preparation.
    public struct Dialect: Sendable {
        public let name: String
        private let allows: @Sendable (Operator) -> Bool

        /// A dialect of the operators that satisfy a predicate.
        public init(_ name: String, allows: @escaping @Sendable (Operator) -> Bool) {
            self.name = name
            self.allows = allows
        }

        public func contains(_ operation: Operator) -> Bool { allows(operation) }

        /// Every operator.
        public static let aten = Dialect("aten") { _ in true }

        /// PyTorch's core ATen operators, with control flow and checks.
        public static let coreATen = Dialect("core ATen") { operation in
            operation.isControl || Dialect.coreNames.contains(operation.name)
        }
    }
}

extension Operator {
    /// True for control flow and the checks of programs, which belong to every dialect.
    public var isControl: Bool { Operator.control.contains(self) }
}
