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

/// Symbols made for values read in earlier runs, so that the same read gives the same symbol in the next.
final class SymbolMemory {
    var known: [String: Symbol] = [:]
}

/// Answers the questions of one run after another, so that every path is taken once.
///
/// A run repeats the answers it is told to (the prefix) and takes what can be true for each question after them. Answers are facts for
/// the rest of the run.
final class PathRecorder: Oracle, @unchecked Sendable {
    let scope: SymbolScope
    private let policy: BranchPolicy
    /// The answers that the current run must repeat.
    private let prefix: [PathDecision]
    private(set) var decisions: [PathDecision] = []
    private var questionsAtSite: [CallSite: Int] = [:]
    private var nodeCount = 0
    /// Why the run can't be trusted, found where nothing could be thrown.
    private(set) var failure: (any Error)?
    /// What was taken from the example and not declared.
    private(set) var violations: [ConstraintViolation] = []
    private let symbols: SymbolMemory
    /// The values that the run read, in order.
    private var reads: [Symbol] = []

    /// More questions than this on one path end the run: most likely a loop that no declared range bounds.
    static let questionLimit = 256
    /// So do more than this at one place.
    static let siteLimit = 128
    /// `Int(n)` tries as many values.
    static let choiceLimit = 16

    init(scope: SymbolScope, policy: BranchPolicy, prefix: [PathDecision], symbols: SymbolMemory) {
        self.scope = scope
        self.policy = policy
        self.prefix = prefix
        self.symbols = symbols
    }

    func note(nodeCount: Int) { self.nodeCount = nodeCount }

    func assume(_ condition: SymBool) { scope.assume(condition) }

    func fail(_ error: any Error) { if failure == nil { failure = error } }

    func decide(_ condition: SymBool) -> Bool? {
        if let known = condition.constant { return known }
        return scope.decide(condition).known
    }

    /// What is known at the end of the run of each value that it read.
    func finalRanges() -> [Symbol: SymRange] {
        var ranges: [Symbol: SymRange] = [:]
        for symbol in reads where symbol.kind != .unbackedFloat { ranges[symbol] = scope.range(of: symbol) }
        return ranges
    }

    // MARK: Oracle

    func decide(_ condition: SymBool, site: CallSite) -> Bool {
        if let known = condition.constant { return known }
        switch scope.decide(condition) {
        case .proved: return true
        case .refuted: return false
        case .undecided(let whenTrue, let whenFalse):
            if case .guardExample = policy { return takeExample(condition, site) }
            if decisions.count < prefix.count { return `repeat`(condition, site) }
            questionsAtSite[site, default: 0] += 1
            guard decisions.count < PathRecorder.questionLimit, questionsAtSite[site, default: 0] <= PathRecorder.siteLimit else {
                fail(overBudget(condition, site))
                return false
            }
            // Without a witness on either side both are tried: facts that turn out contradictory end such a run.
            return record(condition, site, choice: whenTrue != nil || whenFalse == nil, isOpen: true)
        }
    }

    private func record(_ condition: SymBool, _ site: CallSite, choice: Bool, isOpen: Bool) -> Bool {
        decisions.append(PathDecision(condition: condition, site: site, choice: choice, nodeCount: nodeCount, isOpen: isOpen))
        assume(choice ? condition : !condition)
        return choice
    }

    /// The answer that an earlier run gave here.
    private func `repeat`(_ condition: SymBool, _ site: CallSite) -> Bool {
        let expected: PathDecision = prefix[decisions.count]
        guard expected.condition.isIdentical(to: condition), expected.nodeCount == nodeCount else {
            fail(
                ProgramError(
                    .untraceable,
                    "the function is not deterministic: a run asked '\(condition.description(naming: \.displayName))' where an earlier one asked '\(expected.condition.description(naming: \.displayName))'",
                    site: site))
            return expected.choice
        }
        return record(condition, site, choice: expected.choice, isOpen: expected.isOpen)
    }

    /// The example's answer, which the constraints must imply: the caller is told what to declare.
    private func takeExample(_ condition: SymBool, _ site: CallSite) -> Bool {
        guard let choice = scope.evaluate(condition, at: scope.hints) else {
            fail(
                ProgramError(
                    .untraceable,
                    "'\(condition.description(naming: \.displayName))' depends on a value that only a run knows, and branches: .guardExample keeps one path. Bound the value with constrainAsValue, use cond, or explore both outcomes with branches: .explore()",
                    site: site))
            return false
        }
        let taken: SymBool = choice ? condition : !condition
        violations.append(
            ConstraintViolation(
                condition: taken, message: "a branch that is taken as the example takes it (branches: .guardExample)", site: site))
        assume(taken)
        return choice
    }

    private func overBudget(_ condition: SymBool, _ site: CallSite) -> ProgramError {
        ProgramError(
            .untraceable,
            "more than \(decisions.count) questions on one path; the last one is '\(condition.description(naming: \.displayName))'. The questions asked most:\n\(HotSites(decisions, scope: scope))",
            site: site)
    }

    func specialize(_ n: SymInt, site: CallSite) -> Int {
        let range: SymRange = scope.range(of: n)
        if let only = range.singleValue { return only }
        // Every value that is left is a path of its own, asked for one by one. A declared set leaves fewer than its range.
        if case .explore = policy, let left = candidates(n, range), let last = left.last {
            for candidate in left.dropLast() {
                let isCandidate: SymBool = n == candidate
                if decide(isCandidate, site: site) { return candidate }
            }
            return last
        }
        fail(
            ConstraintViolationError(
                violations: [
                    ConstraintViolation(specialized: n, message: "Int(\(n)) asks for one number, but its range is \(range)", site: site)
                ], scope: scope))
        return scope.hint(of: n) ?? (range.contains(1) ? 1 : range.lowerBound)
    }

    /// The values that a size may have, where they are few enough to be tried.
    private func candidates(_ n: SymInt, _ range: SymRange) -> [Int]? {
        guard let count = range.count, count <= 1024 else { return nil }
        let left: [Int] = (range.lowerBound...range.upperBound).filter { (candidate: Int) -> Bool in
            let isCandidate: SymBool = n == candidate
            return !scope.decide(isCandidate).isRefuted
        }
        return left.count <= PathRecorder.choiceLimit ? left : nil
    }

    // MARK: Values read while tracing

    func freshInt(origin: String, range: SymRange, site: CallSite) -> SymInt {
        scope.size(remembered(origin, range, .unbackedInt))
    }

    func freshBool(origin: String, site: CallSite) -> SymBool {
        scope.condition(remembered(origin, SymRange(0...1), .unbackedBool))
    }

    func freshFloat(origin: String, site: CallSite) -> SymFloat {
        scope.float(remembered(origin, .unbounded, .unbackedFloat))
    }

    /// The n-th read of a run has one symbol in all runs that read the same kind of number there, so that what follows a branch looks alike
    /// on both sides. A symbol is a name for what a run finds; nothing that one path knows of it holds on another.
    private func remembered(_ origin: String, _ range: SymRange, _ kind: Symbol.Kind) -> Symbol {
        let key = "\(reads.count) \(origin) \(kind) \(range)"
        let symbol: Symbol = symbols.known[key] ?? scope.makeSymbol(origin: origin, range: range, kind: kind)
        symbols.known[key] = symbol
        reads.append(symbol)
        return symbol
    }
}
