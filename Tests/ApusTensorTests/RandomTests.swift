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

    @Test func drawingsMadeOfOthersHaveTheirMiddle() throws {
        let x: Tensor = try .zeros([200_000], dtype: .float64)
        func drawn(_ name: String, _ arguments: [OperatorArgument]) throws -> Tensor {
            try applySingle(try #require(OperatorTable.find("aten::" + name)), arguments + [.none])
        }
        func number(_ tensor: Tensor) throws -> Double { try tensor.array(of: Double.self)[0] }
        let cauchy: Tensor = try drawn("cauchy", [.tensor(x), .double(1), .double(2)])
        #expect(try abs(number(cauchy.median()) - 1) < 0.05)
        #expect(try abs(number((cauchy .> 3).to(.float64).mean()) - 0.25) < 0.01)
        let logarithmic: Tensor = try drawn("log_normal", [.tensor(x), .double(1), .double(0.5)]).log()
        #expect(try abs(number(logarithmic.mean()) - 1) < 0.01 && abs(number(logarithmic.std()) - 0.5) < 0.01)
        let tries: Tensor = try drawn("geometric", [.tensor(x), .double(0.25)])
        #expect(try abs(number(tries.mean()) - 4) < 0.05 && number(tries.min()) == 1)
        let both: Tensor = try drawn("normal.Tensor_Tensor", [.tensor(x + 3), .tensor(x + 2)])
        #expect(try abs(number(both.mean()) - 3) < 0.03 && abs(number(both.std()) - 2) < 0.03)
        #expect(try abs(number(drawn("normal.Tensor_float", [.tensor(x + 3), .double(2)]).mean()) - 3) < 0.03)
        #expect(try abs(number(drawn("normal.float_Tensor", [.double(3), .tensor(x + 2)]).std()) - 2) < 0.03)
        #expect(
            try abs(number(drawn("bernoulli.Tensor", [.tensor(x), .tensor(Tensor.scalar(0.25, dtype: .float64))]).mean()) - 0.25) < 0.01)
        let leaking: Tensor = try drawn("rrelu", [.tensor(x - 1), .double(0.1), .double(0.3), .bool(true)])
        #expect(try abs(number(leaking.mean()) + 0.2) < 0.01 && number(leaking.min()) >= -0.3 && number(leaking.max()) <= -0.1)
        #expect(try number(drawn("rrelu", [.tensor(x - 1), .double(0.1), .double(0.3), .bool(false)]).min()) == -0.2)
        #expect(throws: TensorError.self) { try drawn("geometric", [.tensor(x), .double(0)]) }
    }

    @Test func relaxedChoicesFollowTheirLogits() throws {
        let logits: Tensor = try Tensor([0, 1, 2] as [Double], shape: [3]).expanded([100_000, 3])
        let hard: Tensor = try logits.gumbelSoftmax(temperature: 0.5, hard: true)
        #expect(try (hard.sum(dim: 1) - 1).abs().max().array(of: Double.self)[0] < 1e-12)
        #expect(try (hard.mean(dim: 0) - logits[0].softmax(dim: 0)).abs().max().array(of: Double.self)[0] < 0.01)
        let soft: Tensor = try logits.gumbelSoftmax(seed: 3)
        #expect(try soft.equal(logits.gumbelSoftmax(seed: 3)) && !soft.equal(hard))
        #expect(try soft.argmax(dim: 1).equal(logits.gumbelSoftmax(hard: true, seed: 3).argmax(dim: 1)))
        let row: Tensor = try Tensor([0, 1, 2] as [Double], shape: [3])
        let weights: Tensor = try Tensor([1, 2, 4] as [Double], shape: [3])
        let slopes: [Tensor] = try [true, false].map { hard in
            try gradient(at: row) { try ($0.gumbelSoftmax(hard: hard, seed: 5) * weights).sum() }
        }
        #expect(try slopes[0].allclose(slopes[1]) && slopes[0].abs().max().array(of: Double.self)[0] > 1e-3)
        #expect(throws: TensorError.self) { try Tensor.zeros([3], dtype: .int64).gumbelSoftmax() }
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
