import ApusTensor
import Testing

/// Positions of nothing, of whatever shape: nothing is read, and nothing written.
struct EmptyIndexTests {
    private let x: Tensor
    private let none: [Tensor]

    init() throws {
        x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        none = try [[0], [2, 0], [5, 0], [0, 3]].map { try Tensor.zeros($0, dtype: .int64) }
    }

    @Test func scattersLeaveAllAsItIs() throws {
        for index in none {
            let source: Tensor = try .zeros(index.shape.sizes)
            let results: [Tensor] = try [
                x.scatter(dim: 1, index, source), x.scatter(dim: 1, index, 7), x.scatterAdd(dim: 1, index, source),
                x.scatterReduce(dim: 1, index, source, reduce: "mean"),
                x.scatterReduce(dim: 1, index, source, reduce: "amax", includeSelf: false),
            ]
            for result in results { #expect(try result.array(of: Float.self) == x.array(of: Float.self)) }
        }
    }

    @Test func gatheringNothingHasAGradientOfZeros() throws {
        for index in none {
            #expect(try x.gather(dim: 1, index).shape.isIdentical(to: index.shape))
            let recorder = GradientRecorder()
            try recorder.watch(x)
            let sum: Tensor = try Operator.Interpreter.with(recorder) { try x.gather(dim: 1, index).sum() }
            #expect(try recorder.gradients(of: sum, with: [x])[0]?.array(of: Float.self) == [0, 0, 0, 0, 0, 0])
        }
    }
}
