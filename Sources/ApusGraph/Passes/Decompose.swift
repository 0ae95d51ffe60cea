import ApusSymbolic
import ApusTensor

/// Replaces operators by what they are made of, again and again, until only those remain that the target knows.
///
/// An operator that the target does not know and that has no decomposition stays; `ensures` then names it.
public struct Decomposition: NodeRewriter {
    public let name: String
    private let target: Dialect
    private let isStrict: Bool

    /// - Parameter isStrict: whether an operator that can't be decomposed is an error.
    public init(to target: Dialect = .coreATen, isStrict: Bool = false) {
        self.target = target
        self.isStrict = isStrict
        name = "decompose to \(target.name)"
    }

    public func rewrite(_ node: Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Value]? {
        guard !target.contains(node.operator), node.operator.isDecomposable else { return nil }
        let builder = BuildingInterpreter(copy, target: target)
        let plain: [OperatorArgument] = try arguments.map { try $0.map { try builder.tensor($0) } }
        guard let results = try Interpreter.with(builder, { try Call(node.operator, plain).decomposed() }) else { return nil }
        let values: [Value] = try results.flatMap { try builder.values(of: $0) }
        copy = builder.copy
        return values
    }

    public func ensures(_ graph: Graph) throws {
        guard isStrict, let left = graph.operators.first(where: { !target.contains($0) }) else { return }
        throw TensorError(.unsupported, in: left.schema.name, "has no decomposition into the dialect '\(target.name)'")
    }
}

extension Operator {
    fileprivate var isDecomposable: Bool { decomposition != nil || CoreDecompositions.rules[name] != nil }
}

extension Call {
    /// What the operator is made of, by its own record or for back ends; nil where this call can't be taken apart.
    fileprivate func decomposed() throws -> [OperatorArgument]? {
        do {
            if let decomposition = self.operator.decomposition { return try decomposition(self) }
            return try CoreDecompositions.parts(of: self)
        } catch let error as TensorError where error.code == .tracing {
            // It needs the numbers in a tensor, or a tensor of its own, such as a table of positions: a graph has neither.
            return nil
        }
    }
}

/// Writes operations into a graph that is being copied; decomposes on the way what the target does not know.
final class BuildingInterpreter: Interpreter {
    var copy: GraphCopy
    private let target: Dialect

    init(_ copy: GraphCopy, target: Dialect) {
        self.copy = copy
        self.target = target
        super.init(outer: nil)
    }

    func tensor(_ value: Value) throws -> Tensor {
        guard let spec = copy.graph.spec(value) else {
            throw TensorError(.invalidArgument, "'%\(copy.graph.name(value))' is no tensor")
        }
        return Tensor(spec: spec, owner: self, id: value.index)
    }

    private func value(_ tensor: Tensor) throws -> Value {
        guard let trace = tensor.trace, trace.owner === self else {
            throw TensorError(.tracing, "a decomposition uses the tensor \(tensor.spec) from outside; it must make what it needs")
        }
        return Value(index: trace.id)
    }

    func values(of result: OperatorArgument) throws -> [Value] {
        switch result {
        case .tensor(let tensor): return [try value(tensor)]
        case .tensors(let tensors): return try tensors.map { try value($0) }
        default: throw TensorError(.unsupported, "a decomposition gave a result that is no tensor")
        }
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        if !target.contains(operation), operation.isDecomposable {
            let before: GraphCopy = copy
            if let parts = try Interpreter.with(self, { try Call(operation, arguments).decomposed() }) {
                // An operator's list of tensors comes out of `apply` one by one.
                return parts.flatMap { (part: OperatorArgument) -> [OperatorArgument] in
                    if case .tensors(let tensors) = part { return tensors.map { OperatorArgument.tensor($0) } }
                    return [part]
                }
            }
            // What was written before the call turned out not to be taken apart is taken back.
            copy = before
        }
        let specs: [TensorSpec] = try Interpreter.with(self) { try operation.rule(Call(operation, arguments)) }
        let results: [Value] = copy.append(
            operation, try arguments.map { try $0.map { try value($0) } }, types: specs.map { .tensor($0) })
        return try results.map { .tensor(try tensor($0)) }
    }

    override func decide(_ condition: SymBool) -> Bool? { condition.constant ?? copy.scope?.known(condition) }

    /// The operator's own rule has required what its parts require: what is not proved here was asserted before.
    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        if decide(condition) == false { throw failure() }
    }
}
