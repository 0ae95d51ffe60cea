import ApusTensor
import Testing

@testable import ApusView

@Suite("How the numbers of weights are spread") struct StatisticsTests {
    private func statistics(_ numbers: [Double], _ dtype: DType = .float64) throws -> ValueStatistics? {
        try ValueStatistics(Tensor(numbers, shape: [numbers.count]).to(dtype))
    }

    @Test("Numbers that are none are counted apart") func nonFinite() throws {
        let found = try #require(try statistics([1, .nan, 3, .infinity, -.infinity, 2], .float32))
        #expect((found.count, found.nonFinite, found.minimum, found.maximum, found.mean) == (6, 3, 1, 3, 2))
        #expect(found.bins.reduce(0, +) == 3 && found.bins.count == ValueStatistics.binCount)
        #expect(abs(found.deviation - (2.0 / 3).squareRoot()) < 1e-12)
        let none = try #require(try statistics([.nan, .nan]))
        #expect(none.nonFinite == 2 && none.bins.allSatisfy { $0 == 0 } && none.minimum == 0 && none.mean == 0)
        #expect(try statistics([]) == nil)
    }

    @Test("Ranges of any width: one number, and all that a float can hold") func widths() throws {
        let same = try #require(try statistics([7, 7, 7]))
        #expect(same.bins.first == 3 && same.deviation == 0)
        let wide = try #require(try statistics([-1.7e308, 0, 1.7e308, 1.7e308]))
        #expect(wide.bins.first == 1 && wide.bins.last == 2 && wide.bins.reduce(0, +) == 4 && wide.mean.isFinite)
        let small = try #require(try statistics([0, .leastNonzeroMagnitude]))
        #expect(small.bins.reduce(0, +) == 2)
    }

    @Test("Every dtype has some", arguments: [DType.bool, .uint8, .int8, .int64, .float16, .bfloat16, .complex64]) func dtypes(dtype: DType)
        throws
    {
        let found = try #require(try statistics([0, 1, 1, 0, 1], dtype))
        // Of complex numbers both parts.
        #expect(found.count == (dtype.isComplex ? 10 : 5) && found.minimum == 0 && found.maximum == 1)
    }

    @Test("Of many elements every so many are looked at, of a view its own") func samples() throws {
        let many = try Tensor.arange(300_000)
        let found = try #require(try ValueStatistics(many))
        #expect(found.count == 60_000 && found.minimum == 0 && found.maximum == 299_995)
        let view = try #require(try ValueStatistics(many[..<10].expanded([3, 10])))
        #expect(view.count == 30 && view.maximum == 9)
    }
}
