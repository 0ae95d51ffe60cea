import ApusGraph
import ApusProgram
import ApusSymbolic
import Synchronization

/// One question of a function that its declared inputs leave open, as one run answered it.
struct PathDecision {
    let condition: SymBool
    let site: CallSite
    /// The modules that were running, outermost first.
    let modulePath: [ModuleFrame]
    var choice: Bool
    /// How many nodes the trace had when the question came.
    let nodeCount: Int
    /// Whether the other answer is possible too and has not been tried.
    var isOpen: Bool
    /// The error that the other answer throws, where no question of the function's is behind it but an operation's requirement.
    var requirement: String?
    /// What is demanded of the caller where the function does not catch that error.
    var violation: ConstraintViolation?
    /// The call that fails with the other answer, where the condition does not say all that there is to say: a run that goes on after the error
    /// makes the exploration start anew, with the call's own question in its place.
    var attempt: Attempt?
}

/// A call that may fail, or a requirement that may be met in several ways.
struct Attempt: Hashable {
    let site: CallSite
    let name: String
}

/// What runs learn for those after them.
final class RunMemory {
    /// Symbols made for values read in earlier runs, so that the same read gives the same symbol in the next.
    var known: [String: Symbol] = [:]
    /// Calls whose errors the function was seen to catch.
    var caught: Set<Attempt> = []
}

/// Answers the questions of one run after another, so that every path is taken once.
///
/// A run repeats the answers it is told to (the prefix) and takes what can be true for each question after them. Answers are facts for
/// the rest of the run.
final class PathRecorder: Oracle, @unchecked Sendable {
    let scope: SymbolScope
    let policy: BranchPolicy
    /// The answers that the current run must repeat.
    private let prefix: [PathDecision]
    private(set) var decisions: [PathDecision] = []
    private(set) var answers: [SymBool] = []
    /// The modules that are running, for the questions they ask.
    var modules: [ModuleFrame] = []
    private var questionsAtSite: [CallSite: Int] = [:]
    private var nodeCount = 0
    private let ending = Mutex(Ending())
    /// Answers to questions once the run has failed.
    private var chance = AnyAnswer()
    /// How many questions were put that symbols are in.
    private var questionCount = 0
    /// What the example answered, where its path is the only one.
    private var assumed: [PathDecision] = []
    /// Conditions on input sizes that the run needs and nothing implies. It went on as if they held.
    private(set) var violations: [ConstraintViolation] = []
    let symbols: RunMemory
    /// The values that the run read, in order.
    var reads: [Symbol] = []
    /// How many requirements on values the run has met.
    private var requirementCount = 0
    /// Whether an answer contradicted what was known where it was given.
    private var hasContradicted = false
    /// Told of every question, symbol and specialisation.
    var log: ExportLog?
    /// Writes a check of the program.
    var assert: ((SymBool, SymbolicError, CallSite) -> Void)?

    /// Why the run can't become a path of a program.
    private struct Ending {
        /// Found where nothing could be thrown.
        var failure: (any Error)?
        /// An error that only tracing has, whether or not the function caught it.
        var ofTracing: (any Error)?
    }

    /// More questions than this on one path end the run: most likely a loop that no declared range bounds.
    static let questionLimit = 256
    /// So do more than this at one place.
    static let siteLimit = 128
    /// `Int(n)` tries as many values.
    static let choiceLimit = 16
    /// Nor does the example's path answer more than this, nor any path more than the other, whose answers are known.
    static let exampleLimit = 1024
    static let knownLimit = 1 << 16
    /// Of so many requirements on values a path tries also what the function does where they fail: it may catch the error. Those after them
    /// are checks, which reject such inputs.
    static let requirementLimit = 64

    init(scope: SymbolScope, policy: BranchPolicy, prefix: [PathDecision], symbols: RunMemory) {
        self.scope = scope
        self.policy = policy
        self.prefix = prefix
        self.symbols = symbols
    }

    func note(nodeCount: Int) { self.nodeCount = nodeCount }

    func assume(_ condition: SymBool) { scope.assume(condition) }

    /// Whether the answers contradict each other, so that no input takes the path. In the body of a branch more is known than holds of the
    /// path: what contradicts only that is no such path.
    func isImpossible() -> Bool {
        guard hasContradicted else { return false }
        return scope.scoped { !answers.allSatisfy { scope.assume($0) } }
    }

    /// What the run went on without, as if the caller had declared it.
    var demanded: [ConstraintViolation] { violations + decisions.compactMap { $0.choice ? $0.violation : nil } }

    /// Goes on as if the condition held.
    func violate(_ violation: ConstraintViolation) {
        violations.append(violation)
        answers.append(violation.condition)
        assume(violation.condition)
    }

    // MARK: Failing

    /// What ends the run, found where nothing could be thrown.
    var failure: (any Error)? { ending.withLock { $0.failure } }

    /// An error that only tracing has. It ends the run whatever the function made of it.
    var errorOfTracing: (any Error)? { ending.withLock { $0.ofTracing } }

    /// A number that the function asked about and that can't be computed.
    var fault: ProgramError? {
        scope.faults.first.map { fault in
            let prefix: String = fault.error.code == .symbolic ? "" : "a size can't be computed: "
            return ProgramError(.untraceable, prefix + fault.error.message, site: fault.site)
        }
    }

    /// Throws why the run has failed, if it has: nothing more is recorded, so that loops come to an end.
    func requireGoing() throws {
        if let error = failure ?? errorOfTracing ?? fault { throw error }
    }

    private func fail(_ error: ProgramError) {
        ending.withLock { if $0.failure == nil { $0.failure = error } }
    }

    /// May be called on any thread.
    func noteErrorOfTracing(_ error: any Error) {
        ending.withLock { if $0.ofTracing == nil { $0.ofTracing = error } }
    }

    func decide(_ condition: SymBool) -> Bool? {
        if let known = condition.constant { return known }
        return scope.known(condition)
    }

    // MARK: Oracle

    func decide(_ condition: SymBool, site: CallSite) -> Bool {
        if let known = condition.constant {
            log?.write(.question(condition, .constant(known), site: site))
            return known
        }
        questionCount += 1
        guard questionCount <= PathRecorder.knownLimit else {
            fail(endless(condition, site))
            return chance.next()
        }
        // More may be provable in a later run than in the one that found the question open.
        if isNext(condition) { return `repeat`(condition, site) }
        switch scope.decide(condition) {
        case .proved:
            log?.write(.question(condition, .proved, site: site))
            return true
        case .refuted:
            log?.write(.question(condition, .refuted, site: site))
            return false
        case .undecided where failure != nil || errorOfTracing != nil:
            let answer: Bool = chance.next()
            assume(answer ? condition : !condition)
            return answer
        case .undecided(let whenTrue, let whenFalse):
            if case .guardExample = policy { return takeExample(condition, site) }
            if decisions.count < prefix.count { return `repeat`(condition, site) }
            questionsAtSite[site, default: 0] += 1
            guard decisions.count < PathRecorder.questionLimit, questionsAtSite[site, default: 0] <= PathRecorder.siteLimit else {
                fail(overBudget(decisions, condition, site))
                return chance.next()
            }
            // Without a witness on either side both are tried: facts that turn out contradictory end such a run, which is no path.
            let choice: Bool = whenTrue != nil || whenFalse == nil
            log?.write(.question(condition, .forked(choice, whenTrue, whenFalse), site: site))
            return record(
                PathDecision(condition: condition, site: site, modulePath: modules, choice: choice, nodeCount: nodeCount, isOpen: true))
        }
    }

    /// Whether the run goes on as if a requirement held, or in its error; nil where only the former is tried. The condition of a call whose
    /// values alone decide is `true`, and says nothing.
    func meets(
        _ condition: SymBool, orThrows error: String, site: CallSite, violation: ConstraintViolation? = nil, attempt: Attempt? = nil
    ) -> Bool? {
        guard case .explore = policy, failure == nil, errorOfTracing == nil else { return nil }
        requirementCount += 1
        guard requirementCount <= PathRecorder.requirementLimit else { return nil }
        if decisions.count < prefix.count { return `repeat`(condition, site) }
        return record(
            PathDecision(
                condition: condition, site: site, modulePath: modules, choice: true, nodeCount: nodeCount, isOpen: true, requirement: error,
                violation: violation, attempt: attempt))
    }

    /// Whether runs are made for more than one answer.
    var explores: Bool { if case .explore = policy { true } else { false } }

    /// Whether the function was seen to catch the error of a call.
    func isCaught(_ attempt: Attempt) -> Bool { symbols.caught.contains(attempt) }

    private func record(_ decision: PathDecision) -> Bool {
        decisions.append(decision)
        if decision.condition.constant != nil { return decision.choice }
        let answer: SymBool = decision.choice ? decision.condition : !decision.condition
        answers.append(answer)
        if !scope.assume(answer) {
            hasContradicted = true
            fail(ProgramError(.untraceable, "no input comes here", site: decision.site))
        }
        return decision.choice
    }

    /// Whether a condition is the question that the run must answer next.
    private func isNext(_ condition: SymBool) -> Bool {
        guard failure == nil, errorOfTracing == nil, decisions.count < prefix.count else { return false }
        return prefix[decisions.count].requirement == nil && prefix[decisions.count].condition.isIdentical(to: condition)
    }

    /// The answer that an earlier run gave here.
    private func `repeat`(_ condition: SymBool, _ site: CallSite) -> Bool {
        let expected: PathDecision = prefix[decisions.count]
        guard expected.condition.isIdentical(to: condition), expected.nodeCount == nodeCount else {
            fail(diverged(condition, from: expected, at: site))
            return chance.next()
        }
        if expected.requirement == nil { log?.write(.question(condition, .repeated(expected.choice), site: site)) }
        return record(expected)
    }

    /// A run that ended before it asked everything that an earlier run asked on its path.
    var unaskedQuestion: ProgramError? {
        guard decisions.count < prefix.count else { return nil }
        let expected = prefix[decisions.count]
        return ProgramError(
            .notDeterministic,
            "the function is not deterministic: a run ended where an earlier one asked '\(expected.condition)'. "
                + "What it depends on besides its arguments must not change between runs.",
            site: expected.site)
    }

    private func diverged(_ condition: SymBool, from expected: PathDecision, at site: CallSite) -> ProgramError {
        let difference =
            expected.condition.isIdentical(to: condition)
            ? "a run made \(nodeCount) operations before the question '\(condition)', and an earlier one \(expected.nodeCount)"
            : "a run asked '\(condition)' where an earlier one asked '\(expected.condition)' at \(expected.site)"
        return ProgramError(
            .notDeterministic,
            "the function is not deterministic: \(difference). What it depends on besides its arguments must not change between runs.",
            site: site)
    }

    /// The example's answer, which the constraints must imply: the caller is told what to declare.
    private func takeExample(_ condition: SymBool, _ site: CallSite) -> Bool {
        guard let choice = scope.evaluate(condition, at: scope.hints) else {
            fail(
                ProgramError(
                    .untraceable,
                    "'\(condition.description(naming: \.displayName))' depends on a value that only a run knows, and branches: .guardExample keeps one path. Bound the value with constrainAsValue, use cond, or explore both outcomes with branches: .explore()",
                    site: site))
            return chance.next()
        }
        guard assumed.count < PathRecorder.exampleLimit else {
            fail(overBudget(assumed, condition, site))
            return chance.next()
        }
        assumed.append(
            PathDecision(condition: condition, site: site, modulePath: modules, choice: choice, nodeCount: nodeCount, isOpen: false))
        let taken: SymBool = choice ? condition : !condition
        log?.write(.question(condition, .assumed, site: site))
        violate(
            ConstraintViolation(
                condition: taken, message: "a branch that is taken as the example takes it (branches: .guardExample)", site: site,
                scope: scope))
        return choice
    }

    private func overBudget(_ asked: [PathDecision], _ condition: SymBool, _ site: CallSite) -> ProgramError {
        // A loop over sizes that values tell comes to an end in a trace where each is known to be less than the one before.
        let reads: Bool = condition.freeSymbols.contains { !$0.isBacked }
        let advice: String =
            reads
            ? "\nA loop that goes by numbers of a run ends here only where they are known to: say so in it, as in check(new < old), and bound the first."
            : ""
        return ProgramError(
            .overBudget,
            "more than \(asked.count) questions on one path; the last one is '\(condition.description(naming: \.displayName))'. The questions asked most:\n\(HotSites(asked, scope: scope))\(advice)",
            site: site)
    }

    private func endless(_ condition: SymBool, _ site: CallSite) -> ProgramError {
        ProgramError(
            .overBudget,
            "more than \(PathRecorder.knownLimit) questions on one path, most of which have only one answer; the last one is '\(condition.description(naming: \.displayName))'. Is it a loop that does not end?",
            site: site)
    }

    func require(_ condition: SymBool, _ failure: SymbolicError, site: CallSite) {
        assert?(condition, failure, site)
        assume(condition)
    }
}
