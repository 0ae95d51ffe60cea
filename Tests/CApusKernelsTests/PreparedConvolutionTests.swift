import CApusKernels
import Testing

/// Convolutions with packed weights, against sums of products in double precision.
@Suite struct PreparedConvolutionTests {
    typealias Case = ConvolutionTests.Case

    static let cases: [Case] =
        ConvolutionTests.cases + ConvolutionTests.fast + [
            Case(channels: (3, 20), size: [40, 37], kernel: [7, 7], stride: 2, padding: 3),
            Case(channels: (8, 5), size: [49], kernel: [1]),
            Case(channels: (6, 9), size: [50, 61], kernel: [1, 1]),
            Case(batch: 3, channels: (4, 8), groups: 2, size: [25, 9], kernel: [3, 3], stride: 3, padding: 2, dilation: 2),
            Case(channels: (2, 3), size: [700], kernel: [5], padding: 2),
            Case(batch: 5, channels: (9, 11), size: [1, 1], kernel: [3, 3], padding: 1),
            Case(batch: 0, channels: (3, 4), size: [5, 5], kernel: [3, 3]),
            Case(channels: (0, 4), size: [6, 6], kernel: [3, 3], padding: 1),
            Case(channels: (4, 0), size: [6, 6], kernel: [3, 3], padding: 1),
            Case(channels: (12, 12), groups: 12, size: [61, 70], kernel: [5, 5], stride: 2, padding: 2),
            Case(channels: (10, 10), groups: 10, size: [9, 7], kernel: [7, 7], padding: 3),
            Case(channels: (40, 9), size: [14, 14], kernel: [3, 3], padding: 1),
            Case(channels: (7, 7), groups: 7, size: [7, 7], kernel: [3, 3], padding: 1),
            Case(channels: (5, 15), groups: 5, size: [14, 14], kernel: [5, 5], stride: 2, padding: 2),
            Case(channels: (6, 6), groups: 6, size: [7, 3], kernel: [7, 7], padding: 3),
            Case(batch: 9, channels: (3, 3), groups: 3, size: [1, 1], kernel: [3, 3], padding: 1),
            Case(channels: (3, 6), groups: 3, size: [40, 113], kernel: [3, 3], padding: 1),
            Case(channels: (2, 2), groups: 2, size: [150, 33], kernel: [3, 3], stride: 2, padding: 2),
            Case(channels: (3, 3), size: [2, 8], kernel: [3, 3], padding: 3),
            // Sums of more than 64 products, for which channels are in lanes.
            Case(batch: 2, channels: (70, 31), size: [7, 7], kernel: [1, 1]),
            Case(channels: (300, 24), size: [8, 8], kernel: [1, 1]),
            Case(batch: 2, channels: (9, 30), size: [15, 13], kernel: [3, 3], stride: 2, padding: 1),
            Case(channels: (20, 64), size: [10, 11], kernel: [2, 2], stride: 2),
            Case(batch: 2, channels: (32, 64), groups: 2, size: [9, 9], kernel: [3, 3], stride: 2, padding: 1, dilation: 2),
            Case(channels: (8, 24), size: [4, 5, 6], kernel: [3, 3, 3], stride: 2, padding: 1),
            Case(channels: (30, 40), size: [70], kernel: [5], stride: 2, padding: 2),
            Case(channels: (66, 13), size: [9, 2], kernel: [1, 1], stride: 2),
        ]

    /// How often each element of the result was handed to the epilogue.
    final class Seen {
        var counts: [Int]
        let columns: Int
        init(_ rows: Int, _ columns: Int) {
            counts = Array(repeating: 0, count: rows * columns)
            self.columns = columns
        }
    }

    private func run(_ conv: inout apus_conv, _ algorithm: Int32, _ x: TestArray, _ w: TestArray, _ b: TestArray, _ shape: [Int])
        -> TestArray?
    {
        let size = Int(apus_conv_packed_size(&conv, algorithm))
        guard size >= 0 else { return nil }
        let packed = TestArray(APUS_FLOAT32, [max(1, size / 4)])
        #expect(apus_conv_pack(&conv, algorithm, w.pointer, packed.pointer) == ok)
        let y = TestArray(APUS_FLOAT32, shape)
        let seen = Seen(shape[0] * shape[1], shape[2...].reduce(1, *))
        apus_set_num_threads(1)
        let status: Int32 = apus_conv_packed(
            &conv, algorithm, x.pointer, packed.pointer, b.pointer,
            { context, row, rows, column, columns in
                guard let context else { return }
                let seen: Seen = Unmanaged<Seen>.fromOpaque(context).takeUnretainedValue()
                for r in Int(row)..<Int(row + rows) {
                    for c in Int(column)..<Int(column + columns) { seen.counts[r * seen.columns + c] += 1 }
                }
            }, Unmanaged.passUnretained(seen).toOpaque(), y.pointer)
        #expect(status == ok)
        #expect(seen.counts.allSatisfy { $0 == 1 })
        apus_set_num_threads(2)
        let again = TestArray(APUS_FLOAT32, shape)
        #expect(apus_conv_packed(&conv, algorithm, x.pointer, packed.pointer, b.pointer, nil, nil, again.pointer) == ok)
        #expect(zip(again.values, y.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
        return y
    }

    /// All forms but the largest tiles are exact on small whole numbers; those are within 64 units of rounding of the largest sum of sizes.
    @Test(arguments: cases)
    func packedWeights(_ c: Case) {
        var random = SplitMix(31)
        var (conv, out): (apus_conv, [Int]) = ConvolutionTests().describe(c)
        let x: TestArray = TestArray(APUS_FLOAT32, [c.batch, c.channels.0] + c.size).fill { Double(random.whole(-2...2)) }
        let w: TestArray = TestArray(APUS_FLOAT32, [c.channels.1, c.channels.0 / c.groups] + c.kernel).fill { Double(random.whole(-2...2)) }
        let b: TestArray = TestArray(APUS_FLOAT32, [c.channels.1]).fill { Double(random.whole(-2...2)) }
        let shape: [Int] = [c.batch, c.channels.1] + out
        let plane: Int = out.reduce(1, *)
        var expected: [Double] = (0..<shape.reduce(1, *)).map { b[$0 / plane % c.channels.1] }
        var sizes: [Double] = expected.map(abs)
        ConvolutionTests().forEachProduct(c, out) { o, i, k in
            expected[o] += x[i] * w[k]
            sizes[o] += abs(x[i] * w[k])
        }
        let bound: Double = (sizes.max() ?? 0) * 64 / 16_777_216
        var forms: [Int32] = []
        for algorithm in [APUS_CONV_DIRECT, APUS_CONV_DEPTHWISE, APUS_CONV_WINOGRAD_2, APUS_CONV_WINOGRAD_4] {
            guard let y: TestArray = run(&conv, Int32(algorithm.rawValue), x, w, b, shape) else { continue }
            forms.append(Int32(algorithm.rawValue))
            if algorithm == APUS_CONV_WINOGRAD_4 {
                #expect(zip(y.values, expected).allSatisfy { abs($0 - $1) <= bound }, "\(c)")
            } else {
                #expect(y.values == expected, "\(c) \(algorithm)")
            }
        }
        for exact in [false, true] {
            let chosen: Int32 = apus_conv_algorithm_for(&conv, code(APUS_FLOAT32), exact)
            #expect(forms.contains(chosen), "\(c)")
            #expect(!exact || chosen != Int32(APUS_CONV_WINOGRAD_4.rawValue))
        }
        #expect(apus_conv_algorithm_for(&conv, code(APUS_FLOAT64), false) == -1)
    }

    /// NaN and infinity reach exactly the windows that hold them; with tiles they may reach the rest of the tile.
    @Test(arguments: [(2, 3), (8, 24)])
    func specialValues(_ channels: (Int, Int)) {
        let c = Case(batch: 1, channels: channels, size: [20, 21], kernel: [3, 3], padding: 1)
        var random = SplitMix(32)
        var (conv, out): (apus_conv, [Int]) = ConvolutionTests().describe(c)
        let x: TestArray = TestArray(APUS_FLOAT32, [1, channels.0] + c.size).fill { Double(random.whole(-2...2)) }
        let w: TestArray = TestArray(APUS_FLOAT32, [channels.1, channels.0, 3, 3]).fill { Double(random.whole(1...2)) }
        let b: TestArray = TestArray(APUS_FLOAT32, [channels.1]).fill { 0 }
        x[7] = .nan
        x[300] = .infinity
        var expected: [Double] = Array(repeating: 0, count: channels.1 * 420)
        ConvolutionTests().forEachProduct(c, out) { o, i, k in expected[o] += x[i] * w[k] }
        for algorithm in [APUS_CONV_DIRECT, APUS_CONV_WINOGRAD_2, APUS_CONV_WINOGRAD_4] {
            guard let y: TestArray = run(&conv, Int32(algorithm.rawValue), x, w, b, [1, channels.1] + out) else {
                Issue.record("no packed form")
                continue
            }
            if algorithm == APUS_CONV_DIRECT {
                #expect(zip(y.values, expected).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
            } else {
                #expect(zip(y.values, expected).allSatisfy { $1.isFinite || !$0.isFinite })
                #expect(y.values.filter { !$0.isFinite }.count <= channels.1 * 2 * 4 * 16)
            }
        }
    }
}
