import ApusSymbolic
import CApusKernels

// Elementwise functions of one tensor.

extension Operator {
    static let neg: Operator = unary(
        "aten::neg(Tensor self) -> Tensor", APUS_OP_NEG, "The negative, elementwise. Bool tensors are refused.",
        gradient: { g in try g.unary { gradient, _ in try gradient.neg() } })

    static let sin: Operator = unary(
        "aten::sin(Tensor self) -> Tensor", APUS_OP_SIN, .floating, "The sine, elementwise, in radians; float32 for integers.",
        gradient: { g in try g.unary { gradient, x in try gradient * x.cos() } })

    static let cos: Operator = unary(
        "aten::cos(Tensor self) -> Tensor", APUS_OP_COS, .floating, "The cosine, elementwise, in radians; float32 for integers.",
        gradient: { g in try g.unary { gradient, x in try (gradient * x.sin()).neg() } })

    static let conj: Operator = unary(
        "aten::_conj_physical(Tensor self) -> Tensor", APUS_OP_CONJUGATE, "The complex conjugate, elementwise; a copy for real dtypes.",
        gradient: { g in try g.unary { gradient, _ in try gradient.conj() } })

    static let unaryFunctions: [Operator] = [neg, sin, cos, conj]
}

extension Tensor {
    /// The negative, elementwise.
    public func neg() throws -> Tensor { try applyPointwise(.neg, self) }
    public static prefix func - (x: Tensor) throws -> Tensor { try x.neg() }
    /// The sine, elementwise, in radians; float32 for integers.
    public func sin() throws -> Tensor { try applyPointwise(.sin, self) }
    /// The cosine, elementwise, in radians; float32 for integers.
    public func cos() throws -> Tensor { try applyPointwise(.cos, self) }
    /// The complex conjugate; itself for real dtypes.
    public func conj() throws -> Tensor { dtype.isComplex ? try applySingle(.conj, [.tensor(self)]) : self }
}
