import ApusExport
import ApusNN
import ApusProgram
import ApusTensor
import Testing

/// Programs that hold the gradient of a determinant: right at singular matrices too.
@Suite struct DeterminantGradientTests {
    /// Matrices of rank n, n - 1 and n - 2, whose elements are small integers.
    private static func matrices(_ n: Int) throws -> [Tensor] {
        var random = SystemRandomNumberGenerator()
        return try (0..<3).map { missing in
            let rank: Int = max(n - missing, 0)
            var factor: [Double] = []
            for _ in 0..<n * rank * 2 { factor.append(Double(Int.random(in: -2...2, using: &random))) }
            let (left, right) = (Array(factor.prefix(n * rank)), Array(factor.suffix(n * rank)))
            return try Tensor(left, shape: [n, rank]).to(.float64).matmul(Tensor(right, shape: [rank, n]).to(.float64))
        }
    }

    private func expectGradients(_ program: ExportedProgram, _ sizes: [Int]) throws {
        for n in sizes {
            for a in try DeterminantGradientTests.matrices(n) {
                let ours: Tensor = try program(a)
                let eager: Tensor = try gradient(at: a) { try $0.det() }
                let scale: Double = max(1, try eager.abs().max().item(Double.self))
                #expect(try (ours - eager).abs().max().item(Double.self) <= 1e-9 * scale, "\(n): \(a)")
            }
        }
    }

    @Test func ofAnyOrder() throws {
        let a: Tensor = try Tensor.eye(3, dtype: .float64)
        let program = try export(
            { (a: Tensor) in try gradient(at: a) { try $0.det() } }, args: a,
            constraints: [dynamicDim(a, 0).in(1...20), dynamicDim(a, 0) == dynamicDim(a, 1)])
        try expectGradients(program, [1, 2, 3, 5, 18, 20])
    }

    /// One path alone, where no question is left to ask.
    @Test func alongTheExamplesPath() throws {
        let a: Tensor = try Tensor.eye(4, dtype: .float64)
        let program = try export(
            { (a: Tensor) in try gradient(at: a) { try $0.det() } }, args: a, options: ExportOptions(branches: .guardExample))
        try expectGradients(program, [4])
    }
}
