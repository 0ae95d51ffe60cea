import Apus
import CApusMPI

/// A collective operation that is ready to be carried out: its call, what is wrong with it in this process, and what it does.
struct Collective: Sendable {
    let call: CollectiveCall
    /// Thrown after the processes have compared their calls: one that threw before would let the others wait.
    var problem: DistributedError.Code?
    var reason = ""
    /// What the operation reads and writes.
    let buffers: [Tensor]
    /// The operation itself, where there is more than one process, or none of its own.
    let body: @Sendable (ProcessGroup) throws -> Void

    func run(in group: ProcessGroup) throws {
        try group.agree(on: call)
        if let problem { throw group.error(problem, call, reason) }
        try body(group)
    }
}

extension Collective {
    /// - Parameters:
    ///   - input: contiguous
    ///   - output: fresh and contiguous, not yet seen by anybody else; of the input's shape. Or the input, where nobody else holds it.
    static func allReduce(_ input: Tensor, _ operation: ReduceOperation, _ output: Tensor) -> Collective {
        let (count, dtype) = (input.elementCount, input.dtype)
        let call = CollectiveCall("all_reduce", "\(operation.rawValue) \(input.spec)")
        return reducing(operation, call, input, output) { group in
            if count == 0 { return }
            if output.baseAddress != input.baseAddress {
                output.baseAddress.copyMemory(from: input.baseAddress, byteCount: count * dtype.byteWidth)
            }
            group.divideBefore(output, count, operation)
            let status = apus_mpi_all_reduce(
                group.handle.pointer, output.baseAddress, Int64(count), Int32(dtype.rawValue), operation.reduction, group.seconds)
            try group.requireSuccess(status, call, [input, output])
            group.divideAfter(output, count, operation)
        }
    }

    /// - Parameter output: of the input's shape with the first size by the number of processes
    static func reduceScatter(_ input: Tensor, _ operation: ReduceOperation, _ output: Tensor) -> Collective {
        let call = CollectiveCall("reduce_scatter_tensor", "\(operation.rawValue) \(input.spec)")
        let count: Int = output.elementCount
        return reducing(operation, call, input, output) { group in
            guard count > 0 else { return }
            var input: Tensor = input
            if operation == .avg, input.dtype.isHalf {
                input = try input.ownCopy()
                group.divideBefore(input, count * group.size, operation)
            }
            let status = apus_mpi_reduce_scatter(
                group.handle.pointer, input.baseAddress, output.baseAddress, Int64(count), Int32(output.dtype.rawValue),
                operation.reduction, group.seconds)
            try group.requireSuccess(status, call, [input, output])
            group.divideAfter(output, count, operation)
        }
    }

    /// - Parameter output: of the input's shape
    static func broadcast(_ input: Tensor, from source: Int, _ output: Tensor) -> Collective {
        let call = CollectiveCall("broadcast", "from \(source) \(input.spec)")
        let bytes: Int = input.byteCount
        return Collective(call: call, buffers: [input, output]) { group in
            guard (0..<group.size).contains(source) else {
                throw group.error(.invalidArgument, call, "there is no rank \(source) in a group of \(group.size)")
            }
            if group.rank == source { output.baseAddress.copyMemory(from: input.baseAddress, byteCount: bytes) }
            let status = apus_mpi_broadcast(
                group.handle.pointer, output.baseAddress, Int64(bytes), Int32(source), group.seconds)
            try group.requireSuccess(status, call, [output])
        }
    }

    /// - Parameter output: of the input's shape with the first size times the number of processes
    static func allGather(_ input: Tensor, _ output: Tensor) -> Collective {
        let call = CollectiveCall("all_gather_into_tensor", "\(input.spec)")
        return Collective(call: call, buffers: [input, output]) { group in
            guard input.byteCount > 0 else { return }
            let status = apus_mpi_all_gather(
                group.handle.pointer, input.baseAddress, output.baseAddress, Int64(input.byteCount), group.seconds)
            try group.requireSuccess(status, call, [input, output])
        }
    }

    /// - Parameters:
    ///   - splits: how many rows go to each process, and come from each
    static func allToAll(_ input: Tensor, _ splits: (input: [Int], output: [Int]), _ output: Tensor) -> Collective {
        // Numbers of rows may differ; rows may not.
        let row: String = "\(input.dtype)[:" + input.shape.dropFirst().map { ", \($0)" }.joined() + "]"
        let call = CollectiveCall("all_to_all_single", row)
        let rowBytes: Int = input.dtype.byteWidth &* input.shape.dropFirst().knownCount
        let own: String = "sends \(splits.input) rows of \(input.spec) and takes \(splits.output)"
        return Collective(call: call, buffers: [input, output]) { group in
            func fits(_ rows: [Int], _ tensor: Tensor) -> Bool {
                rows.count == group.size && rows.allSatisfy { (0...Int(Int32.max)).contains($0) } && rows.reduce(0, +) <= Int32.max
                    && rows.reduce(0, +) == tensor.shape.prefix(1).knownCount
            }
            let isWhole: Bool = fits(splits.input, input) && fits(splits.output, output)
            if group.options.checksCalls {
                try group.agree(that: isWhole, own, call)
                let coming: [Int] = try group.exchanged(splits.input, call)
                try group.agree(that: coming == splits.output, own, call)
            } else if !isWhole {
                throw group.error(.invalidArgument, call, own)
            }
            guard rowBytes > 0 else { return }
            let status = apus_mpi_all_to_all(
                group.handle.pointer, input.baseAddress, splits.input.map(Int64.init), output.baseAddress, splits.output.map(Int64.init),
                Int64(rowBytes), group.seconds)
            try group.requireSuccess(status, call, [input, output])
        }
    }

    static let barrier = Collective(call: CollectiveCall("barrier"), buffers: []) { group in
        try group.requireSuccess(apus_mpi_barrier(group.handle.pointer, group.seconds), CollectiveCall("barrier"))
    }

    private static func reducing(
        _ operation: ReduceOperation, _ call: CollectiveCall, _ input: Tensor, _ output: Tensor,
        _ body: @escaping @Sendable (ProcessGroup) throws -> Void
    ) -> Collective {
        var collective = Collective(call: call, buffers: [input, output], body: body)
        let dtype: DType = input.dtype
        if operation == .avg, !dtype.isDifferentiable {
            (collective.problem, collective.reason) = (.unsupported, "avg takes floating-point and complex dtypes, not \(dtype)")
        } else if dtype.isComplex, operation == .min || operation == .max {
            (collective.problem, collective.reason) = (.unsupported, "complex numbers have no order for \(operation.rawValue)")
        }
        return collective
    }
}

extension ProcessGroup {
    /// In half precision.
    fileprivate func divideBefore(_ tensor: Tensor, _ count: Int, _ operation: ReduceOperation) {
        guard operation == .avg, tensor.dtype.isHalf else { return }
        apus_mpi_scale(tensor.baseAddress, Int64(count), Int32(tensor.dtype.rawValue), 1 / Double(size))
    }

    fileprivate func divideAfter(_ tensor: Tensor, _ count: Int, _ operation: ReduceOperation) {
        guard operation == .avg, !tensor.dtype.isHalf else { return }
        apus_mpi_scale(tensor.baseAddress, Int64(count), Int32(tensor.dtype.rawValue), 1 / Double(size))
    }

    /// One number to each process, and one from each.
    fileprivate func exchanged(_ numbers: [Int], _ call: CollectiveCall) throws -> [Int] {
        let (sent, got) = (Buffer(byteCount: 8 * size), Buffer(byteCount: 8 * size))
        sent.pointer.copyMemory(from: numbers.map(Int64.init), byteCount: 8 * size)
        let ones = [Int64](repeating: 1, count: size)
        let status = apus_mpi_all_to_all(handle.pointer, sent.pointer, ones, got.pointer, ones, 8, seconds)
        try requireSuccess(status, call, [sent, got])
        return (0..<size).map { Int(got.pointer.load(fromByteOffset: 8 * $0, as: Int64.self)) }
    }
}

extension ReduceOperation {
    fileprivate var reduction: Int32 {
        let reduction =
            switch self {
            case .sum, .avg: APUS_MPI_SUM
            case .prod: APUS_MPI_PRODUCT
            case .min: APUS_MPI_MINIMUM
            case .max: APUS_MPI_MAXIMUM
            }
        return Int32(reduction.rawValue)
    }
}

extension DType {
    fileprivate var isHalf: Bool { self == .float16 || self == .bfloat16 }
}

extension Collection<SymInt> {
    /// The product of sizes that are those of values.
    var knownCount: Int { reduce(1) { $0 &* ((try? $1.requireConstant()) ?? 0) } }
}

extension Tensor {
    /// Of a tensor with values.
    var elementCount: Int { shape.knownCount }
    var byteCount: Int { elementCount * dtype.byteWidth }

    /// The values in a row, as an operation between processes reads them. The tensor itself where they are.
    func dense() throws -> Tensor {
        let dense: Tensor = try Operator.Interpreter.with(nil) { try contiguous() }
        // What has no values says so here.
        try dense.withUnsafeBytes { _ in }
        return dense
    }

    func ownCopy() throws -> Tensor { try Operator.Interpreter.with(nil) { try clone() } }
}
