import ApusSymbolic
import ApusTensor

// Checks as nodes of a program.

extension Operator {
    /// A condition on sizes and on numbers that were read. Also what runtime assertions are made of.
    public static let assertScalar: Operator = Operator(
        "aten::_assert_scalar(Scalar self, str assert_msg) -> ()",
        "Checks a condition on sizes or on numbers read from tensors, and throws `checkFailed` with the message where it does not hold.",
        effects: .check, rule: { _ in [] },
        kernel: .host { call in
            let holds: Bool
            switch call[0] {
            case .symBool(let condition): holds = try SymbolValues().value(of: condition, in: call.name)
            case .scalar(let scalar): holds = !scalar.isKnown(0)
            default: holds = try call.tensor(0).truth(in: call.name)
            }
            guard holds else { throw TensorError(.checkFailed, try call.string(1)) }
            return []
        },
        samples: { [[.bool(true), .string("never shown")]] })

    /// A condition on values: one element, not zero.
    public static let assertAsync: Operator = Operator(
        "aten::_assert_async.msg(Tensor self, str assert_msg) -> ()",
        "Checks that the one element of a tensor is not zero, and throws `checkFailed` with the message where it is.",
        effects: .check, rule: { _ in [] },
        kernel: .host { call in
            let x = try call.tensor(0)
            guard x.count.constant == 1 else { throw call.error(.invalidArgument, "takes a tensor of one element, not \(x.spec)") }
            guard try Interpreter.with(nil, { try x.to(.bool) }).array(of: Bool.self) == [true] else {
                throw TensorError(.checkFailed, try call.string(1))
            }
            return []
        },
        samples: { [[.tensor(try Tensor([true], shape: [])), .string("never shown")]] })

    public static let assertTensorMetadata: Operator = Operator(
        "aten::_assert_tensor_metadata(Tensor a, SymInt[]? size=None, SymInt[]? stride=None, ScalarType? dtype=None, *, Device? device=None, Layout? layout=None) -> ()",
        "Checks a tensor's dtype and sizes where they are given. Strides, device and layout are not part of a value's meaning here.",
        effects: .check, rule: { _ in [] },
        kernel: .host { call in
            let x = try call.tensor(0)
            if let dtype = try call.dtype(3), dtype != x.dtype {
                throw call.error(.dtypeMismatch, "a tensor is \(x.spec) where \(dtype) is expected")
            }
            if let sizes = try call.optionalInts(1), !(try Shape(sizes, in: call.name)).isIdentical(to: x.shape) {
                throw call.error(.shapeMismatch, "a tensor is \(x.spec) where the sizes \(sizes) are expected")
            }
            return []
        },
        samples: {
            [[.tensor(try Tensor([1, 2] as [Float], shape: [2])), .ints([2]), .none, .dtype(.float32), .none, .none]]
        })

    public static let constrainRange: Operator = rangeCheck(
        "aten::sym_constrain_range(Scalar size, *, int? min=None, int? max=None) -> ()", "Checks that a number lies between two bounds.")

    public static let constrainRangeForSize: Operator = rangeCheck(
        "aten::sym_constrain_range_for_size(Scalar size, *, int? min=None, int? max=None) -> ()",
        "Checks that a number lies between two bounds, and is at least 0.", isSize: true)

    /// The operators that need graphs, and the checks of programs.
    public static let control: [Operator] = [
        cond, whileLoop, scan, call, assertScalar, assertAsync, assertTensorMetadata, constrainRange, constrainRangeForSize,
    ]

    private static func rangeCheck(_ schema: String, _ documentation: String, isSize: Bool = false) -> Operator {
        Operator(
            schema, documentation, effects: .check, rule: { _ in [] },
            kernel: .host { call in
                let value = try call.constant(0)
                let low = max(try call.optionalInt(1)?.constant ?? .min, isSize ? 0 : .min)
                let high = try call.optionalInt(2)?.constant ?? .max
                guard value >= low, value <= high else {
                    throw TensorError(
                        .checkFailed,
                        "the number \(value) must be \(low == .min ? "" : "at least \(low)")\(low != .min && high != .max ? " and " : "")\(high == .max ? "" : "at most \(high)")"
                    )
                }
                return []
            },
            samples: { [[.int(3), .int(2), .int(5)]] })
    }
}

extension OperatorTable {
    /// Every operator of Apus: those on tensors, control flow, and the checks of programs.
    public static let standard: OperatorTable = OperatorTable(distinct: OperatorTable.all + Operator.control)
}
