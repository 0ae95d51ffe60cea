import CLAPACKE

/// LAPACK's routines for one element type, as LAPACKE declares them.
struct LapackRoutines<Element, Real> {
    typealias Elements = UnsafeMutablePointer<Element>?
    typealias Reals = UnsafeMutablePointer<Real>?
    typealias Integers = UnsafeMutablePointer<Int32>?

    let getrf: (Int32, Int32, Int32, Elements, Int32, Integers) -> Int32
    let getri: (Int32, Int32, Elements, Int32, UnsafePointer<Int32>?) -> Int32
    let potrf: (Int32, CChar, Int32, Elements, Int32) -> Int32
    let geqrf: (Int32, Int32, Int32, Elements, Int32, Elements) -> Int32
    let orgqr: (Int32, Int32, Int32, Int32, Elements, Int32, UnsafePointer<Element>?) -> Int32
    let gesdd: (Int32, CChar, Int32, Int32, Elements, Int32, Reals, Elements, Int32, Elements, Int32) -> Int32
    let heevd: (Int32, CChar, CChar, Int32, Elements, Int32, Reals) -> Int32
    let gelsd: (Int32, Int32, Int32, Int32, Elements, Int32, Elements, Int32, Reals, Real, Integers) -> Int32
    /// Of symmetric and of Hermitian matrices.
    let sytrf, hetrf: (Int32, CChar, Int32, Elements, Int32, Integers) -> Int32
    let sytrs, hetrs: (Int32, CChar, Int32, Int32, UnsafePointer<Element>?, Int32, UnsafePointer<Int32>?, Elements, Int32) -> Int32
}

/// An element type that linear algebra computes with.
protocol LapackElement {
    associatedtype Real: BinaryFloatingPoint
    typealias Pointer = UnsafeMutablePointer<Self>
    static var lapack: LapackRoutines<Self, Real> { get }
}

protocol LapackReal: LapackElement, BinaryFloatingPoint where Real == Self {
    /// Eigenvalues (real and imaginary parts) and right eigenvectors, packed as LAPACK gives them, of a general matrix.
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32
}

protocol LapackComplex: LapackElement {
    /// Eigenvalues and right eigenvectors of a general matrix.
    static func geev(_ n: Int32, _ a: Pointer, _ w: Pointer, _ vr: Pointer) -> Int32
}

private let (rowMajor, columnMajor): (Int32, Int32) = (LAPACK_ROW_MAJOR, LAPACK_COL_MAJOR)

private func letter(_ character: Unicode.Scalar) -> CChar { CChar(UInt8(ascii: character)) }

extension LapackElement {
    static func getrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(m, n, a) { lapack.getrf(columnMajor, m, n, $0, max(m, 1), pivots) }
    }
    static func getri(_ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        byColumns(n, n, a) { lapack.getri(columnMajor, n, $0, max(n, 1), pivots) }
    }
    /// The rows of one triangle are the columns of the other, of the conjugate: the factor is the same.
    static func potrf(_ upper: Bool, _ n: Int32, _ a: Pointer) -> Int32 {
        lapack.potrf(columnMajor, letter(upper ? "L" : "U"), n, a, max(n, 1))
    }
    static func geqrf(_ m: Int32, _ n: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, n, a) { lapack.geqrf(columnMajor, m, n, $0, max(m, 1), tau) }
    }
    /// The first `k` reflectors in `a` (m x columns) as an orthogonal matrix.
    static func orgqr(_ m: Int32, _ columns: Int32, _ k: Int32, _ a: Pointer, _ tau: Pointer) -> Int32 {
        byColumns(m, columns, a) { lapack.orgqr(columnMajor, m, columns, k, $0, max(m, 1), tau) }
    }
    static func gesdd(
        _ job: CChar, _ m: Int32, _ n: Int32, _ a: Pointer, _ s: UnsafeMutablePointer<Real>, _ u: Pointer, _ uColumns: Int32, _ vt: Pointer
    ) -> Int32 {
        lapack.gesdd(rowMajor, job, m, n, a, max(n, 1), s, u, max(uColumns, 1), vt, max(n, 1))
    }
    static func heevd(_ job: CChar, _ uplo: CChar, _ n: Int32, _ a: Pointer, _ w: UnsafeMutablePointer<Real>) -> Int32 {
        byColumns(n, n, a) { lapack.heevd(columnMajor, job, uplo, n, $0, max(n, 1), w) }
    }
    /// By columns, as are those below.
    static func sytrf(_ hermitian: Bool, _ n: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        (hermitian ? lapack.hetrf : lapack.sytrf)(columnMajor, letter("L"), n, a, max(n, 1), pivots)
    }
    static func sytrs(
        _ hermitian: Bool, _ n: Int32, _ columns: Int32, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, _ b: Pointer
    ) -> Int32 {
        (hermitian ? lapack.hetrs : lapack.sytrs)(columnMajor, letter("L"), n, columns, a, max(n, 1), pivots, b, max(n, 1))
    }
    static func gelsd(
        _ m: Int32, _ n: Int32, _ columns: Int32, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Real>, _ rcond: Double,
        _ rank: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        lapack.gelsd(rowMajor, m, n, columns, a, max(n, 1), b, max(columns, 1), s, Real(rcond), rank)
    }
}

extension Float: LapackReal {
    static var lapack: LapackRoutines<Float, Float> {
        LapackRoutines(
            getrf: LAPACKE_sgetrf, getri: LAPACKE_sgetri, potrf: LAPACKE_spotrf, geqrf: LAPACKE_sgeqrf,
            orgqr: LAPACKE_sorgqr, gesdd: LAPACKE_sgesdd, heevd: LAPACKE_ssyevd, gelsd: LAPACKE_sgelsd,
            sytrf: LAPACKE_ssytrf, hetrf: LAPACKE_ssytrf, sytrs: LAPACKE_ssytrs, hetrs: LAPACKE_ssytrs)
    }
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_sgeev(rowMajor, letter("N"), letter("V"), n, a, max(n, 1), wr, wi, nil, max(n, 1), vr, max(n, 1))
    }
}

extension Double: LapackReal {
    static var lapack: LapackRoutines<Double, Double> {
        LapackRoutines(
            getrf: LAPACKE_dgetrf, getri: LAPACKE_dgetri, potrf: LAPACKE_dpotrf, geqrf: LAPACKE_dgeqrf,
            orgqr: LAPACKE_dorgqr, gesdd: LAPACKE_dgesdd, heevd: LAPACKE_dsyevd, gelsd: LAPACKE_dgelsd,
            sytrf: LAPACKE_dsytrf, hetrf: LAPACKE_dsytrf, sytrs: LAPACKE_dsytrs, hetrs: LAPACKE_dsytrs)
    }
    static func geev(_ n: Int32, _ a: Pointer, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_dgeev(rowMajor, letter("N"), letter("V"), n, a, max(n, 1), wr, wi, nil, max(n, 1), vr, max(n, 1))
    }
}

extension apus_lapack_complex_float: LapackComplex {
    static func geev(_ n: Int32, _ a: Pointer, _ w: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_cgeev(rowMajor, letter("N"), letter("V"), n, a, max(n, 1), w, nil, max(n, 1), vr, max(n, 1))
    }
    static var lapack: LapackRoutines<apus_lapack_complex_float, Float> {
        LapackRoutines(
            getrf: LAPACKE_cgetrf, getri: LAPACKE_cgetri, potrf: LAPACKE_cpotrf, geqrf: LAPACKE_cgeqrf,
            orgqr: LAPACKE_cungqr, gesdd: LAPACKE_cgesdd, heevd: LAPACKE_cheevd, gelsd: LAPACKE_cgelsd,
            sytrf: LAPACKE_csytrf, hetrf: LAPACKE_chetrf, sytrs: LAPACKE_csytrs, hetrs: LAPACKE_chetrs)
    }
}

extension apus_lapack_complex_double: LapackComplex {
    static func geev(_ n: Int32, _ a: Pointer, _ w: Pointer, _ vr: Pointer) -> Int32 {
        LAPACKE_zgeev(rowMajor, letter("N"), letter("V"), n, a, max(n, 1), w, nil, max(n, 1), vr, max(n, 1))
    }
    static var lapack: LapackRoutines<apus_lapack_complex_double, Double> {
        LapackRoutines(
            getrf: LAPACKE_zgetrf, getri: LAPACKE_zgetri, potrf: LAPACKE_zpotrf, geqrf: LAPACKE_zgeqrf,
            orgqr: LAPACKE_zungqr, gesdd: LAPACKE_zgesdd, heevd: LAPACKE_zheevd, gelsd: LAPACKE_zgelsd,
            sytrf: LAPACKE_zsytrf, hetrf: LAPACKE_zhetrf, sytrs: LAPACKE_zsytrs, hetrs: LAPACKE_zhetrs)
    }
}
