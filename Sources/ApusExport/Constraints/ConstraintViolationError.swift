import ApusSymbolic

/// One condition on input sizes that a function needs and that the declared constraints do not imply.
public struct ConstraintViolation: Sendable {
    /// What must hold.
    public let condition: SymBool
    /// The size that `Int(n)` turned into one number, nil otherwise. The condition then fixes it to the number that the run went on with.
    public let specialized: SymInt?
    /// Who needs it and why.
    public let message: String
    /// Where in the user's code.
    public let site: CallSite?
    /// Sizes that the constraints admit and for which the condition does not hold; nil where none was found.
    public let witness: SymbolScope.Assignment?
    /// True where the example that `export` was given breaks the condition.
    public let isBrokenByExample: Bool

    /// A violation on the path whose facts the scope holds now.
    /// - Parameter failing: what the function throws without, where that is less than the condition.
    init(
        condition: SymBool, failing: SymBool? = nil, specialized: SymInt? = nil, message: String, site: CallSite?, scope: SymbolScope
    ) {
        let failing: SymBool = failing ?? condition
        self.condition = condition
        self.specialized = specialized
        self.message = message
        self.site = site
        let example = scope.hints
        isBrokenByExample = scope.evaluate(failing, at: example) == false
        if isBrokenByExample {
            witness = example.restricted(to: failing.freeSymbols)
        } else if case .undecided(_, let found?) = scope.decide(failing) {
            witness = scope.smallest(near: found, breaking: failing, in: failing.freeSymbols)
        } else {
            witness = nil
        }
    }

    /// True where constraints on input sizes can't bring the condition about, because it depends on values.
    public var isDataDependent: Bool { !condition.freeSymbols.allSatisfy(\.isBacked) }
}

/// Thrown by `export` when a function needs more of its input sizes than the constraints declare: everything that one run needs, at once.
public struct ConstraintViolationError: Error, Sendable {
    public let violations: [ConstraintViolation]
    /// Constraints to pass besides the declared ones, so that the export succeeds.
    public internal(set) var suggestedFixes: [SuggestedConstraint] = []
    /// The complete list of constraints to pass instead of the declared ones. Dimensions that can't be dynamic are not in it.
    public internal(set) var constraints: [SuggestedConstraint] = []
    /// Dimensions that the conditions leave one size only, as the user names them, with that size.
    public internal(set) var specializations: [Specialization] = []

    public struct Specialization: Sendable, Hashable {
        let symbol: Symbol
        /// The argument's name.
        public let argument: String
        public let dim: Int
        public let value: Int
    }

    init(violations: [ConstraintViolation]) { self.violations = violations }
}

extension ConstraintViolationError {
    /// The same error with what to declare, which only the declarations tell.
    func advised(by declared: DeclaredInputs) -> ConstraintViolationError {
        var advised = self
        let advice = ConstraintAdvice(violations, declared)
        advised.suggestedFixes = advice.additions
        advised.constraints = advice.complete
        advised.specializations = advice.specializations
        return advised
    }
}

/// What to declare so that conditions hold.
struct ConstraintAdvice {
    private(set) var additions: [SuggestedConstraint] = []
    private(set) var complete: [SuggestedConstraint] = []
    private(set) var specializations: [ConstraintViolationError.Specialization] = []
    private let declared: DeclaredInputs

    init(_ violations: [ConstraintViolation], _ declared: DeclaredInputs) {
        self.declared = declared
        let code = ConstraintCode(declared: declared)
        // A constraint that the example itself breaks could not be passed.
        let helpful = violations.filter { declared.scope.evaluate($0.condition, at: declared.scope.hints) == true }
        var kinds: [Constraint.Kind] = []
        var texts = Set<String>()
        for kind in helpful.flatMap({ code.constraints(for: $0.condition) ?? [] }) {
            let suggestion = SuggestedConstraint(kind, declared)
            guard texts.insert(suggestion.description).inserted else { continue }
            kinds.append(kind)
            additions.append(suggestion)
        }
        findSpecializations(helpful.map(\.condition))
        listAll(kinds)
    }

    /// Assumes the conditions and looks which sizes are left.
    private mutating func findSpecializations(_ conditions: [SymBool]) {
        let scope = declared.scope
        scope.scoped {
            for condition in conditions { scope.assume(condition) }
            for dimension in declared.dimensions {
                guard let axis = dimension.axes.first, let only = scope.range(of: dimension.symbol).singleValue else { continue }
                specializations.append(
                    ConstraintViolationError.Specialization(
                        symbol: dimension.symbol, argument: declared.name(axis), dim: axis.dim, value: only))
            }
        }
    }

    /// The declared constraints and the new ones as one short list: bounds narrowed, static dimensions left out.
    private mutating func listAll(_ added: [Constraint.Kind]) {
        let isStatic = Set(specializations.map(\.symbol))
        let dynamic = declared.dimensions.filter { !isStatic.contains($0.symbol) }
        var others: [Constraint.Kind] = []
        for kind in declared.relations.map(\.kind) + added {
            switch kind {
            case .free, .range, .values: continue
            case .equal, .relation, .any, .all:
                if kind.axes.allSatisfy({ axis in dynamic.contains { $0.holds(axis) } }) { others.append(kind) }
            }
        }
        for dimension in dynamic {
            guard let first = dimension.axes.first else { continue }
            let equalities: [Constraint.Kind] = dimension.axes.dropFirst().compactMap { other in
                first.tensor.identity == other.tensor.identity && first.dim == other.dim ? nil : .equal(first, other)
            }
            let isNamed = !equalities.isEmpty || others.contains { $0.axes.contains { dimension.holds($0) } }
            var bounds: Constraint.Kind? = dimension.bounds(with: added)
            if case .free? = bounds, isNamed { bounds = nil }
            for kind in (bounds.map { [$0] } ?? []) + equalities { complete.append(SuggestedConstraint(kind, declared)) }
        }
        complete += others.map { SuggestedConstraint($0, declared) }
    }
}

extension DeclaredDimension {
    func holds(_ axis: DynamicDimension.Axis) -> Bool {
        axes.contains { own in
            let dim = axis.dim < 0 ? axis.dim + axis.tensor.rank : axis.dim
            return own.tensor.identity == axis.tensor.identity && own.dim == dim
        }
    }

    /// What was declared of the size itself, narrowed by added bounds.
    func bounds(with added: [Constraint.Kind]) -> Constraint.Kind? {
        guard let first = axes.first else { return nil }
        var (low, high) = (min, max)
        for case .range(let axis, let newLow, let newHigh) in added where holds(axis) {
            low = [low, newLow].compactMap { $0 }.max()
            high = [high, newHigh].compactMap { $0 }.min()
        }
        if let values {
            return .values(first, values.filter { $0 >= low ?? .min && $0 <= high ?? .max })
        }
        return low == nil && high == nil ? .free(first) : .range(first, min: low, max: high)
    }
}
