import CApusKernels
import CLAPACKE

// LAPACK walks columns. Its own way to take row-major matrices, element by element, can cost more than the factorisation.

extension LapackElement {
    /// The dtype by which kernels know the elements.
    private static var dtype: Int32 {
        let dtype: DType =
            parts == 2 ? (Real.self == Float.self ? .complex64 : .complex128) : (Real.self == Float.self ? .float32 : .float64)
        return Int32(dtype.rawValue)
    }

    /// Runs a routine on a row-major m x n matrix laid out by columns, and writes back what it made of it.
    static func byColumns(_ m: Int32, _ n: Int32, _ a: Pointer, _ body: (Pointer) -> Int32) -> Int32 {
        // A single row or column lies alike either way.
        if m <= 1 || n <= 1 { return body(a) }
        guard let storage = Storage(byteCount: Int(m) * Int(n) * MemoryLayout<Self>.stride) else { return LAPACK_TRANSPOSE_MEMORY_ERROR }
        let columns: Pointer = storage.pointer.assumingMemoryBound(to: Self.self)
        transpose(Int64(m), Int64(n), a, columns)
        let info: Int32 = body(columns)
        transpose(Int64(n), Int64(m), columns, a)
        withExtendedLifetime(storage) {}
        return info
    }

    /// Writes the transpose of a contiguous m x n matrix.
    private static func transpose(_ m: Int64, _ n: Int64, _ from: Pointer, _ to: Pointer) {
        var (sizes, apart, together): ([Int64], [Int64], [Int64]) = ([n, m], [1, n], [m, 1])
        sizes.withUnsafeMutableBufferPointer { sizes in
            apart.withUnsafeMutableBufferPointer { apart in
                together.withUnsafeMutableBufferPointer { together in
                    var input = apus_view(data: from, sizes: sizes.baseAddress, strides: apart.baseAddress, rank: 2, dtype: dtype)
                    var output = apus_view(data: to, sizes: sizes.baseAddress, strides: together.baseAddress, rank: 2, dtype: dtype)
                    _ = apus_copy(&input, &output)
                }
            }
        }
    }

    /// Overwrites `b` [n, columns] with the solution of `a x = b` for a triangular matrix; gives the first row, from 1, whose divisor is zero.
    static func trtrs(_ upper: Bool, _ unit: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer) -> Int32 {
        let isZero: (Int) -> Bool = { row in
            UnsafeMutableRawPointer(a + row * (Int(n) + 1)).withMemoryRebound(to: Real.self, capacity: parts) { divisor in
                (0..<parts).allSatisfy { divisor[$0] == 0 }
            }
        }
        if !unit, let row = (0..<Int(n)).first(where: isZero) { return Int32(truncatingIfNeeded: row + 1) }
        apus_solve_triangular(dtype, upper, unit, Int64(n), Int64(columns), a, b)
        return 0
    }

    /// Overwrites `b` [n, columns] with the solution of `a x = b`, from what `getrf` made of `a`.
    static func getrs(_ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer) {
        for row in 0..<Int(n) where Int(pivots[row]) != row + 1 {
            for column in 0..<Int(columns) {
                let (one, other): (Int, Int) = (row * Int(columns) + column, (Int(pivots[row]) - 1) * Int(columns) + column)
                (b[one], b[other]) = (b[other], b[one])
            }
        }
        apus_solve_triangular(dtype, false, true, Int64(n), Int64(columns), a, b)
        apus_solve_triangular(dtype, true, false, Int64(n), Int64(columns), a, b)
    }
}
