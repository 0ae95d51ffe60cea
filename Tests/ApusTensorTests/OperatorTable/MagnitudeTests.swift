import ApusSymbolic
import JudgeSupport
import Testing

@testable import ApusTensor

/// Gradients of the elementwise operators at magnitudes from one end of each dtype to the other, against derivatives evaluated in 300 bits: no
/// intermediate result of a formula may leave the range where the gradient itself lies in it.
@Suite struct MagnitudeTests {
    struct Case: Encodable {
        var name: String
        /// The call, for messages.
        var text: String
        var arguments: [TorchJudge.Encoded]
        /// One for each tensor among the arguments; nil where it has none.
        var gradients: [TorchJudge.Encoded?]
        var isHolomorphic: Bool
        /// Units in the last place that are allowed.
        var ulps: Double
        /// Whether those are of 1, rather than of the gradient, where that is smaller.
        var isOfResult: Bool
    }

    /// Composites that work element by element, beside the operators of one micro-operation.
    static let composites: Set<String> = [
        "aten::sinc", "aten::special_sinc", "aten::special_entr", "aten::special_ndtr", "aten::logit", "aten::special_logit",
        "aten::special_xlog1py", "aten::special_xlog1py.other_scalar", "aten::special_xlog1py.self_scalar", "aten::deg2rad",
        "aten::rad2deg", "aten::ldexp.Tensor", "aten::frexp.Tensor", "aten::float_power.Tensor_Tensor", "aten::float_power.Tensor_Scalar",
        "aten::float_power.Scalar", "aten::selu", "aten::celu", "aten::relu6", "aten::rsub.Tensor", "aten::rsub.Scalar",
    ]

    /// Slopes of activations have no derivative in closed form here; finite differences judge theirs.
    static let slopes: Set<String> = [
        "aten::gelu_backward", "aten::silu_backward", "aten::mish_backward", "aten::hardswish_backward", "aten::hardsigmoid_backward",
        "aten::elu_backward", "aten::softplus_backward", "aten::hardtanh_backward",
    ]

    /// Where a derivative loses digits although nothing leaves the range: exponentials and powers magnify the rounding of their exponents, and the
    /// gamma function's derivatives cancel where they are reflected.
    static func ulps(_ operation: Operator, _ dtype: DType) -> Double {
        let name: String = operation.schema.name
        if name.contains("pow") { return dtype.isComplex ? 4000 : 100 }
        if name.contains("gamma") || name.contains("psi") || ["logaddexp2", "erfinv", "special_erfcx"].contains(name) { return 200 }
        if name == "celu" || (dtype.isComplex && name.hasPrefix("tan")) { return 40 }
        return dtype.byteWidth == 2 ? 3 : 8
    }

    /// Derivatives from the rounded result, as PyTorch's operators take them, and sums that cancel: they are as exact as numbers near 1, not as
    /// themselves.
    static let ofResults: Set<String> = [
        "aten::tanh", "aten::sigmoid", "aten::special_expit", "aten::gelu", "aten::silu", "aten::mish",
    ]

    static let real: [DType: [Double]] = [
        .float16: [0, 6e-8, 1e-6, 1e-4, 0.01, 0.3, 1.25, 3.5, 20, 300, 3000, 60000],
        .bfloat16: [0, 1e-40, 1e-30, 1e-15, 1e-5, 0.3, 1.25, 3.5, 20, 300, 1e15, 1e30, 3e38],
        .float32: [0, 1e-40, 1e-30, 1e-15, 1e-5, 0.3, 1.25, 3.5, 20, 300, 1e15, 1e30, 3e38],
        .float64: [0, 0x1p-1030, 1e-200, 1e-30, 1e-15, 1e-5, 0.3, 1.25, 3.5, 20, 300, 1e15, 1e30, 1e200, 1.5e308],
    ]

    /// The points of one operand among several: both signs.
    static func points(_ dtype: DType, operands: Int) -> [Double] {
        let magnitudes: [Double] = real[dtype] ?? []
        switch operands {
        case 1: return magnitudes.flatMap { [$0, -$0] }
        case 2: return [0] + magnitudes.dropFirst(2).enumerated().filter { $0.offset % 2 == 0 }.flatMap { [$0.element, -$0.element] }
        default: return magnitudes.dropFirst(2).enumerated().filter { $0.offset % 3 == 0 }.flatMap { [$0.element, -$0.element] }
        }
    }

    /// Complex numbers of parts from small to large.
    static func complexPoints(_ dtype: DType, operands: Int) throws -> Tensor {
        let large: Double = dtype == .complex64 ? 1e25 : 1e200
        let magnitudes: [Double] = operands == 1 ? [0, 1 / large, 0.375, 1.5, large] : [1 / large, 0.375, large]
        let parts: [Double] = operands == 1 ? magnitudes.flatMap { [$0, -$0] } : magnitudes + [-large]
        let pairs: [Double] = parts.flatMap { real in parts.flatMap { [real, $0] } }
        return try Tensor(pairs, shape: [pairs.count / 2, 2]).viewAsComplex().to(dtype)
    }

    /// Every combination of the operands' points, as one vector for each operand.
    static func grid(_ dtype: DType, operands: Int) throws -> [Tensor] {
        let numbers: [Double] = points(dtype, operands: operands)
        let axis: Tensor =
            dtype.isComplex ? try complexPoints(dtype, operands: operands) : try Tensor(numbers, shape: [numbers.count]).to(dtype)
        let count: Int = axis.layout.count
        let sizes = [Int](repeating: count, count: operands)
        return try (0..<operands).map { operand in
            var own = [Int](repeating: 1, count: operands)
            own[operand] = count
            return try axis.reshaped(own.map { SymInt($0) }).expanded(sizes.map { SymInt($0) }).reshaped([SymInt(-1)])
        }
    }

    /// One call for each list of arguments other than tensors.
    static func calls(_ operation: Operator) throws -> [[OperatorArgument]] {
        var seen: Set<String> = []
        var calls: [[OperatorArgument]] = []
        for sample in try operation.samples() {
            let plain: [String] = sample.map { if case .tensor = $0 { "tensor" } else { "\($0)" } }
            if seen.insert("\(plain)").inserted { calls.append(sample) }
        }
        // Numbers that are operands are walked too: such as every dtype has, since what is rounded may lie on the other side of a jump.
        for (position, argument) in (calls.first ?? []).enumerated().prefix(2) {
            guard operation.pointwise?.arity == 2, case .scalar = argument else { continue }
            for number in [0x1p50, -0x1p-50] {
                calls.append(calls[0].enumerated().map { $0.offset == position ? .scalar(.float(SymFloat(number))) : $0.element })
            }
        }
        return calls
    }

    static func cases(_ operation: Operator) throws -> [Case] {
        var cases: [Case] = []
        for call in try calls(operation) {
            let tensors: [Int] = call.indices.filter { if case .tensor = call[$0] { true } else { false } }
            let isPlain: Bool = tensors.allSatisfy {
                if case .tensor(let tensor) = call[$0] { tensor.dtype.isDifferentiable } else { false }
            }
            guard isPlain, !tensors.isEmpty else { continue }
            for dtype in [DType.float16, .bfloat16, .float32, .float64, .complex64, .complex128] {
                // Slopes times gradients are no holomorphic functions of either.
                if dtype.isComplex, operation.schema.name.hasSuffix("_backward") { continue }
                let operands = try grid(dtype, operands: tensors.count)
                var arguments = call
                for (position, tensor) in zip(tensors, operands) { arguments[position] = .tensor(tensor) }
                guard call.allSatisfy({ if case .scalar(let number) = $0 { number.fits(dtype) } else { true } }) else { continue }
                guard let result = try? apply(operation, arguments) else { continue }
                let gradients: [Tensor?] = try operands.indices.map { operand in
                    do {
                        return try gradient(at: operands[operand]) { given in
                            var changed = arguments
                            changed[tensors[operand]] = .tensor(given)
                            guard case .tensor(let value) = try apply(operation, changed)[0] else { throw Missing() }
                            return try (value.dtype.isComplex ? value.viewAsReal().select(dim: -1, index: 0) : value).sum()
                        }
                    } catch let error as TensorError where error.code == .notDifferentiable {
                        return nil
                    }
                }
                guard gradients.contains(where: { $0 != nil }), case .tensor(let value) = result[0] else { continue }
                let plain: [String] = arguments.compactMap { if case .tensor = $0 { nil } else { "\($0)" } }
                cases.append(
                    Case(
                        name: operation.name, text: "(\(plain.joined(separator: ", ")))",
                        arguments: try arguments.map { try TorchJudge.encode($0) },
                        gradients: try gradients.map { try $0.map { try TorchJudge.encode($0) } },
                        isHolomorphic: value.dtype.isComplex && !["aten::sgn", "aten::_conj_physical"].contains(operation.name),
                        ulps: ulps(operation, dtype), isOfResult: ofResults.contains(operation.name)))
            }
        }
        return cases
    }

    struct Missing: Error {}

    @Test func gradientsAreRightAtAllMagnitudes() throws {
        var cases: [Case] = []
        for operation in OperatorTable.all where operation.isDifferentiable && !operation.effects.contains(.random) {
            guard operation.pointwiseForm != nil || Self.composites.contains(operation.name) else { continue }
            guard !Self.slopes.contains(operation.name) else { continue }
            do {
                cases += try Self.cases(operation)
            } catch {
                Issue.record("\(operation): \(error)")
            }
        }
        let lines = try Python.judge("gradient_judge.py", cases)
        for line in lines.dropLast() { Issue.record("\(line)") }
        #expect(lines.last?.hasPrefix("judged ") == true)
        print("\(cases.count) calls of elementwise operators, \(lines.last ?? "")")
    }
}
