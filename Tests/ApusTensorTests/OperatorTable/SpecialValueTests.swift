import Testing

@testable import ApusTensor

/// Elementwise operators where an intermediate result may leave the dtype.
@Suite struct SpecialValueTests {
    @Test func besselFunctionsAtTheExtremes() throws {
        // From mpmath, 30 digits.
        let x = try Tensor([1e308, -1e308, 1e300, 700, 713, 720, -720, 1e-300] as [Double], shape: [8])
        func values(_ operation: Operator) throws -> [Double] { try applySingle(operation, [.tensor(x)]).array(of: Double.self) }
        func agree(_ operation: Operator, _ expected: [Double]) throws {
            for (mine, right) in zip(try values(operation), expected) {
                #expect(mine == right || (mine - right).magnitude <= 4e-14 * right.magnitude, "\(operation): \(mine), not \(right)")
            }
        }
        try agree(.i0, [.infinity, .infinity, .infinity, 1.5295933476718737e+302, 6.705128263670996e+307, .infinity, .infinity, 1.0])
        try agree(.i1, [.infinity, -.infinity, .infinity, 1.5285003902339006e+302, 6.700424559186402e+307, .infinity, -.infinity, 5e-301])
        try agree(
            .i0e,
            [
                3.989422804014327e-155, 3.989422804014327e-155, 3.9894228040143264e-151, 0.015081295651531358, 0.014943127187904973,
                0.014870284185509175, 0.014870284185509175, 1.0,
            ])
        try agree(
            .i1e,
            [
                3.989422804014327e-155, -3.989422804014327e-155, 3.9894228040143264e-151, 0.015070519444716848, 0.01493264445713479,
                0.014859954008658149, -0.014859954008658149, 5e-301,
            ])
    }

    @Test(arguments: [DType.float16, .bfloat16, .float32, .float64]) func hardswishHasNoSlopeAtNaN(_ dtype: DType) throws {
        let x = try Tensor([.nan, -4, 0, 4] as [Double], shape: [4]).to(dtype)
        let slopes = try gradient(at: x) { try $0.hardswish().sum() }.array(of: Double.self)
        #expect(slopes[0].isNaN && slopes.dropFirst() == [0, 0.5, 1])
    }
}
