import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Records one run of a function as a graph: the interpreter behind `export`.
///
/// A tracer serves one path of one function on one thread.
final class Tracer: Interpreter {
    let scope: SymbolScope
    var graph = Graph() { didSet { path.note(nodeCount: graph.nodes.count) } }
    /// Tensors that the function captured, or made while it ran, in the order of their first use.
    private(set) var captured: [(value: Value, tensor: Tensor)] = []
    private var capturedIndex: [ObjectIdentifier: Value] = [:]
    /// What the path has assumed so far.
    let path: PathRecorder
    /// How calls that values may make fail are treated.
    var failures = FailureTreatment.tried
    /// How a part of the operator whose rule is being asked may fail.
    var failureOfParts: ValueFailure?
    /// What inputs are called in messages.
    private var userNames: [Value: String] = [:]
    /// The tensors that were handed out, to find the ones that outlive the run.
    private var handedOut: [Handout] = []
    /// The modules that are running.
    private(set) var modules: [ModuleFrame] = []
    /// Dotted names of the model's modules.
    private let modulePaths: [ObjectIdentifier: String]

    /// Each run draws from the same place of the stream, and none moves the caller's.
    private let generator = RandomGenerator(copying: .default)
    override var randomGenerator: RandomGenerator? { generator }

    init(scope: SymbolScope, path: PathRecorder, model: ModuleState? = nil) {
        self.scope = scope
        self.path = path
        modulePaths = Dictionary(
            (model?.modules ?? []).map { (ObjectIdentifier($0.module), $0.path) }, uniquingKeysWith: { first, _ in first })
        super.init(outer: nil)
        path.assert = { [weak self] condition, failure, site in self?.assert(condition, failure.message, at: .call(site)) }
    }

    /// A tensor that stands for a value of the graph.
    func tensor(_ value: Value, _ spec: TensorSpec) -> Tensor {
        let tensor = Tensor(spec: spec, owner: self, id: value.index)
        handedOut.append(Handout(value: value, spec: spec, trace: tensor.tracedValue))
        return tensor
    }

    /// A graph input and the tensor that stands for it. `userName` is what messages call it: `the argument x`.
    func makeInput(_ name: String, _ spec: TensorSpec, userName: String? = nil) -> Tensor {
        let value = graph.addInput(name, .tensor(spec))
        userNames[value] = userName
        return tensor(value, spec)
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        try requireGoing()
        failureOfParts = nil
        return try record(operation, arguments, site: .call(CallSite.capture(skip: 1, limit: 48)))
    }

    /// Tensors with data become constants.
    func capture(_ tensor: Tensor, in operation: Operator?) throws -> Value {
        if let trace = tensor.tracedValue {
            if let fault = trace.fault { throw TensorError(.invalidArgument, in: operation?.schema.name ?? "", fault) }
            throw TensorError(
                .tracing, in: operation?.schema.name ?? "",
                "\(trace.description(of: tensor)) belongs to another trace; values of a trace can't be kept, return them instead")
        }
        if let known = capturedIndex[tensor.identity] { return known }
        let value = graph.makeValue("c_lifted_tensor_\(captured.count)", .tensor(tensor.spec))
        captured.append((value, tensor))
        capturedIndex[tensor.identity] = value
        return value
    }

    /// An argument's element is named after it; other elements have no name that the user knows.
    func origin(ofElementOf tensor: Tensor) -> String {
        let argument = tensor.tracedValue.flatMap { userNames[Value(index: $0.id)] }.flatMap { $0.split(separator: " ").last }
        return argument.map { "\($0).item()" } ?? ""
    }

    func fresh(_ kind: Symbol.Kind, origin: String, range: SymRange, isSize: Bool, site: CallSite?) -> ValueType {
        scope.type(of: path.freshSymbol(kind, origin: origin, range: range, isSize: isSize, site: site))
    }

    override func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
        try freshInt(origin: "count(\(origin))", range: SymRange(range), isSize: true, site: CallSite.capture(skip: 2))
    }

    override var takesQuestions: Bool { path.explores }

    override func decide(_ condition: SymBool) -> Bool? {
        condition.constant ?? path.decide(condition)
    }

    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        guard let log = path.log else { return try require(condition, failure, nil) }
        var answer = ExportLog.Answer.undecided
        defer { log.write(.requirement(condition, answer, failure())) }
        try require(condition, failure, { answer = $0 })
    }

    /// Proved conditions cost nothing; refuted ones fail. Open ones on values become runtime assertions, and open ones on input sizes are the
    /// caller's to declare, unless the function catches the error, which a run of its own finds out. The run goes on as if they held, so that
    /// all of them are found.
    private func require(_ condition: SymBool, _ failure: () -> TensorError, _ note: ((ExportLog.Answer) -> Void)?) throws {
        try requireGoing()
        try condition.requireValid()
        switch path.decide(condition) {
        case true?: note?(.proved)
        case false?:
            note?(.refuted)
            throw failure()
        case nil:
            let error = failure()
            if condition.freeSymbols.allSatisfy(\.isBacked) {
                let violation = ConstraintViolation(condition: condition, message: error.statement, site: error.site, scope: scope)
                switch path.meets(condition, orThrows: error.message, site: error.site ?? CallSite.capture(), violation: violation) {
                case false?:
                    note?(.failing)
                    throw error
                case true?: break
                case nil: path.violate(violation)
                }
                note?(.assumed)
                return
            }
            guard demand(condition, error.statement, error.site, requirement: error.message) else {
                note?(.failing)
                throw error
            }
            note?(.deferred)
        }
    }

    override func require(anyOf conditions: [SymBool], _ failure: () -> TensorError) throws -> Int? {
        try demand(anyOf: conditions, failure)
    }

    /// Writes a check, whose condition is a fact from there on; false in a run that goes into its error, which the function may catch.
    func demand(_ condition: SymBool, _ error: String, _ site: CallSite?, requirement: String? = nil) -> Bool {
        if path.meets(condition, orThrows: requirement ?? error, site: site ?? CallSite.capture()) == false { return false }
        assert(condition, error, at: site.map { .call($0) })
        return true
    }

    // MARK: Failing

    override func fail(_ error: any Error) { path.noteErrorOfTracing(error) }

    /// Throws why the run can't become a program, once it can't; and the fault of a question about an invalid number, as eager code does.
    func requireGoing() throws {
        try path.requireGoing()
        try TensorError.throwPendingFault()
    }
}

// MARK: - Values in the user's terms

extension Tracer: TraceOwner {
    private struct Handout {
        let value: Value
        let spec: TensorSpec
        weak var trace: TracedValue?

        init(value: Value, spec: TensorSpec, trace: TracedValue?) {
            self.value = value
            self.spec = spec
            self.trace = trace
        }
    }

    func describe(_ id: Int) -> String {
        let value = Value(index: id)
        if let name = userNames[value] { return name }
        guard let node = graph.maker(of: value) else { return "a captured tensor" }
        return "the result of \(node.operator.schema.name)" + (node.site.map { " at \($0)" } ?? "")
    }

    /// The error for a tensor of the trace that is still alive now that the function has returned; nil where there is none. Whatever the
    /// function left it in holds state that the program would lose.
    func keptValue() -> ProgramError? {
        guard let kept = handedOut.last(where: { $0.trace != nil }) else { return nil }
        let node = graph.maker(of: kept.value)
        let name = userNames[kept.value] ?? "the result of \(node?.operator.schema.name ?? "an operator")"
        return ProgramError(
            .leakedValue,
            "\(name), \(kept.spec), is kept outside of the function, where a program can't keep it: return it, or make it a @Buffer of a module",
            site: node?.site?.callSite)
    }
}

extension Tracer: ModuleObserver {
    func moduleWillRun(_ module: any Module) {
        modules.append(ModuleFrame(path: modulePaths[ObjectIdentifier(module)] ?? "", type: "\(type(of: module))"))
        path.modules = modules
    }

    func moduleDidRun(_ module: any Module) {
        _ = modules.popLast()
        path.modules = modules
    }
}
