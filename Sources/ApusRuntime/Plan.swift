import ApusGraph
import ApusSymbolic
import ApusTensor
import Synchronization

/// A graph made ready to run fast.
///
/// For each combination of input sizes the plan binds once: sizes become numbers, views become layouts, results get their place in one
/// arena. From then on a run calls kernels and nothing else: it allocates the program's results and no more. A plan may be called from many
/// tasks at once; callers that meet get an arena each.
///
/// Programs whose sizes or numbers depend on values that they compute are planned in pieces around what reads those values. While an
/// interpreter is current, every program runs node by node (`GraphExecutor`): who watches operations, as a gradient does, sees each.
package final class Plan: Sendable {
    /// What an input may be from run to run.
    package enum Role: Sendable, Hashable {
        /// Another tensor on every run.
        case varying
        /// A parameter, a constant, or a buffer that no run changes: the same tensor until its owner exchanges it.
        case frozen
        /// A buffer, whose value for the next run is the output at this position.
        case state(output: Int)
    }

    /// The graph after the passes that do not know sizes.
    package let graph: Graph
    /// One for each input.
    package let roles: [Role]
    package let pipeline: LoweringPipeline
    private let executor: GraphExecutor
    /// Dimensions of inputs that may differ from call to call.
    private let dynamicDimensions: [(input: Int, dim: Int)]
    /// The positions of the inputs that no run changes.
    private let frozenInputs: [Int]
    private let frozen = FrozenCache()
    /// For weights that change too often to be known.
    private let unfrozen = AtomicLazyReference<FrozenWeights>()
    private let plain: Graph
    private let cacheSize: Int
    /// The symbols of which a run is told the values, for a part of a program: those that its inputs' sizes do not tell.
    private let outerSymbols: [Symbol]
    /// Whether sizes or numbers depend on values that were read: they may be others each time.
    private let followsValues: Bool
    /// Whether new sizes may run node by node: no loop is there, which is much quicker where it is laid out, and results have the same bits.
    private let mayRunNodes: Bool
    /// Why the program can't be laid out as a whole, for any sizes.
    let obstacle: String?

    /// Prepares a verified graph.
    /// - Parameters:
    ///   - roles: what is known of each input between runs; all may differ where nothing is said
    ///   - pipeline: the passes on the way from the graph to steps, without those that `APUS_SKIP_PASSES` names
    ///   - cacheSize: how many combinations of sizes are kept
    /// - Throws: what a pass throws, and `TensorError` for a name in `APUS_SKIP_PASSES` that no pass has.
    package convenience init(_ graph: Graph, roles: [Role] = [], pipeline: LoweringPipeline = .standard, cacheSize: Int = 8) throws {
        try self.init(graph, roles: roles, pipeline: pipeline, cacheSize: cacheSize, isPart: false)
    }

    /// - Parameter isPart: whether symbols may be known from elsewhere
    init(_ graph: Graph, roles: [Role], pipeline: LoweringPipeline, cacheSize: Int, isPart: Bool) throws {
        self.pipeline = try pipeline.skippingForEnvironment()
        let roles: [Role] = roles.count == graph.inputs.count ? roles : graph.inputs.map { _ in .varying }
        self.roles = roles
        frozenInputs = self.pipeline.freezesWeights ? roles.indices.filter { roles[$0] == .frozen } : []
        let (graph, plain): (Graph, Graph) = try self.pipeline.lower(graph, frozenInputs: Set(frozenInputs))
        self.graph = graph
        // Who watches operations sees the program's own; what follows from weights is not computed anew for every run either.
        executor = GraphExecutor(plain)
        dynamicDimensions = graph.inputs.enumerated().flatMap { position, input -> [(input: Int, dim: Int)] in
            guard let shape = graph.spec(input)?.shape, shape.isSymbolic else { return [] }
            return shape.indices.filter { shape[$0].constant == nil }.map { (position, $0) }
        }
        self.cacheSize = cacheSize
        let symbols: Set<Symbol> = isPart ? graph.allSymbols : []
        outerSymbols = isPart ? graph.symbolsBesideInputs(among: symbols) : []
        followsValues = symbols.contains { !$0.isBacked }
        // Of weights that stay the same these have forms of their own, and what is taken apart while it is bound may hold one.
        let packs: Bool = self.pipeline.packsWeights && !frozenInputs.isEmpty
        let operators: [Operator] = graph.allNodes.map(\.operator)
        mayRunNodes =
            operators == plain.allNodes.map(\.operator)
            && !operators.contains { operation in
                if [.scan, .whileLoop].contains(operation) { return true }
                guard packs else { return false }
                if case .composite = operation.kernel { return true }
                return [.linear, .reducedLinear, .convolution].contains(operation)
            }
        obstacle = Plan.obstacle(in: graph)
        self.plain = plain
    }

    /// Runs the program. The caller has checked the inputs against the program's constraints; inputs that do not fit the graph's types are
    /// refused here too.
    ///
    /// Results have memory of their own, but for inputs that are returned as they are, or viewed. Throws what a step throws, with its place
    /// in the source, and `CancellationError` before a step where the task that it runs in has been cancelled.
    /// - Parameter profiler: gets an event for the run and for each of its steps.
    package func run(_ inputs: [Tensor], profiler: Profiler? = nil) throws -> [RuntimeValue] {
        var hasWritten = false
        return try run(inputs, isUpdating: false, &hasWritten, profiler)
    }

    /// Runs the program as `run` does, but lets the new value of a state lie in the old one's memory, and then gives the same tensor. Results
    /// share no memory with states.
    /// - Parameters:
    ///   - inputs: where one is a state, nobody else may see its memory, which is contiguous
    ///   - hasWritten: set where states have been written over in part when the run throws
    package func update(_ inputs: [Tensor], hasWritten: inout Bool, profiler: Profiler? = nil) throws -> [RuntimeValue] {
        try run(inputs, isUpdating: true, &hasWritten, profiler)
    }

    private func run(
        _ inputs: [Tensor], isUpdating: Bool, _ hasWritten: inout Bool, _ profiler: Profiler?
    ) throws -> [RuntimeValue] {
        guard let profiler else { return try run(inputs, SymbolValues(), isUpdating, &hasWritten, nil) }
        return try profiler.measure(.run, "program") { try run(inputs, SymbolValues(), isUpdating, &hasWritten, profiler) }
    }

    /// Runs a part of a program.
    /// - Parameter symbols: the values of the symbols that are known where it stands
    func run(_ inputs: [Tensor], knowing symbols: SymbolValues, _ profiler: Profiler?) throws -> [RuntimeValue] {
        var hasWritten = false
        return try run(inputs, symbols, false, &hasWritten, profiler)
    }

    private func run(
        _ inputs: [Tensor], _ symbols: SymbolValues, _ isUpdating: Bool, _ hasWritten: inout Bool, _ profiler: Profiler?
    ) throws -> [RuntimeValue] {
        guard inputs.count == graph.inputs.count else {
            throw TensorError(.invalidArgument, "the program takes \(graph.inputs.count) inputs, not \(inputs.count)")
        }
        if Interpreter.current != nil { return try runNodes(inputs, symbols, profiler) }
        let weights: FrozenWeights = try weights(among: inputs)
        if let pieces = weights.pieces { return try pieces.run(inputs + weights.computed, knowing: symbols, profiler) }
        return try withUnsafeTemporaryAllocation(of: Int.self, capacity: dynamicDimensions.count + outerSymbols.count) { key in
            for (position, dynamic) in dynamicDimensions.enumerated() {
                let layout: Layout = inputs[dynamic.input].layout
                key[position] = dynamic.dim < layout.rank ? layout.size(dynamic.dim) : -1
            }
            for (position, symbol) in outerSymbols.enumerated() {
                key[dynamicDimensions.count + position] = symbols.keyValue(of: symbol)
            }
            return try run(inputs, symbols, weights, UnsafeBufferPointer(key), isUpdating, &hasWritten, profiler)
        }
    }

    private func run(
        _ inputs: [Tensor], _ symbols: SymbolValues, _ weights: FrozenWeights, _ key: UnsafeBufferPointer<Int>, _ isUpdating: Bool,
        _ hasWritten: inout Bool, _ profiler: Profiler?
    ) throws -> [RuntimeValue] {
        let cache: PlanCache = isUpdating ? weights.updatingCache : weights.cache
        let bound: BoundPlan
        let found: PlanCache.Found = cache.take(key)
        switch found {
        case .bound(let known): bound = known
        case .unplannable: return try runNodes(inputs, symbols, profiler)
        case .busy, .none:
            // What is laid out for values, or sizes, that may be others each time would be of use only once.
            if case .none = found, followsValues || (mayRunNodes && !cache.isEmpty), !cache.hasMetOften(key) {
                return try runNodes(inputs, symbols, profiler)
            }
            func bind() throws -> BoundPlan { try self.bind(inputs, weights, knowing: symbols, isUpdating: isUpdating) }
            do {
                bound = try profiler?.measure(.bind, "program") { try bind() } ?? bind()
            } catch is NotPlannable {
                cache.markUnplannable(key)
                return try runNodes(inputs, symbols, profiler)
            }
        }
        defer { cache.give(bound, key) }
        // Here, and not further out: who waits for a program's buffers, or for a plan of these sizes, has no place among those at work.
        return try Threads.call { try bound.run(try bound.accept(inputs, graph), given: inputs, &hasWritten, profiler) }
    }

    /// What is known of the weights among the inputs, which have their dtypes and shapes in every run.
    func weights(among inputs: [Tensor]) throws -> FrozenWeights {
        if frozenInputs.isEmpty { return try unfrozenWeights() }
        return try frozen.entry(inputs, at: frozenInputs) {
            try requireFrozenSpecs(inputs)
            return try withStackRoom(deepStack) { try FrozenWeights(graph, inputs, at: frozenInputs, pipeline, cacheSize: cacheSize) }
        } ?? unfrozenWeights()
    }

    private func unfrozenWeights() throws -> FrozenWeights {
        if let made = unfrozen.load() { return made }
        return unfrozen.storeIfNil(
            try withStackRoom(deepStack) {
                try FrozenWeights(
                    frozenInputs.isEmpty ? graph : plain, [], at: [], pipeline, cacheSize: cacheSize)
            })
    }

    private func requireFrozenSpecs(_ inputs: [Tensor]) throws {
        for position in frozenInputs {
            let input: Value = graph.inputs[position]
            guard let spec = graph.spec(input), spec.shape.constants != nil else { continue }
            let tensor: Tensor = inputs[position]
            guard tensor.spec.isIdentical(to: spec), !tensor.isTraced else {
                throw TensorError(
                    .shapeMismatch, "input '\(graph.name(input))' is \(tensor.spec) where \(spec) is expected")
            }
        }
    }

    private func runNodes(_ inputs: [Tensor], _ symbols: SymbolValues, _ profiler: Profiler?) throws -> [RuntimeValue] {
        func run() throws -> [RuntimeValue] {
            try executor.run(inputs.map { .tensor($0) }, knowing: symbols).map { try RuntimeValue($0) }
        }
        guard let profiler else { return try run() }
        return try Interpreter.with(ProfilingInterpreter(profiler)) { try run() }
    }

    /// The bound form for inputs of these sizes.
    /// - Parameter isUpdating: whether runs may write over the inputs that are states
    func bind(_ inputs: [Tensor], isUpdating: Bool = false) throws -> BoundPlan {
        try bind(inputs, try weights(among: inputs), isUpdating: isUpdating)
    }

    func bind(
        _ inputs: [Tensor], _ weights: FrozenWeights, knowing symbols: SymbolValues = SymbolValues(), isUpdating: Bool
    ) throws -> BoundPlan {
        let binder = Binder(packsWeights: pipeline.packsWeights ? weights.packed : nil, stepPasses: pipeline.stepPasses)
        let graph: Graph = weights.graph
        let known: Set<Int> = weights.isEmpty ? [] : Set(frozenInputs)
        binder.symbols = symbols
        try binder.symbols.bind(graph.inputs, of: graph, to: (inputs + weights.computed).map { .tensor($0) })
        let bound: [Tensor] = try inputs.enumerated().map { position, tensor in
            known.contains(position) ? tensor : try binder.makeInput(position, TensorSpec(tensor.dtype, tensor.shape))
        }
        let results: [OperatorArgument] = try withStackRoom(deepStack) {
            try binder.bind(graph, inputs: (bound + weights.computed).map { .tensor($0) })
        }
        if isUpdating {
            binder.states = roles.enumerated().compactMap { input, role in
                guard case .state(let output) = role, let block = binder.block(of: bound[input]) else { return nil }
                return Binder.State(input: input, output: output, block: block)
            }
        }
        try binder.place(results, inputs: bound)
        binder.finish()
        return try BoundPlan(binder, inputs: bound)
    }

    private static func obstacle(in graph: Graph) -> String? {
        for input in graph.inputs where graph.spec(input) == nil { return "the input '\(graph.name(input))' is no tensor" }
        return Obstacles(graph).first(in: graph)
    }
}

extension Graph {
    /// The symbols of which the graph is told values: those of its inputs, and those from around it.
    fileprivate var allSymbols: Set<Symbol> { outerSymbols.union(inputs.flatMap { type($0).freeSymbols }) }

    /// Those that are no input's size, in a fixed order.
    fileprivate func symbolsBesideInputs(among symbols: Set<Symbol>) -> [Symbol] {
        let sizes = Set(inputs.flatMap { spec($0)?.shape.sizes ?? [] }.compactMap { $0.expression?.symbol })
        return symbols.subtracting(sizes).sorted { $0.index < $1.index }
    }
}

extension SymbolValues {
    /// The value of a symbol as a number that tells it from others.
    fileprivate func keyValue(of symbol: Symbol) -> Int {
        if symbol.kind == .unbackedFloat { return Int(truncatingIfNeeded: (assignment.floats[symbol] ?? 0).bitPattern) }
        return assignment[symbol] ?? 0
    }
}

extension Binder {
    /// Decides where each result comes from. Results that are computed get memory of their own; a small view of something big is copied, and
    /// so is what lies with a buffer that the run may write over.
    func place(_ results: [OperatorArgument], inputs: [Tensor]) throws {
        let newValues = Set(states.map(\.output))
        let stateBlocks = Set(states.map(\.block) + newValues.compactMap { results[$0].tensor.flatMap { block(of: $0) } })
        /// Blocks that are a buffer's new value: what is one too is a copy, and so is what the caller gets.
        var taken = Set<Int>()
        for (position, result) in results.enumerated() {
            guard case .tensor(var tensor) = result, var block = block(of: tensor) else {
                sources.append(isRead(result) ? .number(try number(result)) : .plain(try RuntimeValue(result)))
                continue
            }
            let isPart: Bool =
                blocks[block].kind == .temporary && tensor.layout.count * tensor.dtype.byteWidth < blocks[block].byteCount / 2
            let isTaken: Bool = stateBlocks.contains(block) && !(newValues.contains(position) && taken.insert(block).inserted)
            if isPart || isTaken {
                tensor = try copy(of: tensor)
                block = self.block(of: tensor) ?? block
            }
            if case .input(let position) = blocks[block].kind {
                let isWhole: Bool = tensor.identity == inputs[position].identity
                sources.append(
                    isWhole ? .input(position) : .inputView(position, tensor.dtype, tensor.layout, offset: tensor.storageOffset))
                continue
            }
            setKind(.result, of: block)
            sources.append(.block(block, tensor.dtype, tensor.layout, offset: tensor.storageOffset))
        }
    }
}
