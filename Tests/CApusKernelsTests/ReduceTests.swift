import CApusKernels
import Foundation
import Testing

@Suite struct ReduceTests {
    /// The elements of `x` that go into each position of the reduced shape, in row-major order.
    static func groups(_ x: TestArray, _ kept: [Int]) -> [[Double]] {
        var groups: [[Double]] = Array(repeating: [], count: kept.reduce(1, *))
        for position in 0..<x.count {
            var rest: Int = position
            var target = 0
            var step = 1
            for d in x.shape.indices.reversed() {
                let c: Int = rest % x.shape[d]
                rest /= x.shape[d]
                if kept[d] == x.shape[d] { target += c * step }
                step *= kept[d]
            }
            groups[target].append(x[position])
        }
        return groups
    }

    /// Every choice of dimensions to reduce.
    static func reducedShapes(_ shape: [Int]) -> [[Int]] {
        (0..<(1 << shape.count)).map { mask in shape.indices.map { mask >> $0 & 1 == 1 ? 1 : shape[$0] } }
    }

    private func reduce(_ op: apus_reduce_op, _ x: TestArray, _ out: TestArray, _ parameter: Double = 0) -> Int32 {
        var a: apus_view = x.view
        var b: apus_view = out.view
        return apus_reduce(op, parameter, &a, &b)
    }

    @Test func allReductionsOverAllDimensions() {
        var random = SplitMix(7)
        for dtype in floatingDtypes + integerDtypes {
            for shape in shapes where !shape.contains(0) {
                for layout in Layout.allCases {
                    let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(dtype == APUS_UINT8 ? 0...9 : -9...9)) }
                    for kept in Self.reducedShapes(shape) {
                        let groups: [[Double]] = Self.groups(x, kept)
                        let label = "\(dtype) \(shape) to \(kept) \(layout)"
                        let sum = TestArray(integerDtypes.contains(dtype) ? APUS_INT64 : APUS_FLOAT64, kept)
                        #expect(reduce(APUS_REDUCE_SUM, x, sum) == ok)
                        expectEqual(sum, groups.map { $0.reduce(0, +) }, "sum \(label)")
                        let extreme = TestArray(dtype, kept)
                        #expect(reduce(APUS_REDUCE_MAX, x, extreme) == ok)
                        expectEqual(extreme, groups.map { $0.max() ?? .nan }, "max \(label)")
                        #expect(reduce(APUS_REDUCE_MIN, x, extreme) == ok)
                        expectEqual(extreme, groups.map { $0.min() ?? .nan }, "min \(label)")
                        let position = TestArray(APUS_INT64, kept)
                        #expect(reduce(APUS_REDUCE_ARGMAX, x, position) == ok)
                        expectEqual(position, groups.map { g in Double(g.firstIndex(of: g.max() ?? .nan) ?? -1) }, "argmax \(label)")
                        let truth = TestArray(APUS_BOOL, kept)
                        #expect(reduce(APUS_REDUCE_ALL, x, truth) == ok)
                        expectEqual(truth, groups.map { $0.allSatisfy { $0 != 0 } ? 1 : 0 }, "all \(label)")
                        #expect(reduce(APUS_REDUCE_ANY, x, truth) == ok)
                        expectEqual(truth, groups.map { $0.contains { $0 != 0 } ? 1 : 0 }, "any \(label)")
                    }
                }
            }
        }
    }

    /// Short rows that are folded as long ones, blocks of rows, several parts, tiles of columns, and runs of rows.
    @Test func reductionsOfLargeArrays() {
        var random = SplitMix(28)
        for shape in [[70_000, 3], [9000, 10], [70, 1100], [5, 2050, 7], [2, 140_000]] {
            for dtype in [APUS_FLOAT32, APUS_BFLOAT16, APUS_INT64] {
                for layout in [Layout.contiguous, .transposed] {
                    let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(0...9)) }
                    for kept in Self.reducedShapes(shape) where kept != shape {
                        let groups: [[Double]] = Self.groups(x, kept)
                        let label = "\(dtype) \(shape) to \(kept) \(layout)"
                        for out in integerDtypes.contains(dtype) ? [APUS_INT64] : [APUS_FLOAT32, APUS_FLOAT64] {
                            let sum = TestArray(out, kept)
                            #expect(reduce(APUS_REDUCE_SUM, x, sum) == ok)
                            expectEqual(sum, groups.map { $0.reduce(0, +) }, "sum \(label)")
                        }
                        let extreme = TestArray(dtype, kept)
                        #expect(reduce(APUS_REDUCE_MAX, x, extreme) == ok)
                        expectEqual(extreme, groups.map { $0.max() ?? .nan }, "max \(label)")
                        let count = TestArray(APUS_INT64, kept)
                        #expect(reduce(APUS_REDUCE_COUNT_NONZERO, x, count) == ok)
                        expectEqual(count, groups.map { Double($0.count { $0 != 0 }) }, "count \(label)")
                    }
                }
            }
        }
    }

    @Test func momentsAndNorms() {
        var random = SplitMix(8)
        for shape in [[7], [33, 65], [3, 2000], [2000, 3], [2, 3, 4]] {
            for layout in Layout.allCases {
                let x: TestArray = layout.array(APUS_FLOAT32, shape).fill { random.real(90...110) }
                for kept in Self.reducedShapes(shape) {
                    let groups: [[Double]] = Self.groups(x, kept)
                    let label = "\(shape) to \(kept) \(layout)"
                    let variance = TestArray(APUS_FLOAT32, kept)
                    let mean = TestArray(APUS_FLOAT32, kept)
                    var views: [apus_view] = [x.view, variance.view, mean.view]
                    #expect(apus_var_mean(1, false, &views[0], &views[1], &views[2]) == ok)
                    let means: [Double] = groups.map { $0.reduce(0, +) / Double($0.count) }
                    expectEqual(mean, means, "mean \(label)")
                    let squares: [Double] = zip(groups, means).map { g, m in g.reduce(0) { $0 + ($1 - m) * ($1 - m) } }
                    let expected: [Double] = zip(groups, squares).map { $1 / Double($0.count - 1) }
                    expectEqual(variance, expected, within: 5, "variance \(label)")
                    for p in [0, 1, 2, 3.5, Double.infinity, -Double.infinity] {
                        let norm = TestArray(APUS_FLOAT32, kept)
                        #expect(reduce(APUS_REDUCE_NORM, x, norm, p) == ok)
                        let exact: [Double] = groups.map { g in
                            if p == 0 { return Double(g.count { $0 != 0 }) }
                            if p.isInfinite { return (p > 0 ? g.map(\.magnitude).max() : g.map(\.magnitude).min()) ?? .nan }
                            return pow(g.reduce(0) { $0 + pow($1.magnitude, p) }, 1 / p)
                        }
                        expectEqual(norm, exact, "norm \(p) \(label)")
                    }
                }
            }
        }
    }

    @Test func longSumsStayAccurate() {
        let n = 1 << 20
        let x = TestArray(APUS_FLOAT32, [n])
        let memory: UnsafeMutablePointer<Float> = x.storage.assumingMemoryBound(to: Float.self)
        for i in 0..<n { memory[i] = 0.1 }
        let out = TestArray(APUS_FLOAT32, [1])
        #expect(reduce(APUS_REDUCE_SUM, x, out) == ok)
        let exact: Double = Double(Float(0.1)) * Double(n)
        #expect((out[0] - exact).magnitude <= exact * 3e-7)
    }

    @Test func notANumberWinsAndIsFound() {
        for n in [3, 40, 3000] {
            let x = TestArray(APUS_FLOAT32, [n], (0..<n).map { $0 == n - 2 || $0 == n - 1 ? .nan : Double($0) })
            let out = TestArray(APUS_FLOAT32, [1])
            #expect(reduce(APUS_REDUCE_MAX, x, out) == ok && out[0].isNaN)
            #expect(reduce(APUS_REDUCE_MIN, x, out) == ok && out[0].isNaN)
            let position = TestArray(APUS_INT64, [1])
            #expect(reduce(APUS_REDUCE_ARGMIN, x, position) == ok)
            #expect(position[0] == Double(n - 2))
        }
    }

    @Test func emptyDimensions() {
        let x = TestArray(APUS_FLOAT32, [3, 0])
        let out = TestArray(APUS_FLOAT32, [3, 1])
        #expect(reduce(APUS_REDUCE_SUM, x, out) == ok && out.values == [0, 0, 0])
        #expect(reduce(APUS_REDUCE_PROD, x, out) == ok && out.values == [1, 1, 1])
        #expect(reduce(APUS_REDUCE_MEAN, x, out) == ok && out.values.allSatisfy { $0.isNaN })
        #expect(reduce(APUS_REDUCE_MAX, x, out) == status(APUS_EMPTY_REDUCTION))
    }

    @Test func scansAlongEveryDimension() {
        var random = SplitMix(9)
        for dtype in floatingDtypes + integerDtypes {
            for shape in [[7], [3, 5], [20, 33], [2, 3, 4], [2, 1500]] {
                for layout in Layout.allCases {
                    let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(0...1)) }
                    for dim in shape.indices {
                        let wide: apus_dtype = integerDtypes.contains(dtype) ? APUS_INT64 : dtype
                        let sum = TestArray(wide, shape)
                        let largest = TestArray(dtype, shape)
                        let position = TestArray(APUS_INT64, shape)
                        var views: [apus_view] = [x.view, sum.view, largest.view, position.view]
                        #expect(apus_scan(APUS_SCAN_SUM, Int32(dim), &views[0], &views[1], nil) == ok)
                        #expect(apus_scan(APUS_SCAN_MAX, Int32(dim), &views[0], &views[2], &views[3]) == ok)
                        let inner: Int = shape[(dim + 1)...].reduce(1, *)
                        var sums: [Double] = Array(repeating: 0, count: x.count)
                        var best = sums
                        var bestAt = sums
                        for i in 0..<x.count {
                            let c: Int = i / inner % shape[dim]
                            sums[i] = x[i] + (c > 0 ? sums[i - inner] : 0)
                            let replaces: Bool = c == 0 || x[i] >= best[i - inner]
                            best[i] = replaces ? x[i] : best[i - inner]
                            bestAt[i] = replaces ? Double(c) : bestAt[i - inner]
                        }
                        expectEqual(sum, sums, "cumsum \(dtype) \(shape) \(layout) \(dim)")
                        expectEqual(largest, best, "cummax \(dtype) \(shape) \(layout) \(dim)")
                        expectEqual(position, bestAt, "cummax positions \(dtype) \(shape) \(layout) \(dim)")
                    }
                }
            }
        }
    }
}
