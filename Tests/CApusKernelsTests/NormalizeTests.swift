import CApusKernels
import Foundation
import Testing

@Suite struct NormalizeTests {
    /// Calls `body` with the positions of each line along `dim`.
    private func forEachLine(_ shape: [Int], _ dim: Int, _ body: ([Int]) -> Void) {
        let inner: Int = shape[(dim + 1)...].reduce(1, *)
        let length: Int = shape[dim]
        for position in 0..<shape.reduce(1, *) where position / inner % length == 0 {
            body((0..<length).map { position + $0 * inner })
        }
    }

    @Test func softmaxForwardAndBackward() {
        var random = SplitMix(10)
        for dtype in floatingDtypes {
            for shape in [[7], [3, 5], [20, 33], [2, 3, 40], [2, 1100]] {
                for layout in Layout.allCases {
                    let x: TestArray = layout.array(dtype, shape).fill { random.real(-8...8) }
                    let g: TestArray = TestArray(dtype, shape).fill { random.real() }
                    for dim in shape.indices {
                        for logarithm in [false, true] {
                            let y = TestArray(dtype, shape)
                            let gx = TestArray(dtype, shape)
                            var views: [apus_view] = [x.view, y.view, g.view, gx.view]
                            #expect(apus_softmax(logarithm, Int32(dim), &views[0], &views[1]) == ok)
                            #expect(apus_softmax_backward(logarithm, Int32(dim), &views[2], &views[1], &views[3]) == ok)
                            var expected: [Double] = y.values
                            var gradient: [Double] = y.values
                            forEachLine(shape, dim) { line in
                                let top: Double = line.map { x[$0] }.max() ?? 0
                                let total: Double = line.reduce(0) { $0 + exp(x[$1] - top) }
                                let sum: Double = line.reduce(0) { $0 + g[$1] * (logarithm ? 1 : y[$1]) }
                                for i in line {
                                    expected[i] = logarithm ? x[i] - top - log(total) : exp(x[i] - top) / total
                                    gradient[i] = logarithm ? g[i] - exp(y[i]) * sum : y[i] * (g[i] - sum)
                                }
                            }
                            expectEqual(y, expected, "softmax \(dtype) \(shape) \(layout) \(dim)")
                            expectEqual(gx, gradient, within: 2, "softmax gradient \(dtype) \(shape) \(layout) \(dim)")
                        }
                    }
                }
            }
        }
    }

    @Test func softmaxOfMaskedRows() {
        let x = TestArray(APUS_FLOAT32, [3, 2], [-.infinity, 0, -.infinity, -.infinity, .nan, 0])
        let y = TestArray(APUS_FLOAT32, [3, 2])
        var views: [apus_view] = [x.view, y.view]
        #expect(apus_softmax(false, 1, &views[0], &views[1]) == ok)
        #expect(y[0] == 0 && y[1] == 1)
        #expect(y.values[2...].allSatisfy { $0.isNaN })
    }

    /// Mean and 1 / sqrt(variance + epsilon).
    private func moments(_ values: [Double], _ epsilon: Double) -> (mean: Double, rstd: Double) {
        let mean: Double = values.reduce(0, +) / Double(values.count)
        let variance: Double = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return (mean, 1 / (variance + epsilon).squareRoot())
    }

    /// Fewer positions than a vector has lanes, whole vectors and not; with what leaves float32 and what is no number.
    @Test(arguments: [0, 1, 3, 15, 16, 17, 64, 100, 150])
    func channelNorm(_ positions: Int) {
        var random = SplitMix(12)
        for (batch, channels) in [(2, 1), (1, 40), (3, 70), (0, 3), (2, 0)] {
            for (epsilon, size) in [(1e-5, 4.0), (0, 4), (1e-30, 1e-12), (1e-5, 1e25)] {
                var x: [Float] = (0..<batch * channels * positions).map { _ in Float(random.real(0...size)) }
                if size == 4, !x.isEmpty { (x[0], x[x.count / 2]) = (.nan, .infinity) }
                let (w, b): ([Float], [Float]) = (
                    (0..<channels).map { _ in Float(random.real()) }, (0..<channels).map { _ in Float(random.real()) }
                )
                for (weight, bias) in [(w, b), (w, nil), (nil, nil)] as [([Float]?, [Float]?)] {
                    var y = [Float](repeating: -1, count: x.count)
                    let sizes: [Int64] = [batch, channels, positions].map(Int64.init)
                    weight.withPointer { weight in
                        bias.withPointer { bias in apus_channel_norm(sizes[0], sizes[1], sizes[2], epsilon, x, weight, bias, &y) }
                    }
                    for place in 0..<batch * positions {
                        let first: Int = place / max(positions, 1) * channels * positions + place % positions
                        let row: [Int] = (0..<channels).map { first + $0 * positions }
                        let (mean, rstd) = moments(row.map { Double(x[$0]) }, epsilon)
                        // One channel has no variance: without an epsilon it is divided by zero.
                        for (c, i) in row.enumerated() where rstd.isFinite || !mean.isFinite {
                            let expected: Double = (Double(x[i]) - mean) * rstd * Double(weight?[c] ?? 1) + Double(bias?[c] ?? 0)
                            let bound: Double = 3e-6 * (1 + abs(expected)) + 2e-7 * abs(mean) * rstd
                            let isRight: Bool = expected.isNaN ? y[i].isNaN : abs(Double(y[i]) - expected) <= bound
                            #expect(isRight, "\(batch) \(channels) \(positions) \(epsilon) \(size): \(y[i]) is not \(expected)")
                        }
                    }
                }
            }
        }
    }

    /// All channels of a position alike: what rounding leaves of the variance must not fall below zero, nor be taken for one.
    @Test(arguments: [100, 112, 448, 1000], [1e4, 1e7, 1e8] as [Float])
    func channelNormOfEqualChannels(_ channels: Int, _ value: Float) {
        let positions = 37
        for epsilon in [1e-5, 1e-6, 1e-12] {
            let x = [Float](repeating: value, count: channels * positions)
            var y = [Float](repeating: -1, count: x.count)
            apus_channel_norm(1, Int64(channels), Int64(positions), epsilon, x, nil, nil, &y)
            #expect(y.allSatisfy { $0 == 0 }, "\(epsilon): \(y.first { $0 != 0 } ?? 0)")
        }
    }

    @Test(arguments: [(1, 1), (5, 7), (9, 300)])
    func layerNorm(_ rows: Int, _ columns: Int) {
        var random = SplitMix(11)
        for dtype in floatingDtypes {
            let x: TestArray = TestArray(dtype, [rows, columns]).fill { random.real(0...4) }
            let g: TestArray = TestArray(dtype, [rows, columns]).fill { random.real() }
            let w: TestArray = TestArray(dtype, [columns]).fill { random.real() }
            let b: TestArray = TestArray(dtype, [columns]).fill { random.real() }
            let y = TestArray(dtype, [rows, columns])
            let gx = TestArray(dtype, [rows, columns])
            let gw = TestArray(dtype, [columns])
            let gb = TestArray(dtype, [columns])
            let mean = TestArray(APUS_FLOAT64, [rows])
            let rstd = TestArray(APUS_FLOAT64, [rows])
            var v: [apus_view] = [x, w, b, y, mean, rstd, g, gx, gw, gb].map(\.view)
            #expect(apus_layer_norm(Int64(rows), Int64(columns), 1e-3, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) == ok)
            #expect(apus_layer_norm_backward(Int64(rows), Int64(columns), &v[6], &v[0], &v[4], &v[5], &v[1], &v[7], &v[8], &v[9]) == ok)
            var expected: [Double] = []
            var gradient: [Double] = []
            var weightSums: [Double] = Array(repeating: 0, count: columns)
            var biasSums = weightSums
            for r in 0..<rows {
                let row: [Double] = (0..<columns).map { x[r * columns + $0] }
                let (m, s): (Double, Double) = moments(row, 1e-3)
                let normal: [Double] = row.map { ($0 - m) * s }
                let scaled: [Double] = (0..<columns).map { g[r * columns + $0] * w[$0] }
                let plain: Double = scaled.reduce(0, +) / Double(columns)
                let slope: Double = zip(scaled, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
                for c in 0..<columns {
                    expected.append(normal[c] * w[c] + b[c])
                    gradient.append(s * (scaled[c] - plain - normal[c] * slope))
                    weightSums[c] += g[r * columns + c] * normal[c]
                    biasSums[c] += g[r * columns + c]
                }
            }
            expectEqual(y, expected, within: 3, "layer norm \(dtype)")
            expectEqual(gx, gradient, within: 10, "gradient by the input \(dtype)")
            expectEqual(gw, weightSums, within: 10, "gradient by the weight \(dtype)")
            expectEqual(gb, biasSums, within: 10, "gradient by the bias \(dtype)")
        }
    }

    @Test func batchAndGroupNorm() {
        var random = SplitMix(12)
        let (batch, channels, spatial): (Int, Int, Int) = (3, 4, 25)
        let shape: [Int] = [batch, channels, spatial]
        for dtype in floatingDtypes {
            let x: TestArray = TestArray(dtype, shape).fill { random.real(0...4) }
            let w: TestArray = TestArray(dtype, [channels]).fill { random.real() }
            let b: TestArray = TestArray(dtype, [channels]).fill { random.real() }
            let mean = TestArray(APUS_FLOAT64, [channels])
            let variance = TestArray(APUS_FLOAT64, [channels])
            let y = TestArray(dtype, shape)
            let z = TestArray(dtype, shape)
            var v: [apus_view] = [x, w, b, mean, variance, y, z].map(\.view)
            let (n, c, s): (Int64, Int64, Int64) = (Int64(batch), Int64(channels), Int64(spatial))
            #expect(apus_batch_norm_statistics(n, c, s, &v[0], &v[3], &v[4]) == ok)
            #expect(apus_batch_norm_inference(n, c, s, 1e-3, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) == ok)
            #expect(apus_group_norm(n, c, s, 2, 1e-3, &v[0], &v[1], &v[2], &v[6], nil, nil) == ok)
            #expect(apus_group_norm(n, c, s, 3, 1e-3, &v[0], &v[1], &v[2], &v[6], nil, nil) == status(APUS_INVALID_ARGUMENT))
            var batchNormal: [Double] = []
            var groupNormal: [Double] = []
            for i in 0..<x.count {
                let (sample, channel): (Int, Int) = (i / (channels * spatial), i / spatial % channels)
                let own: [Double] = (0..<x.count).filter { $0 / spatial % channels == channel }.map { x[$0] }
                let group: [Double] = (0..<x.count).filter { $0 / (2 * spatial) == sample * 2 + channel / 2 }.map { x[$0] }
                let (m, r): (Double, Double) = moments(own, 1e-3)
                let (gm, gr): (Double, Double) = moments(group, 1e-3)
                batchNormal.append((x[i] - m) * r * w[channel] + b[channel])
                groupNormal.append((x[i] - gm) * gr * w[channel] + b[channel])
            }
            expectEqual(y, batchNormal, within: 3, "batch norm \(dtype)")
            expectEqual(z, groupNormal, within: 3, "group norm \(dtype)")
        }
    }

    /// Views that hold fewer or more elements than the counts say, or elements of another kind, are refused before anything is read.
    @Test func countsThatViewsDoNotHaveAreRefused() {
        let invalid = Int32(bitPattern: APUS_INVALID_ARGUMENT.rawValue)
        func array(_ count: Int, _ dtype: apus_dtype = APUS_FLOAT32) -> TestArray { TestArray(dtype, [count]) }
        /// Runs a kernel with every view right, and then with each one too small, too large and of integers.
        func expectRefusals(_ counts: [Int], _ name: String, _ run: (UnsafeMutablePointer<apus_view>) -> Int32) {
            let right: [TestArray] = counts.map { array($0) }
            var views: [apus_view] = right.map(\.view)
            #expect(run(&views) == ok, "\(name)")
            for position in counts.indices {
                for wrong in [array(1), array(counts[position] + 1), array(0), array(counts[position], APUS_INT64)] {
                    var views: [apus_view] = right.map(\.view)
                    views[position] = wrong.view
                    #expect(run(&views) != ok, "\(name), view \(position): \(wrong.shape) \(wrong.dtype)")
                    withExtendedLifetime(wrong) {}
                }
            }
            withExtendedLifetime(right) {}
        }
        expectRefusals([24, 24, 6, 6, 4, 4], "layer norm") { v in apus_layer_norm(6, 4, 1e-5, v, v + 4, v + 5, v + 1, v + 2, v + 3) }
        expectRefusals([24, 24, 4], "rms norm") { v in apus_rms_norm(6, 4, 1e-5, v, v + 2, v + 1) }
        expectRefusals([24, 6, 6, 4, 24, 4, 4], "layer norm backward") { v in
            apus_layer_norm_backward(6, 4, v, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6)
        }
        expectRefusals([24, 3, 3, 3, 3, 24], "batch norm") { v in
            apus_batch_norm_inference(4, 3, 2, 1e-5, v, v + 1, v + 2, v + 3, v + 4, v + 5)
        }
        expectRefusals([24, 3, 3], "batch norm statistics") { v in apus_batch_norm_statistics(4, 3, 2, v, v + 1, v + 2) }
        expectRefusals([24, 24, 3, 3, 3, 24, 3, 3], "batch norm backward") { v in
            apus_batch_norm_backward(true, 4, 3, 2, v + 1, v, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7)
        }
        expectRefusals([24, 4, 4, 24, 4, 4], "group norm") { v in
            apus_group_norm(2, 4, 3, 2, 1e-5, v, v + 1, v + 2, v + 3, v + 4, v + 5)
        }
        expectRefusals([24, 24, 4, 4, 4, 24, 4, 4], "group norm backward") { v in
            apus_group_norm_backward(2, 4, 3, 2, v + 1, v, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7)
        }
        let four = array(4)
        defer { withExtendedLifetime(four) {} }
        var x: apus_view = four.view
        #expect(apus_layer_norm(.max, .max, 1e-5, &x, nil, nil, &x, nil, nil) == invalid)
        #expect(apus_batch_norm_statistics(.max, 2, 2, &x, &x, &x) == invalid)
        #expect(apus_group_norm(.max, 4, 1, 4, 1e-5, &x, nil, nil, &x, nil, nil) == invalid)
    }
}

extension [Float]? {
    /// A pointer to the numbers, or null.
    fileprivate func withPointer(_ body: (UnsafePointer<Float>?) -> Void) {
        if let self { self.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
    }
}
