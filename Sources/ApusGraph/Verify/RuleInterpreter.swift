import ApusSymbolic
import ApusTensor

/// The interpreter under which rules are asked again: conditions go to what is known of the symbols.
package final class RuleInterpreter: Interpreter {
    let scope: SymbolScope?
    private let acceptsUndecided: Bool
    /// The sizes that the node's results have in the graph and that only its values give: what a rule gets when it asks for such a size.
    package var unbackedSizes: [SymInt] = []
    /// The condition that a rule required and that does not follow.
    private(set) var unproved: SymBool?

    package init(scope: SymbolScope?, acceptsUndecided: Bool) {
        self.scope = scope
        self.acceptsUndecided = acceptsUndecided
        super.init(outer: nil)
    }

    /// Whether what is checked never runs, so that all that it requires holds.
    private(set) var isVacuous = false

    override package func decide(_ condition: SymBool) -> Bool? { condition.constant ?? scope?.decide(condition).known }

    /// Checks a body under facts that contradict each other, where `isVacuous`.
    func assumingAnything(_ isVacuous: Bool, _ check: () throws -> Void) rethrows {
        let around: Bool = self.isVacuous
        self.isVacuous = around || isVacuous
        defer { self.isVacuous = around }
        try check()
    }

    override package func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        if isVacuous { return }
        switch decide(condition) {
        case true?: return
        case false?: throw failure()
        case nil:
            if acceptsUndecided {
                scope?.assume(condition)
                return
            }
            unproved = condition
            throw failure()
        }
    }

    override package func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
        guard !unbackedSizes.isEmpty else {
            throw TensorError(.invalidArgument, "the size '\(origin)' depends on values, but the result's sizes are known")
        }
        return unbackedSizes.removeFirst()
    }

    /// The results' types by the operator's rule; nil for results that are numbers.
    package func specs(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [TensorSpec] {
        unproved = nil
        return try Interpreter.with(self) { try operation.rule(Call(operation, arguments)) }
    }
}
