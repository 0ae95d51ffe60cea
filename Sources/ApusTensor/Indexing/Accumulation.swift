import ApusSymbolic

// Adding many numbers up at one place. In half precision a sum that is rounded after each of them stops at 256 or 2048, where one more no
// longer makes a difference: it is kept in float32 and rounded once.

extension Operator {
    /// What the documentation of operators that add up says of half precision.
    static let roundedOnce = "Sums of half precision are rounded once; PyTorch rounds after each addition and stops at 256 or 2048."
}

extension Call {
    /// An argument in the dtype that its numbers are added up in.
    func wide(_ x: Tensor, in dtype: DType? = nil) throws -> Tensor {
        let wide: DType = dtype ?? x.dtype.accumulation
        return wide == x.dtype ? x : try Interpreter.with(nil) { try x.to(wide) }
    }

    /// Lets `body` write the sums into a tensor of a wider dtype, and rounds them to the result's; the result itself where it is wide enough.
    func accumulating(into output: Tensor, in dtype: DType? = nil, _ body: (Tensor) throws -> Void) throws {
        let wide: DType = dtype ?? output.dtype.accumulation
        guard wide != output.dtype else { return try body(output) }
        let sums = try Tensor.uninitialized(output.shape, dtype: wide, in: name)
        try body(sums)
        try copy(sums, to: output)
    }
}
