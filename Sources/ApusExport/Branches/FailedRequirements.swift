import ApusSymbolic

// What an operation requires of values that only a run of the program knows, such as an index that was read, is a check of the program. But
// the function may catch the error and go on another way. So each such requirement is tried both ways, like a question; where the error
// leaves the function as it came, the check says all of it and the question goes away.

extension PathDecision {
    /// Whether this is where a path went into an operation's error, and the error has this text.
    func failsRequirement(_ message: String) -> Bool { !choice && requirement == message }
}

extension PathTrace {
    /// Whether the path did nothing else than to let an operation's error out.
    var onlyFailsRequirement: Bool {
        guard case .threw(let message, _) = outcome else { return false }
        return decisions.last?.failsRequirement(message) == true
    }
}

extension [PathTrace] {
    /// The paths without those that a check already stands for, and without the questions that led to them.
    func withoutFailedRequirements() -> [PathTrace] {
        // Runs repeat each other, so that the answers say which question an answer belongs to.
        let failing: Set<[Bool]> = Set(filter(\.onlyFailsRequirement).map { $0.decisions.map(\.choice) })
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
