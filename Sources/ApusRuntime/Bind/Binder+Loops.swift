import ApusGraph
import ApusSymbolic
import ApusTensor

extension Binder {
    /// The loop over slices: its body is bound once and runs once for each.
    func bindScan(_ scan: ScanArguments<Tensor>, _ node: Node, _ graph: Graph) throws -> [OperatorArgument] {
        guard let length = try Interpreter.with(nil, { try ScanLength.of(scan.xs) }).constant else {
            throw NotPlannable(reason: "a scan whose length is not known")
        }
        let initial: [Tensor] = try scan.initial.map { try contiguous($0) }
        let xs: [Tensor] = try scan.xs.map { try contiguous($0) }
        let slices: [TensorSpec] = try xs.map { TensorSpec($0.dtype, try Shape(Array($0.layout.sizesArray.dropFirst()))) }
        let body: BoundBody = try bindBody(
            scan.body.graph, carried: initial, slices: slices, operands: scan.operands, carries: true, mayNotRun: false)
        let columns: [Tensor] = try node.outputs.dropFirst(initial.count).enumerated().map { position, output in
            let spec: TensorSpec
            if let result = body.results[initial.count + position] {
                spec = TensorSpec(result.dtype, try Shape([length] + result.layout.sizesArray))
            } else {
                guard let type = graph.spec(output), let sizes = try? symbols.sizes(of: type.shape) else {
                    throw NotPlannable(reason: "a result of no known size that a scan gives")
                }
                spec = TensorSpec(type.dtype, try Shape(sizes))
            }
            return try makeTensor(spec, .temporary)
        }
        let step = ScanStep(
            length: length, xs: xs, columns: columns, body, initial: initial, operands: scan.operands, site,
            finals: try makeCarried(initial), spares: try makeSpares(initial, body))
        steps.append(step)
        return (step.finals + columns).map { .tensor($0) }
    }

    /// The loop whose values decide its length: condition and body are bound once.
    func bindWhile(_ loop: WhileArguments<Tensor>) throws -> [OperatorArgument] {
        let carried: [Tensor] = try loop.carried.map { try contiguous($0) }
        let condition: BoundBody = try bindBody(
            loop.condition.graph, carried: carried, operands: loop.operands, carries: false, mayNotRun: false)
        let body: BoundBody = try bindBody(loop.body.graph, carried: carried, operands: loop.operands, carries: true, mayNotRun: true)
        let holds: WhileStep.Condition
        if let number = condition.numbers.first ?? nil {
            holds = .number(number)
        } else {
            guard condition.results.allSatisfy({ $0.map { $0.dtype == .bool && $0.layout.count == 1 } ?? true }) else {
                throw NotPlannable(reason: "a condition that is no truth value")
            }
            holds = .tensor(try makeTensor(TensorSpec(.bool, .scalar), .temporary))
        }
        let step = WhileStep(
            condition, holds: holds, body, initial: carried, operands: loop.operands, site, finals: try makeCarried(carried),
            spares: try makeSpares(carried, body))
        steps.append(step)
        return step.finals.map { .tensor($0) }
    }

    private func contiguous(_ tensor: Tensor) throws -> Tensor { tensor.layout.isContiguous ? tensor : try copy(of: tensor) }

    /// Where the last carried tensors lie.
    private func makeCarried(_ initial: [Tensor]) throws -> [Tensor] { try initial.map { try makeTensor($0.spec, .temporary) } }

    /// The other place of each carried tensor that can't be written over: passes write here and there in turns.
    private func makeSpares(_ initial: [Tensor], _ body: BoundBody) throws -> [Tensor?] {
        try initial.enumerated().map { position, tensor in
            body.results[position] == nil ? nil : try makeTensor(tensor.spec, .temporary)
        }
    }

    /// Binds a body for what it takes in every pass. Where it fails for these sizes, each pass fails so.
    /// - Parameters:
    ///   - carries: whether its first results are what is carried on, and may lie where that lay
    private func bindBody(
        _ graph: Graph, carried: [Tensor], slices: [TensorSpec] = [], operands: [Tensor], carries: Bool, mayNotRun: Bool
    ) throws -> BoundBody {
        let inner: Binder = makeInner(mayNotRun: mayNotRun)
        let first: Int = carried.count + slices.count
        let inputs: [Tensor] =
            try carried.enumerated().map { try inner.makeInput($0, $1.spec) }
            + slices.enumerated().map { try inner.makeInput(carried.count + $0, $1) }
            // What the program computed while it was bound, and what no run changes, is known to the body as well.
            + operands.enumerated().map { block(of: $1) == nil ? $1 : inner.makeInput(first + $0, like: $1) }
        var results: [Tensor] = []
        do {
            try inner.symbols.bind(graph.inputs, of: graph, to: inputs.map { .tensor($0) })
            for result in try inner.bind(graph, inputs: inputs.map { .tensor($0) }) {
                if case .tensor(let tensor) = result {
                    results.append(tensor)
                } else if !carries, graph.outputs.count == 1 {
                    return try BoundBody(inner, graph, try inner.number(result), inputs: inputs)
                } else {
                    throw NotPlannable(reason: "a number that a loop's body gives")
                }
            }
        } catch let error as TensorError {
            return try BoundBody(inner.makeInner(mayNotRun: false), graph, failing: error, inputs: inputs)
        }
        if carries {
            guard results.count >= carried.count,
                zip(results, carried).allSatisfy({ $0.dtype == $1.dtype && $0.layout.hasSameSizes(as: $1.layout) })
            else { throw NotPlannable(reason: "a size that differs from pass to pass") }
        }
        return try BoundBody(inner, graph, results, inputs: inputs, carried: carries ? carried.count : 0)
    }
}

extension Binder {
    /// Gives each result of a loop's body memory of its own, but for carried tensors that stay as they are.
    func placeBody(_ results: [Tensor], inputs: [Tensor], carried: Int) throws {
        states = (0..<carried).compactMap { position in
            block(of: inputs[position]).map { State(input: position, output: position, block: $0) }
        }
        var taken = Set<Int>()
        for (position, result) in results.enumerated() {
            var tensor: Tensor = result
            if position < carried, tensor.identity == inputs[position].identity {
                sources.append(.input(position))
                continue
            }
            let isWhole: Bool =
                block(of: tensor).map { block in
                    blocks[block].kind == .temporary && tensor.layout.isContiguous && tensor.storageOffset == 0
                        && tensor.layout.count * tensor.dtype.byteWidth == blocks[block].byteCount && taken.insert(block).inserted
                } ?? false
            if !isWhole { tensor = try copy(of: tensor) }
            guard let block = block(of: tensor) else { throw NotPlannable(reason: "a result of \(result.spec)") }
            taken.insert(block)
            setKind(.result, of: block)
            sources.append(.block(block, tensor.dtype, tensor.layout, offset: 0))
        }
    }
}
