import ApusSymbolic

/// Carries out operations for all examples of a batch: what the function sees are tensors of one example's shape, behind each of which the whole
/// batch lies, along dimension 0.
final class BatchInterpreter: Interpreter {
    /// What stands behind an example.
    private final class Batch: TraceOwner {
        let interpreter: BatchInterpreter
        let whole: Tensor

        init(_ interpreter: BatchInterpreter, _ whole: Tensor) { (self.interpreter, self.whole) = (interpreter, whole) }

        func describe(_ id: Int) -> String { "an example of a batch inside of vmap" }
        func fail(_ error: any Error) {}
    }

    let size: SymInt

    init(size: SymInt) {
        self.size = size
        super.init()
    }

    /// The tensor that stands for one example of a batch.
    func example(of batch: Tensor) throws -> Tensor {
        let spec = TensorSpec(batch.dtype, try Shape(Array(batch.shape.sizes.dropFirst())))
        return Tensor(spec: spec, owner: Batch(self, batch), id: 0)
    }

    /// The batch behind an example; nil for what is the same for all.
    func whole(_ tensor: Tensor) -> Tensor? {
        guard let batch = tensor.tracedValue?.owner as? Batch, batch.interpreter === self else { return nil }
        return batch.whole
    }

    /// The same with what is the same for all spread over the batch.
    func batch(of tensor: Tensor) throws -> Tensor { try whole(tensor) ?? tensor.unsqueezed(0).expanded([size] + tensor.shape.sizes) }

    /// The program's values can't be asked for: they differ between examples.
    override var takesQuestions: Bool { false }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        var isBatched = false
        for argument in arguments { argument.forEachReference { if whole($0) != nil { isBatched = true } } }
        guard isBatched else { return try super.apply(operation, arguments) }
        let call = Call(operation, arguments)
        guard operation.schema.results.allSatisfy(\.holdsTensors), !operation.effects.contains(.dataDependent) else {
            throw call.error(.unsupported, "depends on an example's values, which differ inside of vmap: use where")
        }
        guard !operation.effects.contains(.external) else {
            throw call.error(.unsupported, "acts on the world outside once, not once for each example of vmap")
        }
        let rule: BatchRule? = BatchRule.table[operation.name]
        // What draws is left to each example: parts may draw from sizes alone, behind which no example stands.
        let draws: Bool = operation.effects.contains(.random)
        if case .composite = operation.kernel, rule == nil, !draws, operation.pointwiseForm == nil,
            let decomposition = operation.decomposition
        {
            return try Interpreter.with(self) { try decomposition(call) }
        }
        // In the caller's terms, errors too.
        let specs: [TensorSpec] = try Interpreter.with(self) { try operation.rule(call) }
        let batched = BatchCall(call: call, interpreter: self)
        if case .parts(let parts) = rule { return try Interpreter.with(self) { [.tensor(try parts(call))] } }
        let results: [Tensor] = try Interpreter.with(outer) {
            try rule?.apply(batched) ?? batched.pointwise() ?? batched.oneByOne(specs)
        }
        return try results.map { .tensor(try example(of: $0)) }
    }
}

/// A call on examples, as rules carry it out on batches. Its operations are those of the interpreter around.
struct BatchCall {
    let call: Call
    let interpreter: BatchInterpreter

    func whole(_ index: Int) -> Tensor? {
        guard case .tensor(let tensor) = call[index] else { return nil }
        return interpreter.whole(tensor)
    }

    func run(_ arguments: [OperatorArgument]) throws -> [Tensor] { try applyTensors(call.operator, arguments) }

    /// The batch behind an example with dimensions of size 1 after the batch's own, so that an example has `rank`; what is the same for all as it is.
    func aligned(_ tensor: Tensor, rank: Int) throws -> Tensor {
        guard let whole = interpreter.whole(tensor), tensor.rank < rank else { return interpreter.whole(tensor) ?? tensor }
        let ones: [SymInt] = Array(repeating: 1, count: rank - tensor.rank)
        return try whole.reshaped([interpreter.size] + ones + tensor.shape.sizes)
    }

    /// An elementwise operation; nil for others.
    func pointwise() throws -> [Tensor]? {
        guard let form = try call.operator.pointwiseForm?(call) else { return nil }
        var rank = 0
        for argument in call.arguments { argument.forEachReference { rank = max(rank, $0.rank) } }
        let compute: DType = try form.computeDType(call)
        return try run(
            call.arguments.map { argument in
                try argument.map { tensor in
                    let operand: Tensor = try aligned(tensor, rank: rank)
                    // A number of each example weighs as a number in the choice of the dtype, not as a tensor.
                    let isNumber: Bool = tensor.rank == 0 && interpreter.whole(tensor) != nil && tensor.dtype != .bool
                    return isNumber && tensor.dtype != compute ? try operand.to(compute) : operand
                }
            })
    }

    /// Any operation, example by example.
    func oneByOne(_ specs: [TensorSpec]) throws -> [Tensor] {
        guard let count = interpreter.size.constant else {
            throw call.error(.tracing, "runs example by example inside of vmap, which takes a batch of known size")
        }
        var results: [[Tensor]] = Array(repeating: [], count: specs.count)
        for index in 0..<count {
            let one: [OperatorArgument] = try call.arguments.map { argument in
                try argument.map { try interpreter.whole($0)?.select(dim: 0, index: index) ?? $0 }
            }
            for (position, result) in try run(one).enumerated() { results[position].append(result) }
        }
        return try zip(results, specs).map { examples, spec in
            examples.isEmpty ? try Tensor.zeros([0] + spec.shape.sizes, dtype: spec.dtype) : try Tensor.stack(examples)
        }
    }
}
