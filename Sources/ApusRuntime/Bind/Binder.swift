import ApusGraph
import ApusSymbolic
import ApusTensor
import CApusKernels

/// Turns a graph into steps for given input sizes: every size a number, views resolved to layouts, composite operators taken apart,
/// branches on sizes picked, and what depends on nothing computed at once.
///
/// Values are tensors over placeholder storages whose addresses are set later; rules, view kernels and decompositions read only their
/// layouts.
final class Binder: Interpreter {
    var steps: [any Step] = []
    private(set) var blocks: [Block] = []
    private var blockOfStorage: [ObjectIdentifier: Int] = [:]
    /// A buffer that the run may write over.
    struct State {
        let input: Int
        /// The position of its new value among the results.
        let output: Int
        /// The input's block.
        let block: Int
    }

    /// The buffers that the run may write over.
    var states: [State] = []
    /// Where the results come from.
    var sources: [ResultSource] = []
    /// Where the blocks lie; nil until a pass says so.
    var placement: MemoryPlacement?
    let memory = KernelMemory()
    /// What the steps read from tensors; loops' bodies have the program's.
    private(set) var numbers = RunNumbers()
    /// Where weights that stay the same are packed; nil where they are not.
    private let packedWeights: PackedWeights?
    private let stepPasses: [any StepPass]
    var symbols = SymbolValues()
    /// The place in the source of the node that is being bound.
    private(set) var site: NodeSite?
    /// The operator that is being taken apart, by the name that the program calls it.
    private var compositeName: String?
    /// How many branches on values, and loops that may make no pass, are around the node: what may not run must not fail while binding.
    private var branchDepth = 0

    /// Results up to this size that depend on nothing are computed once and kept.
    private static let constantLimit = 1 << 20

    init(packsWeights: PackedWeights? = nil, stepPasses: [any StepPass] = []) {
        (packedWeights, self.stepPasses) = (packsWeights, stepPasses)
        super.init(outer: nil)
    }

    /// A binder for the body of a loop, which has memory of its own and the same weights.
    /// - Parameter mayNotRun: whether the loop may make no pass
    func makeInner(mayNotRun: Bool) -> Binder {
        let inner = Binder(packsWeights: packedWeights, stepPasses: stepPasses)
        (inner.symbols, inner.numbers, inner.site) = (symbols, numbers, site)
        inner.branchDepth = branchDepth + (mayNotRun ? 1 : 0)
        return inner
    }

    /// Turns the steps into those that run, once it is known where results come from.
    func finish() { for pass in stepPasses { pass.run(self) } }

    // MARK: Blocks

    private func makeBlock(_ kind: Block.Kind, _ byteCount: Int) -> Storage {
        let storage = Storage(pointer: memory.placeholder, byteCount: byteCount, isWritable: true, owner: nil)
        blockOfStorage[ObjectIdentifier(storage)] = blocks.count
        blocks.append(Block(storage: storage, kind: kind))
        return storage
    }

    func makeTensor(_ spec: TensorSpec, _ kind: Block.Kind) throws -> Tensor {
        guard let layout = spec.shape.knownLayout else {
            throw NotPlannable(reason: "a result of \(spec)")
        }
        return Tensor(placed: makeBlock(kind, layout.count * spec.dtype.byteWidth), dtype: spec.dtype, layout: layout)
    }

    /// The block that a tensor lies in; nil for a tensor with memory of its own.
    func block(of tensor: Tensor) -> Int? { blockOfStorage[ObjectIdentifier(tensor.storage)] }

    func makeInput(_ position: Int, _ spec: TensorSpec) throws -> Tensor { try makeTensor(spec, .input(position)) }

    /// An input that lies as another program's tensor does.
    func makeInput(_ position: Int, like tensor: Tensor) -> Tensor {
        let bytes: Int = max(tensor.storage.byteCount - tensor.storageOffset * tensor.dtype.byteWidth, 0)
        return Tensor(placed: makeBlock(.input(position), bytes), dtype: tensor.dtype, layout: tensor.layout)
    }

    func setKind(_ kind: Block.Kind, of block: Int) { blocks[block].kind = kind }

    /// The block in whose memory a block lies, itself mostly, and where.
    func place(of block: Int) -> (host: Int, byteOffset: Int) {
        if case .part(let host, let byteOffset) = blocks[block].kind { return (host, byteOffset) }
        return (block, 0)
    }

    // MARK: Graphs

    /// Binds the nodes of a graph or body, and returns what it gives.
    func bind(_ graph: Graph, inputs: [OperatorArgument]) throws -> [OperatorArgument] {
        var handler: Binder = self
        return try handler.run(graph, inputs)
    }

    // MARK: Branches

    private func bindBranch(_ branch: CondArguments<Tensor>, _ node: Node, _ graph: Graph) throws -> [OperatorArgument] {
        if isRead(branch.predicate) {
            return try bindValueBranch(node, graph, branch, JumpStep(unless: try number(branch.predicate), in: "cond"))
        }
        switch try Predicate(branch.predicate, in: "cond") {
        case .condition(let condition):
            let holds: Bool = try symbols.value(of: condition, in: "cond")
            let outer: SymbolValues = symbols
            defer { symbols = outer }
            return try bind((holds ? branch.whenTrue : branch.whenFalse).graph, inputs: branch.operands.map { .tensor($0) })
        case .tensor(let predicate) where predicate.dtype == .bool && predicate.layout.count == 1:
            return try bindValueBranch(node, graph, branch, JumpStep(unless: predicate))
        default: throw TensorError(.invalidArgument, in: "cond", "the predicate must be a truth value or a tensor of one bool")
        }
    }

    /// Both bodies, one after the other, with jumps around them; each copies its results to where the program goes on reading them.
    private func bindValueBranch(
        _ node: Node, _ graph: Graph, _ branch: CondArguments<Tensor>, _ start: JumpStep
    ) throws -> [OperatorArgument] {
        let joined: [Tensor] = try node.outputs.map { output in
            guard let spec = graph.spec(output) else { throw NotPlannable(reason: "a number that a branch gives") }
            guard let sizes = try? symbols.sizes(of: spec.shape) else { throw NotPlannable(reason: "a size that a branch gives") }
            return try makeTensor(TensorSpec(spec.dtype, try Shape(sizes)), .temporary)
        }
        branchDepth += 1
        defer { branchDepth -= 1 }
        let end = JumpStep()
        steps.append(start)
        try bindBody(branch.whenTrue.graph, branch.operands, joined)
        steps.append(end)
        start.target = steps.count
        try bindBody(branch.whenFalse.graph, branch.operands, joined)
        end.target = steps.count
        return joined.map { .tensor($0) }
    }

    private func bindBody(_ body: Graph, _ operands: [Tensor], _ joined: [Tensor]) throws {
        let outer: SymbolValues = symbols
        defer { symbols = outer }
        let start: Int = steps.count
        do {
            let results: [OperatorArgument] = try bind(body, inputs: operands.map { .tensor($0) })
            guard results.count == joined.count else {
                throw NotPlannable(reason: "a branch with \(results.count) results where \(joined.count) are read")
            }
            for (result, target) in zip(results, joined) {
                guard case .tensor(let tensor) = result, tensor.dtype == target.dtype, tensor.layout.hasSameSizes(as: target.layout) else {
                    throw NotPlannable(
                        reason: "a branch gives \(result.tensor.map { "\($0.spec)" } ?? "a number") where \(target.spec) is read")
                }
                emitCopy(of: tensor, to: target)
            }
        } catch let error as TensorError {
            // The program fails so for these sizes, but only if this branch is taken.
            steps.removeSubrange(start...)
            steps.append(FailStep(error, site))
        }
    }

    // MARK: Operations

    override var hasValues: Bool { false }

    override func readWithoutValues() throws { throw NotPlannable(reason: "values that are read") }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        if operation.effects.contains(.dataDependent) { throw NotPlannable(reason: "'\(operation.name)', whose results depend on values") }
        let call = Call(operation, arguments)
        switch operation.kernel {
        case .compute(let kernel): return try bindCompute(call, kernel)
        case .view(let view): return try bindView(call, view)
        case .host(let kernel): return try bindHost(call, kernel)
        case .composite:
            guard let decomposition = operation.decomposition else {
                throw call.error(.unsupported, "has neither a kernel nor a decomposition")
            }
            let outer: String? = compositeName
            compositeName = outer ?? call.name
            defer { compositeName = outer }
            return try Interpreter.with(self) { try decomposition(call) }
        }
    }

    private func specs(_ call: Call) throws -> [TensorSpec] { try Interpreter.with(nil) { try call.operator.rule(call) } }

    private func emit(_ call: Call, _ outputs: [Tensor], kernel: @escaping ComputeStep.Kernel) {
        steps.append(ComputeStep(call, outputs, site, kernel: kernel))
    }

    /// The kernel whose errors bear the name that the caller knows, as in eager code.
    private func named(_ call: Call, _ kernel: @escaping ComputeStep.Kernel) -> ComputeStep.Kernel {
        guard let compositeName, !call.operator.effects.isDisjoint(with: [.mayFail, .check]) else { return kernel }
        return { call, outputs in try naming(compositeName) { try kernel(call, outputs) } }
    }

    private func bindCompute(_ call: Call, _ kernel: @escaping ComputeStep.Kernel) throws -> [OperatorArgument] {
        let kernel: ComputeStep.Kernel = named(call, kernel)
        let specs: [TensorSpec] = try specs(call)
        if call.operator == .cat, let only = try call.onlyPart(of: specs[0]) { return [.tensor(only)] }
        if try isConstant(call, specs) {
            let constants: Result<[OperatorArgument], any Error> = Result {
                try Interpreter.with(nil) {
                    let outputs: [Tensor] = try specs.map { try Tensor.uninitialized($0.shape, dtype: $0.dtype, in: call.name) }
                    try kernel(call, outputs)
                    return outputs.map { .tensor($0) }
                }
            }
            // What fails where it may not run fails when it does.
            if branchDepth == 0 { return try constants.get() }
            if case .success(let constants) = constants { return constants }
        }
        let outputs: [Tensor] = try specs.map { try makeTensor($0, .temporary) }
        if outputs.count == 1, let step = try PointwiseStep(call, outputs[0], site, memory, kernel: kernel) {
            steps.append(step)
        } else if let step = try packedStep(call, outputs) {
            steps.append(step)
        } else {
            emit(try withTensorsForNumbers(call), outputs, kernel: kernel)
        }
        return outputs.map { .tensor($0) }
    }

    /// A step that reads a weight in packed form, where the operator has one and the weight stays the same.
    private func packedStep(_ call: Call, _ outputs: [Tensor]) throws -> (any Step)? {
        guard let packedWeights, [.linear, .reducedLinear, .convolution].contains(call.operator) else { return nil }
        let weight: Tensor = try call.tensor(1)
        if call.operator == .linear {
            guard let packed = try packedWeights.linear(weight) else { return nil }
            let (input, bias): (Tensor, Tensor?) = (try call.tensor(0), try call.optionalTensor(2))
            func make(_ call: Call, bias: Tensor?) throws -> PackedLinearStep? {
                try PackedLinearStep.make(call, outputs[0], packed: packed, bias: bias, site, memory)
            }
            if let step = try make(call, bias: bias) { return step }
            guard packedWeights.isPackedAlone(weight) else { return nil }
            let whole: Call = Call(call.operator, [.tensor(try copy(of: input))] + call.arguments.dropFirst())
            return try make(whole, bias: bias.map { try copy(of: $0) })
        }
        if call.operator == .reducedLinear {
            guard let packed = try Interpreter.with(nil, { try packedWeights.linear(ReducedWeight(call)) }) else { return nil }
            func make(_ call: Call) throws -> PackedLinearStep? {
                try PackedLinearStep.make(call, outputs[0], packed: packed, bias: call.optionalTensor(4), site, memory)
            }
            // The weight is not widened on every run, however the input lies.
            return try make(call) ?? make(Call(call.operator, [.tensor(try copy(of: call.tensor(0)))] + call.arguments.dropFirst()))
        }
        guard var convolution = try call.convolution(into: outputs[0]) else { return nil }
        let algorithm: Int32 = apus_conv_algorithm_for(&convolution, Int32(weight.dtype.rawValue), false)
        guard let packed = try packedWeights.convolution(weight, convolution, algorithm: algorithm) else { return nil }
        var read: Call = call
        if try !call.tensor(0).layout.isContiguous, outputs[0].layout.count > 0 {
            read = Call(call.operator, [.tensor(try copy(of: call.tensor(0)))] + call.arguments.dropFirst())
        }
        return try PackedConvolutionStep.make(read, outputs[0], convolution, algorithm: algorithm, packed: packed, site)
    }

    /// True where nothing that the results depend on changes from run to run.
    private func isConstant(_ call: Call, _ specs: [TensorSpec]) throws -> Bool {
        guard call.operator.effects.isPure, !readsBlocks(call) else { return false }
        if let packedWeights, call.operator == .linear, packedWeights.isPackedAlone(try call.tensor(1)) { return false }
        return specs.allSatisfy { ($0.shape.knownLayout?.count ?? .max) <= Binder.constantLimit / 16 }
    }

    /// A kernel may take a number for a tensor and makes a tensor of it, on every run: here it is made once.
    private func withTensorsForNumbers(_ call: Call) throws -> Call {
        var arguments: [OperatorArgument] = call.arguments
        for (index, parameter) in call.operator.schema.parameters.enumerated() where index < arguments.count {
            guard case .scalar(let scalar) = arguments[index], parameter.kind == .tensor || parameter.kind == .optional(.tensor) else {
                continue
            }
            arguments[index] = .tensor(try Interpreter.with(nil) { try Tensor.scalar(scalar) })
        }
        return Call(call.operator, arguments)
    }

    private func bindView(_ call: Call, _ view: (Call) throws -> [Operator.View]?) throws -> [OperatorArgument] {
        let specs: [TensorSpec] = try specs(call)
        var base: Tensor = try call.tensor(0)
        var views: [Operator.View]? = try Interpreter.with(nil) { try view(call) }
        if views == nil {
            base = try copy(of: base)
            var arguments: [OperatorArgument] = call.arguments
            arguments[0] = .tensor(base)
            views = try Interpreter.with(nil) { try view(Call(call.operator, arguments)) }
        }
        guard let views, views.count == specs.count else {
            throw call.error(.unsupported, "can't view a tensor of shape \(base.shape)")
        }
        return zip(views, specs).map { view, spec in
            .tensor(Tensor(placed: base.storage, dtype: spec.dtype, layout: view.layout, offset: base.storageOffset + view.offset))
        }
    }

    /// A kernel that makes its results itself: they are copied to where they were planned.
    private func bindHost(_ call: Call, _ kernel: @escaping @Sendable (Call) throws -> [OperatorArgument]) throws -> [OperatorArgument] {
        let specs: [TensorSpec] = try specs(call)
        if specs.isEmpty, branchDepth == 0, call.operator.effects == .check, !readsBlocks(call) {
            _ = try Interpreter.with(nil) { try kernel(call) }
            return []
        }
        let outputs: [Tensor] = try specs.map { try makeTensor($0, .temporary) }
        emit(call, outputs) { call, outputs in
            var results: [Tensor] = []
            for result in try kernel(call) { result.forEachReference { results.append($0) } }
            guard results.count == outputs.count else {
                throw call.error(.unsupported, "gave \(results.count) results where \(outputs.count) were planned")
            }
            for (target, result) in zip(outputs, results) { try target.fill(from: result) }
        }
        return outputs.map { .tensor($0) }
    }

    private func readsBlocks(_ call: Call) -> Bool { call.tensors.contains { block(of: $0) != nil } }

    // MARK: Copies

    /// A contiguous copy.
    func copy(of tensor: Tensor) throws -> Tensor {
        let target: Tensor = try makeTensor(tensor.spec, .temporary)
        emitCopy(of: tensor, to: target)
        return target
    }

    func emitCopy(of source: Tensor, to target: Tensor) {
        emit(Call(.clone, [.tensor(source), .none]), [target]) { call, outputs in try outputs[0].fill(from: try call.tensor(0)) }
    }
}

extension Call {
    /// The tensor that is all of what this joins, beside empty ones.
    fileprivate func onlyPart(of result: TensorSpec) throws -> Tensor? {
        let parts: [Tensor] = try tensors(0).filter { $0.layout.count > 0 }
        guard parts.count == 1, parts[0].spec.isIdentical(to: result) else { return nil }
        return parts[0]
    }
}

/// What nodes mean to a plan: steps over memory that is placed later.
extension Binder: GraphHandler {
    func bind(_ type: ValueType, to seen: OperatorArgument, _ name: @autoclosure () -> String) throws {
        if isRead(seen) { return }
        try symbols.bind(type, to: try RuntimeValue(seen), name())
    }

    func explained(_ error: TensorError, of node: Node) -> TensorError { symbols.explained(error, of: node) }

    func value(of argument: OperatorArgument, in name: String) throws -> OperatorArgument {
        isRead(argument) ? argument : try symbols.concrete(argument, in: name)
    }

    func results(of node: Node, _ values: GraphValues) throws -> [OperatorArgument]? {
        let outer: NodeSite? = site
        site = node.site ?? outer
        defer { site = outer }
        let arguments: [OperatorArgument] = try arguments(of: node, values)
        if node.isRead { return try bindRead(node, node.outputs.first.map { values.graph.type($0) } ?? .none, arguments) }
        if node.operator != .cond, arguments.contains(where: { isRead($0) }) { return try bindNumbered(node, values.graph, arguments) }
        let call = Call(node.operator, arguments)
        switch node.operator {
        case .cond: return try bindBranch(try CondArguments(call), node, values.graph)
        case .whileLoop: return try bindWhile(try WhileArguments(call))
        case .scan: return try bindScan(try ScanArguments(call), node, values.graph)
        case .call:
            let part = try PartArguments(call)
            return try bind(part.body.graph, inputs: part.operands.map { .tensor($0) })
        default:
            let results: [OperatorArgument] = try apply(call.operator, call.arguments).flatMap(\.elements)
            guard results.allSatisfy({ $0.tensor != nil }) else {
                throw NotPlannable(reason: "a result of '\(call.name)' that is no tensor")
            }
            return results
        }
    }
}
