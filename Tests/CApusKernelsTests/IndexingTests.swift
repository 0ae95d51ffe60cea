import CApusKernels
import Testing

@Suite struct IndexingTests {
    static let dtypes: [apus_dtype] = [APUS_BOOL, APUS_INT8, APUS_FLOAT16, APUS_FLOAT32, APUS_INT64, APUS_COMPLEX128]

    @Test func gatherAndScatter() {
        var random = SplitMix(19)
        for dtype in Self.dtypes {
            for shape in [[7], [3, 5], [4, 3, 6]] {
                for (i, layout) in Layout.allCases.enumerated() {
                    let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(0...1)) }
                    for dim in shape.indices {
                        var indexShape: [Int] = shape
                        indexShape[dim] = 4
                        let index: TestArray = Layout.allCases[(i + dim) % 4].array(APUS_INT64, indexShape).fill {
                            Double(random.whole(0...(shape[dim] - 1)))
                        }
                        let inner: Int = shape[(dim + 1)...].reduce(1, *)
                        let place: (Int) -> Int = { p in
                            (p / inner / 4 * shape[dim] + Int(index[p])) * inner + p % inner
                        }
                        let out = TestArray(dtype, indexShape)
                        var v: [apus_view] = [x.view, index.view, out.view]
                        #expect(apus_gather(Int32(dim), &v[0], &v[1], &v[2], nil) == ok)
                        expectEqual(out, (0..<out.count).map { x[place($0)] }, "gather \(dtype) \(shape) \(layout) \(dim)")

                        let target: TestArray = TestArray(dtype, shape)
                        let source: TestArray = TestArray(dtype, indexShape).fill { Double(random.whole(0...1)) }
                        v = [target.view, index.view, source.view]
                        #expect(apus_scatter(APUS_SCATTER_SET, Int32(dim), &v[1], &v[2], &v[0], nil) == ok)
                        var expected: [Double] = Array(repeating: 0, count: target.count)
                        for p in 0..<index.count { expected[place(p)] = source[p] }
                        expectEqual(target, expected, "scatter \(dtype) \(shape) \(layout) \(dim)")
                        guard dtype != APUS_BOOL else { continue }
                        #expect(apus_scatter(APUS_SCATTER_ADD, Int32(dim), &v[1], &v[2], &v[0], nil) == ok)
                        for p in 0..<index.count { expected[place(p)] += source[p] }
                        expectEqual(target, expected, "scatter-add \(dtype) \(shape) \(layout) \(dim)")
                    }
                }
            }
        }
    }

    @Test func indicesOutOfBoundsAreNamed() {
        let x = TestArray(APUS_FLOAT32, [5, 3])
        for bad in [5, -1, 1_000_000] {
            let index = TestArray(APUS_INT64, [1, 3], [0, Double(bad), 1])
            let line = TestArray(APUS_INT32, [2], [0, Double(bad)])
            let out = TestArray(APUS_FLOAT32, [1, 3])
            let rows = TestArray(APUS_FLOAT32, [2, 3])
            var v: [apus_view] = [x, index, out, line, rows].map(\.view)
            var named: Int64 = 0
            #expect(apus_gather(0, &v[0], &v[1], &v[2], &named) == status(APUS_INDEX_OUT_OF_BOUNDS) && named == Int64(bad))
            named = 0
            #expect(
                apus_scatter(APUS_SCATTER_ADD, 0, &v[1], &v[2], &v[0], &named) == status(APUS_INDEX_OUT_OF_BOUNDS) && named == Int64(bad))
            named = 0
            #expect(apus_index_select(0, &v[0], &v[3], &v[4], &named) == status(APUS_INDEX_OUT_OF_BOUNDS) && named == Int64(bad))
            named = 0
            #expect(apus_embedding(&v[0], &v[3], &v[4], &named) == status(APUS_INDEX_OUT_OF_BOUNDS) && named == Int64(bad))
        }
    }

    @Test func advancedIndexingWrapsNegativeIndices() {
        var random = SplitMix(20)
        for dtype in Self.dtypes {
            for layout in Layout.allCases {
                let shape: [Int] = [4, 3, 5]
                let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(0...1)) }
                let rows = TestArray(APUS_INT64, [2], [-1, 2])
                let columns = TestArray(APUS_INT64, [2], [0, -5])
                let rowView: UnsafeMutablePointer<apus_view> = .allocate(capacity: 2)
                defer { rowView.deallocate() }
                rowView.initialize(to: rows.view)
                (rowView + 1).initialize(to: columns.view)
                // x[rows, :, columns]: the index's dimension comes first.
                let indices: [UnsafePointer<apus_view>?] = [UnsafePointer(rowView), nil, UnsafePointer(rowView + 1)]
                let out = TestArray(dtype, [2, 3])
                var v: [apus_view] = [x.view, out.view]
                #expect(apus_index(&v[0], indices, 1, 0, &v[1], nil) == ok)
                let place: (Int) -> Int = { p in ((p / 3 == 0 ? 3 : 2) * 3 + p % 3) * 5 }
                expectEqual(out, (0..<6).map { x[place($0)] }, "index \(dtype) \(layout)")
                let target = TestArray(dtype, shape)
                let values: TestArray = TestArray(dtype, [2, 3]).fill { 1 }
                v = [values.view, target.view]
                #expect(apus_index_put(false, indices, 1, 0, &v[0], &v[1], nil) == ok)
                var expected: [Double] = Array(repeating: 0, count: 60)
                for p in 0..<6 { expected[place(p)] = 1 }
                expectEqual(target, expected, "index_put \(dtype) \(layout)")
                columns[1] = -6
                var named: Int64 = 0
                v = [x.view, out.view]
                #expect(apus_index(&v[0], indices, 1, 0, &v[1], &named) == status(APUS_INDEX_OUT_OF_BOUNDS) && named == -6)
            }
        }
    }

    @Test func conditions() {
        var random = SplitMix(21)
        for layout in Layout.allCases {
            let x: TestArray = layout.array(APUS_FLOAT32, [6, 7]).fill { Double(random.whole(0...2)) }
            let mask: TestArray = layout.array(APUS_BOOL, [6, 7]).fill { Double(random.whole(0...1)) }
            let chosen: [Double] = (0..<42).filter { mask[$0] != 0 }.map { x[$0] }
            let places: [Int] = (0..<42).filter { x[$0] != 0 }
            var count: Int64 = -1
            var v: [apus_view] = [x.view, mask.view]
            #expect(apus_nonzero_count(&v[0], &count) == ok && count == Int64(places.count))
            let coordinates = TestArray(APUS_INT64, [places.count, 2])
            v.append(coordinates.view)
            #expect(apus_nonzero(&v[0], &v[2]) == ok)
            expectEqual(coordinates, places.flatMap { [Double($0 / 7), Double($0 % 7)] }, "nonzero \(layout)")
            let out = TestArray(APUS_FLOAT32, [chosen.count])
            v.append(out.view)
            #expect(apus_masked_select(&v[0], &v[1], &v[3]) == ok)
            expectEqual(out, chosen, "masked_select \(layout)")
            let short = TestArray(APUS_FLOAT32, [max(chosen.count - 1, 0)])
            v.append(short.view)
            if !chosen.isEmpty { #expect(apus_masked_select(&v[0], &v[1], &v[4]) == status(APUS_INVALID_ARGUMENT)) }
        }
    }

    /// Lengths about a word of 64 and a chunk of 65536, from none to all.
    @Test func conditionsOnLongRows() {
        var random = SplitMix(25)
        for dtype in [APUS_BOOL, APUS_INT16, APUS_FLOAT32, APUS_FLOAT64, APUS_COMPLEX128] {
            for shape in [[0], [1], [63], [64], [65], [200], [65_536], [65_537], [3, 70_000], [700, 200], [2000, 70]] {
                let layouts: [Layout] = shape.reduce(1, *) > 1000 ? [.contiguous, .transposed] : Layout.allCases
                for layout in layouts {
                    for percent in [0, 3, 50, 97, 100] {
                        let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(0...1)) }
                        let mask: TestArray = layout.array(APUS_BOOL, shape).fill { random.whole(1...100) <= percent ? 1 : 0 }
                        let label = "\(dtype) \(shape) \(layout) \(percent)%"
                        let (elements, chosen) = (x.values, mask.values)
                        let places: [Int] = chosen.indices.filter { chosen[$0] != 0 }
                        let out = TestArray(dtype, [places.count])
                        let coordinates = TestArray(APUS_INT64, [places.count, shape.count])
                        let source: TestArray = TestArray(dtype, [places.count]).fill { Double(random.whole(0...1)) }
                        var v: [apus_view] = [x, mask, out, coordinates, source].map(\.view)
                        #expect(apus_masked_select(&v[0], &v[1], &v[2]) == ok)
                        expectEqual(out, places.map { elements[$0] }, "masked_select \(label)")
                        #expect(apus_nonzero(&v[1], &v[3]) == ok)
                        let last: Int = shape[shape.count - 1]
                        expectEqual(
                            coordinates, places.flatMap { shape.count == 1 ? [Double($0)] : [Double($0 / last), Double($0 % last)] },
                            "nonzero \(label)")
                        guard layout != .repeatedRows, layout != .repeatedColumns else { continue }
                        #expect(apus_masked_scatter(&v[1], &v[4], &v[0]) == ok)
                        var expected: [Double] = elements
                        for (position, place) in places.enumerated() { expected[place] = source[position] }
                        expectEqual(x, expected, "masked_scatter \(label)")
                        guard places.count > 1 else { continue }
                        let short = TestArray(dtype, [places.count - 1])
                        v.append(short.view)
                        #expect(apus_masked_select(&v[0], &v[1], &v[5]) == status(APUS_INVALID_ARGUMENT))
                        #expect(apus_masked_scatter(&v[1], &v[5], &v[0]) == status(APUS_INVALID_ARGUMENT))
                    }
                }
            }
        }
    }

    @Test func countsOfNumbers() {
        var random = SplitMix(26)
        for dtype in integerDtypes {
            for (count, largest) in [(0, 3), (1, 0), (7, 3), (1000, 100), (200_000, 9), (300_000, 120), (40, 127)] {
                for layout in [Layout.contiguous, .everySecond, .reversed] {
                    let x: TestArray = layout.array(dtype, [count]).fill { Double(random.whole(0...largest)) }
                    var expected: [Double] = Array(repeating: 0, count: largest + 2)
                    for value in x.values { expected[Int(value)] += 1 }
                    let out: TestArray = layout.array(APUS_INT64, [largest + 2]).fill { 5 }
                    var v: [apus_view] = [x.view, out.view]
                    #expect(apus_bincount(&v[0], nil, &v[1], nil) == ok)
                    expectEqual(out, expected, "\(count) of \(dtype) up to \(largest) \(layout)")
                    for weight in [APUS_FLOAT32, APUS_FLOAT64] {
                        let weights: TestArray = layout.array(weight, [count]).fill { 0.5 }
                        let sums = TestArray(weight, [largest + 2])
                        v = [x.view, weights.view, sums.view]
                        #expect(apus_bincount(&v[0], &v[1], &v[2], nil) == ok)
                        expectEqual(sums, expected.map { $0 / 2 }, "weights of \(count) of \(dtype) up to \(largest) \(layout)")
                    }
                    guard count > 1 else { continue }
                    let few = TestArray(APUS_INT64, [1])
                    var named: Int64 = 0
                    v = [x.view, few.view]
                    #expect(apus_bincount(&v[0], nil, &v[1], &named) == status(APUS_INDEX_OUT_OF_BOUNDS))
                    #expect(Double(named) == x.values.first { $0 != 0 })
                }
            }
        }
    }

    @Test func embeddingGradientAddsUp() {
        let index = TestArray(APUS_INT64, [2, 2], [1, 3, 1, 0])
        let grad = TestArray(APUS_FLOAT32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
        let out = TestArray(APUS_FLOAT32, [4, 2])
        var v: [apus_view] = [grad, index, out].map(\.view)
        #expect(apus_embedding_backward(&v[0], &v[1], -1, false, &v[2], nil) == ok)
        #expect(out.values == [7, 8, 6, 8, 0, 0, 3, 4])
        #expect(apus_embedding_backward(&v[0], &v[1], 3, true, &v[2], nil) == ok)
        #expect(out.values == [7, 8, 3, 4, 0, 0, 0, 0])
    }
}
