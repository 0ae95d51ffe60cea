import ApusSymbolic
import ApusTensor

/// Records the body of a branch or loop as a graph of its own.
///
/// Tensors from around it that the body uses become inputs behind its own: they are lifted, so that a body is closed. Sizes need no inputs,
/// since symbols are those of the program around.
package final class BodyTracer: Interpreter, TracingInterpreter {
    package var graph = Graph()
    /// What writes the graph around.
    package let parent: any TracingInterpreter
    /// The construct that the body belongs to, for messages.
    let construct: String
    /// The tensors from around that the body uses, in the order of their first use.
    private var captures: [(tensor: Tensor, value: Value)] = []
    /// By identity: a gradient tells a tensor from another that holds the same value.
    private var captured: [ObjectIdentifier: Value] = [:]
    /// Symbols that have a value only inside.
    package private(set) var locals: Set<Symbol> = []
    /// The types that the next results have which only a run can know, where a body is carried out once more.
    var upcoming: [ValueType] = []
    /// What answers the questions of the part that is being traced.
    private var questions: BodyQuestions?

    package var scope: SymbolScope { parent.scope }
    package var modulePath: [ModuleFrame] { parent.modulePath }
    package var isTrial: Bool { questions?.isTrial == true || parent.isTrial }

    package init(of construct: String, parent: any TracingInterpreter) {
        self.construct = construct
        self.parent = parent
        super.init(outer: Interpreter.current)
    }

    // MARK: Inputs and results

    package func addInput(_ name: String, _ spec: TensorSpec) -> Tensor { tensor(graph.addInput(name, .tensor(spec)), spec) }

    /// The body's input for a tensor from around.
    package func capture(_ tensor: Tensor, in operation: Operator?) -> Value {
        if let known = captured[tensor.identity] { return known }
        let value: Value = graph.addInput("captured_\(captures.count)", .tensor(tensor.spec))
        captures.append((tensor, value))
        captured[tensor.identity] = value
        return value
    }

    package func setOutputs(_ outputs: [GraphOutput]) { graph.outputs = outputs }

    package func setResults(_ tensors: [Tensor]) throws { graph.outputs = try tensors.map { .value(try value(of: $0)) } }

    package var body: GraphBody { GraphBody(graph) }

    /// Gives bodies the same lifted inputs in the same order, behind their own, and returns what they stand for.
    package static func shareOperands(_ bodies: [BodyTracer]) throws -> [Tensor] {
        var all: [Tensor] = []
        var seen = Set<ObjectIdentifier>()
        for capture in bodies.flatMap(\.captures) where seen.insert(capture.tensor.identity).inserted { all.append(capture.tensor) }
        for body in bodies {
            let lifted = Set(body.captures.map(\.value))
            let own: [Value] = body.graph.inputs.filter { !lifted.contains($0) }
            body.graph.setInputs(own + (try all.map { try body.value(of: $0) }))
        }
        return all
    }

    // MARK: Operations

    override package func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        try requireGoing()
        return try record(operation, arguments, site: .call(CallSite.capture(skip: 1)))
    }

    // MARK: Symbols

    /// Notes that a symbol has a value only inside.
    package func own(_ symbols: [Symbol]) { locals.formUnion(symbols) }

    package func fresh(_ kind: Symbol.Kind, origin: String, range: SymRange, isSize: Bool, site: CallSite?) throws -> ValueType {
        let type: ValueType
        if let known = upcoming.first, known.symbolKind == kind {
            type = known
            upcoming.removeFirst()
        } else {
            type = try parent.fresh(kind, origin: origin, range: range, isSize: isSize, site: site)
        }
        own(type.freeSymbols)
        return type
    }

    override package func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
        try freshInt(origin: origin, range: SymRange(range), isSize: true, site: CallSite.capture(skip: 2))
    }

    // MARK: Conditions

    override package func decide(_ condition: SymBool) -> Bool? { condition.constant ?? scope.known(condition) }

    override package var takesQuestions: Bool { false }

    /// Open conditions on input sizes are the caller's to declare, as anywhere in the program; others become assertions of the body.
    override package func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        try requireGoing()
        try condition.requireValid()
        switch decide(condition) {
        case true?: return
        case false?: throw failure()
        case nil: break
        }
        if condition.freeSymbols.allSatisfy(\.isBacked) {
            // The trace that is kept may know more of the sizes, and asks again.
            if questions?.isTrial == true { scope.assume(condition) } else { try parent.require(condition, failure) }
            return
        }
        let error: TensorError = failure()
        assert(condition, error.statement, at: error.site.map { .call($0) })
    }

    override package func require(anyOf conditions: [SymBool], _ failure: () -> TensorError) throws -> Int? {
        let any: SymBool = .any(conditions)
        if decide(any) == true { return nil }
        if questions?.isTrial != true, any.freeSymbols.allSatisfy(\.isBacked) { return try parent.require(anyOf: conditions, failure) }
        try conditions.first.map { try require($0, failure) }
        return 0
    }

    /// A check of the body, whether or not the function catches the error.
    package func demand(_ predicate: Predicate, is answer: Bool, orThrow error: any Error, site: CallSite) throws -> Bool {
        switch predicate {
        case .condition(let condition): assert(answer ? condition : condition.negated(), error.unplaced, at: .call(site))
        case .tensor(let tensor):
            let holds: Tensor = answer ? tensor : try tensor.logicalNot()
            try append(.assertAsync, [.tensor(holds), .string(error.unplaced)], types: [], site: .call(site))
        }
        return true
    }

    // MARK: Failing

    override package func fail(_ error: any Error) { parent.fail(error) }

    package func requireGoing() throws {
        if let refused = questions?.refusal { throw refused }
        try parent.requireGoing()
    }

    // MARK: Tracing

    /// Runs a part of the body under facts that hold inside. Throws `BodyQuestionError` where it asks what differs from one run of the
    /// body to another.
    /// - Parameter isTrial: such questions are passed over: the trace serves only to learn types from.
    package func trace<Result>(assuming facts: [SymBool] = [], isTrial: Bool = false, _ part: () throws -> Result) throws -> Result {
        let scope: SymbolScope = scope
        let questions = BodyQuestions(scope, of: self, isTrial: isTrial)
        let around: BodyQuestions? = self.questions
        self.questions = questions
        scope.push()
        scope.oracle = questions
        for fact in facts { scope.assume(fact) }
        func leave() {
            self.questions = around
            scope.oracle = questions.previous
            scope.pop()
            questions.assumeAnswers()
        }
        let result: Result
        do {
            result = try Interpreter.with(self, part)
        } catch {
            leave()
            if let refused = questions.refused { throw refused }
            throw error
        }
        leave()
        if let refused = questions.refusal { throw refused }
        return result
    }
}

extension BodyTracer: TraceOwner {
    package func describe(_ id: Int) -> String {
        let value = Value(index: id)
        if let capture = captures.first(where: { $0.value == value }) {
            return capture.tensor.tracedValue?.description(of: capture.tensor) ?? "a captured tensor"
        }
        guard let node = graph.maker(of: value) else { return "an argument of a body of \(construct)" }
        return "the result of \(node.operator.schema.name)" + (node.site.map { " at \($0)" } ?? "") + " in a body of \(construct)"
    }
}
