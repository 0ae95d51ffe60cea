import ApusSymbolic
import CApusKernels
import CLAPACKE

/// LAPACK's interface looks for NaN in every argument and refuses them; here each factorisation says what it makes of them.
private let lapackTakesNaN: Void = LAPACKE_set_nancheck(0)

/// Calls the closure with the element type that LAPACK has for a dtype.
func withLapackElement(_ dtype: DType, _ call: Call, _ body: (any LapackElement.Type) throws -> Void) throws {
    // OpenBLAS must be set up before its first product, LAPACK's included.
    _ = apus_blas_initialize()
    lapackTakesNaN
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

    /// LAPACK's word for an argument that it does not take, or for memory that it could not have.
    func refused(_ info: Int32) -> TensorError {
        if info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR {
            return error(.outOfMemory, "no memory for LAPACK to work in")
        }
        return error(.invalidArgument, "LAPACK refused argument \(-Int(info))")
    }

    /// The error for matrices whose factorisation is not defined, and that LAPACK itself would not survive.
    func notFinite() -> TensorError { error(.invalidArgument, "takes finite numbers, no NaN and no infinity") }

    /// LAPACK counts in 32 bits.
    func lapackSize(_ size: Int) throws -> Int32 {
        guard let small = Int32(exactly: size) else { throw error(.overflow, "a matrix dimension of \(size) is too large for LAPACK") }
        return small
    }
}

/// The worst that is among numbers.
enum Finiteness { case finite, infinite, nan }

extension LapackElement {
    /// Real numbers per element.
    static var parts: Int { MemoryLayout<Self>.stride / MemoryLayout<Real>.stride }

    /// The worst among the elements from a position on.
    static func finiteness(of matrices: Tensor, at position: Int, count: Int) -> Finiteness {
        // Of concrete types, so that the loop is compiled for each.
        Real.self == Float.self
            ? worst(UnsafeBufferPointer(start: matrices.elements(Float.self, at: position * parts), count: count * parts))
            : worst(UnsafeBufferPointer(start: matrices.elements(Double.self, at: position * parts), count: count * parts))
    }

    private static func worst<Number: BinaryFloatingPoint>(_ numbers: UnsafeBufferPointer<Number>) -> Finiteness {
        if numbers.allSatisfy({ $0.isFinite }) { return .finite }
        return numbers.contains { $0.isNaN } ? .nan : .infinite
    }

    /// Makes every number from a position on NaN, of complex ones both parts.
    static func fillWithNaN(_ output: Tensor, at position: Int, count: Int) {
        output.elements(Real.self, at: position * parts).update(repeating: .nan, count: count * parts)
    }

    /// Calls the closure with memory for so many elements, all zero.
    static func withScratch<Result>(_ count: Int, _ call: Call, _ body: (Pointer) throws -> Result) throws -> Result {
        let byteCount = count.multipliedReportingOverflow(by: MemoryLayout<Self>.stride)
        guard !byteCount.overflow, let storage = Storage(byteCount: byteCount.partialValue) else {
            throw call.error(.outOfMemory, "no memory for \(count) elements to work in")
        }
        storage.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount.partialValue)
        return try withExtendedLifetime(storage) { try body(storage.pointer.assumingMemoryBound(to: Self.self)) }
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
