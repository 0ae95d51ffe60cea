import CApusKernels
import Foundation
import Testing

@Suite struct MatmulTests {
    /// The product, added up in `Double`; `bt` batches.
    private func product(_ a: TestArray, _ b: TestArray, _ bt: Int, _ m: Int, _ n: Int, _ k: Int) -> [Double] {
        var result: [Double] = []
        for batch in 0..<bt {
            for i in 0..<m {
                for j in 0..<n {
                    var sum = 0.0
                    for l in 0..<k { sum += a[(batch * m + i) * k + l] * b[(batch * k + l) * n + j] }
                    result.append(sum)
                }
            }
        }
        return result
    }

    @Test func blasComesUpRight() {
        #expect(apus_blas_initialize())
        let core = String(cString: apus_blas_core_name())
        guard ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"].map({ $0 == core }) ?? true else { return }
        // Whatever OpenBLAS makes of the processor, its kernels use the vector instructions that there are.
        let wide = ["SkylakeX", "Cooperlake", "SapphireRapids"]
        switch String(cString: apus_cpu_level()) {
        case "avx512": #expect(wide.contains(core), "\(core)")
        case "avx2": #expect((wide + ["Haswell", "Zen"]).contains(core), "\(core)")
        default: #expect(!core.isEmpty)
        }
    }

    /// Small whole numbers: exact in every dtype. The old contents are NaN, which a factor of 0 must not let through.
    @Test(arguments: [(1, 1, 1), (3, 4, 5), (1, 7, 9), (7, 1, 9), (5, 6, 0), (24, 20, 40), (0, 3, 4)])
    func products(_ m: Int, _ n: Int, _ k: Int) {
        var random = SplitMix(13)
        for dtype in floatingDtypes + integerDtypes + [APUS_COMPLEX64, APUS_COMPLEX128] {
            for batch in [nil, 1, 3] as [Int?] {
                let lead: [Int] = batch.map { [$0] } ?? []
                for (i, layout) in Layout.allCases.enumerated() {
                    let other: Layout = Layout.allCases[(i * 5 + 2) % Layout.allCases.count]
                    let a: TestArray = layout.array(dtype, lead + [m, k]).fill { Double(random.whole(0...3)) }
                    let b: TestArray = other.array(dtype, lead + [k, n]).fill { Double(random.whole(0...1)) }
                    let out: TestArray = Layout.allCases[i % 4].array(dtype, lead + [m, n]).fill { dtype.rawValue >= 6 ? .nan : 1 }
                    var v: [apus_view] = [a.view, b.view, out.view]
                    let exact: [Double] = product(a, b, batch ?? 1, m, n, k)
                    #expect(apus_matmul(1, &v[0], &v[1], 0, &v[2]) == ok)
                    expectEqual(out, exact, "\(dtype) \(lead) \(m)x\(n)x\(k) \(layout) \(other)")
                    #expect(apus_matmul(2, &v[0], &v[1], 0, &v[2]) == ok)
                    if dtype != APUS_INT8 && dtype != APUS_UINT8 {
                        #expect(apus_matmul(1, &v[0], &v[1], 3, &v[2]) == ok)
                        expectEqual(out, exact.map { $0 * 7 }, "with beta, \(dtype) \(lead) \(m)x\(n)x\(k) \(layout) \(other)")
                    }
                }
            }
        }
    }

    /// Sizes on both sides of every limit between BLAS and our own tiles, whole numbers: exact whatever the order.
    @Test(arguments: [
        (130, 70, 33), (2, 300, 400), (400, 2, 300), (1, 700, 300), (3, 307, 1201), (4, 16, 16400), (5, 299, 700), (9, 33, 4000),
        (130, 90, 100), (530, 21, 100),
        (20, 20, 10),
    ])
    func largeProductsAreSplitRight(_ m: Int, _ n: Int, _ k: Int) {
        var random = SplitMix(14)
        let numbers: [Double] = (0..<((m + n) * k)).map { _ in Double(random.whole(-3...3)) }
        let a = TestArray(APUS_FLOAT32, [m, k], Array(numbers[..<(m * k)]))
        let b = TestArray(APUS_FLOAT32, [k, n], Array(numbers[(m * k)...]))
        let (left, right): ([Int], [Int]) = (numbers[..<(m * k)].map { Int($0) }, numbers[(m * k)...].map { Int($0) })
        var exact = [Int](repeating: 0, count: m * n)
        for i in 0..<m { for l in 0..<k { for j in 0..<n { exact[i * n + j] &+= left[i * k + l] &* right[l * n + j] } } }
        for layouts in [
            (Layout.contiguous, Layout.contiguous), (.contiguous, .transposed), (.transposed, .contiguous), (.transposed, .transposed),
        ] {
            let (x, y): (TestArray, TestArray) = (layouts.0.array(APUS_FLOAT32, [m, k]), layouts.1.array(APUS_FLOAT32, [k, n]))
            for i in 0..<(m * k) { x[i] = a[i] }
            for i in 0..<(k * n) { y[i] = b[i] }
            let out: TestArray = TestArray(APUS_FLOAT32, [m, n]).fill { .nan }
            var v: [apus_view] = [x.view, y.view, out.view]
            #expect(apus_matmul(1, &v[0], &v[1], 0, &v[2]) == ok)
            expectEqual(out, exact.map { Double($0) }, "\(m)x\(n)x\(k) \(layouts)")
            #expect(apus_matmul(1, &v[0], &v[1], 1, &v[2]) == ok)
            expectEqual(out, exact.map { Double(2 * $0) }, "added, \(m)x\(n)x\(k) \(layouts)")
        }
    }

    @Test func linearAndDot() {
        var random = SplitMix(15)
        let x: TestArray = TestArray(APUS_FLOAT32, [6, 9]).fill { random.real() }
        let w: TestArray = TestArray(APUS_FLOAT32, [4, 9]).fill { random.real() }
        let b: TestArray = TestArray(APUS_FLOAT32, [4]).fill { random.real() }
        let out = TestArray(APUS_FLOAT32, [6, 4])
        var v: [apus_view] = [x, w, b, out].map(\.view)
        #expect(apus_linear(&v[0], &v[1], &v[2], &v[3]) == ok)
        let expected: [Double] = (0..<24).map { (i: Int) -> Double in
            (0..<9).reduce(b[i % 4]) { $0 + x[i / 4 * 9 + $1] * w[i % 4 * 9 + $1] }
        }
        expectEqual(out, expected, "linear")
        let p: TestArray = Layout.reversed.array(APUS_FLOAT64, [5]).fill { random.real() }
        let q: TestArray = Layout.everySecond.array(APUS_FLOAT64, [5]).fill { random.real() }
        let dot = TestArray(APUS_FLOAT64, [])
        v = [p, q, dot].map(\.view)
        #expect(apus_dot(&v[0], &v[1], &v[2]) == ok)
        expectEqual(dot, [zip(p.values, q.values).reduce(0) { $0 + $1.0 * $1.1 }], "dot")
    }

    /// What BLAS cannot walk is copied: also where the bytes of a copy overflow, repeated numbers are not written beyond it.
    @Test func repeatedNumbersWithoutMemoryForAllAreRefused() {
        let long: Int = 1 << 62
        let row = TestArray(APUS_FLOAT32, [1, long], strides: [0, 0], elements: 1)
        let column = TestArray(APUS_FLOAT32, [long, 1], strides: [0, 0], elements: 1)
        let line = TestArray(APUS_FLOAT32, [long], strides: [0], elements: 1)
        let (product, dot) = (TestArray(APUS_FLOAT32, [1, 1]), TestArray(APUS_FLOAT32, []))
        var v: [apus_view] = [row, column, line, product, dot].map(\.view)
        withExtendedLifetime((row, column, line, product, dot)) {
            #expect(apus_matmul(1, &v[0], &v[1], 0, &v[3]) == status(APUS_OUT_OF_MEMORY))
            #expect(apus_dot(&v[2], &v[2], &v[4]) == status(APUS_OUT_OF_MEMORY))
        }
    }

    @Test func sizesThatDoNotFitAreRefused() {
        let a = TestArray(APUS_FLOAT32, [2, 3])
        let out = TestArray(APUS_FLOAT32, [2, 2])
        var v: [apus_view] = [a.view, out.view]
        #expect(apus_matmul(1, &v[0], &v[0], 0, &v[1]) == status(APUS_INVALID_ARGUMENT))
        #expect(
            apus_gemm(false, false, 2, 2, 3, 1, a.pointer, 1, a.pointer, 2, 0, out.pointer, 2, code(APUS_FLOAT32))
                == status(APUS_INVALID_ARGUMENT))
    }
}
