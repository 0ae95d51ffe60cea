import ApusSymbolic
import Testing

@testable import ApusTensor

/// Interpolation where float32 no longer counts the positions.
@Suite struct LargeInterpolationTests {
    static let size = (1 << 24) + 2

    /// `i % 251` at position i.
    private func input() throws -> Tensor { try (Tensor.arange(SymInt(Self.size)) % 251).to(.float32) }

    private func upsample(_ name: String, _ x: Tensor, to size: Int, aligns: Bool?) throws -> [Double] {
        let isPlane = name.contains("2d")
        let shape = isPlane ? [1, 1, 1, Self.size] : [1, 1, Self.size]
        let operation = try #require(OperatorTable.find("aten::\(name)"))
        let result = try applySingle(
            operation,
            [.tensor(x.reshaped(shape.map { SymInt($0) })), .ints(isPlane ? [1, size] : [size])] + (aligns.map { [.bool($0)] } ?? [])
                + (isPlane ? [.none, .none] : [.none]))
        return try result.array(of: Double.self)
    }

    @Test func positionsAreExact() throws {
        let x = try input()
        let (n, out) = (Self.size, 5)
        func value(_ position: Int) -> Double { Double(min(max(position, 0), n - 1) % 251) }
        func cubic(_ source: Double) -> Double {
            let below = source.rounded(.down)
            return (-1...2).reduce(0.0) { sum, step in
                let d = (source - below - Double(step)).magnitude
                let weight = d <= 1 ? (1.25 * d - 2.25) * d * d + 1 : ((-0.75 * d + 3.75) * d - 6) * d + 3
                return sum + weight * value(Int(below) + step)
            }
        }
        func linear(_ source: Double) -> Double {
            let (held, below) = (max(source, 0), max(source, 0).rounded(.down))
            return value(Int(below)) + (held - below) * (value(Int(below) + 1) - value(Int(below)))
        }
        func agree(_ name: String, _ aligns: Bool?, _ expected: (Int) -> Double) throws {
            for (at, mine) in try upsample(name, x, to: out, aligns: aligns).enumerated() {
                let right = expected(at)
                #expect(
                    (mine - right).magnitude <= 1e-4 * max(1, right.magnitude),
                    "\(name) \(aligns as Any), position \(at): \(mine), not \(right)")
            }
        }
        try agree("upsample_nearest1d", nil) { value($0 * n / out) }
        try agree("_upsample_nearest_exact1d", nil) { value((2 * $0 + 1) * n / (2 * out)) }
        for aligns in [false, true] {
            func source(_ at: Int) -> Double {
                aligns ? Double(at * (n - 1)) / Double(out - 1) : (Double(at) + 0.5) * Double(n) / Double(out) - 0.5
            }
            try agree("upsample_linear1d", aligns) { linear(source($0)) }
            try agree("upsample_bilinear2d", aligns) { linear(source($0)) }
            try agree("upsample_bicubic2d", aligns) { cubic(source($0)) }
        }
    }

    @Test(arguments: [("upsample_nearest1d", nil), ("_upsample_nearest_exact1d", nil), ("upsample_linear1d", false)] as [(String, Bool?)])
    func theSameSizeChangesNothing(_ name: String, _ aligns: Bool?) throws {
        let x = try input()
        let result = try #require(OperatorTable.find("aten::\(name)"))
        let given = try applySingle(
            result,
            [.tensor(x.reshaped([1, 1, SymInt(Self.size)])), .ints([Self.size])] + (aligns.map { [.bool($0)] } ?? []) + [.none])
        #expect(try (given.reshaped([-1]) .!= x).any().item(Bool.self) == false)
    }
}
