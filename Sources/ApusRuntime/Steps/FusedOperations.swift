import ApusGraph
import ApusTensor
import CApusKernels

/// Elementwise operations whose results have the same sizes, to be run as one pass over memory: a short program over tiles that stay in the
/// processor's cache. What only operations of the group read never reaches memory.
///
/// The bits are those of the operations one by one: a tile's values are kept, and rounded, in the dtypes that the results have.
struct FusedOperations {
    /// A value that the program reads from memory.
    private struct Input {
        /// Nil for a number.
        let tensor: Tensor?
        let view: apus_view
    }

    private struct Result {
        let tensor: Tensor
        let operation: Int
    }

    private var inputs: [Input] = []
    /// The operations, in order.
    private(set) var members: [PointwiseStep] = []
    /// For each operation its operands: inputs by their number, results of earlier operations by `~number`.
    private var operands: [[Int]] = []
    private var results: [ObjectIdentifier: Result] = [:]
    private var layout: Layout?

    /// Adds an operation, or leaves everything as it was and returns false where it does not go with the others: other sizes, an operand
    /// that sees an earlier result in another order, a failure that has to be told apart, or no room.
    mutating func append(_ operation: PointwiseStep) -> Bool {
        guard operation.neverFails, let result = operation.outputs.first, result.layout.isContiguous,
            layout.map({ $0.hasSameSizes(as: result.layout) }) ?? true
        else { return false }
        var added: [Input] = inputs
        var numbers: [Int] = []
        for (position, tensor) in operation.operands.enumerated() {
            if let tensor, let earlier = results[ObjectIdentifier(tensor.storage)] {
                guard tensor.storageOffset == earlier.tensor.storageOffset, tensor.dtype == earlier.tensor.dtype,
                    tensor.layout.isContiguous, tensor.layout.hasSameSizes(as: earlier.tensor.layout)
                else { return false }
                numbers.append(~earlier.operation)
                continue
            }
            let input = Input(tensor: tensor, view: operation.operand(position))
            if let known = added.firstIndex(where: { FusedOperations.isSame($0, input) }) {
                numbers.append(known)
            } else {
                numbers.append(added.count)
                added.append(input)
            }
        }
        guard added.count <= FusedOperations.maximumOperands, added.count + members.count < FusedOperations.maximumRegisters else {
            return false
        }
        inputs = added
        results[ObjectIdentifier(result.storage)] = Result(tensor: result, operation: members.count)
        members.append(operation)
        operands.append(numbers)
        layout = result.layout
        return true
    }

    /// The program that writes the results of these operations; nil where the kernels can't run it as one.
    func step(writing written: [Int], _ memory: KernelMemory) -> FusedStep? {
        guard let layout else { return nil }
        let views: [apus_view] = inputs.map { input in
            guard let tensor = input.tensor else { return input.view }
            return memory.broadcastView(of: tensor, to: layout)
        }
        let outputs: [Tensor] = written.flatMap { members[$0].outputs }
        return program(reading: views, writing: written, outputs.map(\.view), apus_fusion_make).map {
            FusedStep($0, self, written, operands: inputs.map(\.tensor), outputs: outputs)
        }
    }

    /// The program that follows a matrix, piece by piece; nil where an operand does not lie in rows and columns as the matrix does.
    /// - Parameters:
    ///   - matrix: one of the operands, which nothing else reads
    ///   - columns: the size of its rows
    func epilogue(of matrix: Tensor, columns: Int, writing written: [Int], _ memory: KernelMemory) -> Epilogue? {
        guard let layout, columns > 0, layout.count == matrix.layout.count, let split = layout.split(columns: columns),
            // What sees the matrix otherwise, as its transpose does, would read what is not there yet, or no more.
            inputs.count(where: { $0.tensor?.storage === matrix.storage }) == 1,
            let number = inputs.firstIndex(where: { $0.tensor?.storage === matrix.storage }),
            let source = inputs[number].tensor, source.layout.isContiguous, source.layout.hasSameSizes(as: layout),
            source.storageOffset == 0,
            // Its place is taken by a result, which has to be of its size.
            let first = written.firstIndex(where: { members[$0].outputs[0].dtype == matrix.dtype })
        else { return nil }
        let written: [Int] = [written[first]] + written.enumerated().filter { $0.offset != first }.map(\.element)
        let sizes: [Int] = [layout.count / columns, columns]
        var views: [apus_view] = []
        for input in inputs {
            guard let tensor = input.tensor, tensor.layout.count != 1 else {
                var view: apus_view = input.view
                if let tensor = input.tensor { view = tensor.view }
                view.rank = 0
                views.append(view)
                continue
            }
            guard let strides = tensor.layout.matrixStrides(in: layout, split) else { return nil }
            views.append(memory.matrixView(of: tensor, sizes, strides))
        }
        let outputs: [Tensor] = written.flatMap { members[$0].outputs }
        let outputViews: [apus_view] = outputs.map { memory.matrixView(of: $0, sizes, [columns, 1]) }
        return program(reading: views, writing: written, outputViews, apus_fusion_make_epilogue).map {
            Epilogue($0, members, operands: inputs.map(\.tensor), matrix: number, outputs: outputs)
        }
    }

    private typealias Make = (
        UnsafePointer<apus_instruction>?, Int32, UnsafePointer<apus_view>?, Int32, UnsafePointer<Int32>?, UnsafePointer<apus_view>?, Int32
    ) -> OpaquePointer?

    private func program(reading inputViews: [apus_view], writing written: [Int], _ outputViews: [apus_view], _ make: Make)
        -> OpaquePointer?
    {
        guard written.count <= FusedOperations.maximumOperands else { return nil }
        let firstResult: Int = inputs.count
        func register(_ operand: Int) -> Int32 { Int32(truncatingIfNeeded: operand < 0 ? firstResult + ~operand : operand) }
        let instructions: [apus_instruction] = members.indices.map { index in
            let registers: [Int32] = operands[index].map(register)
            return members[index].instruction(
                into: register(~index), registers[0], registers.count > 1 ? registers[1] : -1, registers.count > 2 ? registers[2] : -1)
        }
        return make(
            instructions, Int32(truncatingIfNeeded: instructions.count), inputViews, Int32(truncatingIfNeeded: inputViews.count),
            written.map { register(~$0) }, outputViews, Int32(truncatingIfNeeded: outputViews.count))
    }

    private static let maximumOperands = Int(APUS_MAX_OPERANDS)
    private static let maximumRegisters = Int(APUS_MAX_REGISTERS)

    /// Whether both are the same number, or see the same elements in the same order.
    private static func isSame(_ a: Input, _ b: Input) -> Bool {
        switch (a.tensor, b.tensor) {
        case (nil, nil):
            guard a.view.dtype == b.view.dtype, let p = a.view.data, let q = b.view.data else { return false }
            let bytes: Range<Int> = 0..<Int(apus_dtype_size(a.view.dtype))
            return bytes.allSatisfy { p.load(fromByteOffset: $0, as: UInt8.self) == q.load(fromByteOffset: $0, as: UInt8.self) }
        case (let p?, let q?):
            return p.storage === q.storage && p.storageOffset == q.storageOffset && p.dtype == q.dtype
                && p.layout.hasSameSizes(as: q.layout) && p.layout.stridesArray == q.layout.stridesArray
        default: return false
        }
    }
}

/// Elementwise operations as one pass over memory, with everything resolved but addresses.
final class FusedStep: ElementwiseStep {
    private let fusion: OpaquePointer
    private let operations: FusedOperations
    /// The operations whose results are written.
    private let written: [Int]
    let operands: [Tensor?]
    let outputs: [Tensor]

    fileprivate init(_ fusion: OpaquePointer, _ operations: FusedOperations, _ written: [Int], operands: [Tensor?], outputs: [Tensor]) {
        (self.fusion, self.operations, self.written, self.operands, self.outputs) = (fusion, operations, written, operands, outputs)
    }

    deinit { apus_fusion_free(fusion) }

    var operators: [Operator] { operations.members.map(\.call.operator) }
    var site: NodeSite? { operations.members[0].site }
    var overwriting: Overwriting { .any }
    var keepsAddresses: Bool { true }

    func epilogue(of matrix: Tensor, columns: Int, _ memory: KernelMemory) -> Epilogue? {
        operations.epilogue(of: matrix, columns: columns, writing: written, memory)
    }

    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer) {
        apus_fusion_set_address(fusion, Int32(truncatingIfNeeded: operand), address)
    }

    func run(_ next: inout Int) throws {
        if apus_fusion_run(fusion) != 0 { throw operations.members[0].call.error(.outOfMemory, "no memory for intermediate results") }
    }
}

/// A step of elementwise operations, which may follow a matrix instead.
protocol ElementwiseStep: Step {
    /// What the step does, on pieces of the matrix; nil where it can't follow it.
    func epilogue(of matrix: Tensor, columns: Int, _ memory: KernelMemory) -> Epilogue?
}

extension PointwiseStep: ElementwiseStep {
    func epilogue(of matrix: Tensor, columns: Int, _ memory: KernelMemory) -> Epilogue? {
        var operations = FusedOperations()
        return operations.append(self) ? operations.epilogue(of: matrix, columns: columns, writing: [0], memory) : nil
    }
}

extension Layout {
    /// The dimension from which on the sizes make up so many columns; nil where none does.
    fileprivate func split(columns: Int) -> Int? {
        var (dim, count): (Int, Int) = (rank, 1)
        while count < columns, dim > 0 {
            dim -= 1
            count *= size(dim)
        }
        return count == columns ? dim : nil
    }

    /// The distances between rows and between columns of a matrix that this layout is, broadcast to another; nil where there is not one each.
    /// - Parameter split: the other's first dimension of columns
    fileprivate func matrixStrides(in other: Layout, _ split: Int) -> [Int]? {
        let extra: Int = other.rank - rank
        func stride(of dims: Range<Int>) -> Int? {
            var step: Int?
            var expected = 0
            for dim in dims.reversed() where other.size(dim) != 1 {
                let own: Int = dim < extra || size(dim - extra) != other.size(dim) ? 0 : self.stride(dim - extra)
                if step == nil { step = own } else if own != expected { return nil }
                expected = own &* other.size(dim)
            }
            return step ?? 0
        }
        guard let rows = stride(of: 0..<split), let columns = stride(of: split..<other.rank) else { return nil }
        return [rows, columns]
    }
}
