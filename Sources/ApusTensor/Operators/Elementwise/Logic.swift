import ApusSymbolic
import CApusKernels

// Logical operators, which take every dtype as true or false, and bitwise ones, which take integers and bool. None has a gradient.

extension Operator {
    static let logicalNot: Operator = unary(
        "aten::logical_not(Tensor self) -> Tensor", APUS_OP_LOGICAL_NOT, "Where an element is 0 or false.")
    static let logicalAnd: Operator = binary(
        "aten::logical_and(Tensor self, Tensor other) -> Tensor", APUS_OP_LOGICAL_AND, "Where both are not 0.")
    static let logicalOr: Operator = binary(
        "aten::logical_or(Tensor self, Tensor other) -> Tensor", APUS_OP_LOGICAL_OR, "Where one or both are not 0.")
    static let logicalXor: Operator = binary(
        "aten::logical_xor(Tensor self, Tensor other) -> Tensor", APUS_OP_LOGICAL_XOR, "Where exactly one is not 0.")

    static let bitwiseNot: Operator = unary(
        "aten::bitwise_not(Tensor self) -> Tensor", APUS_OP_BITWISE_NOT, taking: .bits, "Every bit flipped; the logical not of bool.")
    static let bitwiseAnd: OperatorPair = .binary(
        "bitwise_and", APUS_OP_BITWISE_AND, taking: .bits, "The bits that both have; the logical and of bool.")
    static let bitwiseOr: OperatorPair = .binary(
        "bitwise_or", APUS_OP_BITWISE_OR, taking: .bits, "The bits that one has; the logical or of bool.")
    static let bitwiseXor: OperatorPair = .binary(
        "bitwise_xor", APUS_OP_BITWISE_XOR, taking: .bits, "The bits that exactly one has; the logical xor of bool.")
    static let shiftLeft: OperatorPair = .binary(
        "bitwise_left_shift", APUS_OP_SHIFT_LEFT, taking: .integer,
        "The bits moved up; 0 where by the dtype's width or more, or by a negative number.",
        scalarOverload: "Tensor_Scalar", parameters: Pointwise.shiftWidth)
    static let shiftRight: OperatorPair = .binary(
        "bitwise_right_shift", APUS_OP_SHIFT_RIGHT, taking: .integer, "The bits moved down, keeping the sign.",
        scalarOverload: "Tensor_Scalar", parameters: Pointwise.shiftWidth)

    static let logic: [Operator] =
        [logicalNot, logicalAnd, logicalOr, logicalXor, bitwiseNot]
        + [bitwiseAnd, bitwiseOr, bitwiseXor, shiftLeft, shiftRight].flatMap { pair in
            let name: String = pair.tensor.schema.name
            return pair.all + [
                withNumber("aten::\(name).Scalar_Tensor(Scalar self, Tensor other) -> Tensor", pair.tensor, 5, of: .int64)
            ]
        }
        + [("and", bitwiseAnd), ("or", bitwiseOr), ("xor", bitwiseXor), ("lshift", shiftLeft), ("rshift", shiftRight)].flatMap {
            name, pair in
            [
                alias("aten::__\(name)__.Tensor(Tensor self, Tensor other) -> Tensor", of: pair.tensor),
                alias("aten::__\(name)__.Scalar(Tensor self, Scalar other) -> Tensor", of: pair.scalar),
            ]
        }
}

extension Tensor {
    /// Where an element is 0 or false.
    public func logicalNot() throws -> Tensor { try applyPointwise(.logicalNot, self) }
    /// Where both are not 0, elementwise with broadcasting.
    public func logicalAnd(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.logicalAnd, self, other) { [.tensor(self), .tensor(other)] }
    }
    /// Where one or both are not 0, elementwise with broadcasting.
    public func logicalOr(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.logicalOr, self, other) { [.tensor(self), .tensor(other)] }
    }
    /// Where exactly one is not 0, elementwise with broadcasting.
    public func logicalXor(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.logicalXor, self, other) { [.tensor(self), .tensor(other)] }
    }

    /// Every bit flipped; the logical not of bool.
    public static prefix func ~ (x: Tensor) throws -> Tensor { try applySingle(.bitwiseNot, [.tensor(x)]) }
    /// The bits that both have; the logical and of bool.
    public static func & (a: Tensor, b: Tensor) throws -> Tensor { try Operator.bitwiseAnd(a, b) }
    public static func & (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.bitwiseAnd(a, b.scalar) }
    /// The bits that one has; the logical or of bool.
    public static func | (a: Tensor, b: Tensor) throws -> Tensor { try Operator.bitwiseOr(a, b) }
    public static func | (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.bitwiseOr(a, b.scalar) }
    /// The bits that exactly one has; the logical xor of bool.
    public static func ^ (a: Tensor, b: Tensor) throws -> Tensor { try Operator.bitwiseXor(a, b) }
    public static func ^ (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.bitwiseXor(a, b.scalar) }
    /// The bits moved up.
    public static func << (a: Tensor, b: Tensor) throws -> Tensor { try Operator.shiftLeft(a, b) }
    public static func << (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.shiftLeft(a, b.scalar) }
    /// The bits moved down, keeping the sign.
    public static func >> (a: Tensor, b: Tensor) throws -> Tensor { try Operator.shiftRight(a, b) }
    public static func >> (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.shiftRight(a, b.scalar) }
}
