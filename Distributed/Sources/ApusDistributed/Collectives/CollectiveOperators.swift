import Apus

/// The collective operations as operators, with PyTorch's names and schemas: what programs hold.
///
/// A program's own groups are called by name, `"0"` for all processes, and looked up when it runs: making, saving and loading one needs no other
/// process. They take effect where they stand in a program, in its order, and are neither left out nor computed ahead. In a program an operation
/// is complete before the next one begins: `wait_tensor`, which PyTorch needs behind each, gives its tensor back.
///
/// Kernels throw `DistributedError`.
public enum CollectiveOperators {
    /// The element by element sum, or another reduction, of the tensors that the processes have. Its gradient is the sum of the gradients, for `avg`
    /// their mean; the other reductions have none.
    public static let allReduce: Operator = make(
        "all_reduce(Tensor input, str reduce_op, str group_name) -> Tensor",
        "The reduction of the processes' tensors, of one dtype and shape.",
        rule: { call in
            _ = try call.reduction(1)
            return [try call.tensor(0).spec]
        },
        kernel: { call, outputs in
            try call.group(2).run(.allReduce(call.tensor(0).dense(), call.reduction(1), outputs[0]))
        },
        gradient: { g in
            let operation: ReduceOperation = try g.call.reduction(1)
            try g.requireLinear(operation)
            return [.tensor(try waited(allReduce, [.tensor(g.gradient), .string(operation.rawValue), g.call[2]]))]
        })

    /// The tensors of all processes one behind the other along the first dimension. Its gradient is the sum of what comes to this process's part.
    public static let allGatherIntoTensor: Operator = make(
        "all_gather_into_tensor(Tensor input, int group_size, str group_name) -> Tensor",
        "The processes' tensors, of one dtype and shape, one behind the other along the first dimension.",
        rule: { call in
            let x: Tensor = try call.tensor(0)
            var sizes: [SymInt] = try call.sizesOfRows(x)
            sizes[0] = sizes[0] * SymInt(try call.groupSize(1))
            return [TensorSpec(x.dtype, try Shape(sizes, in: call.name))]
        },
        kernel: { call, outputs in
            try call.requireGroupSize(1, call.group(2)).run(.allGather(call.tensor(0).dense(), outputs[0]))
        },
        gradient: { g in
            let sum: OperatorArgument = .string(ReduceOperation.sum.rawValue)
            return [.tensor(try waited(reduceScatterTensor, [.tensor(g.gradient), sum, g.call[1], g.call[2]]))]
        })

    /// This process's part, along the first dimension, of the reduction of the processes' tensors.
    public static let reduceScatterTensor: Operator = make(
        "reduce_scatter_tensor(Tensor input, str reduce_op, int group_size, str group_name) -> Tensor",
        "This process's part, along the first dimension, of the reduction of the processes' tensors. The first size has to be a multiple of the number of processes.",
        rule: { call in
            _ = try call.reduction(1)
            let (x, count): (Tensor, SymInt) = (try call.tensor(0), SymInt(try call.groupSize(2)))
            var sizes: [SymInt] = try call.sizesOfRows(x)
            try require(
                sizes[0] % count == 0,
                call.error(.shapeMismatch, "the first size of \(x.shape) is no multiple of the number of processes, \(count)"))
            sizes[0] = sizes[0] / count
            return [TensorSpec(x.dtype, try Shape(sizes, in: call.name))]
        },
        kernel: { call, outputs in
            try call.requireGroupSize(2, call.group(3)).run(.reduceScatter(call.tensor(0).dense(), call.reduction(1), outputs[0]))
        },
        gradient: { g in
            let operation: ReduceOperation = try g.call.reduction(1)
            try g.requireLinear(operation)
            let gathered: Tensor = try waited(allGatherIntoTensor, [.tensor(g.gradient), g.call[2], g.call[3]])
            return [.tensor(operation == .avg ? try gathered / (try g.call.groupSize(2)) : gathered)]
        })

    /// Rows of this process's tensor to each process, and rows from each, in the order of ranks.
    public static let allToAllSingle: Operator = make(
        "all_to_all_single(Tensor input, SymInt[] output_split_sizes, SymInt[] input_split_sizes, str group_name) -> Tensor",
        "Sends each process as many rows as `input_split_sizes` says, and gets as many from each as `output_split_sizes` says.",
        rule: { call in
            let x: Tensor = try call.tensor(0)
            var sizes: [SymInt] = try call.sizesOfRows(x)
            let (taken, given): ([SymInt], [SymInt]) = (try call.ints(1), try call.ints(2))
            guard taken.count == given.count else {
                throw call.error(.invalidArgument, "there are \(taken.count) sizes of what comes and \(given.count) of what goes")
            }
            try require(
                given.reduce(SymInt(0)) { $0 + $1 } == sizes[0],
                call.error(.shapeMismatch, "parts of \(given) rows are not those of a tensor of \(x.shape)"))
            for size in taken + given { try require(size >= 0, call.error(.invalidArgument, "a part has \(size) rows")) }
            sizes[0] = taken.reduce(SymInt(0)) { $0 + $1 }
            return [TensorSpec(x.dtype, try Shape(sizes, in: call.name))]
        },
        kernel: { call, outputs in
            let splits: (input: [Int], output: [Int]) = (try call.constants(2), try call.constants(1))
            try call.group(3).run(.allToAll(call.tensor(0).dense(), splits, outputs[0]))
        },
        gradient: { g in
            [.tensor(try waited(allToAllSingle, [.tensor(g.gradient), g.call[2], g.call[1], g.call[3]]))]
        })

    /// One process's tensor in all of them.
    public static let broadcast: Operator = make(
        "broadcast(Tensor input, int src, str group_name) -> Tensor",
        "The tensor of the process whose rank is `src`; the others' have its dtype and shape, and their values are not read.",
        rule: { call in
            _ = try call.constant(1)
            return [try call.tensor(0).spec]
        },
        kernel: { call, outputs in
            try call.group(2).run(.broadcast(call.tensor(0).dense(), from: call.constant(1), outputs[0]))
        },
        gradient: nil)

    /// The tensor itself: an operation of a program is complete when it has run.
    public static let waitTensor: Operator = Operator(
        schema("wait_tensor(Tensor tensor) -> Tensor"), "The tensor, complete.", effects: .external,
        rule: { [try $0.tensor(0).spec] },
        kernel: .view { [Operator.View(try $0.tensor(0).layout())] },
        gradient: { [.tensor(try $0.gradient)] })

    public static let all: [Operator] = [allReduce, allGatherIntoTensor, reduceScatterTensor, allToAllSingle, broadcast, waitTensor]

    private static func make(
        _ text: String, _ documentation: String, rule: @escaping Operator.Rule,
        kernel: @escaping @Sendable (Operator.Call, [Tensor]) throws -> Void, gradient: Operator.Gradient?
    ) -> Operator {
        Operator(schema(text), documentation, effects: .external, rule: rule, kernel: .compute(kernel), gradient: gradient)
    }

    private static func schema(_ text: String) -> Operator.Schema {
        do { return try Operator.Schema("_c10d_functional::" + text) } catch {
            // Our own text is wrong: found by the first test that touches an operator.
            preconditionFailure("\(error)")
        }
    }

    /// An operation as PyTorch's programs have it, with the wait behind it.
    static func waited(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> Tensor {
        try applySingle(waitTensor, [.tensor(try applySingle(operation, arguments))])
    }
}

extension OperatorTable {
    /// The standard operators and the collective ones, to load programs with: `ExportedProgram.load(from: path, operators: .withCollectives)`.
    public static let withCollectives: OperatorTable = OperatorTable.standard.joined(CollectiveOperators.all)

    private func joined(_ more: [Operator]) -> OperatorTable {
        do { return try adding(more) } catch { preconditionFailure("\(error)") }
    }
}

extension Operator.Call {
    fileprivate func reduction(_ index: Int) throws -> ReduceOperation {
        let name: String = try string(index)
        guard let operation = ReduceOperation(rawValue: name.lowercased()) else {
            let known: String = ReduceOperation.allCases.map(\.rawValue).joined(separator: ", ")
            throw error(.invalidArgument, "there is no reduction '\(name)', only \(known)")
        }
        return operation
    }

    fileprivate func group(_ index: Int) throws -> ProcessGroup { try .named(string(index)) }

    fileprivate func groupSize(_ index: Int) throws -> Int {
        let size: Int = try constant(index)
        guard size >= 1 else { throw error(.invalidArgument, "a group can't have \(size) processes") }
        return size
    }

    /// The group, of the size that the program was made for.
    fileprivate func requireGroupSize(_ index: Int, _ group: ProcessGroup) throws -> ProcessGroup {
        let size: Int = try groupSize(index)
        guard size == group.size else {
            throw DistributedError(
                .invalidArgument, rank: group.rank, in: self.operator.schema.name,
                "is called for \(size) processes, and group '\(group.name)' has \(group.size)")
        }
        return group
    }

    fileprivate func sizesOfRows(_ x: Tensor) throws -> [SymInt] {
        guard x.rank >= 1 else { throw error(.shapeMismatch, "a scalar has no rows: reshape it to [1]") }
        return x.shape.sizes
    }
}

extension GradientCall {
    fileprivate func requireLinear(_ operation: ReduceOperation) throws {
        guard operation == .sum || operation == .avg else {
            throw call.error(.notDifferentiable, "has no gradient for '\(operation.rawValue)', only for sum and avg")
        }
    }
}

extension Tensor {
    fileprivate func layout() throws -> Layout {
        guard let layout = Layout.strided(try sizes, strides: strides) else {
            throw TensorError(.overflow, in: "wait_tensor", "\(shape) has no layout")
        }
        return layout
    }
}
