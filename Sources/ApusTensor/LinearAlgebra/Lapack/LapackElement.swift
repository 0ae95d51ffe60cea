import CLAPACKE

/// The LAPACK routines that linear algebra here needs, for one element type. Matrices are row-major; each gives LAPACK's `info`.
protocol LapackElement {
    associatedtype Real: BinaryFloatingPoint
    typealias Pointer = UnsafeMutablePointer<Self>

    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32
    static func getrs(_ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer) -> Int32
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32
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
    static func trtrs(_ upper: Bool, _ unit: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer) -> Int32
}

protocol LapackReal: LapackElement, BinaryFloatingPoint where Real == Self {
    /// Eigenvalues (real and imaginary parts) and right eigenvectors, packed as LAPACK gives them, of a general matrix.
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32
}

/// `LAPACK_ROW_MAJOR`.
private let rowMajor: Int32 = 101
private let low = CChar(UInt8(ascii: "L"))
private let up = CChar(UInt8(ascii: "U"))

extension Float: LapackReal {
    typealias Real = Float
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_sgetrf(rowMajor, m, n, a, max(n, 1), pivots)
    }
    static func getrs(_ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer) -> Int32 {
        LAPACKE_sgetrs(rowMajor, CChar(UInt8(ascii: "N")), n, columns, a, max(n, 1), pivots, b, max(columns, 1))
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_sgetri(rowMajor, n, a, max(n, 1), pivots)
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_spotrf(rowMajor, upper ? up : low, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 { LAPACKE_sgeqrf(rowMajor, m, n, a, max(n, 1), tau) }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        LAPACKE_sorgqr(rowMajor, m, columns, k, a, max(columns, 1), tau)
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Float>, _ u: Pointer, _ uColumns: Int32, _ vt: Pointer
    ) -> Int32 {
        LAPACKE_sgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Float>) -> Int32 {
        LAPACKE_ssyevd(rowMajor, job, uplo, n, a, max(n, 1), w)
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Float>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_sgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Float(rcond), rank)
    }
    static func trtrs(_ upper: Bool, _ unit: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer) -> Int32 {
        LAPACKE_strtrs(
            rowMajor, upper ? up : low, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: unit ? "U" : "N")), n, columns, a, max(n, 1), b,
            max(columns, 1))
    }
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_sgeev(rowMajor, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "V")), n, a, max(n, 1), wr, wi, nil, max(n, 1), vr, max(n, 1))
    }
}

extension Double: LapackReal {
    typealias Real = Double
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_dgetrf(rowMajor, m, n, a, max(n, 1), pivots)
    }
    static func getrs(_ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer) -> Int32 {
        LAPACKE_dgetrs(rowMajor, CChar(UInt8(ascii: "N")), n, columns, a, max(n, 1), pivots, b, max(columns, 1))
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_dgetri(rowMajor, n, a, max(n, 1), pivots)
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_dpotrf(rowMajor, upper ? up : low, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 { LAPACKE_dgeqrf(rowMajor, m, n, a, max(n, 1), tau) }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        LAPACKE_dorgqr(rowMajor, m, columns, k, a, max(columns, 1), tau)
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Double>, _ u: Pointer, _ uColumns: Int32,
        _ vt: Pointer
    ) -> Int32 {
        LAPACKE_dgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Double>) -> Int32 {
        LAPACKE_dsyevd(rowMajor, job, uplo, n, a, max(n, 1), w)
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Double>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_dgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Double(rcond), rank)
    }
    static func trtrs(_ upper: Bool, _ unit: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer) -> Int32 {
        LAPACKE_dtrtrs(
            rowMajor, upper ? up : low, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: unit ? "U" : "N")), n, columns, a, max(n, 1), b,
            max(columns, 1))
    }
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_dgeev(rowMajor, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "V")), n, a, max(n, 1), wr, wi, nil, max(n, 1), vr, max(n, 1))
    }
}

extension apus_lapack_complex_float: LapackElement {
    typealias Real = Float
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_cgetrf(rowMajor, m, n, a, max(n, 1), pivots)
    }
    static func getrs(_ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer) -> Int32 {
        LAPACKE_cgetrs(rowMajor, CChar(UInt8(ascii: "N")), n, columns, a, max(n, 1), pivots, b, max(columns, 1))
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_cgetri(rowMajor, n, a, max(n, 1), pivots)
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_cpotrf(rowMajor, upper ? up : low, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 { LAPACKE_cgeqrf(rowMajor, m, n, a, max(n, 1), tau) }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        LAPACKE_cungqr(rowMajor, m, columns, k, a, max(columns, 1), tau)
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Float>, _ u: Pointer, _ uColumns: Int32, _ vt: Pointer
    ) -> Int32 {
        LAPACKE_cgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Float>) -> Int32 {
        LAPACKE_cheevd(rowMajor, job, uplo, n, a, max(n, 1), w)
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Float>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_cgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Float(rcond), rank)
    }
    static func trtrs(_ upper: Bool, _ unit: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer) -> Int32 {
        LAPACKE_ctrtrs(
            rowMajor, upper ? up : low, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: unit ? "U" : "N")), n, columns, a, max(n, 1), b,
            max(columns, 1))
    }
}

extension apus_lapack_complex_double: LapackElement {
    typealias Real = Double
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_zgetrf(rowMajor, m, n, a, max(n, 1), pivots)
    }
    static func getrs(_ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer) -> Int32 {
        LAPACKE_zgetrs(rowMajor, CChar(UInt8(ascii: "N")), n, columns, a, max(n, 1), pivots, b, max(columns, 1))
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        LAPACKE_zgetri(rowMajor, n, a, max(n, 1), pivots)
    }
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 { LAPACKE_zpotrf(rowMajor, upper ? up : low, n, a, max(n, 1)) }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 { LAPACKE_zgeqrf(rowMajor, m, n, a, max(n, 1), tau) }
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        LAPACKE_zungqr(rowMajor, m, columns, k, a, max(columns, 1), tau)
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Double>, _ u: Pointer, _ uColumns: Int32,
        _ vt: Pointer
    ) -> Int32 {
        LAPACKE_zgesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Double>) -> Int32 {
        LAPACKE_zheevd(rowMajor, job, uplo, n, a, max(n, 1), w)
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Double>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_zgelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Double(rcond), rank)
    }
    static func trtrs(_ upper: Bool, _ unit: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer) -> Int32 {
        LAPACKE_ztrtrs(
            rowMajor, upper ? up : low, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: unit ? "U" : "N")), n, columns, a, max(n, 1), b,
            max(columns, 1))
    }
}
