import ApusGraph
import ApusTensor
import CApusKernels

/// A step that computes a matrix piece by piece, from a weight that stays the same and has been packed: a product, a convolution. Elementwise
/// operations that follow can be done with each piece while it is in the cache.
class MatrixStep: Step {
    let call: Call
    let packed: Storage
    /// What the operator itself gives. Where an epilogue follows, its elements lie in the memory of the epilogue's first result while they are
    /// computed, and nowhere afterwards.
    let result: Tensor
    let site: NodeSite?
    /// The number of columns: rows times columns are the result's elements in their order.
    let columns: Int
    private let own: [Tensor]
    private var epilogue: Epilogue?

    /// - Parameter operands: what is read beside the packed weight
    init(_ call: Call, _ result: Tensor, columns: Int, packed: Storage, operands: [Tensor], _ site: NodeSite?) {
        (self.call, self.result, self.columns, self.packed, self.site, own) = (call, result, columns, packed, site, operands)
    }

    /// Computes the matrix.
    /// - Parameters:
    ///   - out: where it goes
    ///   - after: what to do with each piece
    /// - Returns: a status of the kernels
    func compute(_ out: UnsafeMutableRawPointer, _ after: apus_epilogue?, _ context: UnsafeMutableRawPointer?) -> Int32 { 0 }

    /// Lets elementwise operations follow, whose first result takes the matrix's place.
    func append(_ epilogue: Epilogue) { self.epilogue = epilogue }

    var operators: [Operator] { [call.operator] + (epilogue?.operators ?? []) }
    var title: String { "packed " + operators.map(\.name).joined(separator: " + ") }
    var operands: [Tensor?] { own + (epilogue?.operands ?? []) }
    var outputs: [Tensor] { epilogue?.outputs ?? [result] }
    var keepsAddresses: Bool { epilogue != nil }

    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer) {
        if operand >= own.count { epilogue?.relocate(operand - own.count, to: address) }
    }

    func run(_ next: inout Int) throws {
        let out: UnsafeMutableRawPointer = (epilogue?.outputs[0] ?? result).baseAddress
        let status: Int32 = epilogue.map { compute(out, apus_fusion_run_piece, $0.context) } ?? compute(out, nil, nil)
        if status != 0 { throw call.error(.outOfMemory, "no memory for intermediate results") }
    }
}

/// Elementwise operations on the pieces of a matrix.
final class Epilogue {
    private let fusion: OpaquePointer
    private let members: [PointwiseStep]
    /// What is read beside the matrix, nil for a number.
    let operands: [Tensor?]
    let outputs: [Tensor]
    /// For each of the operands, then the outputs, their numbers in the program.
    private let numbers: [Int32]
    private let matrix: Int32

    /// - Parameters:
    ///   - operands: those of the program
    ///   - matrix: which of them is the matrix
    init(_ fusion: OpaquePointer, _ members: [PointwiseStep], operands: [Tensor?], matrix: Int, outputs: [Tensor]) {
        (self.fusion, self.members, self.outputs, self.matrix) = (fusion, members, outputs, Int32(truncatingIfNeeded: matrix))
        let others: [Int] = operands.indices.filter { $0 != matrix }
        self.operands = others.map { operands[$0] }
        numbers = (others + outputs.indices.map { operands.count + $0 }).map { Int32(truncatingIfNeeded: $0) }
    }

    deinit { apus_fusion_free(fusion) }

    var operators: [Operator] { members.map(\.call.operator) }
    var context: UnsafeMutableRawPointer { UnsafeMutableRawPointer(fusion) }

    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer) {
        apus_fusion_set_address(fusion, numbers[operand], address)
        // The matrix lies where the first result will.
        if operand == operands.count { apus_fusion_set_address(fusion, matrix, address) }
    }
}
