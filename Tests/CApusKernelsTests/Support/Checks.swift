import CApusKernels
import Testing

/// Numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func real(_ range: ClosedRange<Double> = -2...2) -> Double { Double.random(in: range, using: &self) }
    mutating func whole(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}

/// Every way to lay a shape out in memory that kernels treat differently.
enum Layout: CaseIterable {
    case contiguous
    case transposed
    case everySecond
    case reversed
    case repeatedRows
    case repeatedColumns

    func array(_ dtype: apus_dtype, _ shape: [Int]) -> TestArray {
        var strides: [Int] = []
        var step = 1
        switch self {
        case .contiguous:
            return TestArray(dtype, shape)
        case .transposed:
            for size in shape {
                strides.append(step)
                step *= size
            }
            return TestArray(dtype, shape, strides: strides, elements: step)
        case .everySecond:
            step = 2
            for size in shape.reversed() {
                strides.insert(step, at: 0)
                step *= size
            }
            return TestArray(dtype, shape, strides: strides, elements: step)
        case .reversed:
            for size in shape.reversed() {
                strides.insert(-step, at: 0)
                step *= size
            }
            return TestArray(dtype, shape, strides: strides, elements: step, start: max(step - 1, 0))
        case .repeatedRows, .repeatedColumns:
            let repeated: Int = self == .repeatedRows ? 0 : shape.count - 1
            for d in shape.indices.reversed() {
                strides.insert(d == repeated ? 0 : step, at: 0)
                step *= d == repeated ? 1 : shape[d]
            }
            return TestArray(dtype, shape, strides: strides, elements: step)
        }
    }
}

let floatingDtypes: [apus_dtype] = [APUS_FLOAT32, APUS_FLOAT64, APUS_FLOAT16, APUS_BFLOAT16]
let integerDtypes: [apus_dtype] = [APUS_UINT8, APUS_INT8, APUS_INT16, APUS_INT32, APUS_INT64]
let shapes: [[Int]] = [[], [1], [7], [0], [3, 5], [2, 3, 4], [33, 65], [300, 3], [3, 300], [2, 1, 130], [0, 4]]

/// How far a result in a dtype may be from the exact one, relative to it (or to 1 below that).
func tolerance(_ dtype: apus_dtype) -> Double {
    switch dtype {
    case APUS_FLOAT16: return 2e-3
    case APUS_BFLOAT16: return 1.6e-2
    case APUS_FLOAT64, APUS_COMPLEX128: return 1e-12
    default: return 1e-5
    }
}

/// Fails at the first element that differs, naming it.
func expectEqual(
    _ result: TestArray, _ expected: [Double], within factor: Double = 1, _ what: @autoclosure () -> String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard result.count == expected.count else {
        Issue.record("\(what()): \(result.count) elements instead of \(expected.count)", sourceLocation: sourceLocation)
        return
    }
    let limit: Double = tolerance(result.dtype) * factor
    for i in 0..<result.count {
        let got: Double = result[i]
        let want: Double = expected[i]
        let close: Bool = got == want || (got.isNaN && want.isNaN) || (got - want).magnitude <= limit * max(1, want.magnitude)
        if !close {
            Issue.record("\(what()): element \(i) is \(got) instead of \(want)", sourceLocation: sourceLocation)
            return
        }
    }
}

func code(_ dtype: apus_dtype) -> Int32 { Int32(dtype.rawValue) }
func code(_ op: apus_op) -> Int32 { Int32(op.rawValue) }
func status(_ s: apus_status) -> Int32 { Int32(s.rawValue) }
/// What kernels return when all went well.
let ok: Int32 = 0

@discardableResult
func unary(_ op: apus_op, _ compute: apus_dtype, _ x: TestArray, _ out: TestArray, _ params: apus_params? = nil) -> Int32 {
    var a: apus_view = x.view
    var o: apus_view = out.view
    guard var p: apus_params = params else { return apus_unary(code(op), code(compute), nil, &a, &o) }
    return apus_unary(code(op), code(compute), &p, &a, &o)
}

@discardableResult
func binary(
    _ op: apus_op, _ compute: apus_dtype, _ x: TestArray, _ y: TestArray, _ out: TestArray, _ params: apus_params? = nil
) -> Int32 {
    var a: apus_view = x.view
    var b: apus_view = y.view
    var o: apus_view = out.view
    guard var p: apus_params = params else { return apus_binary(code(op), code(compute), nil, &a, &b, &o) }
    return apus_binary(code(op), code(compute), &p, &a, &b, &o)
}
