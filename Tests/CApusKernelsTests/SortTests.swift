import CApusKernels
import Testing

@Suite struct SortTests {
    /// NaN is larger than every number, and equal to itself.
    private func isBefore(_ a: Double, _ b: Double) -> Bool { a.isNaN ? false : b.isNaN ? true : a < b }

    @Test func sortsStablyAlongEveryDimension() {
        var random = SplitMix(22)
        for dtype in floatingDtypes + integerDtypes + [APUS_BOOL] {
            for shape in [[], [1], [7], [3, 50], [4, 3, 6], [2, 700], [300, 2]] {
                for layout in Layout.allCases where !shape.isEmpty || layout == .contiguous {
                    let x: TestArray = layout.array(dtype, shape).fill {
                        let value: Int = random.whole(0...20)
                        return value == 0 && floatingDtypes.contains(dtype) ? .nan : dtype == APUS_BOOL ? Double(value % 2) : Double(value)
                    }
                    for dim in 0..<max(shape.count, 1) {
                        let length: Int = shape.isEmpty ? 1 : shape[dim]
                        let inner: Int = shape.isEmpty ? 1 : shape[(dim + 1)...].reduce(1, *)
                        for descending in [false, true] {
                            let values = TestArray(dtype, shape)
                            let positions = TestArray(APUS_INT64, shape)
                            var v: [apus_view] = [x, values, positions].map(\.view)
                            #expect(apus_sort(Int32(dim), descending, &v[0], &v[1], &v[2]) == ok)
                            var order: [Double] = Array(repeating: 0, count: x.count)
                            for line in 0..<x.count where line / inner % length == 0 {
                                let sorted: [Int] = (0..<length).sorted { a, b in
                                    let (p, q): (Double, Double) = (x[line + a * inner], x[line + b * inner])
                                    let first: Bool = descending ? isBefore(q, p) : isBefore(p, q)
                                    let second: Bool = descending ? isBefore(p, q) : isBefore(q, p)
                                    return first || (!second && a < b)
                                }
                                for (i, from) in sorted.enumerated() { order[line + i * inner] = Double(from) }
                            }
                            expectEqual(positions, order, "\(dtype) \(shape) \(layout) \(dim) \(descending)")
                            for p in 0..<x.count {
                                let from: Int = p - p / inner % length * inner + Int(order[p]) * inner
                                #expect(values[p] == x[from] || (values[p].isNaN && x[from].isNaN))
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func theLargestFew() {
        var random = SplitMix(23)
        for dtype in [APUS_FLOAT32, APUS_INT64, APUS_BFLOAT16] {
            let x: TestArray = Layout.transposed.array(dtype, [3, 200]).fill { Double(random.whole(0...120)) }
            for k in [0, 1, 5, 200] {
                let values = TestArray(dtype, [3, k])
                let positions = TestArray(APUS_INT64, [3, k])
                var v: [apus_view] = [x, values, positions].map(\.view)
                #expect(apus_topk(1, true, true, &v[0], &v[1], &v[2]) == ok)
                let expected: [Double] = (0..<3).flatMap { r in (0..<200).map { x[r * 200 + $0] }.sorted(by: >).prefix(k) }
                expectEqual(values, expected, "top \(k) \(dtype)")
                expectEqual(values, (0..<(3 * k)).map { x[$0 / max(k, 1) * 200 + Int(positions[$0])] }, "positions of top \(k)")
            }
            let value = TestArray(dtype, [3, 1])
            let position = TestArray(APUS_INT64, [3, 1])
            var v: [apus_view] = [x, value, position].map(\.view)
            #expect(apus_kthvalue(1, 7, &v[0], &v[1], &v[2]) == ok)
            expectEqual(value, (0..<3).map { r in (0..<200).map { x[r * 200 + $0] }.sorted()[6] }, "7th")
            #expect(apus_kthvalue(1, 201, &v[0], &v[1], &v[2]) == status(APUS_INVALID_ARGUMENT))
        }
    }

    /// Lengths on either side of what is sorted whole, halved and cut down by digits; many equals, and NaN.
    @Test func selectionsAreWhatSortingGives() {
        var random = SplitMix(27)
        for dtype in floatingDtypes + integerDtypes + [APUS_BOOL] {
            for length in [1, 2, 15, 16, 17, 24, 25, 63, 64, 65, 192, 193, 300, 2048, 2049, 6000] {
                for spread in [0, 3, 100, 2_000_000_000] {
                    let limit: Int =
                        [APUS_BOOL: 1, APUS_UINT8: 100, APUS_INT8: 100, APUS_INT16: 30_000, APUS_FLOAT16: 2000][dtype] ?? spread
                    let lowest: Int = dtype == APUS_BOOL || dtype == APUS_UINT8 ? 0 : -min(spread, limit)
                    let x: TestArray = TestArray(dtype, [length, 2]).fill {
                        floatingDtypes.contains(dtype) && spread == 3 && random.whole(0...9) == 0
                            ? .nan : Double(random.whole(lowest...min(spread, limit)))
                    }
                    for column in 0..<2 {
                        let line: [Double] = (0..<length).map { x[2 * $0 + column] }
                        let order: [Int] = line.indices.sorted {
                            isBefore(line[$0], line[$1]) || (!isBefore(line[$1], line[$0]) && $0 < $1)
                        }
                        let falling: [Int] = line.indices.sorted {
                            isBefore(line[$1], line[$0]) || (!isBefore(line[$0], line[$1]) && $0 < $1)
                        }
                        let label = "\(length) of \(dtype) within \(spread)"
                        for k in Set([1, 2, 12, length / 30, length / 9, length / 2, length]) where k >= 1 && k <= length {
                            let one = TestArray(APUS_INT64, [1, 2])
                            let few = TestArray(APUS_INT64, [k, 2])
                            var v: [apus_view] = [x, one, few].map(\.view)
                            #expect(apus_kthvalue(0, Int64(k), &v[0], nil, &v[1]) == ok)
                            #expect(Int(one[column]) == order[k - 1], "number \(k) of \(label)")
                            for largest in [false, true] {
                                #expect(apus_topk(0, largest, true, &v[0], nil, &v[2]) == ok)
                                let found: [Int] = (0..<k).map { Int(few[2 * $0 + column]) }
                                #expect(
                                    found == Array((largest ? falling : order).prefix(k)), "first \(k) of \(label), largest: \(largest)")
                            }
                        }
                        let numbers: Int = line.count { !$0.isNaN }
                        for ignores in [false, true] {
                            let value = TestArray(dtype, [1, 2])
                            let one = TestArray(APUS_INT64, [1, 2])
                            var v: [apus_view] = [x, value, one].map(\.view)
                            #expect(apus_median(0, ignores, &v[0], &v[1], &v[2]) == ok)
                            let place: Int = ignores ? max(numbers - 1, 0) / 2 : numbers < length ? numbers : (length - 1) / 2
                            #expect(Int(one[column]) == order[place], "median of \(label), without NaN: \(ignores)")
                            let middle: Double = line[order[place]]
                            #expect(value[column] == middle || (value[column].isNaN && middle.isNaN))
                        }
                    }
                }
            }
        }
    }

    /// One element repeated without end: there is no memory for the row, whose bytes may be more than 64 bits count.
    @Test func endlessRowsAreOutOfMemory() {
        for dtype in [APUS_BOOL, APUS_FLOAT32, APUS_FLOAT64] {
            for length in [1 << 40, 1 << 59, 1 << 60] {
                let x = TestArray(dtype, [length], strides: [0], elements: 1)
                let position = TestArray(APUS_INT64, [1])
                var v: [apus_view] = [x, position].map(\.view)
                #expect(apus_kthvalue(0, 1, &v[0], nil, &v[1]) == status(APUS_OUT_OF_MEMORY))
                #expect(apus_median(0, false, &v[0], nil, &v[1]) == status(APUS_OUT_OF_MEMORY))
                #expect(apus_topk(0, true, true, &v[0], nil, &v[1]) == status(APUS_OUT_OF_MEMORY))
            }
        }
    }

    @Test func placesAndDistinctElements() {
        var random = SplitMix(24)
        let sorted = TestArray(APUS_FLOAT32, [6], [1, 2, 2, 3, 5, 8])
        let wanted: TestArray = TestArray(APUS_FLOAT32, [20]).fill { Double(random.whole(0...9)) }
        let out = TestArray(APUS_INT64, [20])
        var v: [apus_view] = [sorted, wanted, out].map(\.view)
        for right in [false, true] {
            #expect(apus_searchsorted(right, &v[0], &v[1], &v[2]) == ok)
            let expected: [Double] = wanted.values.map { (w: Double) -> Double in Double(sorted.values.count { right ? $0 <= w : $0 < w }) }
            expectEqual(out, expected, "searchsorted, right \(right)")
        }
        let values = TestArray(APUS_FLOAT32, [20])
        let inverse = TestArray(APUS_INT64, [20])
        let counts = TestArray(APUS_INT64, [20])
        var count: Int64 = 0
        v = [wanted, values, inverse, counts].map(\.view)
        #expect(apus_unique(false, &v[0], &v[1], &v[2], &v[3], &count) == ok)
        let distinct: [Double] = Set(wanted.values).sorted()
        #expect(count == Int64(distinct.count) && Array(values.values.prefix(distinct.count)) == distinct)
        #expect((0..<20).allSatisfy { values[Int(inverse[$0])] == wanted[$0] })
        #expect((0..<distinct.count).allSatisfy { i in counts[i] == Double(wanted.values.count { $0 == distinct[i] }) })
    }
}
