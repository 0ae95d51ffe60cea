import CApusKernels
import Foundation
import Testing

/// Micro-operations against plain Swift, over dtypes, shapes and layouts.
@Suite struct PointwiseTests {
    struct Unary: CustomStringConvertible, Sendable {
        let op: apus_op
        let function: @Sendable (Double) -> Double
        var domain: ClosedRange<Double> = -2...2
        var description: String { "op \(op.rawValue)" }
    }

    static let unaryOperations: [Unary] = [
        Unary(op: APUS_OP_NEG, function: { -$0 }), Unary(op: APUS_OP_ABS, function: { abs($0) }),
        Unary(op: APUS_OP_SQUARE, function: { $0 * $0 }), Unary(op: APUS_OP_EXP, function: { exp($0) }),
        Unary(op: APUS_OP_EXPM1, function: { expm1($0) }), Unary(op: APUS_OP_LOG, function: { log($0) }, domain: 0.1...9),
        Unary(op: APUS_OP_SQRT, function: { $0.squareRoot() }, domain: 0...9), Unary(op: APUS_OP_SIN, function: { sin($0) }),
        Unary(op: APUS_OP_TANH, function: { tanh($0) }), Unary(op: APUS_OP_SIGMOID, function: { 1 / (1 + exp(-$0)) }),
        Unary(op: APUS_OP_ERF, function: { erf($0) }), Unary(op: APUS_OP_RELU, function: { max($0, 0) }),
        Unary(op: APUS_OP_GELU, function: { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }),
        Unary(op: APUS_OP_SILU, function: { $0 / (1 + exp(-$0)) }), Unary(op: APUS_OP_FLOOR, function: { $0.rounded(.down) }),
        Unary(op: APUS_OP_ROUND, function: { $0.rounded(.toNearestOrEven) }),
        Unary(op: APUS_OP_LGAMMA, function: { lgamma($0) }, domain: 0.5...9),
    ]

    @Test(arguments: unaryOperations)
    func unaryOperation(_ operation: Unary) {
        var random = SplitMix(1)
        for dtype in floatingDtypes {
            for shape in shapes {
                for layout in Layout.allCases {
                    let x: TestArray = layout.array(dtype, shape).fill { random.real(operation.domain) }
                    let out = TestArray(dtype, shape)
                    #expect(unary(operation.op, dtype, x, out) == ok)
                    expectEqual(out, x.values.map(operation.function), within: 2, "\(operation) \(dtype) \(shape) \(layout)")
                }
            }
        }
    }

    struct Binary: CustomStringConvertible, Sendable {
        let op: apus_op
        let function: @Sendable (Double, Double) -> Double
        var description: String { "op \(op.rawValue)" }
    }

    static let binaryOperations: [Binary] = [
        Binary(op: APUS_OP_ADD, function: { $0 + $1 }), Binary(op: APUS_OP_SUB, function: { $0 - $1 }),
        Binary(op: APUS_OP_MUL, function: { $0 * $1 }), Binary(op: APUS_OP_MAXIMUM, function: { max($0, $1) }),
        Binary(op: APUS_OP_MINIMUM, function: { min($0, $1) }),
        Binary(op: APUS_OP_REMAINDER, function: { $0 - ($0 / $1).rounded(.down) * $1 }),
        Binary(op: APUS_OP_FMOD, function: { $0.truncatingRemainder(dividingBy: $1) }),
        Binary(op: APUS_OP_FLOOR_DIV, function: { ($0 / $1).rounded(.down) }),
        Binary(op: APUS_OP_TRUNC_DIV, function: { ($0 / $1).rounded(.towardZero) }),
    ]

    /// Small whole numbers, so that every dtype is exact.
    @Test(arguments: binaryOperations)
    func binaryOperation(_ operation: Binary) {
        var random = SplitMix(2)
        for dtype in floatingDtypes + integerDtypes {
            let low: Int = dtype == APUS_UINT8 ? 6 : -5
            for shape in shapes {
                for (i, layout) in Layout.allCases.enumerated() {
                    let other: Layout = Layout.allCases[(i * 5 + shape.count) % Layout.allCases.count]
                    let x: TestArray = layout.array(dtype, shape).fill { Double(random.whole(low...9)) }
                    let y: TestArray = other.array(dtype, shape).fill { Double(random.whole(1...5)) }
                    let out: TestArray = Layout.allCases[i % 4].array(dtype, shape)
                    #expect(binary(operation.op, dtype, x, y, out) == ok)
                    let expected: [Double] = zip(x.values, y.values).map(operation.function)
                    expectEqual(out, expected, "\(operation) \(dtype) \(shape) \(layout) \(other)")
                }
            }
        }
    }

    @Test func operandsAreConvertedToTheComputeDtype() {
        let x = TestArray(APUS_INT64, [4], [1, 2, 3, -4])
        let half = TestArray(APUS_FLOAT64, [], [0.5])
        let out = TestArray(APUS_FLOAT16, [4])
        #expect(binary(APUS_OP_MUL, APUS_FLOAT32, x, half, out) == ok)
        #expect(out.values == [0.5, 1, 1.5, -2])
        let test = TestArray(APUS_BOOL, [4])
        #expect(binary(APUS_OP_LT, APUS_FLOAT32, x, half, test) == ok)
        #expect(test.values == [0, 0, 0, 1])
    }

    @Test func resultsMayReplaceAnOperand() {
        for n in [3, 5000, 70_000] {
            let x = TestArray(APUS_FLOAT32, [n], (0..<n).map { Double($0 % 100) })
            #expect(binary(APUS_OP_ADD, APUS_FLOAT32, x, x, x) == ok)
            let expected: [Double] = (0..<n).map { Double($0 % 100 * 2) }
            #expect(x.values == expected)
        }
    }

    @Test func notANumberWinsInMinimumAndMaximum() {
        let x = TestArray(APUS_FLOAT32, [3], [.nan, 1, 2])
        let y = TestArray(APUS_FLOAT32, [3], [0, .nan, 3])
        let out = TestArray(APUS_FLOAT32, [3])
        binary(APUS_OP_MAXIMUM, APUS_FLOAT32, x, y, out)
        #expect(out[0].isNaN && out[1].isNaN && out[2] == 3)
        binary(APUS_OP_FMIN, APUS_FLOAT32, x, y, out)
        #expect(out.values == [0, 1, 2])
    }

    @Test func integersNeverTrap() {
        for (dtype, lowest) in [(APUS_INT32, Double(Int32.min)), (APUS_INT64, Double(Int64.min)), (APUS_INT8, -128)] {
            let x = TestArray(dtype, [2], [lowest, 7])
            let minusOne = TestArray(dtype, [2], [-1, -1])
            let zero = TestArray(dtype, [2], [1, 0])
            let out = TestArray(dtype, [2])
            for op in [APUS_OP_FLOOR_DIV, APUS_OP_TRUNC_DIV] {
                #expect(binary(op, dtype, x, minusOne, out) == ok)
                #expect(out.values == [lowest, -7])
            }
            for op in [APUS_OP_REMAINDER, APUS_OP_FMOD] {
                #expect(binary(op, dtype, x, minusOne, out) == ok)
                #expect(out.values == [0, 0])
            }
            for op in [APUS_OP_FLOOR_DIV, APUS_OP_TRUNC_DIV, APUS_OP_REMAINDER, APUS_OP_FMOD] {
                #expect(binary(op, dtype, x, zero, out) == status(APUS_DIVISION_BY_ZERO))
            }
            #expect(unary(APUS_OP_NEG, dtype, x, out) == ok)
            #expect(out[0] == lowest)
        }
        let x = TestArray(APUS_INT32, [4], [1, -8, 5, 1])
        let by = TestArray(APUS_INT32, [4], [31, 1, 99, -1])
        let out = TestArray(APUS_INT32, [4])
        #expect(binary(APUS_OP_SHIFT_LEFT, APUS_INT32, x, by, out) == ok)
        #expect(out.values == [Double(Int32.min), -16, 0, 0])
        #expect(binary(APUS_OP_SHIFT_RIGHT, APUS_INT32, x, by, out) == ok)
        #expect(out.values == [0, -4, 0, 0])
    }

    @Test func whatDoesNotExistIsRefused() {
        let x = TestArray(APUS_INT32, [2])
        let out = TestArray(APUS_INT32, [2])
        #expect(unary(APUS_OP_EXP, APUS_INT32, x, out) == status(APUS_UNSUPPORTED))
        #expect(unary(APUS_OP_ADD, APUS_INT32, x, out) == status(APUS_UNSUPPORTED))
        #expect(!apus_op_is_supported(9999, code(APUS_FLOAT32)))
        let longer = TestArray(APUS_INT32, [3])
        #expect(binary(APUS_OP_ADD, APUS_INT32, x, longer, out) == status(APUS_INVALID_ARGUMENT))
    }

    @Test func everyOperationHasAnArity() {
        for op in 0..<Int32(APUS_OP_END.rawValue) {
            let exists: Bool = (0..<12).contains { apus_op_is_supported(op, $0) }
            #expect((apus_op_arity(op) > 0) == exists, "op \(op)")
        }
    }
}
