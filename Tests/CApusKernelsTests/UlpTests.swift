import CApusKernels
import Foundation
import Testing

/// float32 functions against float64 ones, over samples of all bit patterns: error in units of the last place, and the special values.
@Suite struct UlpTests {
    struct Function: CustomStringConvertible, Sendable {
        let name: String
        let op: apus_op
        let exact: @Sendable (Double) -> Double
        /// The largest error allowed, in units of the last place.
        let limit: Double
        var description: String { name }
    }

    static let functions: [Function] = [
        Function(name: "exp", op: APUS_OP_EXP, exact: { exp($0) }, limit: 1),
        Function(name: "exp2", op: APUS_OP_EXP2, exact: { exp2($0) }, limit: 1),
        Function(name: "expm1", op: APUS_OP_EXPM1, exact: { expm1($0) }, limit: 1.5),
        Function(name: "log", op: APUS_OP_LOG, exact: { log($0) }, limit: 1),
        Function(name: "log2", op: APUS_OP_LOG2, exact: { log2($0) }, limit: 1.5),
        Function(name: "log10", op: APUS_OP_LOG10, exact: { log10($0) }, limit: 1),
        Function(name: "log1p", op: APUS_OP_LOG1P, exact: { log1p($0) }, limit: 1.5),
        Function(name: "sin", op: APUS_OP_SIN, exact: { sin($0) }, limit: 1),
        Function(name: "cos", op: APUS_OP_COS, exact: { cos($0) }, limit: 1),
        Function(name: "tan", op: APUS_OP_TAN, exact: { tan($0) }, limit: 2),
        Function(name: "asin", op: APUS_OP_ASIN, exact: { asin($0) }, limit: 2),
        Function(name: "acos", op: APUS_OP_ACOS, exact: { acos($0) }, limit: 1.5),
        Function(name: "atan", op: APUS_OP_ATAN, exact: { atan($0) }, limit: 2),
        Function(name: "sinh", op: APUS_OP_SINH, exact: { sinh($0) }, limit: 2),
        Function(name: "cosh", op: APUS_OP_COSH, exact: { cosh($0) }, limit: 2),
        Function(name: "tanh", op: APUS_OP_TANH, exact: { tanh($0) }, limit: 1.5),
        Function(name: "asinh", op: APUS_OP_ASINH, exact: { asinh($0) }, limit: 1),
        Function(name: "acosh", op: APUS_OP_ACOSH, exact: { acosh($0) }, limit: 1),
        Function(name: "atanh", op: APUS_OP_ATANH, exact: { atanh($0) }, limit: 1),
        Function(name: "erf", op: APUS_OP_ERF, exact: { erf($0) }, limit: 2),
        Function(name: "erfc", op: APUS_OP_ERFC, exact: { erfc($0) }, limit: 5),
        Function(name: "erfinv", op: APUS_OP_ERFINV, exact: { inverseErf($0) }, limit: 3.5),
        Function(name: "sigmoid", op: APUS_OP_SIGMOID, exact: { 1 / (1 + exp(-$0)) }, limit: 2.5),
        Function(
            name: "silu", op: APUS_OP_SILU, exact: { $0 > -88.722 || $0.isNaN ? $0 / (1 + exp(-$0)) : $0.isInfinite ? .nan : 0 }, limit: 2.5
        ),
    ]

    /// By steps of Newton's from a first guess, on what is left to 1 where that is the smaller.
    static func inverseErf(_ x: Double) -> Double {
        guard x.magnitude < 1 else { return x.magnitude == 1 ? .infinity * x : .nan }
        let (size, rest) = (x.magnitude, 1 - x.magnitude)
        var y: Double = size < 0.9 ? size * 0.9 : (-log(rest)).squareRoot() * 0.8
        for _ in 0..<100 {
            let miss: Double = size < 0.5 ? erf(y) - size : rest - erfc(y)
            let step: Double = miss * exp(y * y) * 0.886226925452758
            y -= step / (1 + y * step)
            if step.magnitude <= 1e-16 * y { break }
        }
        return x < 0 ? -y : y
    }

    /// float64 functions of our own, against libm's.
    @Test func errorFunctionsInFloat64AreClose() {
        let functions: [(apus_op, (Double) -> Double, Double)] = [
            (APUS_OP_ERF, { erf($0) }, 2), (APUS_OP_ERFC, { erfc($0) }, 5), (APUS_OP_ERFINV, { Self.inverseErf($0) }, 4),
        ]
        let special: [Double] = [0, 1e-300, -1e-20, 1, -1, 5.9, 6.6, 26.5, 28, 40, -30, .infinity, -.infinity, .nan]
        let points: [Double] = special + (0..<40_000).map { Double($0 - 20_000) / 3000 } + (1..<2000).map { 1 - exp(-Double($0) / 55) }
        let (x, out) = (TestArray(APUS_FLOAT64, [points.count], points), TestArray(APUS_FLOAT64, [points.count]))
        for (op, exact, limit) in functions {
            #expect(unary(op, APUS_FLOAT64, x, out) == ok)
            for (i, point) in points.enumerated() {
                let right: Double = exact(point)
                if right.isNaN || right.isInfinite || right == 0 {
                    #expect(out[i] == right || (right.isNaN && out[i].isNaN), "\(op) of \(point): \(out[i])")
                } else {
                    #expect(
                        (out[i] - right).magnitude <= limit * max(right.magnitude, 0x1p-1022).ulp,
                        "\(op) of \(point): \(out[i]), not \(right)")
                }
            }
        }
    }

    /// The distance in float32's units of the last place at `exact`; infinite where one is special and the other is not.
    static func ulps(_ got: Float, _ exact: Double) -> Double {
        if exact.isNaN { return got.isNaN ? 0 : .infinity }
        if got.isNaN { return .infinity }
        let rounded = Float(exact)
        if got == rounded { return 0 }
        if got.isInfinite || rounded.isInfinite { return (got.isFinite ? got : rounded).magnitude > 3.4e38 ? 1 : .infinity }
        let unit = Double(max(rounded.magnitude, Float.leastNormalMagnitude).ulp)
        return (Double(got) - exact).magnitude / unit
    }

    @Test(arguments: functions)
    func errorIsSmallEverywhere(_ function: Function) {
        let special: [Float] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ]
        let stride: UInt32 = 65_521
        let patterns: Int = Int(UInt32.max / stride)
        let all: [Float] =
            special + (0..<patterns).map { Float(bitPattern: UInt32($0) * stride) } + (0..<20_000).map { Float($0 - 10_000) / 1000 }
        let x = TestArray(APUS_FLOAT32, [all.count])
        let memory: UnsafeMutablePointer<Float> = x.storage.assumingMemoryBound(to: Float.self)
        for i in all.indices { memory[i] = all[i] }
        let out = TestArray(APUS_FLOAT32, [all.count])
        #expect(unary(function.op, APUS_FLOAT32, x, out) == ok)
        let results: UnsafeMutablePointer<Float> = out.storage.assumingMemoryBound(to: Float.self)
        var worst = 0.0
        var worstAt: Float = 0
        for i in all.indices {
            let error: Double = Self.ulps(results[i], function.exact(Double(all[i])))
            if error > worst {
                worst = error
                worstAt = all[i]
            }
        }
        #expect(worst <= function.limit, "\(function): \(worst) ulp at \(worstAt)")
    }

    @Test func powersAreExactToHalfAnUlpOrSo() {
        var random = SplitMix(3)
        let special: [Double] = [0, -0.0, 1, -1, 2, -2, 3, 0.5, .infinity, -.infinity, .nan, 1e30, 1e-30]
        var x: [Double] = []
        var y: [Double] = []
        for a in special {
            for b in special {
                x.append(a)
                y.append(b)
            }
        }
        for _ in 0..<20_000 {
            x.append(Double(Float(exp(random.real(-30...30)))))
            y.append(Double(Float(random.real(-6...6))))
        }
        let a = TestArray(APUS_FLOAT32, [x.count], x)
        let b = TestArray(APUS_FLOAT32, [x.count], y)
        let out = TestArray(APUS_FLOAT32, [x.count])
        #expect(binary(APUS_OP_POW, APUS_FLOAT32, a, b, out) == ok)
        for i in x.indices {
            let error: Double = Self.ulps(Float(out[i]), pow(a[i], b[i]))
            #expect(error <= 1, "\(a[i]) to the power \(b[i]): \(out[i])")
        }
    }
}
