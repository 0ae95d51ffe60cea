import CApusKernels
import Testing

/// How a weight is packed: a format, and how many numbers of a column share a scale (0: all).
struct Packing: CustomStringConvertible {
    let format: apus_weight_format
    let group: Int

    static let all: [Packing] = [
        Packing(format: APUS_WEIGHT_FLOAT32, group: 0), Packing(format: APUS_WEIGHT_BFLOAT16, group: 0),
        Packing(format: APUS_WEIGHT_INT8, group: 0), Packing(format: APUS_WEIGHT_INT8, group: 64),
        Packing(format: APUS_WEIGHT_INT8, group: 7),
    ]

    var description: String { "format \(format.rawValue), groups of \(group)" }

    /// The scale of each row of a weight, [n, k] as PyTorch has it, and group.
    func scales(_ weight: TestArray) -> TestArray? {
        if format != APUS_WEIGHT_INT8 { return nil }
        let (n, k): (Int, Int) = (weight.shape[0], weight.shape[1])
        let length: Int = group == 0 ? max(k, 1) : group
        let groups: Int = max(1, (k + length - 1) / length)
        let scales = TestArray(APUS_FLOAT32, [n, groups], strides: [1, n], elements: n * groups)
        for i in 0..<n {
            for g in 0..<groups {
                scales[i * groups + g] = ((g * length)..<min((g + 1) * length, k)).reduce(0) { max($0, weight[i * k + $1].magnitude) } / 127
            }
        }
        return scales
    }

    /// The weight's numbers as they are stored.
    func stored(_ weight: TestArray) -> TestArray {
        if format == APUS_WEIGHT_FLOAT32 { return weight }
        let (k, length): (Int, Int) = (weight.shape[1], group == 0 ? max(weight.shape[1], 1) : group)
        let dtype: apus_dtype = format == APUS_WEIGHT_BFLOAT16 ? APUS_BFLOAT16 : APUS_INT8
        let elements: Int = zip(weight.shape, weight.strides).reduce(1) { $0 + max($1.0 - 1, 0) * $1.1 }
        let stored = TestArray(dtype, weight.shape, strides: weight.strides, elements: elements)
        let scales: TestArray? = scales(weight)
        for i in 0..<weight.count {
            guard let scales else {
                stored[i] = weight[i]
                continue
            }
            let scale: Double = scales[i / k * scales.shape[1] + i % k / length]
            stored[i] = scale == 0 ? 0 : (weight[i] / scale).rounded(.toNearestOrEven)
        }
        return stored
    }

    /// The numbers that a product computes with, by rows.
    func rounded(_ weight: TestArray) -> [[Double]] {
        let (stored, scales): (TestArray, TestArray?) = (stored(weight), scales(weight))
        let (k, length): (Int, Int) = (weight.shape[1], group == 0 ? max(weight.shape[1], 1) : group)
        return (0..<weight.shape[0]).map { (i: Int) in
            (0..<k).map { (j: Int) in stored[i * k + j] * (scales.map { $0[i * $0.shape[1] + j / length] } ?? 1) }
        }
    }
}

/// A packed weight that frees itself.
final class PackedWeight {
    let memory: UnsafeMutableRawPointer
    let status: Int32

    init(_ packing: Packing, _ weight: TestArray) throws {
        let (n, k): (Int64, Int64) = (Int64(weight.shape[0]), Int64(weight.shape[1]))
        memory = try #require(apus_allocate(apus_packed_size_as(Int32(packing.format.rawValue), Int64(packing.group), n, k)))
        let (stored, scales): (TestArray, TestArray?) = (packing.stored(weight), packing.scales(weight))
        var view: apus_view = stored.view
        if var factors: apus_view = scales?.view {
            status = apus_pack_as(Int32(packing.format.rawValue), Int64(packing.group), &view, &factors, memory)
        } else {
            status = apus_pack_as(Int32(packing.format.rawValue), Int64(packing.group), &view, nil, memory)
        }
        withExtendedLifetime((stored, scales)) {}
    }

    deinit { apus_free(memory) }

    func product(
        _ x: TestArray, bias: TestArray?, after: apus_epilogue? = nil, context: UnsafeMutableRawPointer? = nil, into out: TestArray
    ) -> Int32 {
        var (a, c): (apus_view, apus_view) = (x.view, out.view)
        guard var b: apus_view = bias?.view else { return apus_linear_packed(&a, Int64(out.shape[1]), memory, nil, after, context, &c) }
        return apus_linear_packed(&a, Int64(out.shape[1]), memory, &b, after, context, &c)
    }
}

@Suite struct PackedProductTests {
    /// Rows of a matrix with room between them, full of NaN.
    private func rows(_ m: Int, _ n: Int) -> TestArray {
        let array = TestArray(APUS_FLOAT32, [m, n], strides: [n + 5, 1], elements: m * (n + 5))
        for i in 0..<(m * (n + 5)) { array.storage.assumingMemoryBound(to: Float.self)[i] = .nan }
        return array
    }

    private func numbers(_ array: TestArray) -> [[Double]] {
        (0..<array.shape[0]).map { (i: Int) in (0..<array.shape[1]).map { array[i * array.shape[1] + $0] } }
    }

    /// Sums of k products, and a bias, one after the other: each addition and multiplication errs by half a unit in the last place (2^-24) of sums that are no
    /// larger than the sum of magnitudes.
    @Test(arguments: [
        (0, 3, 2), (2, 0, 2), (1, 1, 1), (1, 40, 9), (6, 16, 0), (3, 70, 600), (4, 16, 64), (5, 65, 31), (7, 33, 19), (14, 32, 257),
        (29, 33, 260),
        (130, 20, 300), (60, 17, 1024), (13, 64, 513),
    ])
    func productsWithPackedWeightsAreWithinTheBoundOfTheirSums(_ m: Int, _ n: Int, _ k: Int) throws {
        var random = SplitMix(25)
        for (index, packing) in Packing.all.enumerated() {
            let x: TestArray = rows(m, k).fill { random.real() }
            let w: TestArray = (index % 2 == 0 ? Layout.contiguous : .transposed).array(APUS_FLOAT32, [n, k]).fill { random.real() }
            let b: TestArray = TestArray(APUS_FLOAT32, [n]).fill { random.real() }
            let weight = try PackedWeight(packing, w)
            #expect(weight.status == ok)
            let (left, right): ([[Double]], [[Double]]) = (numbers(x), packing.rounded(w))
            for bias in [nil, b] as [TestArray?] {
                let out: TestArray = rows(m, n)
                var hits = [Int32](repeating: 0, count: m * n)
                hits.withUnsafeMutableBufferPointer { (buffer: inout UnsafeMutableBufferPointer<Int32>) in
                    var context: (UnsafeMutablePointer<Int32>?, Int) = (buffer.baseAddress, n)
                    let count: apus_epilogue = { context, row, rows, column, columns in
                        guard let (hits, n) = context?.load(as: (UnsafeMutablePointer<Int32>?, Int).self) else { return }
                        for i in row..<(row + rows) { for j in column..<(column + columns) { hits?[Int(i) * n + Int(j)] += 1 } }
                    }
                    #expect(weight.product(x, bias: bias, after: count, context: &context, into: out) == ok)
                }
                #expect(hits.allSatisfy { $0 == 1 }, "\(m)x\(n)x\(k) \(packing): pieces")
                for i in 0..<m {
                    for j in 0..<n {
                        var (sum, magnitudes): (Double, Double) = (bias?[j] ?? 0, bias?[j].magnitude ?? 0)
                        for (p, q) in zip(left[i], right[j]) {
                            sum += p * q
                            magnitudes += (p * q).magnitude
                        }
                        let error: Double = (out[i * n + j] - sum).magnitude
                        guard error <= Double(k + 3) * 0x1p-24 * magnitudes else {
                            Issue.record("\(m)x\(n)x\(k) \(packing): [\(i), \(j)] is \(out[i * n + j]) instead of \(sum)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test func aRowHasTheSameBitsOnAnyNumberOfThreadsAndByItself() throws {
        let (m, n, k) = (301, 203, 517)
        var random = SplitMix(26)
        let x: TestArray = TestArray(APUS_FLOAT32, [m, k]).fill { random.real() }
        let w: TestArray = TestArray(APUS_FLOAT32, [n, k]).fill { random.real() }
        let threads: Int32 = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        for packing in Packing.all {
            let weight = try PackedWeight(packing, w)
            let results: [[Double]] = [1, 2, 3, 8].map { (count: Int32) -> [Double] in
                apus_set_num_threads(count)
                let out = TestArray(APUS_FLOAT32, [m, n])
                #expect(weight.product(x, bias: nil, into: out) == ok)
                return out.values
            }
            for other: [Double] in results.dropFirst() { #expect(other == results[0], "\(packing)") }
            for count in [1, 3, 4, 5, 40] {
                let few = TestArray(APUS_FLOAT32, [count, k], (7 * k..<(7 + count) * k).map { x[$0] })
                let out = TestArray(APUS_FLOAT32, [count, n])
                #expect(weight.product(few, bias: nil, into: out) == ok)
                #expect(out.values == Array(results[0][(7 * n)..<((7 + count) * n)]), "\(count) rows, \(packing)")
            }
        }
    }

    @Test func whatIsNotFiniteStaysInItsRowAndColumn() throws {
        let (m, n, k) = (9, 20, 40)
        let x: TestArray = TestArray(APUS_FLOAT32, [m, k]).fill { 1 }
        let w: TestArray = TestArray(APUS_FLOAT32, [n, k]).fill { 2 }
        (x[3 * k + 5], x[4 * k]) = (.nan, .infinity)
        for packing in Packing.all {
            if packing.format != APUS_WEIGHT_INT8 { (w[18 * k + 7], w[2 * k]) = (.nan, -.infinity) }
            let out = TestArray(APUS_FLOAT32, [m, n])
            #expect(try PackedWeight(packing, w).product(x, bias: nil, into: out) == ok)
            for i in 0..<m {
                for j in 0..<n {
                    let hasInfinity: Bool = packing.format != APUS_WEIGHT_INT8 && j == 2
                    let isNaN: Bool = i == 3 || (packing.format != APUS_WEIGHT_INT8 && j == 18)
                    let want: Double = hasInfinity ? -.infinity : i == 4 ? .infinity : 80
                    let got: Double = out[i * n + j]
                    let isRight: Bool =
                        isNaN ? got.isNaN : hasInfinity && i == 4 ? got.isNaN || got == want : (got - want).magnitude < 1e-3 || got == want
                    #expect(isRight, "\(packing): [\(i), \(j)] is \(got)")
                }
            }
            (w[18 * k + 7], w[2 * k]) = (2, 2)
        }
    }

    @Test func weightsAndSizesThatDoNotFitAreRefused() throws {
        #expect(apus_packed_size(-1, 3) == -1 && apus_packed_size(Int64.max, 3) == -1 && apus_packed_size(1 << 40, 1 << 40) == -1)
        #expect(
            apus_packed_size_as(3, 0, 1, 1) == -1 && apus_packed_size_as(2, -1, 1, 1) == -1
                && apus_packed_size_as(2, 1, 1 << 31, 1 << 31) == -1)
        let w: TestArray = TestArray(APUS_FLOAT32, [3, 4]).fill { 1 }
        let weight = try PackedWeight(Packing.all[0], w)
        let x = TestArray(APUS_FLOAT32, [2, 5])
        #expect(weight.product(x, bias: nil, into: TestArray(APUS_FLOAT32, [2, 3])) == status(APUS_INVALID_ARGUMENT))
        let (levels, few) = (TestArray(APUS_INT8, [3, 4]), TestArray(APUS_FLOAT32, [3, 2]))
        func pack(_ group: Int64, _ numbers: TestArray, _ scales: TestArray?) -> Int32 {
            var view: apus_view = numbers.view
            guard var factors: apus_view = scales?.view else {
                return apus_pack_as(Int32(APUS_WEIGHT_INT8.rawValue), group, &view, nil, weight.memory)
            }
            return apus_pack_as(Int32(APUS_WEIGHT_INT8.rawValue), group, &view, &factors, weight.memory)
        }
        #expect(pack(0, levels, nil) == status(APUS_INVALID_ARGUMENT), "no scales")
        #expect(pack(0, levels, few) == status(APUS_INVALID_ARGUMENT), "scales of two groups for one")
        #expect(pack(2, few, few) == status(APUS_UNSUPPORTED), "numbers of another dtype")
        #expect(pack(2, levels, few) == ok)
        #expect(try PackedWeight(Packing.all[0], TestArray(APUS_FLOAT64, [3, 4])).status == status(APUS_UNSUPPORTED))
    }
}
