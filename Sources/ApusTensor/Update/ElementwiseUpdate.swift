import ApusSymbolic
import CApusKernels

/// A short elementwise program that gives several tensors of one shape and dtype new values in one pass over memory: an optimizer's step.
///
/// A tensor's memory is written in place where nobody else holds the tensor, and is fresh otherwise, so that values stay values. Numbers
/// are computed in the tensors' dtype, to the bits that the same operations give one by one.
///
///     var update = ElementwiseUpdate(tensorCount: 2)
///     let moved = update.addScaled(update.tensor(0), update.tensor(1), alpha: -0.1)
///     try update.run(&tensors, assigning: [(moved, 0)])
package struct ElementwiseUpdate {
    /// A value of the program.
    package struct Register {
        fileprivate enum Source {
            case tensor(Int)
            case number(Int)
            case step(Int)
        }
        fileprivate let source: Source
    }

    private struct Step {
        let operation: apus_op
        let operands: [Register]
        let x: Double
    }

    private let tensorCount: Int
    private var numbers: [Double] = []
    private var steps: [Step] = []

    package init(tensorCount: Int) { self.tensorCount = tensorCount }

    package func tensor(_ index: Int) -> Register { Register(source: .tensor(index)) }

    private mutating func number(_ value: Double) -> Register {
        numbers.append(value)
        return Register(source: .number(numbers.count - 1))
    }

    private mutating func append(_ operation: apus_op, _ operands: [Register], x: Double = 0) -> Register {
        steps.append(Step(operation: operation, operands: operands, x: x))
        return Register(source: .step(steps.count - 1))
    }

    /// `a + alpha * b`.
    package mutating func addScaled(_ a: Register, _ b: Register, alpha: Double) -> Register {
        append(APUS_OP_ADD_SCALED, [a, b], x: alpha)
    }
    /// `a * factor`.
    package mutating func scaled(_ a: Register, by factor: Double) -> Register { append(APUS_OP_MUL, [a, number(factor)]) }
    /// `a / divisor`.
    package mutating func divided(_ a: Register, by divisor: Double) -> Register { append(APUS_OP_DIV, [a, number(divisor)]) }
    /// `a + number`.
    package mutating func added(_ a: Register, _ value: Double) -> Register { append(APUS_OP_ADD, [a, number(value)]) }
    /// `a + weight * (b - a)`.
    package mutating func lerp(_ a: Register, _ b: Register, weight: Double) -> Register { append(APUS_OP_LERP, [a, b, number(weight)]) }
    /// `a + value * b * c`.
    package mutating func addcmul(_ a: Register, _ b: Register, _ c: Register, value: Double) -> Register {
        append(APUS_OP_ADDCMUL, [a, b, c], x: value)
    }
    /// `a + value * b / c`.
    package mutating func addcdiv(_ a: Register, _ b: Register, _ c: Register, value: Double) -> Register {
        append(APUS_OP_ADDCDIV, [a, b, c], x: value)
    }
    /// `a * b`.
    package mutating func product(_ a: Register, _ b: Register) -> Register { append(APUS_OP_MUL, [a, b]) }
    /// `a / b`.
    package mutating func quotient(_ a: Register, _ b: Register) -> Register { append(APUS_OP_DIV, [a, b]) }
    package mutating func maximum(_ a: Register, _ value: Double) -> Register { append(APUS_OP_MAXIMUM, [a, number(value)]) }
    package mutating func minimum(_ a: Register, _ value: Double) -> Register { append(APUS_OP_MINIMUM, [a, number(value)]) }
    package mutating func absolute(_ a: Register) -> Register { append(APUS_OP_ABS, [a]) }
    /// -1, 0 or 1.
    package mutating func sign(_ a: Register) -> Register { append(APUS_OP_SIGN, [a]) }
    package mutating func squareRoot(_ a: Register) -> Register { append(APUS_OP_SQRT, [a]) }
    package mutating func maximum(_ a: Register, _ b: Register) -> Register { append(APUS_OP_MAXIMUM, [a, b]) }

    /// Runs the program at once, whatever interpreter is current, and replaces the tensors that it assigns.
    ///
    /// - Parameter tensors: of one shape and one floating-point or complex dtype. Complex numbers are taken as pairs of real ones.
    package func run(_ tensors: inout [Tensor], assigning results: [(register: Register, tensor: Int)]) throws {
        try check(tensors)
        for index in tensors.indices { tensors[index] = try Interpreter.with(nil) { try tensors[index].contiguous() } }
        // Fresh memory first: once the kernel runs, nothing can fail any more.
        var fresh: [Int: Tensor] = [:]
        for (_, index) in results where !tensors[index].isHeldAlone() {
            fresh[index] = try Tensor.uninitialized(tensors[index].shape, dtype: tensors[index].dtype, in: "update")
        }
        let outputs = results.map { fresh[$0.tensor] ?? tensors[$0.tensor] }
        try compute(tensors, results.map(\.register), outputs)
        for (index, tensor) in fresh { tensors[index] = tensor }
    }

    private func check(_ tensors: [Tensor]) throws {
        guard tensors.count == tensorCount, let first = tensors.first else {
            throw TensorError(.invalidArgument, in: "update", "\(tensors.count) tensors were given for \(tensorCount)")
        }
        for tensor in tensors {
            guard !tensor.isTraced else {
                throw TensorError(
                    .tracing, in: "update",
                    "a tensor of \(tensor.spec) has no values while it is traced; export the loss by exportJoint, and update outside of it")
            }
            guard tensor.dtype == first.dtype, tensor.dtype.isDifferentiable else {
                throw TensorError(
                    .dtypeMismatch, in: "update",
                    "tensors must have one floating-point or complex dtype, got \(first.dtype) and \(tensor.dtype)")
            }
            guard tensor.shape.isIdentical(to: first.shape) else {
                throw TensorError(.shapeMismatch, in: "update", "tensors must have one shape, got \(first.shape) and \(tensor.shape)")
            }
        }
    }

    private func compute(_ tensors: [Tensor], _ registers: [Register], _ outputs: [Tensor]) throws {
        let dtype = Int32(tensors[0].dtype.real.rawValue)
        let size: [Int64] = [Int64(tensors[0].layout.count * (tensors[0].dtype.isComplex ? 2 : 1))]
        let stride: [Int64] = [1]
        var numbers = self.numbers
        let instructions = steps.enumerated().map { instruction($0.element, at: $0.offset, dtype) }
        let outputRegisters = registers.map(position)
        let status: Int32 = size.withUnsafeBufferPointer { size in
            stride.withUnsafeBufferPointer { stride in
                numbers.withUnsafeMutableBufferPointer { numbers in
                    func flat(_ tensor: Tensor) -> apus_view {
                        apus_view(data: tensor.baseAddress, sizes: size.baseAddress, strides: stride.baseAddress, rank: 1, dtype: dtype)
                    }
                    var inputs: [apus_view] = tensors.map(flat)
                    for index in numbers.indices {
                        inputs.append(
                            apus_view(
                                data: numbers.baseAddress.map { $0 + index }, sizes: nil, strides: nil, rank: 0,
                                dtype: Int32(DType.float64.rawValue)))
                    }
                    let views = outputs.map(flat)
                    return apus_fused(
                        instructions, Int32(instructions.count), inputs, Int32(inputs.count), outputRegisters, views, Int32(views.count))
                }
            }
        }
        withExtendedLifetime((tensors, outputs)) {}
        guard status == Int32(APUS_OK.rawValue) else {
            throw TensorError(
                .unsupported, in: "update", "the kernel refused a program of \(steps.count) steps on \(tensors[0].spec) (\(status))")
        }
    }

    /// Registers as the kernel numbers them: inputs, then the steps' results.
    private func position(_ register: Register) -> Int32 {
        switch register.source {
        case .tensor(let index): Int32(index)
        case .number(let index): Int32(tensorCount + index)
        case .step(let index): Int32(tensorCount + numbers.count + index)
        }
    }

    private func instruction(_ step: Step, at index: Int, _ dtype: Int32) -> apus_instruction {
        let operands = step.operands.map(position) + [0, 0, 0]
        var parameters = apus_params()
        parameters.x = step.x
        return apus_instruction(
            op: Int32(step.operation.rawValue), compute: dtype, out: position(Register(source: .step(index))), a: operands[0],
            b: operands[1],
            c: operands[2], params: parameters)
    }
}

extension Tensor {
    /// True where no other tensor, view or file can see this one's memory, so that it may be written.
    package mutating func isHeldAlone() -> Bool {
        guard isKnownUniquelyReferenced(&body), body.storage.isWritable, body.layout.isContiguous else { return false }
        // The body's reference is looked at where it lies: a copy of it would be a second one.
        var storage = Unmanaged.passUnretained(body.storage)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: Storage.self, capacity: 1) { isKnownUniquelyReferenced(&$0.pointee) }
        }
    }
}
