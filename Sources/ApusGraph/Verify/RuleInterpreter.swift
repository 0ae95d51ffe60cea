import ApusSymbolic
import ApusTensor

/// The interpreter under which rules are asked again: conditions go to what is known of the symbols.
package final class RuleInterpreter: Interpreter {
    package let scope: SymbolScope?
    private let acceptsUndecided: Bool
    /// The sizes that the node's results have in the graph and that only its values give: what a rule gets when it asks for such a size.
    package var unbackedSizes: [SymInt] = []
    /// The condition that a rule required and that does not follow.
    private(set) var unproved: SymBool?

    package init(scope: SymbolScope?, acceptsUndecided: Bool) {
        self.scope = scope
        self.acceptsUndecided = acceptsUndecided
        start = scope?.facts
        super.init(outer: nil)
    }

    /// What was known when the check began, and what has been assumed since, oldest first.
    private let start: SymbolScope.Facts?
    private var assumed: [SymBool] = []
    /// Whether requirements have been proved before.
    private var asksForTypesOnly = false

    /// Whether what is checked never runs, so that all that it requires holds.
    private(set) var isVacuous = false

    override package func decide(_ condition: SymBool) -> Bool? { condition.constant ?? scope?.known(condition) }

    /// Checks a body under facts that contradict each other, where `isVacuous`.
    func assumingAnything(_ isVacuous: Bool, _ check: () throws -> Void) rethrows {
        let around: Bool = self.isVacuous
        self.isVacuous = around || isVacuous
        defer { self.isVacuous = around }
        try check()
    }

    override package func assume(_ fact: SymBool) {
        assumed.append(fact)
        scope?.assume(fact)
    }

    /// Forgets afterwards what is assumed meanwhile.
    package func scoped<Result>(_ body: () throws -> Result) rethrows -> Result {
        guard let scope else { return try body() }
        let count: Int = assumed.count
        defer { assumed.removeSubrange(count...) }
        return try scope.scoped(body)
    }

    /// Whether `find` finds by less than all that is known what it did not find by all of it, for which a search may take longer than it is
    /// given. What holds by less holds.
    func findsByLess(_ find: () -> Bool) -> Bool {
        guard let scope, let start, !asksForTypesOnly else { return false }
        asksForTypesOnly = true
        defer { asksForTypesOnly = false }
        return assumed.indices.suffix(RuleInterpreter.retryLimit).reversed().contains { count in
            scope.with(start) {
                for fact in assumed[..<count] { scope.assume(fact) }
                return find()
            }
        }
    }

    private static let retryLimit = 32

    override package func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        if isVacuous || asksForTypesOnly { return }
        switch decide(condition) {
        case true?: return
        case false?: throw failure()
        case nil:
            if acceptsUndecided {
                assume(condition)
                return
            }
            if findsByLess({ decide(condition) == true }) { return }
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

    /// The results' types by the operator's rule; none for results that are numbers.
    /// - Parameters:
    ///   - type: the type of a value among the arguments.
    ///   - failure: the error for a value that is neither a tensor nor a number.
    package func specs(
        _ operation: Operator, _ arguments: [GraphArgument], _ type: (Value) -> ValueType, orThrow failure: ((Value) -> any Error)? = nil
    ) throws -> [TensorSpec] {
        unproved = nil
        let call = Call(
            operation,
            try arguments.described(type) {
                failure?($0) ?? TensorError(.invalidArgument, in: operation.schema.name, "an operand is no tensor")
            })
        return try Interpreter.with(self) { try operation.rule(call) }
    }
}
