import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

// What bodies of control flow ask of the tracer around them.

extension Tracer: TracingInterpreter {
    var modulePath: [ModuleFrame] { modules }
    var isTrial: Bool { false }

    func freshInt(origin: String, range: SymRange, isSize: Bool, site: CallSite) -> SymInt {
        path.freshInt(origin: origin, range: range, isSize: isSize, site: site)
    }
    func freshBool(origin: String, site: CallSite) -> SymBool { path.freshBool(origin: origin, site: site) }
    func freshFloat(origin: String, site: CallSite) -> SymFloat { path.freshFloat(origin: origin, site: site) }

    func demand(_ predicate: Predicate, is answer: Bool, orThrow error: any Error, site: CallSite) throws -> Bool {
        let condition: SymBool =
            switch predicate {
            case .condition(let condition): condition
            case .tensor(let tensor): try readBool(tensor, origin: "", site: site)
            }
        return demand(answer ? condition : condition.negated(), "\(error)", site)
    }

    func append(
        _ operation: Operator, _ arguments: [OperatorArgument], types: [ValueType], site: CallSite
    ) throws -> [OperatorArgument] {
        let references: [GraphArgument] = try arguments.map { try $0.map { try value(of: $0, in: operation) } }
        let outputs: [Value] = graph.append(operation, references, types: types, site: .call(site), modulePath: modules)
        path.note(nodeCount: graph.nodes.count)
        return zip(outputs, types).map { value, type in
            switch type {
            case .tensor(let spec): .tensor(tensor(value, spec))
            case .int(let number): .int(number)
            case .float(let number): .scalar(.float(number))
            case .bool(let condition): .symBool(condition)
            case .none: .none
            }
        }
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

extension Error {
    /// True for an error that says what a trace can't do. Eager code would not throw it, so that no input may be refused for it.
    var isOfTrace: Bool {
        switch self {
        case let error as TensorError: error.code == .tracing
        case is ProgramError, is ConstraintViolationError, is BodyQuestionError: true
        case let error as SymbolicError: error.code != .overflow && error.code != .divisionByZero
        default: false
        }
    }
}
