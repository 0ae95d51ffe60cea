import ApusSymbolic
import CApusKernels
import CLAPACKE

/// Calls the closure with the element type that LAPACK has for a dtype.
func withLapackElement(_ dtype: DType, _ call: Call, _ body: (any LapackElement.Type) throws -> Void) throws {
    // OpenBLAS must be set up before its first product, LAPACK's included.
    _ = apus_blas_initialize()
    switch dtype {
    case .float32: try body(Float.self)
    case .float64: try body(Double.self)
    case .complex64: try body(apus_lapack_complex_float.self)
    case .complex128: try body(apus_lapack_complex_double.self)
    default: throw call.error(.dtypeMismatch, "takes float32, float64, complex64 and complex128, not \(dtype)")
    }
}

extension Call {
    /// A matrix or batch of matrices of a dtype that LAPACK takes.
    func matrix(_ index: Int) throws -> Tensor {
        let x = try tensor(index)
        guard x.rank >= 2 else {
            throw error(.shapeMismatch, "takes matrices (at least two dimensions), not shape \(x.shape)")
        }
        guard x.dtype.isDifferentiable, x.dtype != .float16, x.dtype != .bfloat16 else {
            throw error(.dtypeMismatch, "takes float32, float64, complex64 and complex128, not \(x.dtype)")
        }
        return x
    }

    func squareMatrix(_ index: Int) throws -> Tensor {
        let x = try matrix(index)
        let shape = x.shape
        try require(shape[-1] == shape[-2], error(.shapeMismatch, "takes square matrices, not shape \(shape)"))
        return x
    }

    /// The error for a matrix of a batch that LAPACK's `info` rejects.
    func singular(_ batch: Int, of count: Int, _ what: String) -> TensorError {
        error(.singular, count > 1 ? "matrix \(batch) of the batch \(what)" : "the matrix \(what)")
    }

    /// LAPACK's word for an argument that it does not take, NaN among the elements as a rule.
    func refused(_ info: Int32) -> TensorError {
        error(.invalidArgument, "LAPACK refused argument \(-Int(info)); is there a NaN among the elements?")
    }

    /// LAPACK counts in 32 bits.
    func lapackSize(_ size: Int) throws -> Int32 {
        guard let small = Int32(exactly: size) else { throw error(.overflow, "a matrix dimension of \(size) is too large for LAPACK") }
        return small
    }
}

extension Tensor {
    /// Copies the elements into a contiguous result.
    func copyElements(into output: Tensor, _ call: Call) throws {
        var (input, out) = (view, output.view)
        try check(apus_copy(&input, &out), call)
        withExtendedLifetime((self, output)) {}
    }

    /// The elements from a position on, of a contiguous tensor.
    func elements<Element>(_ type: Element.Type, at position: Int = 0) -> UnsafeMutablePointer<Element> {
        baseAddress.assumingMemoryBound(to: Element.self) + position
    }

    /// The number of matrices that the leading dimensions hold.
    var matrixCount: Int { layout.sizesArray.dropLast(2).reduce(1, *) }
}

extension Shape {
    /// The dimensions before the last two.
    var batch: [SymInt] { sizes.dropLast(2) }
}
