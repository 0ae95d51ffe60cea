import ApusTensor
import CApusKernels

/// An elementwise operation with everything resolved but the addresses: running it is one call into the kernels.
///
/// Sizes, strides and numbers that it points to belong to the tensors it was made of and to a `KernelMemory`; whoever runs it keeps both.
struct PreparedPointwise {
    private let operation: Int32
    private let compute: Int32
    private let arity: Int32
    private var parameters: apus_params
    private var a: apus_view
    private var b: apus_view
    private var c: apus_view
    private var out: apus_view

    fileprivate init(_ pointwise: Pointwise, _ compute: DType, _ parameters: apus_params, _ operands: [apus_view], _ out: apus_view) {
        operation = Int32(pointwise.operation.rawValue)
        self.compute = Int32(compute.rawValue)
        arity = Int32(pointwise.arity)
        self.parameters = parameters
        a = operands[0]
        b = operands.count > 1 ? operands[1] : operands[0]
        c = operands.count > 2 ? operands[2] : operands[0]
        self.out = out
    }

    /// The position of the result among the operands, for `setAddress`.
    static let result = 3

    /// Sets where operand 0, 1, 2 or the result lies.
    mutating func setAddress(_ position: Int, _ address: UnsafeMutableRawPointer) {
        switch position {
        case 0: a.data = address
        case 1: b.data = address
        case 2: c.data = address
        default: out.data = address
        }
    }

    /// False where the values decide whether the operation succeeds.
    var neverFails: Bool { !apus_op_may_fail(operation, compute) }

    /// Operand 0, 1 or 2 as the kernels see it.
    func operand(_ position: Int) -> apus_view { position == 0 ? a : position == 1 ? b : c }

    /// The operation as a step of a register program.
    func instruction(into out: Int32, _ a: Int32, _ b: Int32, _ c: Int32) -> apus_instruction {
        apus_instruction(op: operation, compute: compute, out: out, a: a, b: b, c: c, params: parameters)
    }

    /// Computes the result; 0 when that went well.
    mutating func run() -> Int32 {
        switch arity {
        case 1: apus_unary(operation, compute, &parameters, &a, &out)
        case 2: apus_binary(operation, compute, &parameters, &a, &b, &out)
        default: apus_ternary(operation, compute, &parameters, &a, &b, &c, &out)
        }
    }
}

/// Small pieces of memory that prepared operations point to. Freed as a whole.
final class KernelMemory {
    private var pieces: [UnsafeMutableRawPointer] = []
    /// An address for storages that have no memory yet.
    let placeholder: UnsafeMutableRawPointer

    init() {
        placeholder = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        pieces.append(placeholder)
    }

    deinit { for piece in pieces { piece.deallocate() } }

    func numbers(_ values: [Int64]) -> UnsafeMutablePointer<Int64> {
        let piece = UnsafeMutableRawPointer.allocate(byteCount: max(values.count, 1) * 8, alignment: 16)
        pieces.append(piece)
        let numbers = piece.bindMemory(to: Int64.self, capacity: max(values.count, 1))
        for (index, value) in values.enumerated() { numbers[index] = value }
        return numbers
    }

    func scalar(_ scalar: Scalar) -> apus_view? {
        let piece = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
        pieces.append(piece)
        let dtype: DType
        switch scalar {
        case .bool(let value):
            piece.storeBytes(of: value, as: Bool.self)
            dtype = .bool
        case .int(let value):
            guard let known = value.constant else { return nil }
            piece.storeBytes(of: Int64(known), as: Int64.self)
            dtype = .int64
        case .float(let value):
            guard let known = value.constant else { return nil }
            piece.storeBytes(of: known, as: Double.self)
            dtype = .float64
        case .complex(let value):
            piece.storeBytes(of: value.real, as: Double.self)
            piece.storeBytes(of: value.imaginary, toByteOffset: 8, as: Double.self)
            dtype = .complex128
        }
        return apus_view(data: piece, sizes: nil, strides: nil, rank: 0, dtype: Int32(dtype.rawValue))
    }

    /// The tensor as an operand of results with these sizes: one number for all of them, or with strides of zero where it is repeated.
    func broadcastView(of tensor: Tensor, to layout: Layout) -> apus_view {
        var view: apus_view = tensor.view
        let source: Layout = tensor.layout
        if source.count == 1 {
            view.rank = 0
        } else if !source.hasSameSizes(as: layout) {
            let extra: Int = layout.rank - source.rank
            let strides: [Int64] = (0..<layout.rank).map { dim in
                dim >= extra && source.size(dim - extra) == layout.size(dim) ? source.strides[dim - extra] : 0
            }
            view.sizes = layout.sizes
            view.strides = UnsafePointer(numbers(strides))
            view.rank = Int32(truncatingIfNeeded: layout.rank)
        }
        return view
    }
}

extension Operator {
    /// The operation made ready, with the tensor (nil for a number) that each operand reads; nil where it is not elementwise.
    func prepare(
        _ call: Call, into output: Tensor, _ memory: KernelMemory
    ) throws -> (step: PreparedPointwise, operands: [Tensor?])? {
        guard let pointwise = try pointwiseForm?(call) else { return nil }
        let compute: DType = try pointwise.computeDType(call)
        let parameters: apus_params = try pointwise.parameters?(call, compute) ?? apus_params()
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
        var out: apus_view = output.view
        Operator.simplify(&views, operands, output, &out, memory)
        return (PreparedPointwise(pointwise, compute, parameters, views, out), operands)
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
