import ApusSymbolic
import ApusTensor

/// An interpreter that writes a program: calls become nodes of a graph, and tensors without data stand for its values.
///
/// Four do so: a function that is traced, the body of a branch or loop, a file that is read, and a pass that puts operations together. How
/// a call becomes a node stands in the extension. They differ in what becomes of tensors from elsewhere, in the symbols for what only a run
/// can know, and in what they do about open conditions, which is the interpreter's to say.
package protocol Recorder: Interpreter {
    var graph: Graph { get set }
    /// What is known of the symbols.
    var scope: SymbolScope { get }
    /// The modules that are running, outermost first.
    var modulePath: [ModuleFrame] { get }
    /// What makes the nodes, where no function is traced.
    var provenance: String? { get }

    /// A tensor that stands for a value of the graph.
    func tensor(_ value: Value, _ spec: TensorSpec) -> Tensor
    /// The graph's value for a tensor that stands for none of them.
    func capture(_ tensor: Tensor, in operation: Operator?) throws -> Value
    /// A fresh symbol for what only a run can know. Every run of the function that comes the same way gets the same one.
    /// - Parameter isSize: whether it is the size of a dimension, or a number of elements.
    func fresh(_ kind: Symbol.Kind, origin: String, range: SymRange, isSize: Bool, site: CallSite?) throws -> ValueType
    /// The types of a call's results; see ``ruleTypes(_:site:)``.
    func resultTypes(_ call: Call, site: CallSite?) throws -> [ValueType]
    /// What messages call the number that is read from a tensor.
    func origin(ofElementOf tensor: Tensor) -> String
    /// What a call gives that is recorded in another way.
    func otherwise(_ call: Call, site: CallSite?) throws -> [OperatorArgument]?
}

extension Recorder {
    package var modulePath: [ModuleFrame] { [] }
    package var provenance: String? { nil }
    package func tensor(_ value: Value, _ spec: TensorSpec) -> Tensor { Tensor(spec: spec, owner: self, id: value.index) }
    package func resultTypes(_ call: Call, site: CallSite?) throws -> [ValueType] { try ruleTypes(call, site: site) }
    package func origin(ofElementOf tensor: Tensor) -> String { "item()" }
    package func otherwise(_ call: Call, site: CallSite?) throws -> [OperatorArgument]? { nil }

    /// The graph's value for a tensor.
    package func value(of tensor: Tensor, in operation: Operator? = nil) throws -> Value {
        if let trace = tensor.tracedValue, trace.owner === self { return Value(index: trace.id) }
        return try capture(tensor, in: operation)
    }

    // MARK: Nodes

    /// Records a call. What its rule computes of sizes is none of the function's own arithmetic, which alone is held to 64 bits.
    package func record(_ operation: Operator, _ arguments: [OperatorArgument], site: NodeSite?) throws -> [OperatorArgument] {
        let call = Call(operation, arguments)
        try call.requireValidNumbers()
        let references: [GraphArgument] = try references(call)
        let types: [ValueType] = try Interpreter.with(self) {
            try scope.withoutOverflowChecks { try resultTypes(call, site: site?.callSite) }
        }
        return try otherwise(call, site: site?.callSite) ?? write(operation, references, types, site)
    }

    /// Writes a node whose results have the given types.
    @discardableResult
    package func append(
        _ operation: Operator, _ arguments: [OperatorArgument], types: [ValueType], site: NodeSite?
    ) throws -> [OperatorArgument] {
        write(operation, try references(Call(operation, arguments)), types, site)
    }

    /// Writes a check, and says what it says: the condition is a fact from there on.
    package func assert(_ condition: SymBool, _ message: String, at site: NodeSite?) {
        _ = write(.assertScalar, [.symBool(condition), .string(message)], [], site)
        scope.assume(condition)
    }

    private func references(_ call: Call) throws -> [GraphArgument] {
        call.operator.withoutRepeatedOperands(try call.arguments.map { try $0.map { try value(of: $0, in: call.operator) } })
    }

    private func write(
        _ operation: Operator, _ arguments: [GraphArgument], _ types: [ValueType], _ site: NodeSite?
    ) -> [OperatorArgument] {
        let outputs: [Value] = graph.append(
            operation, arguments, types: types, site: site, modulePath: modulePath, provenance: provenance)
        return zip(outputs, types).map { value, type in type.number ?? type.spec.map { .tensor(tensor(value, $0)) } ?? .none }
    }

    // MARK: What only a run can know

    /// The types of a call's results: by the rule, or a fresh symbol for a number that is read.
    package func ruleTypes(_ call: Call, site: CallSite?) throws -> [ValueType] {
        let specs: [TensorSpec] = try call.operator.rule(call)
        guard call.operator.effects.contains(.dataDependent), let result = call.operator.schema.results.first, !result.holdsTensors else {
            return specs.map { .tensor($0) }
        }
        let x: Tensor = try call.tensor(0)
        let kind: Symbol.Kind = x.dtype == .bool ? .unbackedBool : x.dtype.isInteger ? .unbackedInt : .unbackedFloat
        let range = x.dtype == .bool ? SymRange(0...1) : SymRange(x.dtype.integerRange)
        return [try fresh(kind, origin: origin(ofElementOf: x), range: range, isSize: false, site: site)]
    }

    package func freshInt(origin: String, range: SymRange, isSize: Bool, site: CallSite?) throws -> SymInt {
        guard case .int(let size) = try fresh(.unbackedInt, origin: origin, range: range, isSize: isSize, site: site) else {
            throw TensorError(.unsupported, "a size is no integer")
        }
        return size
    }

    /// A number from a tensor of one element, within a range that is known to hold.
    package func readNumber(_ kind: Symbol.Kind, _ tensor: Tensor, range: SymRange = .unbounded, site: CallSite) throws -> ValueType {
        let number: ValueType = try fresh(kind, origin: "", range: range, isSize: false, site: site)
        try read(tensor, as: number, site: .call(site))
        return number
    }

    /// A size from a tensor of one integer, within a range that is known to hold.
    package func readSize(_ tensor: Tensor, range: SymRange, site: CallSite) throws -> SymInt {
        let size: SymInt = try freshInt(origin: "", range: range, isSize: false, site: site)
        try read(tensor, as: .int(size), site: .call(site))
        return size
    }

    /// Gives symbols their value from a tensor of one number.
    package func read(_ tensor: Tensor, as type: ValueType, site: NodeSite?) throws {
        try append(.named("item"), [.tensor(tensor)], types: [type], site: site)
    }
}

extension SymbolScope {
    /// The number that a symbol stands for.
    package func type(of symbol: Symbol) -> ValueType {
        switch symbol.kind {
        case .backed, .unbackedInt: .int(size(symbol))
        case .unbackedBool: .bool(condition(symbol))
        case .unbackedFloat: .float(float(symbol))
        }
    }
}
