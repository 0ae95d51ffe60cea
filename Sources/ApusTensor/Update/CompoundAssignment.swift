import ApusSymbolic

/// Compound assignments give a variable a new value; no other tensor ever changes by it. Where nobody else can see the variable's memory
/// and the result has its dtype and shape, the result is written there and nothing is allocated. Otherwise, and while a function is traced
/// or recorded, `x += y` is `x = x + y`, with its dtype rule and errors.
extension Tensor {
    /// Adds another tensor, in place where nobody else holds the memory; the result and its errors are those of `a + b`.
    public static func += (a: inout Tensor, b: Tensor) throws { try a.update(by: .addTensor, [.tensor(b), .int(1)]) }
    /// Adds a number, in place where nobody else holds the memory; the result and its errors are those of `a + b`.
    public static func += (a: inout Tensor, b: some ScalarConvertible) throws {
        try a.update(by: .addTensor, [.scalar(b.scalar), .int(1)])
    }
    /// Subtracts another tensor, in place where nobody else holds the memory; the result and its errors are those of `a - b`.
    public static func -= (a: inout Tensor, b: Tensor) throws { try a.update(by: .subTensor, [.tensor(b), .int(1)]) }
    /// Subtracts a number, in place where nobody else holds the memory; the result and its errors are those of `a - b`.
    public static func -= (a: inout Tensor, b: some ScalarConvertible) throws {
        try a.update(by: .subTensor, [.scalar(b.scalar), .int(1)])
    }
    /// Multiplies by another tensor, elementwise, in place where nobody else holds the memory; the result and its errors are those of `a * b`.
    public static func *= (a: inout Tensor, b: Tensor) throws { try a.update(by: .mulTensor, [.tensor(b)]) }
    /// Multiplies by a number, elementwise, in place where nobody else holds the memory; the result and its errors are those of `a * b`.
    public static func *= (a: inout Tensor, b: some ScalarConvertible) throws { try a.update(by: .mulTensor, [.scalar(b.scalar)]) }
    /// Divides by another tensor, elementwise, in place where nobody else holds the memory; the result and its errors are those of `a / b`.
    public static func /= (a: inout Tensor, b: Tensor) throws { try a.update(by: .divTensor, [.tensor(b)]) }
    /// Divides by a number, elementwise, in place where nobody else holds the memory; the result and its errors are those of `a / b`.
    public static func /= (a: inout Tensor, b: some ScalarConvertible) throws { try a.update(by: .divTensor, [.scalar(b.scalar)]) }

    /// Replaces the tensor by the operation's result on it and the other arguments. The operation is elementwise and can't fail on values.
    private mutating func update(by operation: Operator, _ others: [OperatorArgument]) throws {
        if Interpreter.current == nil, case .compute(let kernel) = operation.kernel, isHeldAlone() {
            let call = Call(operation, [.tensor(self)] + others)
            try Eager.requireData(call)
            if try operation.rule(call).first?.isIdentical(to: spec) == true {
                return try kernel(call, [self])
            }
        }
        self = try applySingle(operation, [.tensor(self)] + others)
    }
}
