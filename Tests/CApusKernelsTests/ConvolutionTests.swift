import CApusKernels
import Testing

@Suite struct ConvolutionTests {
    struct Case: CustomStringConvertible, Sendable {
        var batch = 2
        var channels: (Int, Int)
        var groups = 1
        var size: [Int]
        var kernel: [Int]
        var stride = 1
        var padding = 0
        var dilation = 1
        var description: String {
            "\(channels) groups \(groups) \(size) kernel \(kernel) stride \(stride) padding \(padding) dilation \(dilation)"
        }
    }

    /// Large enough for the form with fewer multiplications; whole numbers stay exact in it.
    static let fast: [Case] = [
        Case(batch: 1, channels: (16, 17), size: [21, 23], kernel: [3, 3], padding: 1),
        Case(channels: (18, 16), size: [16, 19], kernel: [3, 3]),
        Case(channels: (16, 16), size: [12, 15], kernel: [3, 3], padding: 2),
    ]

    @Test(arguments: fast)
    func threeByThree(_ c: Case) {
        var random = SplitMix(26)
        var (conv, out): (apus_conv, [Int]) = describe(c)
        let x: TestArray = TestArray(APUS_FLOAT32, [c.batch, c.channels.0] + c.size).fill { Double(random.whole(-2...2)) }
        let w: TestArray = TestArray(APUS_FLOAT32, [c.channels.1, c.channels.0] + c.kernel).fill { Double(random.whole(-2...2)) }
        let b: TestArray = TestArray(APUS_FLOAT32, [c.channels.1]).fill { Double(random.whole(-2...2)) }
        let y = TestArray(APUS_FLOAT32, [c.batch, c.channels.1] + out)
        #expect(apus_conv_forward(&conv, code(APUS_FLOAT32), x.pointer, w.pointer, b.pointer, y.pointer) == ok)
        let outPlane: Int = out.reduce(1, *)
        var expected: [Double] = (0..<y.count).map { b[$0 / outPlane % c.channels.1] }
        forEachProduct(c, out) { o, i, k in expected[o] += x[i] * w[k] }
        #expect(y.values == expected, "\(c)")
    }

    static let cases: [Case] = [
        Case(channels: (3, 4), size: [9], kernel: [3], padding: 1),
        Case(channels: (4, 6), groups: 2, size: [7, 8], kernel: [3, 2], stride: 2, padding: 1),
        Case(channels: (5, 7), size: [6, 6], kernel: [1, 1]),
        Case(channels: (4, 4), groups: 4, size: [9, 10], kernel: [3, 3], padding: 1),
        Case(channels: (3, 6), groups: 3, size: [8, 7], kernel: [3, 3], stride: 2, padding: 2, dilation: 2),
        Case(batch: 1, channels: (3, 5), size: [12, 11], kernel: [5, 4], stride: 3, padding: 2),
        Case(channels: (2, 3), size: [4, 5, 6], kernel: [2, 3, 2], stride: 2, padding: 1),
        Case(channels: (4, 3), size: [5, 5], kernel: [1, 1], stride: 2),
    ]

    func padded(_ values: [Int], _ filler: Int) -> (Int64, Int64, Int64) {
        let three: [Int] = Array(repeating: filler, count: 3 - values.count) + values
        return (Int64(three[0]), Int64(three[1]), Int64(three[2]))
    }

    func describe(_ c: Case) -> (apus_conv, [Int]) {
        let out: [Int] = zip(c.size, c.kernel).map {
            Int(apus_conv_out_size(Int64($0), Int64($1), Int64(c.stride), Int64(c.padding), Int64(c.dilation)))
        }
        let same: (Int) -> [Int] = { Array(repeating: $0, count: c.size.count) }
        let conv = apus_conv(
            batch: Int64(c.batch), in_channels: Int64(c.channels.0), out_channels: Int64(c.channels.1), groups: Int64(c.groups),
            in_size: padded(c.size, 1), out_size: padded(out, 1), kernel: padded(c.kernel, 1), stride: padded(same(c.stride), 1),
            padding: padded(same(c.padding), 0), dilation: padded(same(c.dilation), 1))
        return (conv, out)
    }

    /// Calls `body(output, input, weight)` for every triple of positions that a convolution multiplies.
    func forEachProduct(_ c: Case, _ out: [Int], _ body: (Int, Int, Int) -> Void) {
        let perGroup: (Int, Int) = (c.channels.0 / c.groups, c.channels.1 / c.groups)
        let outPlane: Int = out.reduce(1, *)
        let window: Int = c.kernel.reduce(1, *)
        for o in 0..<(c.batch * c.channels.1 * outPlane) {
            let channel: Int = o / outPlane % c.channels.1
            for ic in 0..<perGroup.0 {
                for k in 0..<window {
                    var place = 0
                    var step = 1
                    var inside = true
                    var restOut: Int = o % outPlane
                    var restKernel: Int = k
                    for d in c.size.indices.reversed() {
                        let at: Int = restOut % out[d] * c.stride - c.padding + restKernel % c.kernel[d] * c.dilation
                        inside = inside && at >= 0 && at < c.size[d]
                        place += at * step
                        step *= c.size[d]
                        restOut /= out[d]
                        restKernel /= c.kernel[d]
                    }
                    guard inside else { continue }
                    let plane: Int = o / outPlane / c.channels.1 * c.channels.0 + channel / perGroup.1 * perGroup.0 + ic
                    body(o, plane * step + place, (channel * perGroup.0 + ic) * window + k)
                }
            }
        }
    }

    /// Small whole numbers, so that float32 and float64 are exact and halves nearly so.
    @Test(arguments: cases)
    func forwardAndBackward(_ c: Case) {
        var random = SplitMix(17)
        var (conv, out): (apus_conv, [Int]) = describe(c)
        for dtype in floatingDtypes {
            let x: TestArray = TestArray(dtype, [c.batch, c.channels.0] + c.size).fill { Double(random.whole(-2...2)) }
            let w: TestArray = TestArray(dtype, [c.channels.1, c.channels.0 / c.groups] + c.kernel).fill { Double(random.whole(-2...2)) }
            let b: TestArray = TestArray(dtype, [c.channels.1]).fill { Double(random.whole(-2...2)) }
            let g: TestArray = TestArray(dtype, [c.batch, c.channels.1] + out).fill { Double(random.whole(-2...2)) }
            let y = TestArray(dtype, g.shape)
            let gx = TestArray(dtype, x.shape)
            let gw = TestArray(dtype, w.shape)
            let gb = TestArray(dtype, b.shape)
            #expect(apus_conv_forward(&conv, code(dtype), x.pointer, w.pointer, b.pointer, y.pointer) == ok)
            #expect(apus_conv_backward_input(&conv, code(dtype), g.pointer, w.pointer, gx.pointer) == ok)
            #expect(apus_conv_backward_weight(&conv, code(dtype), g.pointer, x.pointer, gw.pointer) == ok)
            #expect(apus_conv_backward_bias(&conv, code(dtype), g.pointer, gb.pointer) == ok)
            let outPlane: Int = out.reduce(1, *)
            var forward: [Double] = (0..<y.count).map { b[$0 / outPlane % c.channels.1] }
            var byInput: [Double] = Array(repeating: 0, count: x.count)
            var byWeight: [Double] = Array(repeating: 0, count: w.count)
            var byBias: [Double] = Array(repeating: 0, count: b.count)
            forEachProduct(c, out) { o, i, k in
                forward[o] += x[i] * w[k]
                byInput[i] += g[o] * w[k]
                byWeight[k] += g[o] * x[i]
            }
            for o in 0..<g.count { byBias[o / outPlane % c.channels.1] += g[o] }
            expectEqual(y, forward, "\(c) \(dtype)")
            expectEqual(gx, byInput, "by input, \(c) \(dtype)")
            expectEqual(gw, byWeight, "by weight, \(c) \(dtype)")
            expectEqual(gb, byBias, "by bias, \(c) \(dtype)")
        }
    }

    @Test func hostileSizesAreRefused() {
        #expect(apus_conv_out_size(5, 7, 1, 0, 1) == -1)
        #expect(apus_conv_out_size(5, 3, 0, 0, 1) == -1)
        #expect(apus_conv_out_size(5, Int64.max, 1, 0, Int64.max) == -1)
        #expect(apus_conv_out_size(5, 3, 1, -1, 1) == -1)
        #expect(apus_pool_out_size(5, 3, 0, 0, 1, false) == -1)
        #expect(apus_pool_out_size(5, Int64.max, 1, 0, 2, true) == -1)
        var (conv, _): (apus_conv, [Int]) = describe(Self.cases[0])
        conv.out_size.2 += 1
        let x = TestArray(APUS_FLOAT32, [1000])
        #expect(apus_conv_forward(&conv, code(APUS_FLOAT32), x.pointer, x.pointer, nil, x.pointer) == status(APUS_INVALID_ARGUMENT))
        #expect(apus_conv_forward(&conv, code(APUS_BOOL), x.pointer, x.pointer, nil, x.pointer) == status(APUS_UNSUPPORTED))
        // Windows that reach so far that the bytes of a padded block overflow.
        let far: Int64 = (1 << 60) - 1
        conv = apus_conv(
            batch: 1, in_channels: 1, out_channels: 1, groups: 1, in_size: (1, 1, 1), out_size: (1, 1, 1), kernel: (1, 2, 2),
            stride: (1, 1, 1), padding: (0, far, far), dilation: (1, 2 * far, 2 * far))
        #expect(apus_conv_forward(&conv, code(APUS_FLOAT32), x.pointer, x.pointer, nil, x.pointer) == status(APUS_OUT_OF_MEMORY))
    }

    /// A transposed convolution may be padded by up to its dilation: with windows of one element, too, the last positions have no counterpart.
    @Test(arguments: [(3, 4, 1), (1, 1, 1), (8, 8, 1), (4, 8, 4)])
    func positionsWithoutCounterpartAreZeros(_ inner: Int, _ outer: Int, _ groups: Int) {
        let c = Case(channels: (inner, outer), groups: groups, size: [12, 13], kernel: [1, 1])
        var random = SplitMix(18)
        var (conv, out): (apus_conv, [Int]) = describe(c)
        out = [11, 12]
        conv.out_size = (1, 11, 12)
        let x: TestArray = TestArray(APUS_FLOAT32, [2, inner] + c.size).fill { Double(random.whole(-2...2)) }
        let w: TestArray = TestArray(APUS_FLOAT32, [outer, inner / groups, 1, 1]).fill { Double(random.whole(-2...2)) }
        let g: TestArray = TestArray(APUS_FLOAT32, [2, outer] + out).fill { Double(random.whole(-2...2)) }
        let (y, gx, gw) = (TestArray(APUS_FLOAT32, g.shape), TestArray(APUS_FLOAT32, x.shape), TestArray(APUS_FLOAT32, w.shape))
        #expect(apus_conv_forward(&conv, code(APUS_FLOAT32), x.pointer, w.pointer, nil, y.pointer) == ok)
        #expect(apus_conv_backward_input(&conv, code(APUS_FLOAT32), g.pointer, w.pointer, gx.pointer) == ok)
        #expect(apus_conv_backward_weight(&conv, code(APUS_FLOAT32), g.pointer, x.pointer, gw.pointer) == ok)
        var forward: [Double] = Array(repeating: 0, count: y.count)
        var byInput: [Double] = Array(repeating: 0, count: x.count)
        var byWeight: [Double] = Array(repeating: 0, count: w.count)
        forEachProduct(c, out) { o, i, k in
            forward[o] += x[i] * w[k]
            byInput[i] += g[o] * w[k]
            byWeight[k] += g[o] * x[i]
        }
        expectEqual(y, forward, "\(c)")
        expectEqual(gx, byInput, "by input, \(c)")
        expectEqual(gw, byWeight, "by weight, \(c)")
    }

    /// A stride beyond every size leaves one window; padding moves the numbers into its last position.
    @Test(arguments: [1, 2]) func stridesOfAnySizeAreWalked(_ channels: Int) {
        var conv = apus_conv(
            batch: 1, in_channels: Int64(channels), out_channels: 1, groups: 1, in_size: (1, 1, 4), out_size: (1, 1, 1), kernel: (1, 1, 3),
            stride: (1, 1, Int64.max), padding: (0, 0, 2), dilation: (1, 1, 1))
        let x: TestArray = TestArray(APUS_FLOAT32, [channels, 4]).fill { 3 }
        let w: TestArray = TestArray(APUS_FLOAT32, [channels, 3]).fill { 2 }
        let y = TestArray(APUS_FLOAT32, [1])
        #expect(apus_conv_forward(&conv, code(APUS_FLOAT32), x.pointer, w.pointer, nil, y.pointer) == ok)
        #expect(y.values == [6 * Double(channels)])
    }

    @Test(arguments: [(9, 3, 2, 1, false), (9, 3, 2, 1, true), (8, 2, 2, 0, false), (7, 2, 3, 1, true)])
    func pooling(_ size: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ ceil: Bool) {
        var random = SplitMix(18)
        let out = Int(apus_pool_out_size(Int64(size), Int64(kernel), Int64(stride), Int64(padding), 1, ceil))
        var pool = apus_pooling(
            planes: 3, in_size: padded([size, size], 1), out_size: padded([out, out], 1), kernel: padded([kernel, kernel], 1),
            stride: padded([stride, stride], 1), padding: padded([padding, padding], 0), dilation: (1, 1, 1))
        for dtype in floatingDtypes {
            let x: TestArray = TestArray(dtype, [3, size, size]).fill { Double(random.whole(-9...9)) }
            let largest = TestArray(dtype, [3, out, out])
            let alone = TestArray(dtype, [3, out, out])
            let average = TestArray(dtype, [3, out, out])
            let positions = TestArray(APUS_INT64, [3, out, out])
            #expect(
                apus_max_pool(&pool, code(dtype), x.pointer, largest.pointer, positions.pointer.assumingMemoryBound(to: Int64.self)) == ok)
            #expect(apus_max_pool(&pool, code(dtype), x.pointer, alone.pointer, nil) == ok)
            #expect(apus_avg_pool(&pool, code(dtype), false, 0, x.pointer, average.pointer) == ok)
            var best: [Double] = []
            var mean: [Double] = []
            for o in 0..<largest.count {
                let (plane, oy, ox): (Int, Int, Int) = (o / out / out, o / out % out, o % out)
                var inside: [Double] = []
                for y in (oy * stride - padding)..<(oy * stride - padding + kernel) where (0..<size).contains(y) {
                    for x0 in (ox * stride - padding)..<(ox * stride - padding + kernel) where (0..<size).contains(x0) {
                        inside.append(x[(plane * size + y) * size + x0])
                    }
                }
                best.append(inside.max() ?? .nan)
                mean.append(inside.reduce(0, +) / Double(inside.count))
                #expect(x[plane * size * size + Int(positions[o])] == best[o])
            }
            expectEqual(largest, best, "max pool \(dtype)")
            expectEqual(alone, best, "max pool without positions \(dtype)")
            expectEqual(average, mean, "average pool \(dtype)")
        }
    }
}
