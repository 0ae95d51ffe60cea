import JudgeSupport
import Testing

@testable import ApusTensor

/// What counts as zero among singular values, and what is left of equations, with PyTorch as the judge.
@Suite struct LeastSquaresTests {
    /// Matrices whose small singular values lie around the precision of their dtypes.
    static let matrices: [[Double]] = [
        [1, 0, 0, 1e-7, 0, 0, 0, 0, 0, 0], [1, 0, 0, 5e-7, 0, 0, 0, 0, 0, 0], [1, 0, 0, 1e-6, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 5e-16, 0, 0, 0, 0, 0, 0], [1, 0, 0, 2e-15, 0, 0, 0, 0, 0, 0], [1, 2, 2, 4, 3, 6, 0, 0, 1, 2],
    ]

    @Test func defaultsAreThoseOfTorch() throws {
        let script = """
            import torch, json, sys
            for numbers in json.loads(sys.argv[1]):
                for dtype in (torch.float32, torch.float64):
                    for a in (torch.tensor(numbers, dtype=dtype).reshape(5, 2), torch.tensor(numbers, dtype=dtype).reshape(2, 5)):
                        rank = torch.linalg.lstsq(a, torch.ones(a.shape[0], 1, dtype=dtype), driver='gelsd').rank
                        print(*torch.linalg.pinv(a).flatten().tolist(), rank.item())
            """
        let lines = try Python.run(script, ["\(Self.matrices)"]).split(separator: "\n")
        try #require(lines.count == Self.matrices.count * 4)
        var position = 0
        for numbers in Self.matrices {
            for dtype in [DType.float32, .float64] {
                for sizes in [[5, 2], [2, 5]] {
                    let a = try Tensor(numbers, shape: sizes).to(dtype)
                    let expected: [Double] = lines[position].split(separator: " ").compactMap { Double($0) }
                    position += 1
                    let (pinv, rank) = (try a.pinv().array(of: Double.self), try a.lstsq(Tensor.ones([sizes[0], 1], dtype: dtype)).rank)
                    #expect(try rank.array(of: Double.self) == expected.suffix(1), "\(numbers) in \(dtype)")
                    for (mine, other) in zip(pinv, expected) {
                        #expect((mine - other).magnitude <= 1e-5 * max(1, other.magnitude), "\(numbers) in \(dtype)")
                    }
                }
            }
        }
    }

    /// LAPACK's own sums are the residuals at full rank only.
    @Test(arguments: LapackTests.dtypes) func residualsAreThoseOfTheSolution(_ dtype: DType) throws {
        let columns = try Tensor.sample([2, 5, 1], dtype: dtype, seed: 5)
        let full = try Tensor.sample([2, 5, 2], dtype: dtype, seed: 3)
        let right = try Tensor.sample([2, 5, 3], dtype: dtype, seed: 4)
        for a in [full, try Tensor.cat([columns, columns * 2], dim: -1)] {
            let (x, residuals, rank, _) = try a.lstsq(right)
            let left = try (a.matmul(x) - right).abs()
            let expected = try (left * left).sum(dim: -2)
            #expect(try (residuals - expected).abs().amax().array(of: Double.self)[0] < (dtype.real == .float32 ? 1e-4 : 1e-12))
            #expect(try rank.array(of: Int.self) == (a.identity == full.identity ? [2, 2] : [1, 1]))
        }
    }

    @Test func withoutRightHandSidesTheRankAndTheSingularValuesAreThere() throws {
        let a = try Tensor([[3.0, 0], [0, 4], [0, 0]])
        let (x, residuals, rank, values) = try a.lstsq(Tensor.zeros([3, 0]))
        #expect(try x.sizes == [2, 0] && residuals.sizes == [0])
        #expect(try rank.array(of: Int.self) == [2] && values.array(of: Double.self) == [4, 3])
    }
}
