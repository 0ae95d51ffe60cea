import ApusSymbolic
import ApusTensor
import Synchronization

package typealias Verifier = Graph.Verifier

extension Graph {
    /// Checks that a graph is a program: in static single assignment, every argument of its schema's kind, every result of the type that the
    /// operator's own rule gives under the declared facts and the conditions of the branches around it.
    public struct Verifier: Sendable {
        /// What a condition means that a rule requires and that does not follow from what is known.
        public enum Undecided: Sendable {
            /// An error: programs that were traced here carry an assertion for each of them.
            case refuse
            /// Taken as true from there on: programs of others were checked by those who made them.
            case accept
        }

        public var dialect: Dialect
        public var undecided: Undecided
        /// Counts the graphs that the task verifies.
        @TaskLocal package static var counter: Counter?

        package final class Counter: Sendable {
            private let verifications = Atomic(0)

            package init() {}

            package var count: Int { verifications.load(ordering: .relaxed) }
            fileprivate func add() { verifications.add(1, ordering: .relaxed) }
        }

        public init(dialect: Dialect = .aten, undecided: Undecided = .refuse) {
            self.dialect = dialect
            self.undecided = undecided
        }

        /// Throws `VerificationError` for the first offence.
        /// - Parameter scope: what is known of the symbols; that of the inputs' sizes by default.
        public func verify(_ graph: Graph, scope: SymbolScope? = nil) throws {
            Verifier.counter?.add()
            let scope: SymbolScope? = scope ?? graph.scope
            func check() throws {
                let rules = RuleInterpreter(scope: scope, acceptsUndecided: undecided == .accept)
                var check = GraphCheck(graph, dialect, rules, bound: [])
                try check.run()
            }
            guard let scope else { return try check() }
            try scope.takingTurn { try scope.scoped(check) }
        }
    }
}

/// Throws `VerificationError` for the first offence of the graph; see ``Verifier``.
public func verify(_ graph: Graph, dialect: Graph.Dialect = .aten, scope: SymbolScope? = nil) throws {
    try Verifier(dialect: dialect).verify(graph, scope: scope)
}
