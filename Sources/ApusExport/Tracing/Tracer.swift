import ApusGraph
import ApusNN
import ApusSymbolic
import ApusTensor

/// Records one run of a function as a graph: the interpreter behind `export`.
///
/// A tracer serves one path of one function on one thread.
final class Tracer: Interpreter {
    let scope: SymbolScope
    var graph = Graph()
    /// Tensors that the function captured, or made while it ran, in the order of their first use.
    private(set) var captured: [(value: Value, tensor: Tensor)] = []
    private var capturedIndex: [ObjectIdentifier: Value] = [:]
    /// What the path has assumed so far.
    let path: PathRecorder
    /// The modules that are running.
    private(set) var modules: [ModuleFrame] = []
    /// Dotted names of the model's modules.
    private let modulePaths: [ObjectIdentifier: String]
    /// Conditions on input sizes that the function required and that the declared constraints do not imply.
    private(set) var violations: [ConstraintViolation] = []

    /// Each run draws from the same place of the stream, and none moves the caller's.
    private let generator = RandomGenerator(copying: .default)
    override var randomGenerator: RandomGenerator? { generator }

    init(scope: SymbolScope, path: PathRecorder, model: ModuleState? = nil) {
        self.scope = scope
        self.path = path
        modulePaths = Dictionary(
            (model?.modules ?? []).map { (ObjectIdentifier($0.module), $0.path) }, uniquingKeysWith: { first, _ in first })
        super.init(outer: nil)
    }

    /// A tensor that stands for a value of the graph.
    func tensor(_ value: Value, _ spec: TensorSpec) -> Tensor { Tensor(spec: spec, owner: self, id: value.index) }

    func makeInput(_ name: String, _ spec: TensorSpec) -> Tensor { tensor(graph.addInput(name, .tensor(spec)), spec) }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        let references: [GraphArgument] = try arguments.map { try $0.map { try value(of: $0, in: operation) } }
        let types: [ValueType] = try Interpreter.with(self) { try resultTypes(Call(operation, arguments)) }
        let site = CallSite.capture(skip: 1, limit: 48)
        let outputs = graph.append(operation, references, types: types, site: .call(site), modulePath: modules)
        path.note(nodeCount: graph.nodes.count)
        return try zip(outputs, types).map { value, type in
            switch type {
            case .tensor(let spec): .tensor(tensor(value, spec))
            case .int(let number): .int(number)
            case .float(let number): .scalar(.float(number))
            case .bool(let condition): .symBool(condition)
            case .none: throw TensorError(.unsupported, in: operation.schema.name, "has a result of no type")
            }
        }
    }

    /// The graph's value for a tensor; tensors with data become constants.
    func value(of tensor: Tensor, in operation: Operator? = nil) throws -> Value {
        if let trace = tensor.trace {
            guard trace.owner === self else {
                throw TensorError(
                    .tracing, in: operation?.schema.name ?? "",
                    "a tensor of \(tensor.spec) belongs to another trace; values of a trace can't be kept, return them instead")
            }
            return Value(index: trace.id)
        }
        if let known = capturedIndex[tensor.identity] { return known }
        let value = graph.makeValue("c_lifted_tensor_\(captured.count)", .tensor(tensor.spec))
        captured.append((value, tensor))
        capturedIndex[tensor.identity] = value
        return value
    }

    /// The results' types: by the rule, or fresh symbols for numbers that only a run can know.
    private func resultTypes(_ call: Call) throws -> [ValueType] {
        let results = call.operator.schema.results
        if call.operator.effects.contains(.dataDependent), let kind = results.first, !kind.holdsTensors {
            return [try numberType(call)]
        }
        return try call.operator.rule(call).map { .tensor($0) }
    }

    /// What `item()` gives: the tensor's dtype decides.
    private func numberType(_ call: Call) throws -> ValueType {
        let x = try call.tensor(0)
        // The rule checks that the tensor has one element.
        _ = try call.operator.rule(call)
        let site = CallSite.capture(skip: 2)
        if x.dtype == .bool { return .bool(path.freshBool(origin: "item()", site: site)) }
        if x.dtype.isInteger { return .int(path.freshInt(origin: "item()", range: x.dtype.integerRange, site: site)) }
        return .float(path.freshFloat(origin: "item()", site: site))
    }

    override func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
        path.freshInt(origin: origin, range: SymRange(range), site: CallSite.capture(skip: 2))
    }

    override func decide(_ condition: SymBool) -> Bool? {
        condition.constant ?? path.decide(condition)
    }

    /// Proved conditions cost nothing; refuted ones fail; open ones on values become runtime assertions, open ones on input sizes are
    /// the caller's to declare.
    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        try condition.requireValid()
        switch path.decide(condition) {
        case true?: return
        case false?: throw failure()
        case nil:
            let error = failure()
            if condition.freeSymbols.allSatisfy(\.isBacked) {
                violations.append(ConstraintViolation(condition: condition, message: error.description, site: error.site))
                throw ConstraintViolationError(violations: violations, scope: scope)
            }
            graph.append(
                .assertScalar, [.symBool(condition), .string(error.description)], types: [], site: error.site.map { .call($0) },
                modulePath: modules)
            path.note(nodeCount: graph.nodes.count)
            path.assume(condition)
        }
    }

    /// Throws what the declared constraints lack, whether or not the function let the error pass.
    func requireNoViolations() throws {
        let all: [ConstraintViolation] = violations + path.violations
        if !all.isEmpty { throw ConstraintViolationError(violations: all, scope: scope) }
    }
}

extension Tracer: ModuleObserver {
    func moduleWillRun(_ module: any Module) {
        modules.append(ModuleFrame(path: modulePaths[ObjectIdentifier(module)] ?? "", type: "\(type(of: module))"))
    }

    func moduleDidRun(_ module: any Module) { _ = modules.popLast() }
}
