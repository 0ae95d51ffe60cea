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

    @Test func largeProductsAreSplitRight() {
        var random = SplitMix(14)
        for (m, n, k) in [(130, 70, 33), (2, 300, 400), (400, 2, 300), (1, 700, 300)] {
            let a: TestArray = TestArray(APUS_FLOAT32, [m, k]).fill { Double(random.whole(-3...3)) }
            let b: TestArray = Layout.transposed.array(APUS_FLOAT32, [k, n]).fill { Double(random.whole(-3...3)) }
            let out = TestArray(APUS_FLOAT32, [m, n])
            var v: [apus_view] = [a.view, b.view, out.view]
            #expect(apus_matmul(1, &v[0], &v[1], 0, &v[2]) == ok)
            expectEqual(out, product(a, b, 1, m, n, k), "\(m)x\(n)x\(k)")
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

    @Test func sizesThatDoNotFitAreRefused() {
        let a = TestArray(APUS_FLOAT32, [2, 3])
        let out = TestArray(APUS_FLOAT32, [2, 2])
        var v: [apus_view] = [a.view, out.view]
        #expect(apus_matmul(1, &v[0], &v[0], 0, &v[1]) == status(APUS_INVALID_ARGUMENT))
        #expect(
            apus_gemm(false, false, 2, 2, 3, 1, a.pointer, 1, a.pointer, 2, 0, out.pointer, 2, code(APUS_FLOAT32))
                == status(APUS_INVALID_ARGUMENT))
    }

    @Test func attentionEqualsItsDefinition() {
        var random = SplitMix(16)
        for (heads, queries, keys, depth) in [(1, 1, 1, 1), (2, 5, 7, 8), (2, 70, 90, 16)] {
            for causal in [false, true] {
                for masked in causal ? [0] : [0, 1, 2] {
                    let q: TestArray = TestArray(APUS_FLOAT32, [1, heads, queries, depth]).fill { random.real() }
                    let k: TestArray = TestArray(APUS_FLOAT32, [1, heads, keys, depth]).fill { random.real() }
                    let v: TestArray = TestArray(APUS_FLOAT32, [1, heads, keys, depth]).fill { random.real() }
                    let maskDtype: apus_dtype = masked == 1 ? APUS_BOOL : APUS_FLOAT32
                    let mask: TestArray = TestArray(maskDtype, [1, heads, queries, keys]).fill {
                        masked == 1 ? Double(random.whole(0...1)) : random.real()
                    }
                    let out = TestArray(APUS_FLOAT32, [1, heads, queries, depth])
                    var views: [apus_view] = [q, k, v, mask, out].map(\.view)
                    let result: Int32 =
                        masked == 0
                        ? apus_attention(&views[0], &views[1], &views[2], nil, causal, 0.5, &views[4])
                        : apus_attention(&views[0], &views[1], &views[2], &views[3], causal, 0.5, &views[4])
                    #expect(result == ok)
                    var expected: [Double] = []
                    for h in 0..<heads {
                        for i in 0..<queries {
                            var weights: [Double] = (0..<keys).map { (j: Int) -> Double in
                                if causal && j > i { return 0 }
                                let at: Int = (h * queries + i) * keys + j
                                if masked == 1 && mask[at] == 0 { return 0 }
                                let score: Double = (0..<depth).reduce(0) {
                                    $0 + q[(h * queries + i) * depth + $1] * k[(h * keys + j) * depth + $1]
                                }
                                return exp(score * 0.5 + (masked == 2 ? mask[at] : 0))
                            }
                            let total: Double = weights.reduce(0, +)
                            if total > 0 { weights = weights.map { $0 / total } }
                            for c in 0..<depth {
                                expected.append((0..<keys).reduce(0) { $0 + weights[$1] * v[(h * keys + $1) * depth + c] })
                            }
                        }
                    }
                    expectEqual(out, expected, "attention \(heads) \(queries) \(keys) causal \(causal) mask \(masked)")
                }
            }
        }
    }
}
