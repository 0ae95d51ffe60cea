import Synchronization

/// The symbols of one trace, the expressions over them, and what is known of them.
///
/// A trace makes one scope and works with it from one thread at a time; programs that come out of it keep the scope and
/// may read and evaluate from many tasks at once. All tables are behind one lock. Expressions do not keep their scope
/// alive: whoever works with symbolic sizes holds the scope.
///
/// Facts are of two kinds: *declared* ones, which hold for every input and are frozen before tracing, and facts of the
/// *path* that is being traced, on a trail with ``push()`` and ``pop()``.
public final class SymbolScope: Sendable {
    private let state: Mutex<ScopeState?>
    private let link: Mutex<Link>
    private let tieStorage: Mutex<ScopeTie?>
    private let turn = RecursiveLock()

    /// What questions go to, and what went wrong where no error could be thrown.
    private struct Link {
        var oracle: (any Oracle)?
        /// What the checks of arithmetic say that were demanded.
        var numberChecks: Set<String> = []
        var checksOverflow = true
        var faults: [Fault] = []
    }

    /// A question that met an invalid value, in a place that cannot throw.
    package struct Fault: Sendable {
        package let error: SymbolicError
        package let site: CallSite
    }

    /// How many parts an expression may have that a function computes.
    public static let usualPartLimit: Int = 2000

    /// - Parameter partLimit: the largest number of parts of one expression, where none are shared; beyond it sizes are invalid.
    public init(partLimit: Int = SymbolScope.usualPartLimit) {
        state = Mutex(nil)
        link = Mutex(Link())
        tieStorage = Mutex(nil)
        let tie = ScopeTie(self)
        tieStorage.withLock { $0 = tie }
        state.withLock { $0 = ScopeState(tie: tie, weightLimit: partLimit) }
    }

    var tie: ScopeTie? { tieStorage.withLock { $0 } }

    func withState<Result: Sendable>(
        _ body: (ScopeState) throws(SymbolicError) -> Result
    ) throws(SymbolicError) -> Result {
        try state.withLock { state throws(SymbolicError) in
            guard let state else { throw SymbolicError(.scopeEnded, "the scope has not been set up") }
            return try body(state)
        }
    }

    func reading<Result: Sendable>(_ fallback: Result, _ body: (ScopeState) -> Result) -> Result {
        state.withLock { state in
            guard let state else { return fallback }
            return body(state)
        }
    }

    // MARK: Building

    func build(_ make: (ScopeState) throws(SymbolicError) -> SymExpr) -> SymInt {
        do throws(SymbolicError) {
            return SymInt(try withState(make))
        } catch {
            return SymInt(storage: .invalid(InvalidValue(error, scope: self)))
        }
    }

    func buildCondition(_ make: (ScopeState) throws(SymbolicError) -> BoolExpr) -> SymBool {
        do throws(SymbolicError) {
            return SymBool(try withState(make))
        } catch {
            return SymBool(storage: .invalid(InvalidValue(error, scope: self)))
        }
    }

    func buildFloat(_ make: (ScopeState) throws(SymbolicError) -> FloatExpr) -> SymFloat {
        do throws(SymbolicError) {
            return SymFloat(try withState(make))
        } catch {
            return SymFloat(storage: .invalid(InvalidValue(error, scope: self)))
        }
    }

    // MARK: Symbols

    /// Makes a symbol.
    ///
    /// - Parameters:
    ///   - name: a short name; by default `s0`, `s1`... for backed and `u0`, `u1`... for unbacked symbols
    ///   - origin: where it comes from in the user's terms, such as `x.shape[0]`
    ///   - range: values that the symbol may have; ignored for floats, 0...1 for Booleans
    ///   - kind: what it stands for
    ///   - hint: the example's value, for backed symbols
    ///   - isSize: whether it is the size of a tensor's dimension or a number of elements, as backed symbols are
    @discardableResult
    public func makeSymbol(
        name: String? = nil, origin: String = "", range: SymRange = .size, kind: SymInt.Symbol.Kind = .backed, hint: Int? = nil,
        isSize: Bool? = nil
    ) -> SymInt.Symbol {
        let isSize: Bool = isSize ?? (kind == .backed)
        return state.withLock { state in
            guard let state else {
                return Symbol(
                    index: 0, name: name ?? "s0", kind: kind, origin: origin, declaredRange: range, isSize: isSize, tie: ScopeTie(self))
            }
            return state.makeSymbol(name: name, origin: origin, range: range, kind: kind, hint: hint, isSize: isSize)
        }
    }

    /// The size that a symbol stands for.
    public func size(_ symbol: SymInt.Symbol) -> SymInt {
        build { state throws(SymbolicError) in try state.expression(checked(symbol)) }
    }

    /// The float that a symbol stands for.
    public func float(_ symbol: SymInt.Symbol) -> SymFloat {
        buildFloat { state throws(SymbolicError) in try state.float(.symbol(checked(symbol))) }
    }

    /// The condition that a Boolean symbol stands for.
    public func condition(_ symbol: SymInt.Symbol) -> SymBool {
        .equal(size(symbol), 1)
    }

    private func checked(_ symbol: Symbol) throws(SymbolicError) -> Symbol {
        guard symbol.tie.scope === self else {
            throw SymbolicError(.mixedScopes, "\(symbol.displayName) belongs to another trace")
        }
        return symbol
    }

    /// All symbols, in the order of their creation.
    public var symbols: [SymInt.Symbol] { reading([]) { $0.symbols } }

    /// The example's value of a symbol.
    public func hint(of symbol: SymInt.Symbol) -> Int? { reading(nil) { $0.hints[symbol.index] } }

    /// The example's value of a size; `nil` when it depends on symbols that have none.
    public func hint(of size: SymInt) -> Int? { evaluate(size, at: hints) }

    /// The example's values of all symbols that have one.
    public var hints: Assignment {
        reading(Assignment()) { state in
            var assignment = Assignment()
            for symbol in state.symbols { assignment[symbol] = state.hints[symbol.index] }
            return assignment
        }
    }

    // MARK: Questions

    /// What answers a program's questions. Set it to `nil` when the trace ends.
    package var oracle: (any Oracle)? {
        get { link.withLock { $0.oracle } }
        set { link.withLock { $0.oracle = newValue } }
    }

    /// The oracle, where it is to be told of arithmetic that may leave 64 bits.
    var overflowOracle: (any Oracle)? { link.withLock { $0.checksOverflow ? $0.oracle : nil } }

    func noteNumberCheck(_ message: String) { link.withLock { _ = $0.numberChecks.insert(message) } }

    /// Whether a text is that of a check of arithmetic, which rejects inputs also where the function never looks at the number.
    package func isNumberCheck(_ message: String) -> Bool { link.withLock { $0.numberChecks.contains(message) } }

    /// Returns what was set before.
    @discardableResult
    func setChecksOverflow(_ checks: Bool) -> Bool {
        link.withLock { link in
            defer { link.checksOverflow = checks }
            return link.checksOverflow
        }
    }

    /// Questions that met an invalid value where nothing could be thrown, oldest first. A tracer checks them when the
    /// function returns.
    package var faults: [Fault] { link.withLock { $0.faults } }

    package func clearFaults() { link.withLock { $0.faults.removeAll() } }

    func report(_ error: SymbolicError, site: CallSite) {
        link.withLock { link in
            if link.faults.count < 100 { link.faults.append(Fault(error: error, site: site)) }
        }
    }

    /// Answers a program's question through the oracle. Without one, by the facts; what they leave open is a fault.
    public func ask(_ condition: SymBool, site: CallSite) -> Bool {
        if let value = condition.constant { return value }
        if let oracle { return oracle.decide(condition, site: site) }
        if let known = self.known(condition) { return known }
        PendingFault.leave(SymbolicError(.noOracle, "\(condition) is not decided, and no trace is running"), site: site)
        return evaluate(condition, at: hints) ?? false
    }

    func specialize(_ size: SymInt, site: CallSite) -> Int {
        if let value = size.constant { return value }
        if let oracle { return oracle.specialize(size, site: site) }
        if let value = range(of: size).singleValue { return value }
        PendingFault.leave(SymbolicError(.noOracle, "\(size) has no one value, and no trace is running"), site: site)
        return hint(of: size) ?? 0
    }

    // MARK: Facts

    /// Declares a fact that holds for every input; before the scope is frozen only.
    public func declare(_ fact: SymBool) throws(SymbolicError) {
        try fact.requireValid()
        if let value = fact.constant {
            if !value { throw SymbolicError(.contradiction, "a declared constraint can never hold") }
            return
        }
        guard let expression = fact.expression, expression.tie === tie else {
            throw SymbolicError(.mixedScopes, "the constraint \(fact) belongs to another trace")
        }
        try withState { state throws(SymbolicError) in
            if state.knowledge.isFrozen {
                throw SymbolicError(
                    .frozen, "constraints are declared before tracing starts: \(expression.description(naming: \.displayName))")
            }
            state.assume(expression)
            if state.knowledge.now.isContradictory {
                throw SymbolicError(
                    .contradiction, "no input satisfies \(expression.description(naming: \.displayName)) and the other constraints")
            }
        }
    }

    /// Ends declarations. From here on facts belong to a path.
    package func freeze() { reading(()) { $0.knowledge.freeze() } }

    package var isFrozen: Bool { reading(false) { $0.knowledge.isFrozen } }

    /// Adds a fact of the current path; says whether the facts may still hold together (false: surely no input does).
    @discardableResult
    public func assume(_ fact: SymBool) -> Bool {
        if let value = fact.constant { return value }
        guard let expression = fact.expression, expression.tie === tie else { return true }
        return reading(true) { state in
            state.assume(expression)
            return !state.knowledge.now.isContradictory
        }
    }

    /// Marks the trail of path facts; ``pop()`` returns to the mark.
    public func push() { reading(()) { $0.knowledge.push() } }

    /// Drops the path facts since the last ``push()``; says whether there was one.
    @discardableResult
    public func pop() -> Bool { reading(false) { $0.knowledge.pop() } }

    /// Runs `body` with a mark set, and returns to it.
    public func scoped<Result>(_ body: () throws -> Result) rethrows -> Result {
        push()
        defer { pop() }
        return try body()
    }

    /// Facts of a path live on the one trail: whoever assumes some where others may too, or may ask what is known, takes turns. Who has the turn
    /// may take it again.
    package func takingTurn<Result>(_ body: () throws -> Result) rethrows -> Result { try turn.withLock(body) }

    /// What is known at some place, to come back to. Costs a copy only of what changes afterwards.
    public struct Facts: Sendable {
        fileprivate let known: Knowledge.Facts
    }

    public var facts: Facts { reading(Facts(known: Knowledge.Facts())) { Facts(known: $0.knowledge.now) } }

    /// Runs `body` with what was known there, and returns to what is known here.
    public func with<Result>(_ facts: Facts, _ body: () throws -> Result) rethrows -> Result {
        try scoped {
            reading(()) { $0.knowledge.now = facts.known }
            return try body()
        }
    }

    /// The declared facts, each as given (a conjunction counts as its parts).
    package var declaredFacts: [SymBool] {
        reading([]) { state in state.knowledge.declaredFacts.map { SymBool($0) } }
    }

    /// The facts of the current path, oldest first.
    package var pathFacts: [SymBool] { reading([]) { state in state.knowledge.pathFacts.map { SymBool($0) } } }

    // MARK: Answers

    /// What the facts say of a condition. An invalid condition, or one of another scope, is undecided.
    public func decide(_ condition: SymBool) -> Decision {
        if let value = condition.constant { return value ? .proved : .refuted }
        guard let expression = condition.expression, expression.tie === tie else {
            return .undecided(trueWitness: nil, falseWitness: nil)
        }
        return reading(.undecided(trueWitness: nil, falseWitness: nil)) { state in
            switch state.decide(expression) {
            case .proved: .proved
            case .refuted: .refuted
            case .open(let whenTrue, let whenFalse):
                .undecided(trueWitness: whenTrue.map { state.assignment($0) }, falseWitness: whenFalse.map { state.assignment($0) })
            }
        }
    }

    /// The same without witnesses, which cost as much as there are symbols; nil where the facts leave the condition open.
    public func known(_ condition: SymBool) -> Bool? {
        if let value = condition.constant { return value }
        guard let expression = condition.expression, expression.tie === tie else { return nil }
        return reading(nil) { $0.decide(expression).known }
    }

    /// Bounds of a size under all facts. They always hold; they are not always the tightest.
    public func range(of size: SymInt) -> SymRange {
        if let value = size.constant { return SymRange(lowerBound: value, upperBound: value) }
        guard let expression = size.expression, expression.tie === tie else { return .unbounded }
        return reading(.unbounded) { $0.tightRange(expression).publicRange }
    }

    /// Bounds of a symbol under all facts.
    public func range(of symbol: SymInt.Symbol) -> SymRange { range(of: size(symbol)) }

    /// A point that satisfies all facts, if one is found.
    public func witness() -> Assignment? { reading(nil) { $0.anyWitness() } }

    // MARK: Evaluation

    /// The value at a point; `nil` when a symbol has none there, a division is by zero, or a result overflows.
    public func evaluate(_ size: SymInt, at point: Assignment) -> Int? {
        if let value = size.constant { return value }
        return size.expression.flatMap { evaluator(at: point, of: $0.freeSymbols).value($0) }
    }

    public func evaluate(_ condition: SymBool, at point: Assignment) -> Bool? {
        if let value = condition.constant { return value }
        return condition.expression.flatMap { evaluator(at: point, of: $0.freeSymbols).value($0) }
    }

    public func evaluate(_ value: SymFloat, at point: Assignment) -> Double? {
        if let value = value.constant { return value }
        return value.expression.flatMap { evaluator(at: point, of: $0.freeSymbols).value($0) }
    }

    /// The values of the symbols that an expression depends on: a point may have many more.
    private func evaluator(at point: Assignment, of symbols: [Symbol]) -> Evaluator {
        var evaluator = Evaluator(integers: Array(repeating: nil, count: symbols.reduce(0) { max($0, $1.index + 1) }))
        for symbol in symbols {
            evaluator.integers[symbol.index] = point.integers[symbol]
            if let value = point.floats[symbol] { evaluator.floats[symbol.index] = value }
        }
        return evaluator
    }
}
