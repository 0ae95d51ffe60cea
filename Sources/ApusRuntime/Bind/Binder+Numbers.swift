import ApusGraph
import ApusSymbolic
import ApusTensor

// Numbers that a run reads from tensors: known to the steps that follow, and to nobody before.

extension Binder {
    /// Whether the argument is made of numbers that are read.
    func isRead(_ argument: OperatorArgument) -> Bool {
        !numbers.isEmpty && argument.freeSymbols.contains { numbers.contains($0) }
    }

    func number(_ argument: OperatorArgument) throws -> RunNumber {
        guard let number = RunNumber(argument, numbers, knowing: symbols) else {
            throw NotPlannable(reason: "a size that depends on a value")
        }
        return number
    }

    /// The node that reads a number.
    func bindRead(_ node: Node, _ type: ValueType, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        guard let symbol = type.readSymbol, !symbols.knows(symbol), let number = type.number,
            case .host(let kernel) = node.operator.kernel
        else { throw NotPlannable(reason: "'\(node.operator.name)', whose results depend on values") }
        let call = Call(node.operator, arguments)
        _ = try Interpreter.with(nil) { try node.operator.rule(call) }
        let dtype: DType = try call.tensor(0).dtype
        let isOf: Bool =
            switch type {
            case .int: !dtype.isFloatingPoint && !dtype.isComplex && dtype != .bool
            case .float: dtype.isFloatingPoint
            case .bool: dtype == .bool
            default: false
            }
        guard isOf else { throw NotPlannable(reason: "a number of another kind") }
        steps.append(try ReadStep(call, numbers, slot: numbers.slot(of: symbol), site, kernel: kernel))
        return [number]
    }

    /// A node some of whose arguments are numbers that are read.
    func bindNumbered(_ node: Node, _ graph: Graph, _ given: [OperatorArgument]) throws -> [OperatorArgument] {
        let name: String = node.operator.schema.name
        var read: [(position: Int, number: RunNumber)] = []
        let arguments: [OperatorArgument] = try given.enumerated().map { position, argument in
            guard isRead(argument) else { return try symbols.concrete(argument, in: name) }
            read.append((position, try number(argument)))
            return argument
        }
        let call = Call(node.operator, arguments)
        let outputs: [Tensor] = try node.outputs.map { output in
            guard let spec = graph.spec(output), let sizes = try? symbols.sizes(of: spec.shape) else {
                throw NotPlannable(reason: "a result of '\(node.operator.name)' whose size depends on a value")
            }
            return try makeTensor(TensorSpec(spec.dtype, try Shape(sizes)), .temporary)
        }
        switch node.operator.kernel {
        case .compute(let kernel): steps.append(NumberedStep(call, read, outputs, site, kernel: kernel))
        case .host(let kernel) where node.bodies.isEmpty && outputs.isEmpty:
            steps.append(NumberedStep(call, read, [], site) { call, _ in _ = try kernel(call) })
        default: throw NotPlannable(reason: "'\(node.operator.name)' of a number that is read")
        }
        return outputs.map { .tensor($0) }
    }
}

extension ValueType {
    /// The symbol that stands for a number which is read; nil for other types.
    var readSymbol: Symbol? { symbol.flatMap { $0.isBacked ? nil : $0 } }
}

/// What a graph can't be laid out for before it runs: values that decide on sizes, or on numbers where views and decompositions ask for them.
struct Obstacles {
    /// The symbols whose values must be known.
    private var needed = Set<Symbol>()

    init(_ graph: Graph) { collect(graph) }

    private mutating func collect(_ graph: Graph) {
        for entry in graph.values { if case .tensor = entry.type { needed.formUnion(entry.type.freeSymbols) } }
        for node in graph.nodes {
            for argument in node.arguments {
                if case .ints = argument { needed.formUnion(argument.freeSymbols) }
                guard !node.operator.takesReadNumbers else { continue }
                needed.formUnion(argument.freeSymbols)
                argument.forEachReference { value in
                    if graph.spec(value) == nil { needed.formUnion(graph.type(value).freeSymbols) }
                }
            }
            for body in node.bodies { collect(body.graph) }
        }
    }

    func first(in graph: Graph) -> String? { graph.nodes.lazy.compactMap { reason($0, in: graph) }.first }

    /// Why a node can't be laid out before it runs.
    func reason(_ node: Node, in graph: Graph) -> String? {
        let name: String = node.operator.name
        if node.isRead, let output = node.outputs.first {
            if let symbol = graph.type(output).readSymbol, !needed.contains(symbol) { return nil }
            return "'\(name)' gives a number on which sizes depend"
        }
        if node.effects.contains(.dataDependent) { return "'\(name)' gives what depends on values" }
        if !node.bodies.isEmpty, !graph.madeSymbols(of: node).isEmpty { return "'\(name)' gives sizes that depend on values" }
        for output in node.outputs where graph.spec(output) == nil { return "'\(name)' gives a number" }
        if node.operator == .whileLoop, let condition = node.bodies.first?.graph, let output = condition.outputs.first {
            let type: ValueType = condition.type(of: output)
            if type.spec == nil, type.freeSymbols.allSatisfy(\.isBacked) { return "'\(name)' goes on by a condition on sizes" }
        }
        return node.bodies.lazy.compactMap { first(in: $0.graph) }.first
    }
}

extension Node {
    /// Whether the node reads a number.
    var isRead: Bool { effects.contains(.dataDependent) && ["aten::item", "aten::_local_scalar_dense"].contains(self.operator.name) }
}

extension Operator {
    /// Whether its numbers may be known no sooner than it runs.
    fileprivate var takesReadNumbers: Bool {
        if self == .cond { return true }
        switch kernel {
        case .compute: return true
        case .host: return effects == .check
        case .view, .composite: return false
        }
    }
}
