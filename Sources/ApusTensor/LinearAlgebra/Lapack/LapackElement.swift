import CLAPACKE

/// The LAPACK routines that linear algebra here needs, for one element type. Matrices are row-major; each gives LAPACK's `info`.
protocol LapackElement {
    associatedtype Real: BinaryFloatingPoint
    typealias Pointer = UnsafeMutablePointer<Self>

    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32
    /// The rows of one triangle are the columns of the other, of the conjugate: the factor is the same.
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32
    /// The first `k` reflectors in `a` (m x columns) as an orthogonal matrix.
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Real>, _ u: Pointer, _ uColumns: Int32, _ vt: Pointer
    ) -> Int32
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Real>) -> Int32
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Real>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32
}

protocol LapackReal: LapackElement, BinaryFloatingPoint where Real == Self {
    /// Eigenvalues (real and imaginary parts) and right eigenvectors, packed as LAPACK gives them, of a general matrix.
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32
}

private let (rowMajor, columnMajor): (Int32, Int32) = (LAPACK_ROW_MAJOR, LAPACK_COL_MAJOR)
private let low = CChar(UInt8(ascii: "L"))
private let up = CChar(UInt8(ascii: "U"))

extension Float: LapackReal {
    typealias Real = Float
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(m, n, a) { LAPACKE_sgetrf(columnMajor, m, n, $0, max(m, 1), pivots) }
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_sgetri(columnMajor, n, $0, max(n, 1), pivots) }
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_spotrf(columnMajor, upper ? low : up, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, n, a) { LAPACKE_sgeqrf(columnMajor, m, n, $0, max(m, 1), tau) }
    }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, columns, a) { LAPACKE_sorgqr(columnMajor, m, columns, k, $0, max(m, 1), tau) }
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Float>, _ u: Pointer, _ uColumns: Int32, _ vt: Pointer
    ) -> Int32 {
        LAPACKE_sgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Float>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_ssyevd(columnMajor, job, uplo, n, $0, max(n, 1), w) }
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Float>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_sgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Float(rcond), rank)
    }
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_sgeev(rowMajor, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "V")), n, a, max(n, 1), wr, wi, nil, max(n, 1), vr, max(n, 1))
    }
}

extension Double: LapackReal {
    typealias Real = Double
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(m, n, a) { LAPACKE_dgetrf(columnMajor, m, n, $0, max(m, 1), pivots) }
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_dgetri(columnMajor, n, $0, max(n, 1), pivots) }
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_dpotrf(columnMajor, upper ? low : up, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, n, a) { LAPACKE_dgeqrf(columnMajor, m, n, $0, max(m, 1), tau) }
    }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, columns, a) { LAPACKE_dorgqr(columnMajor, m, columns, k, $0, max(m, 1), tau) }
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Double>, _ u: Pointer, _ uColumns: Int32,
        _ vt: Pointer
    ) -> Int32 {
        LAPACKE_dgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Double>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_dsyevd(columnMajor, job, uplo, n, $0, max(n, 1), w) }
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Double>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_dgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Double(rcond), rank)
    }
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_dgeev(rowMajor, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "V")), n, a, max(n, 1), wr, wi, nil, max(n, 1), vr, max(n, 1))
    }
}

extension apus_lapack_complex_float: LapackElement {
    typealias Real = Float
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(m, n, a) { LAPACKE_cgetrf(columnMajor, m, n, $0, max(m, 1), pivots) }
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_cgetri(columnMajor, n, $0, max(n, 1), pivots) }
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_cpotrf(columnMajor, upper ? low : up, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, n, a) { LAPACKE_cgeqrf(columnMajor, m, n, $0, max(m, 1), tau) }
    }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, columns, a) { LAPACKE_cungqr(columnMajor, m, columns, k, $0, max(m, 1), tau) }
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Float>, _ u: Pointer, _ uColumns: Int32, _ vt: Pointer
    ) -> Int32 {
        LAPACKE_cgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Float>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_cheevd(columnMajor, job, uplo, n, $0, max(n, 1), w) }
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Float>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_cgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Float(rcond), rank)
    }
}

extension apus_lapack_complex_double: LapackElement {
    typealias Real = Double
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(m, n, a) { LAPACKE_zgetrf(columnMajor, m, n, $0, max(m, 1), pivots) }
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_zgetri(columnMajor, n, $0, max(n, 1), pivots) }
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_zpotrf(columnMajor, upper ? low : up, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, n, a) { LAPACKE_zgeqrf(columnMajor, m, n, $0, max(m, 1), tau) }
    }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, columns, a) { LAPACKE_zungqr(columnMajor, m, columns, k, $0, max(m, 1), tau) }
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Double>, _ u: Pointer, _ uColumns: Int32,
        _ vt: Pointer
    ) -> Int32 {
        LAPACKE_zgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Double>) -> Int32 {
        byColumns(n, n, a) { LAPACKE_zheevd(columnMajor, job, uplo, n, $0, max(n, 1), w) }
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Double>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_zgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Double(rcond), rank)
    }
}
