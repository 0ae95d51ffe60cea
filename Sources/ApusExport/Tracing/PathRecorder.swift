import ApusSymbolic

/// One question of a function that its declared inputs leave open, as one run answered it.
struct PathDecision {
    let condition: SymBool
    let site: CallSite
    var choice: Bool
    /// How many nodes the trace had when the question came.
    let nodeCount: Int
    /// Whether the other answer is possible too and has not been tried.
    var isOpen: Bool
}

/// Answers the questions of one run after another, so that every path is taken once.
///
/// A run repeats the answers it is told to (the prefix) and takes what can be true for each question after them. Answers are facts for
/// the rest of the run.
final class PathRecorder: Oracle, @unchecked Sendable {
    let scope: SymbolScope
    /// The answers that the current run must repeat.
    private var prefix: [PathDecision]
    private(set) var decisions: [PathDecision] = []
    private var nodeCount = 0
    private let budget: Int
    /// Why the run can't be trusted, found where nothing could be thrown.
    private(set) var failure: (any Error)?
    /// Symbols made for values read in earlier runs, so that the same read on the same path gives the same symbol.
    private let symbols: SymbolMemory
    private var readsSinceDecision = 0
    /// What the run required of the values it read, as ranges.
    private(set) var readRanges: [Symbol: SymRange] = [:]

    final class SymbolMemory {
        var known: [String: Symbol] = [:]
    }

    init(scope: SymbolScope, prefix: [PathDecision], symbols: SymbolMemory, budget: Int) {
        self.scope = scope
        self.prefix = prefix
        self.symbols = symbols
        self.budget = budget
    }

    func note(nodeCount: Int) { self.nodeCount = nodeCount }

    func assume(_ condition: SymBool) { scope.assume(condition) }

    /// Assumes a condition that a run will check, which narrows the ranges of the values in it.
    func assumeChecked(_ condition: SymBool) {
        assume(condition)
        for symbol in condition.freeSymbols where !symbol.isBacked && symbol.kind != .unbackedFloat {
            readRanges[symbol] = scope.range(of: symbol)
        }
    }

    func fail(_ error: any Error) { if failure == nil { failure = error } }

    func decide(_ condition: SymBool) -> Bool? {
        if let known = condition.constant { return known }
        return scope.decide(condition).known
    }

    // MARK: Oracle

    func decide(_ condition: SymBool, site: CallSite) -> Bool {
        if let known = condition.constant { return known }
        let choice: Bool
        var isOpen = false
        switch scope.decide(condition) {
        case .proved: return true
        case .refuted: return false
        case .undecided(let whenTrue, let whenFalse):
            if decisions.count < prefix.count {
                let expected = prefix[decisions.count]
                guard expected.condition.isIdentical(to: condition), expected.nodeCount == nodeCount else {
                    fail(
                        ProgramError(
                            .untraceable,
                            "the function is not deterministic: a run asked '\(condition)' where an earlier one asked '\(expected.condition)'",
                            site: site))
                    return expected.choice
                }
                choice = expected.choice
                isOpen = expected.isOpen
            } else {
                guard decisions.count < budget else {
                    fail(
                        ProgramError(
                            .untraceable, "more than \(budget) questions on one path; the last one is '\(condition)'", site: site))
                    return false
                }
                // Without a witness on either side both are tried: facts that turn out contradictory end such a run.
                choice = whenTrue != nil || whenFalse == nil
                isOpen = true
            }
        }
        decisions.append(PathDecision(condition: condition, site: site, choice: choice, nodeCount: nodeCount, isOpen: isOpen))
        readsSinceDecision = 0
        assume(choice ? condition : !condition)
        return choice
    }

    func specialize(_ n: SymInt, site: CallSite) -> Int {
        let range = scope.range(of: n)
        if let only = range.singleValue { return only }
        // Every value that is left is a path of its own, asked for one by one. A declared set leaves fewer than its range.
        if let count = range.count, count <= 1024 {
            let left: [Int] = (range.lowerBound...range.upperBound).filter { (candidate: Int) -> Bool in
                let isCandidate: SymBool = n == candidate
                return !scope.decide(isCandidate).isRefuted
            }
            if let last = left.last, left.count <= 16 {
                for candidate in left.dropLast() {
                    let isCandidate: SymBool = n == candidate
                    if decide(isCandidate, site: site) { return candidate }
                }
                return last
            }
        }
        fail(
            ConstraintViolationError(
                violations: [
                    ConstraintViolation(specialized: n, message: "Int(\(n)) asks for one number, but its range is \(range)", site: site)
                ], scope: scope))
        return range.contains(1) ? 1 : range.lowerBound
    }

    // MARK: Values read while tracing

    func freshInt(origin: String, range: SymRange, site: CallSite) -> SymInt {
        scope.size(remembered { scope.makeSymbol(origin: origin, range: range, kind: .unbackedInt) })
    }

    func freshBool(origin: String, site: CallSite) -> SymBool {
        scope.condition(remembered { scope.makeSymbol(origin: origin, range: SymRange(0...1), kind: .unbackedBool) })
    }

    func freshFloat(origin: String, site: CallSite) -> SymFloat {
        scope.float(remembered { scope.makeSymbol(origin: origin, range: .unbounded, kind: .unbackedFloat) })
    }

    private func remembered(_ make: () -> Symbol) -> Symbol {
        let key = decisions.map { $0.choice ? "1" : "0" }.joined() + "/\(readsSinceDecision)"
        readsSinceDecision += 1
        if let known = symbols.known[key] { return known }
        let symbol = make()
        symbols.known[key] = symbol
        return symbol
    }
}
