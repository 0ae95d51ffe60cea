import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

// What bodies of control flow ask of the tracer around them.

extension Tracer: TracingInterpreter {
    var modulePath: [ModuleFrame] { modules }
    var isTrial: Bool { false }

    func demand(_ predicate: Predicate, is answer: Bool, orThrow error: any Error, site: CallSite) throws -> Bool {
        let asked: ValueType =
            switch predicate {
            case .condition(let condition): .bool(condition)
            case .tensor(let tensor): try readNumber(.unbackedBool, tensor, range: SymRange(0...1), site: site)
            }
        guard case .bool(let condition) = asked else { return true }
        return demand(answer ? condition : condition.negated(), error.unplaced, site)
    }
}

/// Says of a body's question, where it can't be answered, as the other mistakes of tracing are said; and tells the trace of errors that only
/// tracing has.
/// - Parameter mayNotRun: whether eager code may leave the bodies out, so that none of their errors says what it does.
func tracingBodies<Result>(mayNotRun: Bool = false, _ trace: () throws -> Result) throws -> Result {
    do {
        try requireRoomForBody()
        return try withStackRoom { try trace() }
    } catch {
        var thrown: any Error = error
        if let question = error as? BodyQuestionError { thrown = ProgramError(.untraceable, question.description, site: question.site) }
        if mayNotRun || thrown is ProgramError { Interpreter.current?.fail(thrown) }
        throw thrown
    }
}

/// Throws where a body would stand deeper in others than a program keeps.
private func requireRoomForBody() throws {
    var depth = 0
    var next = Interpreter.tracing as? BodyTracer
    while let body = next {
        depth += 1
        next = body.parent as? BodyTracer
    }
    if depth >= Graph.maximumNesting { throw ProgramError.tooDeep(depth + 1) }
}

extension SymRange {
    /// The sizes in the range.
    var ofSizes: SymRange { intersection(SymRange(lowerBound: 0, upperBound: .max)) }
}
