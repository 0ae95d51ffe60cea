import ApusGraph
import ApusTensor
import CApusKernels

/// An elementwise operation with everything resolved but the addresses: running it is one call into the kernels.
///
/// Sizes, strides and numbers that it points to belong to its tensors and to a `KernelMemory`; whoever runs it keeps both.
final class PointwiseStep: Step {
    let call: Call
    let outputs: [Tensor]
    let site: NodeSite?
    let operands: [Tensor?]
    /// Finds the words when the operation fails.
    private let kernel: ComputeStep.Kernel
    private let operation: Int32
    private let compute: Int32
    private var parameters: apus_params
    private var a: apus_view
    private var b: apus_view
    private var c: apus_view
    private var out: apus_view

    /// Makes an operation ready; nil where it is not elementwise.
    init?(_ call: Call, _ output: Tensor, _ site: NodeSite?, _ memory: KernelMemory, kernel: @escaping ComputeStep.Kernel) throws {
        guard let pointwise = try call.operator.pointwiseForm?(call) else { return nil }
        let compute: DType = try pointwise.computeDType(call)
        var operands: [Tensor?] = []
        var views: [apus_view] = []
        for operand in 0..<pointwise.arity {
            switch call[pointwise.position(operand)] {
            case .tensor(let tensor):
                operands.append(tensor)
                views.append(tensor.view)
            case .scalar(let scalar):
                guard let view = memory.scalar(scalar) else { return nil }
                operands.append(nil)
                views.append(view)
            default: return nil
            }
        }
        out = output.view
        PointwiseStep.simplify(&views, operands, output, &out, memory)
        (self.call, self.outputs, self.site, self.operands, self.kernel) = (call, [output], site, operands, kernel)
        operation = Int32(pointwise.operation.rawValue)
        self.compute = Int32(compute.rawValue)
        parameters = try pointwise.parameters?(call, compute) ?? apus_params()
        a = views[0]
        b = views.count > 1 ? views[1] : views[0]
        c = views.count > 2 ? views[2] : views[0]
    }

    var operators: [Operator] { [call.operator] }

    /// False where the values decide whether the operation succeeds.
    var neverFails: Bool { !apus_op_may_fail(operation, compute) }

    /// What failed is looked for in the operands, which must still be there.
    var overwriting: Overwriting { neverFails ? .any : .none }

    var keepsAddresses: Bool { true }

    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer) {
        switch operand {
        case operands.count: out.data = address
        case 0: a.data = address
        case 1: b.data = address
        default: c.data = address
        }
    }

    /// Operand 0, 1 or 2 as the kernels see it.
    func operand(_ position: Int) -> apus_view { position == 0 ? a : position == 1 ? b : c }

    /// The operation as a step of a register program.
    func instruction(into out: Int32, _ a: Int32, _ b: Int32, _ c: Int32) -> apus_instruction {
        apus_instruction(op: operation, compute: compute, out: out, a: a, b: b, c: c, params: parameters)
    }

    func run(_ next: inout Int) throws {
        let status: Int32 =
            switch operands.count {
            case 1: apus_unary(operation, compute, &parameters, &a, &out)
            case 2: apus_binary(operation, compute, &parameters, &a, &b, &out)
            default: apus_ternary(operation, compute, &parameters, &a, &b, &c, &out)
            }
        if status != 0 { try kernel(call, outputs) }
    }

    /// Writes the views in the plainest form: one dimension where everything is contiguous, none for single elements, strides of zero where
    /// an operand is broadcast.
    private static func simplify(
        _ views: inout [apus_view], _ operands: [Tensor?], _ output: Tensor, _ out: inout apus_view, _ memory: KernelMemory
    ) {
        let layout: Layout = output.layout
        let isFlat: Bool = operands.allSatisfy { operand in
            guard let source = operand?.layout else { return true }
            return source.count == 1 || (source.isContiguous && source.hasSameSizes(as: layout))
        }
        let flat: UnsafeMutablePointer<Int64>? = isFlat ? memory.numbers([Int64(layout.count), 1]) : nil
        func setFlat(_ view: inout apus_view) {
            view.sizes = UnsafePointer(flat)
            view.strides = flat.map { UnsafePointer($0 + 1) }
            view.rank = 1
        }
        for (index, operand) in operands.enumerated() {
            guard let operand else { continue }
            views[index] = memory.broadcastView(of: operand, to: layout)
            if isFlat, operand.layout.count != 1 { setFlat(&views[index]) }
        }
        if isFlat { setFlat(&out) }
    }
}
