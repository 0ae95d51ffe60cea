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
