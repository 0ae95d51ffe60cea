import CApusKernels
import Testing

@Suite struct CopyTests {
    private func copy(_ x: TestArray, _ out: TestArray) -> Int32 {
        var a: apus_view = x.view
        var b: apus_view = out.view
        return apus_copy(&a, &b)
    }

    @Test func smallNumbersSurviveAllConversions() {
        var random = SplitMix(5)
        let all: [apus_dtype] = floatingDtypes + integerDtypes + [APUS_BOOL, APUS_COMPLEX64, APUS_COMPLEX128]
        for from in all {
            for to in all {
                for (i, layout) in Layout.allCases.enumerated() {
                    let shape: [Int] = shapes[(i * 3 + Int(to.rawValue)) % shapes.count]
                    let x: TestArray = layout.array(from, shape).fill { Double(random.whole(0...100)) }
                    let out: TestArray = Layout.allCases[(i + 1) % 4].array(to, shape)
                    #expect(copy(x, out) == ok)
                    let expected: [Double] = x.values.map { to == APUS_BOOL ? ($0 != 0 ? 1 : 0) : $0 }
                    expectEqual(out, expected, "\(from) to \(to), \(shape) \(layout)")
                }
            }
        }
    }

    @Test func transposedCopiesOfAllSizes() {
        for dtype in [APUS_UINT8, APUS_FLOAT16, APUS_FLOAT32, APUS_FLOAT64, APUS_COMPLEX128] {
            for shape in [[8, 8], [16, 16], [17, 33], [70, 65], [3, 40, 50]] {
                var next = 0.0
                let x: TestArray = Layout.transposed.array(dtype, shape).fill {
                    next = next == 250 ? 0 : next + 1
                    return next
                }
                let out = TestArray(dtype, shape)
                #expect(copy(x, out) == ok)
                #expect(out.values == x.values, "\(dtype) \(shape)")
            }
        }
    }

    /// What PyTorch gives on x86 for numbers that the target cannot hold.
    @Test func outOfRangeConversionsAreDefined() {
        let x = TestArray(APUS_FLOAT32, [6], [.nan, .infinity, -.infinity, 3e9, -1.5, 300.7])
        let int = TestArray(APUS_INT32, [6])
        #expect(copy(x, int) == ok)
        let lowest = Double(Int32.min)
        let ints: [Double] = [lowest, lowest, lowest, lowest, -1, 300]
        #expect(int.values == ints)
        let long = TestArray(APUS_INT64, [6])
        #expect(copy(x, long) == ok)
        let longs: [Double] = [Double(Int64.min), Double(Int64.min), Double(Int64.min), 3e9, -1, 300]
        #expect(long.values == longs)
        let byte = TestArray(APUS_UINT8, [6])
        #expect(copy(x, byte) == ok)
        #expect(byte.values == [0, 0, 0, 0, 255, 44])
        let bool = TestArray(APUS_BOOL, [6])
        #expect(copy(x, bool) == ok)
        #expect(bool.values == [1, 1, 1, 1, 1, 1])
    }

    @Test func halvesRoundToEven() {
        let x = TestArray(APUS_FLOAT32, [5], [1 + 1.0 / 2048, 1 + 3.0 / 2048, 65519, 65520, 1e-8])
        let half = TestArray(APUS_FLOAT16, [5])
        #expect(copy(x, half) == ok)
        let expected: [Double] = [1, 1 + 2.0 / 1024, 65504, .infinity, 0]
        #expect(half.values == expected)
    }

    @Test func fillsAndProgressions() {
        for dtype in floatingDtypes + integerDtypes {
            let out: TestArray = Layout.transposed.array(dtype, [3, 5])
            var view: apus_view = out.view
            #expect(apus_fill(2, 0, &view) == ok)
            #expect(out.values == Array(repeating: 2, count: 15))
            #expect(apus_arange_int(1, 3, &view) == ok)
            let progression: [Double] = (0..<15).map { Double(1 + 3 * $0) }
            #expect(out.values == progression)
        }
        let line = TestArray(APUS_FLOAT64, [5])
        var view: apus_view = line.view
        #expect(apus_linspace(-1, 1, &view) == ok)
        #expect(line.values == [-1, -0.5, 0, 0.5, 1])
        #expect(apus_fill_int(Int64.max, &view) == ok)
        let long = TestArray(APUS_INT64, [1])
        view = long.view
        #expect(apus_fill_int(Int64.max, &view) == ok)
        #expect(long.storage.assumingMemoryBound(to: Int64.self)[0] == Int64.max)
    }

    @Test(arguments: [-9, -2, 0, 1, 9, Int64.max, Int64.min])
    func triangles(_ diagonal: Int64) {
        var random = SplitMix(6)
        let shape = [2, 4, 5]
        let x: TestArray = Layout.everySecond.array(APUS_FLOAT32, shape).fill { random.real(1...2) }
        for upper in [true, false] {
            let out = TestArray(APUS_FLOAT32, shape)
            var a: apus_view = x.view
            var b: apus_view = out.view
            #expect(apus_triangle(upper, diagonal, &a, &b) == ok)
            let expected: [Double] = (0..<40).map { (i: Int) -> Double in
                let offset = Int64(i % 5 - i / 5 % 4)
                return (upper ? offset >= diagonal : offset <= diagonal) ? x[i] : 0
            }
            #expect(out.values == expected, "upper \(upper), diagonal \(diagonal)")
        }
    }
}
