import ApusSymbolic

// What an operation requires of values that only a run of the program knows, such as an index that was read, is a check of the program. But
// the function may catch the error and go on another way. So each such requirement is tried both ways, like a question; where the error
// leaves the function as it came, the check says all of it and the question goes away. A requirement on sizes that the caller declares is then
// the caller's to declare; and a call that fails by its values is as it is, an error when the program runs.

extension PathDecision {
    /// Whether this is where a path went into an operation's error, and the error has this text.
    func failsRequirement(_ message: String) -> Bool {
        // An operator that is made of others, or carries out one by another name, says the same in its own.
        !choice && requirement.map { message == $0 || message.hasSuffix(": " + $0) } == true
    }
}

extension PathTrace {
    /// Whether the path did nothing else than to let an operation's error out.
    var onlyFailsRequirement: Bool {
        guard case .threw(let message, _) = outcome else { return false }
        return failsAttempt || decisions.last?.failsRequirement(message) == true
    }

    /// Whether the path went into the error of a call whose condition does not say all, and ended in an error.
    private var failsAttempt: Bool { hasThrown && decisions.contains { $0.attempt != nil && !$0.choice } }

    /// Whether it takes no more of the budget of paths than the question that led to it.
    var isLeaf: Bool { onlyFailsRequirement && decisions.last.map { $0.requirement != nil && !$0.choice } == true }

    /// The call whose error the function caught and went on after.
    var caught: Attempt? { hasThrown ? nil : decisions.first { !$0.choice && $0.attempt != nil }?.attempt }
}

extension [PathTrace] {
    /// Where answers lead that do nothing but fail. Runs repeat each other, so that the answers say which question an answer belongs to.
    private var failing: Set<[Bool]> {
        Set(
            filter(\.onlyFailsRequirement).map { trace in
                let end: Int = trace.decisions.firstIndex { $0.attempt != nil && !$0.choice } ?? trace.decisions.count - 1
                return trace.decisions[...end].map(\.choice)
            })
    }

    /// What the caller must declare: requirements on sizes whose errors leave the function. Of the first path that has any.
    var violations: [ConstraintViolation] {
        let failing: Set<[Bool]> = failing
        for trace in self {
            var answers: [Bool] = []
            var found: [ConstraintViolation] = []
            for decision in trace.decisions {
                if decision.choice, let violation = decision.violation, failing.contains(answers + [false]) { found.append(violation) }
                answers.append(decision.choice)
            }
            if !found.isEmpty { return found }
        }
        return []
    }

    /// The paths without those that a check already stands for, and without the questions that led to them.
    func withoutFailedRequirements() -> [PathTrace] {
        let failing: Set<[Bool]> = failing
        if failing.isEmpty { return self }
        return filter { !$0.onlyFailsRequirement }.map { trace in
            var kept: [PathDecision] = []
            var answers: [Bool] = []
            for decision in trace.decisions {
                if decision.requirement == nil || !failing.contains(answers + [false]) { kept.append(decision) }
                answers.append(decision.choice)
            }
            return PathTrace(
                graph: trace.graph, captured: trace.captured, decisions: kept, readRanges: trace.readRanges, outcome: trace.outcome)
        }
    }
}
