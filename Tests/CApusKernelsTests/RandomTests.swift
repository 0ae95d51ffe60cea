import CApusKernels
import Foundation
import Testing

@Suite struct RandomTests {
    private let state = apus_random_state(seed: 42, offset: 0)

    /// The published answer for a counter and key of zero begins with 6627e8d5.
    @Test func philoxGivesItsKnownAnswer() {
        let x = TestArray(APUS_FLOAT32, [64])
        var v: apus_view = x.view
        #expect(apus_random_uniform(apus_random_state(seed: 0, offset: 0), 0, 1, &v) == ok)
        #expect(x[0] == Double(0x6627E8) / 16_777_216)
        // Word 1 of the first block comes after word 0 of sixteen blocks.
        #expect(x[16] == Double(0xE169C5) / 16_777_216)
        #expect(x[32] == Double(0xBC57AC) / 16_777_216)
        #expect(x[48] == Double(0x9B00DB) / 16_777_216)
    }

    @Test func numbersDoNotDependOnThreadsOrLayout() {
        let threads: Int32 = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        for dtype in floatingDtypes {
            let n = 20_011
            let one = TestArray(dtype, [n])
            let many = TestArray(dtype, [n])
            let strided: TestArray = Layout.everySecond.array(dtype, [n])
            apus_set_num_threads(1)
            var v: apus_view = one.view
            #expect(apus_random_normal(state, 1, 2, &v) == ok)
            apus_set_num_threads(4)
            v = many.view
            #expect(apus_random_normal(state, 1, 2, &v) == ok)
            v = strided.view
            #expect(apus_random_normal(state, 1, 2, &v) == ok)
            #expect(one.values == many.values && one.values == strided.values)
            let next = apus_random_state(seed: 42, offset: apus_random_advance(Int64(n)))
            v = many.view
            #expect(apus_random_normal(next, 1, 2, &v) == ok)
            #expect(one.values != many.values)
        }
    }

    @Test func momentsAreThoseOfTheDistributions() {
        let n = 50_000
        let x = TestArray(APUS_FLOAT64, [n])
        var v: apus_view = x.view
        let mean: () -> Double = { x.values.reduce(0, +) / Double(n) }
        let moment: (Double, Double) -> Double = { centre, power in x.values.reduce(0) { $0 + pow($1 - centre, power) } / Double(n) }
        #expect(apus_random_uniform(state, 2, 5, &v) == ok)
        #expect(x.values.allSatisfy { $0 >= 2 && $0 < 5 })
        #expect((mean() - 3.5).magnitude < 0.02 && (moment(3.5, 2) - 0.75).magnitude < 0.02)
        #expect(apus_random_normal(state, 0, 1, &v) == ok)
        #expect(mean().magnitude < 0.03 && (moment(0, 2) - 1).magnitude < 0.04 && (moment(0, 4) - 3).magnitude < 0.3)
        #expect(apus_random_exponential(state, 2, &v) == ok)
        #expect((mean() - 0.5).magnitude < 0.02)
        #expect(apus_random_integers(state, -3, 10, &v) == ok)
        #expect(Set(x.values) == Set((-3..<10).map { Double($0) }))
        #expect(apus_random_bernoulli(state, 0.3, &v) == ok)
        #expect((mean() - 0.3).magnitude < 0.02)
    }

    @Test func hostileParametersAreRefused() {
        let x = TestArray(APUS_FLOAT32, [4])
        let i = TestArray(APUS_INT64, [4])
        var v: apus_view = x.view
        var w: apus_view = i.view
        let refused: Int32 = status(APUS_INVALID_ARGUMENT)
        #expect(apus_random_uniform(state, 1, 0, &v) == refused)
        #expect(apus_random_normal(state, 0, .nan, &v) == refused)
        #expect(apus_random_integers(state, 3, 3, &w) == refused)
        #expect(apus_random_bernoulli(state, 1.5, &v) == refused)
        #expect(apus_random_uniform(state, 0, 1, &w) == status(APUS_UNSUPPORTED))
        #expect(apus_random_integers(state, Int64.min, Int64.max, &w) == ok)
        for weights in [[0, 0, 0, 0], [1, -1, 1, 1], [1, .nan, 1, 1], [1, .infinity, 1, 1]] as [[Double]] {
            for index in 0..<4 { x[index] = weights[index] }
            #expect(apus_random_multinomial(state, true, &v, &w) == refused)
        }
    }

    @Test func permutationsAndDraws() {
        let order = TestArray(APUS_INT64, [1000])
        var v: apus_view = order.view
        #expect(apus_random_permutation(state, &v) == ok)
        #expect(order.values.sorted() == (0..<1000).map { Double($0) } && order.values != order.values.sorted())
        let weights = TestArray(APUS_FLOAT32, [4], [0.1, 0, 0.3, 0.6])
        let draws = TestArray(APUS_INT64, [20_000])
        let few = TestArray(APUS_INT64, [3])
        var views: [apus_view] = [weights, draws, few].map(\.view)
        #expect(apus_random_multinomial(state, true, &views[0], &views[1]) == ok)
        for c in 0..<4 {
            let share: Double = Double(draws.values.count { $0 == Double(c) }) / 20_000
            #expect((share - weights[c]).magnitude < 0.02)
        }
        #expect(apus_random_multinomial(state, false, &views[0], &views[2]) == ok)
        #expect(Set(few.values) == [0, 2, 3])
    }

    @Test func dropoutScalesWhatItKeeps() {
        let x = TestArray(APUS_FLOAT32, [5000], (0..<5000).map { Double($0 % 7 + 1) })
        let out = TestArray(APUS_FLOAT32, [5000])
        let mask = TestArray(APUS_BOOL, [5000])
        var v: [apus_view] = [x, out, mask].map(\.view)
        #expect(apus_random_dropout(state, 0.25, &v[0], &v[1], &v[2]) == ok)
        expectEqual(out, (0..<5000).map { x[$0] * mask[$0] / 0.75 }, "dropout")
        let kept: Double = mask.values.reduce(0, +) / 5000
        #expect((kept - 0.75).magnitude < 0.03)
    }
}
