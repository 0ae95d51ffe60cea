import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

// Calls whose error the function may catch, and go on another way where eager code does. Each is tried: a run goes into its error. Where the
// error leaves the function, the call stays as it is, and fails in a program as it does in eager code. Where the function goes on, the
// exploration starts anew with a question in front of the call, whether it fails, which operations of the program answer.

extension Tracer: FailureObserver {
    func note(_ failure: ValueFailure) { if failureOfParts == nil { failureOfParts = failure } }

    /// What a call gives that the function makes in parts; nil where it is recorded as it is. Throws in runs that go into its error.
    func otherwise(_ call: Call, site: CallSite?) throws -> [OperatorArgument]? {
        let isComposite: Bool = if case .composite = call.operator.kernel { true } else { false }
        guard path.explores, failures != .ignored, let failure = isComposite ? failureOfParts : call.operator.failure(of: call) else {
            return nil
        }
        let site: CallSite = site ?? CallSite.capture()
        let attempt = Attempt(site: site, name: call.operator.name)
        guard failures == .ofParts || path.isCaught(attempt) else {
            let error: TensorError = failure.error(call)
            if path.meets(true, orThrows: error.message, site: site, attempt: attempt) == false { throw error }
            return nil
        }
        if isComposite, let decomposition = call.operator.decomposition { return try treating(.ofParts) { try decomposition(call) } }
        guard let condition = try treating(.ignored, { try failure.condition(call) }) else {
            let error = ProgramError(.untraceable, Tracer.untold(call.name, failure), site: site)
            path.noteErrorOfTracing(error)
            throw error
        }
        guard try treating(.ignored, { try condition.item(Bool.self) }) else { throw failure.error(call) }
        return nil
    }

    private func treating<Result>(_ treatment: FailureTreatment, _ body: () throws -> Result) rethrows -> Result {
        let around: FailureTreatment = failures
        failures = treatment
        defer { failures = around }
        return try Interpreter.with(self, body)
    }

    private static func untold(_ name: String, _ failure: ValueFailure) -> String {
        "the function catches the error of '\(name)' (\(failure.message)) and goes on, but no operation of a program tells whether it fails: "
            + "let the error leave the function, so that the program rejects such inputs, or ask about the values first, as in "
            + "x.isfinite().all().item(Bool.self), and call '\(name)' without catching"
    }

    /// Requires one of several conditions. Where the function catches the error, it is a question whether one of them holds, and which; else
    /// the one that the example meets is checked, or demanded of the caller.
    func demand(anyOf conditions: [SymBool], _ failure: () -> TensorError) throws -> Int? {
        try requireGoing()
        for condition in conditions { try condition.requireValid() }
        let any: SymBool = .any(conditions)
        switch path.decide(any) {
        case true?: return nil
        case false?: throw failure()
        case nil: break
        }
        let error: TensorError = failure()
        let site: CallSite = error.site ?? CallSite.capture()
        let attempt = Attempt(site: site, name: error.operatorName)
        if path.explores, path.isCaught(attempt) {
            guard path.decide(any, site: site) else { throw error }
            return nil
        }
        let isDeclarable: Bool = any.freeSymbols.allSatisfy(\.isBacked)
        let position: Int =
            conditions.firstIndex { scope.evaluate($0, at: scope.hints) == true } ?? conditions.firstIndex { path.decide($0) != false } ?? 0
        let chosen: SymBool = conditions[position]
        let violation: ConstraintViolation? =
            isDeclarable
            ? ConstraintViolation(condition: chosen, failing: any, message: error.statement, site: error.site, scope: scope) : nil
        switch path.meets(any, orThrows: error.message, site: site, violation: violation, attempt: attempt) {
        case false?:
            path.log?.write(.requirement(chosen, .failing, error))
            throw error
        case true?: break
        case nil: violation.map { path.violate($0) }
        }
        if !isDeclarable { assert(chosen, error.statement, at: error.site.map { .call($0) }) }
        path.log?.write(.requirement(chosen, isDeclarable ? .assumed : .deferred, error))
        path.assume(chosen)
        return position
    }
}

/// What a trace does with calls that values may make fail.
enum FailureTreatment {
    /// Each is tried, to see whether the function catches its error.
    case tried
    /// The parts of a call whose error the function catches: each is asked about.
    case ofParts
    /// Those that tell about others are recorded as they are.
    case ignored
}
