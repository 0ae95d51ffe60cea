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
        guard let layout, written.count <= FusedOperations.maximumOperands else { return nil }
        let firstResult: Int = inputs.count
        func register(_ operand: Int) -> Int32 { Int32(truncatingIfNeeded: operand < 0 ? firstResult + ~operand : operand) }
        let instructions: [apus_instruction] = members.indices.map { index in
            let registers: [Int32] = operands[index].map(register)
            return members[index].instruction(
                into: register(~index), registers[0], registers.count > 1 ? registers[1] : -1, registers.count > 2 ? registers[2] : -1)
        }
        let inputViews: [apus_view] = inputs.map { input in
            guard let tensor = input.tensor else { return input.view }
            return memory.broadcastView(of: tensor, to: layout)
        }
        let outputs: [Tensor] = written.flatMap { members[$0].outputs }
        let outputViews: [apus_view] = outputs.map(\.view)
        let outputRegisters: [Int32] = written.map { register(~$0) }
        let fusion: OpaquePointer? = apus_fusion_make(
            instructions, Int32(truncatingIfNeeded: instructions.count), inputViews, Int32(truncatingIfNeeded: inputViews.count),
            outputRegisters, outputViews, Int32(truncatingIfNeeded: outputViews.count))
        return fusion.map { FusedStep($0, members, operands: inputs.map(\.tensor), outputs: outputs) }
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
final class FusedStep: Step {
    private let fusion: OpaquePointer
    private let members: [PointwiseStep]
    let operands: [Tensor?]
    let outputs: [Tensor]

    fileprivate init(_ fusion: OpaquePointer, _ members: [PointwiseStep], operands: [Tensor?], outputs: [Tensor]) {
        (self.fusion, self.members, self.operands, self.outputs) = (fusion, members, operands, outputs)
    }

    deinit { apus_fusion_free(fusion) }

    var operators: [Operator] { members.map(\.call.operator) }
    var site: NodeSite? { members[0].site }
    var overwriting: Overwriting { .any }
    var keepsAddresses: Bool { true }

    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer) {
        apus_fusion_set_address(fusion, Int32(truncatingIfNeeded: operand), address)
    }

    func run(_ next: inout Int) throws {
        if apus_fusion_run(fusion) != 0 { throw members[0].call.error(.outOfMemory, "no memory for intermediate results") }
    }
}
