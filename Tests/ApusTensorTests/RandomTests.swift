import ApusSymbolic
import CApusKernels
import Testing

@testable import ApusTensor

/// Drawings: what repeats, what differs, and that distributions are what they are called.
@Suite(.serialized) struct RandomTests {
    @Test func aSeedRepeats() throws {
        let a = try Tensor.randn([4, 2], seed: 7).array(of: Float.self)
        #expect(try Tensor.randn([4, 2], seed: 7).array(of: Float.self) == a)
        #expect(try Tensor.randn([4, 2], seed: 8).array(of: Float.self) != a)
    }

    @Test func aStateRepeatsWhatFollowsIt() throws {
        let generator = RandomGenerator.default
        let before = generator.state
        defer { generator.state = before }
        // Other tests draw from the same generator, at the same time: what a state repeats, it repeats once they leave it alone.
        var repeats = 0
        for _ in 0..<20 where repeats == 0 {
            Tensor.seed(3)
            let state = generator.state
            let first = try (Tensor.rand([5]).array(of: Float.self), Tensor.rand([5]).array(of: Float.self))
            generator.state = state
            let second = try (Tensor.rand([5]).array(of: Float.self), Tensor.rand([5]).array(of: Float.self))
            if first == second, first.0 != first.1 { repeats += 1 }
        }
        #expect(repeats == 1)
    }

    @Test func numbersDoNotDependOnThreads() throws {
        let threads = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        let numbers = try [1, 2, 3, 8].map { count in
            apus_set_num_threads(Int32(count))
            return try Tensor.randn([100_001], seed: 1).array(of: Float.self)
        }
        for other in numbers.dropFirst() { #expect(other == numbers[0]) }
    }

    @Test func distributionsHaveTheirMoments() throws {
        let count: SymInt = 200_000
        let uniform = try Tensor.rand([count], dtype: .float64, seed: 1)
        #expect(try (uniform.mean() - 0.5).abs().array(of: Double.self)[0] < 0.003)
        #expect(try (uniform.var() - 0.083333).abs().array(of: Double.self)[0] < 0.002)
        #expect(try uniform.min().array(of: Double.self)[0] >= 0)
        #expect(try uniform.max().array(of: Double.self)[0] < 1)
        let normal = try Tensor.normal(mean: 2, deviation: 3, [count], dtype: .float64, seed: 2)
        #expect(try (normal.mean() - 2).abs().array(of: Double.self)[0] < 0.03)
        #expect(try (normal.std() - 3).abs().array(of: Double.self)[0] < 0.03)
        let integers = try Tensor.randint(2, 5, [count], seed: 3)
        for value in 2..<5 {
            let share = try (integers .== value).to(.float64).mean().array(of: Double.self)[0]
            #expect((share - 1.0 / 3).magnitude < 0.01)
        }
        #expect(try Tensor.randperm(1000, seed: 4).sum().array(of: Int.self) == [499_500])
    }

    @Test func dropoutScalesWhatStays() throws {
        let x = try Tensor.ones([100_000])
        let dropped = try x.dropout(p: 0.25)
        #expect(try (dropped.mean() - 1).abs().array(of: Double.self)[0] < 0.02)
        let values = Set(try dropped.array(of: Float.self))
        #expect(values == [0, Float(1 / 0.75)])
        #expect(try x.dropout(p: 0.25, training: false).array(of: Float.self) == x.array(of: Float.self))
        let gradient = try gradient(at: x) { try $0.dropout(p: 0.5).sum() }
        #expect(Set(try gradient.array(of: Float.self)) == [0, 2])
    }

    @Test func multinomialFollowsWeights() throws {
        let draws = try Tensor([1.0, 0, 3]).multinomial(10_000, replacement: true)
        let share = try (draws .== 2).to(.float64).mean().array(of: Double.self)[0]
        #expect((share - 0.75).magnitude < 0.03)
        #expect(try (draws .== 1).any().array(of: Bool.self) == [false])
        #expect(throws: TensorError.self) { try Tensor([0.0, 0]).multinomial(1) }
    }
}
