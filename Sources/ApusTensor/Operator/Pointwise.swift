import ApusSymbolic
import CApusKernels

/// An elementwise operator that one micro-operation of the kernels computes. The rule and the kernel follow from this description.
package struct Pointwise: Sendable {
    /// How the dtype that the elements are computed in follows from the operands' promoted dtype.
    enum Compute: Sendable {
        /// The promoted dtype.
        case promoted
        /// The promoted dtype, `float32` where that is an integer or bool.
        case floating
        /// The promoted dtype, `int64` where that is bool.
        case integerForBool
    }

    /// Builds a micro-operation's parameters for a call and the dtype it is computed in.
    package typealias Parameters = @Sendable (Call, DType) throws -> apus_params
    /// The micro-operation that carries out a call: an argument such as `approximate` or `rounding_mode` may choose it.
    package typealias Form = @Sendable (Call) throws -> Pointwise

    package let operation: apus_op
    package let arity: Int
    let compute: Compute
    /// The kinds of dtypes that it is computed in, further narrowed to those that the kernels have.
    let taking: DTypeClasses
    /// The position of the first operand in the argument list, and how far apart the operands stand.
    let firstOperand: Int
    let operandStride: Int
    /// Arguments other than operands that take part in type promotion.
    let promoting: [Int]
    /// Builds the micro-operation's parameters; nil where it has none.
    package let parameters: Parameters?

    init(
        _ operation: apus_op, arity: Int, compute: Compute = .promoted, taking: DTypeClasses = .all, firstOperand: Int = 0,
        operandStride: Int = 1, promoting: [Int] = [], parameters: Parameters? = nil
    ) {
        self.operation = operation
        self.arity = arity
        self.compute = compute
        self.taking = taking
        self.firstOperand = firstOperand
        self.operandStride = operandStride
        self.promoting = promoting
        self.parameters = parameters
    }

    /// The form of an operator that is this micro-operation for every call.
    var form: Form { { _ in self } }

    /// The position of an operand in the argument list.
    @inline(__always)
    package func position(_ operand: Int) -> Int { firstOperand + operand * operandStride }

    /// The dtype that the elements are computed in. The condition of `where` does not take part.
    package func computeDType(_ call: Call) throws -> DType {
        var promotion = Promotion()
        for operand in (operation == APUS_OP_WHERE ? 1 : 0)..<arity {
            let index = position(operand)
            switch call[index] {
            case .tensor(let tensor): promotion.add(tensor)
            case .scalar(let scalar): promotion.add(scalar)
            default: _ = try call.tensor(index)
            }
        }
        for index in promoting {
            if let scalar = try call.optionalScalar(index) { promotion.add(scalar) }
        }
        return resolve(promotion.result)
    }

    /// The dtype that operands which promote to the given one are computed in.
    func resolve(_ promoted: DType) -> DType {
        switch compute {
        case .promoted: promoted
        case .floating: promoted.floating
        case .integerForBool: promoted == .bool ? .int64 : promoted
        }
    }

    /// The result's dtype for the dtype it is computed in, or nil where the operation does not exist in it.
    func resultDType(_ compute: DType) -> DType? {
        guard taking.contains(compute), apus_op_is_supported(Int32(operation.rawValue), Int32(compute.rawValue)) else { return nil }
        return DType(rawValue: UInt8(truncatingIfNeeded: apus_op_result_dtype(Int32(operation.rawValue), Int32(compute.rawValue))))
    }

    func rule(_ call: Call) throws -> TensorSpec {
        let compute: DType = try computeDType(call)
        guard let dtype = resultDType(compute) else {
            throw call.error(.dtypeMismatch, "does not take \(compute)")
        }
        if operation == APUS_OP_WHERE, case .tensor(let condition) = call[firstOperand], condition.dtype != .bool {
            throw call.error(.dtypeMismatch, "the condition must be bool, not \(condition.dtype)")
        }
        // Numbers that the dtype can't hold are found here where they are known, so that a trace refuses them too.
        if let parameters, !call.arguments.contains(where: { if case .scalar(let number) = $0 { number.isSymbolic } else { false } }) {
            _ = try parameters(call, compute)
        }
        var shape: Shape?
        for operand in 0..<arity {
            guard case .tensor(let tensor) = call[position(operand)] else { continue }
            shape = try shape.map { try broadcast($0, tensor.shape, in: call.name) } ?? tensor.shape
        }
        return TensorSpec(dtype, shape ?? .scalar)
    }

    /// Writes the result. Operands of other sizes are broadcast by strides of zero.
    func run(_ call: Call, _ output: Tensor) throws {
        let compute = Int32(try computeDType(call).rawValue)
        var parameters: apus_params = try self.parameters?(call, DType(rawValue: UInt8(compute)) ?? .float32) ?? apus_params()
        var out: apus_view = output.view
        let layout: Layout = output.layout
        let status: Int32
        switch arity {
        case 1:
            status = try withOperand(call, position(0), layout) { a in
                var a = a
                return apus_unary(Int32(operation.rawValue), compute, &parameters, &a, &out)
            }
        case 2:
            status = try withOperand(call, position(0), layout) { a in
                try withOperand(call, position(1), layout) { b in
                    var (a, b) = (a, b)
                    return apus_binary(Int32(operation.rawValue), compute, &parameters, &a, &b, &out)
                }
            }
        default:
            status = try withOperand(call, position(0), layout) { a in
                try withOperand(call, position(1), layout) { b in
                    try withOperand(call, position(2), layout) { c in
                        var (a, b, c) = (a, b, c)
                        return apus_ternary(Int32(operation.rawValue), compute, &parameters, &a, &b, &c, &out)
                    }
                }
            }
        }
        withExtendedLifetime((call.arguments, output)) {}
        try check(status, call)
    }
}

/// Calls the closure with an operand as kernels see it, broadcast to a result's layout.
@inline(__always)
private func withOperand(_ call: Call, _ index: Int, _ layout: Layout, _ body: (apus_view) throws -> Int32) throws -> Int32 {
    switch call[index] {
    case .tensor(let tensor):
        if tensor.layout.rank == 0 || tensor.layout.hasSameSizes(as: layout) { return try body(tensor.view) }
        return try withBroadcast(tensor, layout, body)
    case .scalar(let scalar): return try withScalar(scalar, call, body)
    default: return try body(try call.tensor(index).view)
    }
}

/// A tensor's view with the sizes of `layout` and strides of zero where it is expanded.
func withBroadcast<Result>(_ tensor: Tensor, _ layout: Layout, _ body: (apus_view) throws -> Result) rethrows -> Result {
    let source: Layout = tensor.layout
    let extra: Int = layout.rank - source.rank
    return try withUnsafeTemporaryAllocation(of: Int64.self, capacity: layout.rank) { strides in
        for dim in 0..<layout.rank {
            let isOwn: Bool = dim >= extra && source.size(dim - extra) == layout.size(dim)
            strides[dim] = isOwn ? source.strides[dim - extra] : 0
        }
        let view = apus_view(
            data: tensor.baseAddress, sizes: layout.sizes, strides: strides.baseAddress, rank: Int32(truncatingIfNeeded: layout.rank),
            dtype: Int32(tensor.dtype.rawValue))
        return try body(view)
    }
}

/// A plain number as a view of rank 0.
private func withScalar(_ scalar: Scalar, _ call: Call, _ body: (apus_view) throws -> Int32) throws -> Int32 {
    func run<Value>(_ value: Value, _ dtype: DType) throws -> Int32 {
        var value = value
        return try withUnsafeMutablePointer(to: &value) {
            try body(apus_view(data: $0, sizes: nil, strides: nil, rank: 0, dtype: Int32(dtype.rawValue)))
        }
    }
    switch scalar {
    case .bool(let value): return try run(value, .bool)
    case .int(let value):
        guard let known = value.constant else { throw call.unknown(scalar) }
        return try run(Int64(known), .int64)
    case .float(let value):
        guard let known = value.constant else { throw call.unknown(scalar) }
        return try run(known, .float64)
    case .complex(let value): return try run((value.real, value.imaginary), .complex128)
    }
}

/// Throws the error that a kernel's status stands for.
@inline(__always)
func check(_ status: Int32, _ call: Call, badIndex: Int64? = nil) throws {
    if status != 0 { throw failure(status, call, badIndex) }
}

@inline(never)
private func failure(_ status: Int32, _ call: Call, _ badIndex: Int64?) -> TensorError {
    var tensors: [Tensor] = []
    for argument in call.arguments { argument.forEachReference { tensors.append($0) } }
    let dtypes: String = tensors.map { "\($0.dtype)" }.joined(separator: ", ")
    switch UInt32(bitPattern: status) {
    case APUS_UNSUPPORTED.rawValue: return call.error(.dtypeMismatch, "does not take \(dtypes)")
    case APUS_DIVISION_BY_ZERO.rawValue: return call.error(.invalidArgument, "division of an integer by zero")
    case APUS_NEGATIVE_EXPONENT.rawValue: return call.error(.invalidArgument, "an integer can't be raised to a negative power")
    case APUS_INDEX_OUT_OF_BOUNDS.rawValue:
        return call.error(.indexOutOfRange, badIndex.map { "the index \($0) is out of range" } ?? "an index is out of range")
    case APUS_OUT_OF_MEMORY.rawValue: return call.error(.outOfMemory, "no memory for intermediate results")
    case APUS_EMPTY_REDUCTION.rawValue: return call.error(.emptyReduction, "of no elements")
    case APUS_RANK_TOO_HIGH.rawValue: return call.error(.unsupported, "more than \(APUS_MAX_RANK) dimensions")
    default:
        let specs: String = tensors.map { "\($0.spec)" }.joined(separator: ", ")
        return call.error(.invalidArgument, "does not take \(specs) (\(String(cString: apus_status_message(status))))")
    }
}
