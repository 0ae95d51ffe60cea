import ApusSymbolic
import ApusTensor

// Random numbers in bodies of branches and scans. A gradient carries a body out once more, and must see what the way forward drew: a
// gradient recorder makes calls whose bodies give that as well, behind their own results.

extension Graph {
    /// What nodes that draw give, in order.
    fileprivate var drawn: [Value] { nodes.filter(\.draws).flatMap(\.outputs) }

    fileprivate func position(of value: Value, from start: Int = 0) -> Int? {
        outputs.indices.dropFirst(start).first { outputs[$0].value == value }
    }
}

/// Calls of control flow that give what their bodies drew.
enum SavedDraws {
    static func scan(_ call: Call) throws -> SavingCall? {
        let scan = try ScanArguments(call)
        guard scan.body.graph.draws, var body = try ready(scan.body.graph, of: "scan") else { return nil }
        for value in body.drawn where body.position(of: value, from: scan.initial.count) == nil { body.outputs.append(.value(value)) }
        var arguments: [OperatorArgument] = call.arguments
        arguments[0] = .graph(GraphBody(body))
        return SavingCall(Call(call.operator, arguments), resultCount: scan.body.graph.outputs.count)
    }

    /// What one side draws, the other gives zeros for.
    static func cond(_ call: Call) throws -> SavingCall? {
        let branch = try CondArguments(call)
        guard branch.whenTrue.graph.draws || branch.whenFalse.graph.draws,
            var whenTrue = try ready(branch.whenTrue.graph, of: "cond"), var whenFalse = try ready(branch.whenFalse.graph, of: "cond")
        else { return nil }
        let isCondition: Bool = branch.condition != nil
        try give(whenTrue.drawn, of: &whenTrue, zerosIn: &whenFalse, isCondition)
        try give(whenFalse.drawn, of: &whenFalse, zerosIn: &whenTrue, isCondition)
        var arguments: [OperatorArgument] = call.arguments
        (arguments[1], arguments[2]) = (.graph(GraphBody(whenTrue)), .graph(GraphBody(whenFalse)))
        return SavingCall(Call(call.operator, arguments), resultCount: branch.whenTrue.graph.outputs.count)
    }

    private static func give(_ drawn: [Value], of body: inout Graph, zerosIn other: inout Graph, _ isCondition: Bool) throws {
        guard let full = OperatorTable.find("aten::full") else { return }
        for value in drawn where body.position(of: value) == nil {
            guard let spec = body.spec(value) else { continue }
            // A size that makes sense under the branch's own condition only is 0 on the other side.
            let sizes: [SymInt] = spec.shape.map { !isCondition || decide($0 >= 0) == true ? $0 : 0 }
            let zeros: [Value] = other.append(
                full, [.ints(sizes), .int(0), .dtype(spec.dtype), .none, .none, .none],
                types: [.tensor(TensorSpec(spec.dtype, try Shape(sizes, in: "cond")))], provenance: "what the other branch draws")
            body.outputs.append(.value(value))
            other.outputs.append(.value(zeros[0]))
        }
    }

    /// Where a call's results hold what a body drew. Throws where they don't: the reason is what kept them from being saved.
    /// - Parameter start: the first result that may.
    static func positions(in body: Graph, of construct: String, from start: Int = 0) throws -> [Int] {
        guard !body.has(.external) else {
            throw TensorError(
                Interpreter.tracing == nil ? .notDifferentiable : .tracing, in: construct,
                "has no gradient here: its body holds operators that act on the world outside, and the gradient would run them again")
        }
        guard body.draws else { return [] }
        if let reason = obstacle(in: try apart(body)) { throw unsaved(construct, reason) }
        return try body.drawn.map { value in
            guard let position = body.position(of: value, from: start) else {
                throw unsaved(construct, "they are none of its results; record the call with a GradientRecorder")
            }
            return position
        }
    }

    private static func unsaved(_ construct: String, _ reason: String) -> TensorError {
        // In eager code there is a gradient, so that a trace must not take the error for one of the function's own.
        TensorError(
            Interpreter.tracing == nil ? .notDifferentiable : .tracing, in: construct,
            "has no gradient here: its body draws random numbers that the gradient would have to see again, but \(reason)")
    }

    // MARK: Bodies

    /// A body in which operators that draw are those that do nothing else, and control flow that draws gives what it drew; nil where that
    /// can't be. The gradient then says why, if it is ever asked for.
    private static func ready(_ body: Graph, of construct: String) throws -> Graph? {
        if !body.draws { return body }
        let parts: Graph = try apart(body)
        var copy = GraphCopy(of: parts, provenance: "saved draws")
        for node in parts.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try copy.mapped($0) }
            guard !node.bodies.isEmpty, node.draws, let saving = try inner(node, parts) else {
                copy.keep(node, arguments)
                continue
            }
            let saved: [GraphArgument] = zip(arguments, saving.call.arguments).map { own, given in own.mapBody { given.body ?? $0 } }
            let types: [ValueType] = try node.outputs.map { parts.type($0) } + further(saving).map { .tensor($0) }
            let results: [Value] = copy.append(node.operator, saved, types: types)
            copy.copySite(of: node)
            copy.map(node.outputs, to: results)
        }
        let result: Graph = copy.finished()
        return obstacle(in: result) == nil ? result : nil
    }

    /// The body with operators that draw and do more taken apart.
    private static func apart(_ body: Graph) throws -> Graph {
        let drawing = Dialect("drawing") { !$0.effects.contains(.random) || $0.decomposition == nil }
        return try Decomposition(to: drawing).run(body)
    }

    /// The specs of what a call gives beyond the results that were asked for.
    private static func further(_ saving: SavingCall) throws -> [TensorSpec] {
        func specs(_ body: Graph) -> [TensorSpec] { body.outputs.dropFirst(saving.resultCount).compactMap { body.spec(of: $0) } }
        if saving.call.operator == .scan {
            let scan = try ScanArguments(saving.call)
            return try specs(scan.body.graph).map { spec in
                TensorSpec(spec.dtype, try Shape([scan.xs[0].shape[0]] + spec.shape.sizes, in: "scan"))
            }
        }
        let branch = try CondArguments(saving.call)
        var join = TypeJoin(branch.condition, inner: [])
        return try zip(specs(branch.whenTrue.graph), specs(branch.whenFalse.graph)).compactMap { first, second in
            try join.type(.tensor(first), .tensor(second)).spec
        }
    }

    /// Control flow in a body, as a call that gives what it draws.
    private static func inner(_ node: Node, _ graph: Graph) throws -> SavingCall? {
        guard Interpreter.tracing != nil, let saving = node.operator.saving else { return nil }
        let arguments: [OperatorArgument] = try node.arguments.described(graph.type) { value in
            TensorError(.invalidArgument, in: node.operator.schema.name, "'%\(graph.name(value))' is no tensor")
        }
        return try saving(Call(node.operator, arguments))
    }

    /// Why what a body draws can't be given by it; nil where it can.
    private static func obstacle(in body: Graph) -> String? {
        let made: Set<Symbol> = body.madeSymbols
        for node in body.nodes where node.draws {
            if node.effects.contains(.random), node.operator.decomposition != nil, node.operator.gradient == nil {
                return "'\(node.operator.name)' draws them together with what else it does"
            }
            if Interpreter.tracing == nil, !node.bodies.isEmpty { return "they are drawn by control flow within the body" }
            for output in node.outputs {
                guard let spec = body.spec(output) else { return "'\(node.operator.name)' gives what is no tensor" }
                if !made.isDisjoint(with: spec.shape.flatMap(\.freeSymbols)) {
                    return "only a run of the body knows how many: \(ValueType.tensor(spec))"
                }
            }
        }
        return nil
    }
}

/// Gives what was drawn on the way forward in the place of drawing anew. It stands around a gradient recorder, which sees results as of any
/// other operation.
final class DrawReplay: Interpreter {
    /// What each node that draws gave, in order.
    private var rest: ArraySlice<[Tensor]>

    init(_ body: Graph, _ draws: [Tensor]) {
        var draws: ArraySlice<Tensor> = draws[...]
        rest =
            body.nodes.filter(\.draws).map { node in
                defer { draws = draws.dropFirst(node.outputs.count) }
                return Array(draws.prefix(node.outputs.count))
            }[...]
        super.init()
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        let draws: Bool =
            operation.effects.contains(.random) || arguments.contains { $0.body?.draws ?? false }
        guard draws else { return try super.apply(operation, arguments) }
        guard let drawn = rest.popFirst() else {
            throw TensorError(.invalidArgument, in: operation.schema.name, "draws random numbers that the way forward did not draw")
        }
        return drawn.map { .tensor($0) }
    }
}
