import ApusSymbolic

/// A question in a body whose answer may differ each time the body runs.
package struct BodyQuestionError: Error, Sendable, CustomStringConvertible {
    /// `cond`, `whileLoop`, `scan` or `map`.
    package let construct: String
    package let condition: SymBool
    package let site: CallSite

    package var description: String {
        "the body of \(construct) asks whether '\(condition)', which only the body itself knows when it runs; it is traced once. "
            + "Use cond(\(condition)) { ... } else: { ... } there, or compute both and choose with where"
    }
}

/// Answers the questions of a body. What depends on the program around alone is the function's question, wherever it is asked, and goes to
/// whom the function asks; what depends on the body's own values can't be answered once for all.
final class BodyQuestions: Oracle, @unchecked Sendable {
    let previous: (any Oracle)?
    private let scope: SymbolScope
    private let body: BodyTracer
    private(set) var refused: BodyQuestionError?
    let isTrial: Bool
    /// How many questions were passed over.
    private var refusedCount = 0
    private var chance = AnyAnswer()
    /// More of them are most likely a loop that goes by what only a run knows.
    private static let limit = 128
    /// Open questions that were answered from around: they hold there too.
    private(set) var answers: [SymBool] = []

    init(_ scope: SymbolScope, of body: BodyTracer, isTrial: Bool) {
        previous = scope.oracle
        self.scope = scope
        self.body = body
        self.isTrial = isTrial
    }

    /// The question that ends the trace: the first, or one too many where the trace only learns types.
    var refusal: BodyQuestionError? { isTrial && refusedCount <= BodyQuestions.limit ? nil : refused }

    private func refuse(_ condition: SymBool, _ site: CallSite) {
        refusedCount += 1
        if refused == nil { refused = BodyQuestionError(construct: body.construct, condition: condition, site: site) }
    }

    func decide(_ condition: SymBool, site: CallSite) -> Bool {
        if let known = condition.constant { return known }
        let decision: Decision = scope.decide(condition)
        if let known = decision.known ?? onlyAnswer(condition) { return known }
        guard isAnsweredOutside(condition.freeSymbols), let previous else {
            refuse(condition, site)
            // Any answer does: the trace is not used, or is one that learns types. A loop has to end, whichever it waits for.
            let answer: Bool = refusedCount <= BodyQuestions.limit || chance.next()
            scope.assume(answer ? condition : !condition)
            return answer
        }
        return noting(previous) { previous.decide(condition, site: site) }
    }

    /// The answer where the other one, or either, contradicts what is known here, if only on second thoughts. No path of the function's is at
    /// stake: outside, both may be possible.
    private func onlyAnswer(_ condition: SymBool) -> Bool? {
        let mayHold: Bool = scope.scoped { scope.assume(condition) }
        let mayFail: Bool = scope.scoped { scope.assume(!condition) }
        if mayHold || mayFail { return mayHold && mayFail ? nil : mayHold }
        // The body never runs.
        return chance.next()
    }

    /// Keeps the answers that the function's questions get.
    private func noting<Answer>(_ previous: any Oracle, _ ask: () -> Answer) -> Answer {
        let known: Int = previous.answers.count
        defer { answers += previous.answers.dropFirst(known) }
        return ask()
    }

    func specialize(_ size: SymInt, site: CallSite) -> Int {
        if let known = size.constant { return known }
        guard isAnsweredOutside(size.freeSymbols), let previous else {
            let range: SymRange = scope.range(of: size)
            if let only = range.singleValue { return only }
            let isFirst: SymBool = size == (range.hasLowerBound ? range.lowerBound : 0)
            refuse(isFirst, site)
            return range.hasLowerBound ? range.lowerBound : 0
        }
        // Which value is left may be due to what is known in the body only: the answers count, not the value.
        return noting(previous) { previous.specialize(size, site: site) }
    }

    func canSpecialize(_ size: SymInt) -> Bool { isAnsweredOutside(size.freeSymbols) && previous?.canSpecialize(size) == true }

    func require(_ condition: SymBool, _ failure: SymbolicError, site: CallSite) {
        body.assert(condition, failure.message, at: .call(site))
    }

    private func isAnsweredOutside(_ symbols: [Symbol]) -> Bool { symbols.allSatisfy { !body.locals.contains($0) } }

    /// The answers as facts of the program around, from where the body has been traced on.
    func assumeAnswers() {
        for answer in answers { scope.assume(answer) }
    }
}
