import ApusSymbolic
import CApusKernels

// Comparisons and tests, elementwise, into bool tensors. They have no gradient: a bool tensor has none.

extension Operator {
    static let eq: OperatorPair = .binary("eq", APUS_OP_EQ, "Where both are equal; NaN equals nothing.")
    static let ne: OperatorPair = .binary("ne", APUS_OP_NE, "Where both differ; NaN differs from everything.")
    static let lt: OperatorPair = .binary("lt", APUS_OP_LT, taking: .real, "Where self is less than other.")
    static let le: OperatorPair = .binary("le", APUS_OP_LE, taking: .real, "Where self is at most other.")
    static let gt: OperatorPair = .binary("gt", APUS_OP_GT, taking: .real, "Where self is greater than other.")
    static let ge: OperatorPair = .binary("ge", APUS_OP_GE, taking: .real, "Where self is at least other.")

    static let isnan: Operator = unary("aten::isnan(Tensor self) -> Tensor", APUS_OP_ISNAN, "Where an element is not a number.")
    static let isinf: Operator = unary("aten::isinf(Tensor self) -> Tensor", APUS_OP_ISINF, "Where an element is infinite.")
    static let isfinite: Operator = unary(
        "aten::isfinite(Tensor self) -> Tensor", APUS_OP_ISFINITE, "Where an element is neither infinite nor NaN.")
    static let isposinf: Operator = unary(
        "aten::isposinf(Tensor self) -> Tensor", APUS_OP_ISPOSINF, taking: .real, "Where an element is positive infinity.")
    static let isneginf: Operator = unary(
        "aten::isneginf(Tensor self) -> Tensor", APUS_OP_ISNEGINF, taking: .real, "Where an element is negative infinity.")
    static let signbit: Operator = unary(
        "aten::signbit(Tensor self) -> Tensor", APUS_OP_SIGNBIT, taking: .real, "Where the sign bit is set, as in -0.")

    static let comparisons: [Operator] =
        [eq, ne, lt, le, gt, ge].flatMap { $0.all } + [isnan, isinf, isfinite, isposinf, isneginf, signbit]
}

extension Tensor {
    /// Where both are equal, elementwise with broadcasting.
    public static func .== (a: Tensor, b: Tensor) throws -> Tensor { try Operator.eq(a, b) }
    public static func .== (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.eq(a, b.scalar) }
    public static func .== (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try Operator.eq(b, a.scalar) }
    /// Where both differ, elementwise with broadcasting.
    public static func .!= (a: Tensor, b: Tensor) throws -> Tensor { try Operator.ne(a, b) }
    public static func .!= (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.ne(a, b.scalar) }
    public static func .!= (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try Operator.ne(b, a.scalar) }
    /// Where `a` is less than `b`, elementwise with broadcasting.
    public static func .< (a: Tensor, b: Tensor) throws -> Tensor { try Operator.lt(a, b) }
    public static func .< (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.lt(a, b.scalar) }
    public static func .< (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try Operator.gt(b, a.scalar) }
    /// Where `a` is at most `b`, elementwise with broadcasting.
    public static func .<= (a: Tensor, b: Tensor) throws -> Tensor { try Operator.le(a, b) }
    public static func .<= (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.le(a, b.scalar) }
    public static func .<= (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try Operator.ge(b, a.scalar) }
    /// Where `a` is greater than `b`, elementwise with broadcasting.
    public static func .> (a: Tensor, b: Tensor) throws -> Tensor { try Operator.gt(a, b) }
    public static func .> (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.gt(a, b.scalar) }
    public static func .> (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try Operator.lt(b, a.scalar) }
    /// Where `a` is at least `b`, elementwise with broadcasting.
    public static func .>= (a: Tensor, b: Tensor) throws -> Tensor { try Operator.ge(a, b) }
    public static func .>= (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.ge(a, b.scalar) }
    public static func .>= (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try Operator.le(b, a.scalar) }

    /// Where an element is not a number.
    public func isnan() throws -> Tensor { try applyPointwise(.isnan, self) }
    /// Where an element is infinite.
    public func isinf() throws -> Tensor { try applyPointwise(.isinf, self) }
    /// Where an element is neither infinite nor NaN.
    public func isfinite() throws -> Tensor { try applyPointwise(.isfinite, self) }

    /// Where an element is positive infinity.
    public func isposinf() throws -> Tensor { try applyPointwise(.isposinf, self) }

    /// Where an element is negative infinity.
    public func isneginf() throws -> Tensor { try applyPointwise(.isneginf, self) }

    /// Where the sign bit is set, as in -0.
    public func signbit() throws -> Tensor { try applyPointwise(.signbit, self) }

    /// Whether both have the same sizes and elements. While a function is traced, both answers are followed. Different dtypes throw.
    public func equal(_ other: Tensor) throws -> Bool {
        guard dtype == other.dtype else {
            throw TensorError(.dtypeMismatch, in: "equal", "\(spec) and \(other.spec) differ in their dtypes: convert one with to(_:)")
        }
        guard rank == other.rank else { return false }
        for (mine, theirs) in zip(shape, other.shape) where mine != theirs { return false }
        return try (self .== other).all().item(Bool.self)
    }
}

// MARK: What is no condition

extension Tensor {
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.==', and read the answer with (a .== b).item(Bool.self)"
    )
    public static func == (a: Tensor, b: Tensor) throws -> Bool { try (a .== b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.==', and read the answer with (a .== b).item(Bool.self)"
    )
    public static func == (a: Tensor, b: some ScalarConvertible) throws -> Bool { try (a .== b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.!=', and read the answer with (a .!= b).item(Bool.self)"
    )
    public static func != (a: Tensor, b: Tensor) throws -> Bool { try (a .!= b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.!=', and read the answer with (a .!= b).item(Bool.self)"
    )
    public static func != (a: Tensor, b: some ScalarConvertible) throws -> Bool { try (a .!= b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.<', and read the answer with (a .< b).item(Bool.self)"
    )
    public static func < (a: Tensor, b: Tensor) throws -> Bool { try (a .< b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.<', and read the answer with (a .< b).item(Bool.self)"
    )
    public static func < (a: Tensor, b: some ScalarConvertible) throws -> Bool { try (a .< b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.<=', and read the answer with (a .<= b).item(Bool.self)"
    )
    public static func <= (a: Tensor, b: Tensor) throws -> Bool { try (a .<= b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.<=', and read the answer with (a .<= b).item(Bool.self)"
    )
    public static func <= (a: Tensor, b: some ScalarConvertible) throws -> Bool { try (a .<= b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.>', and read the answer with (a .> b).item(Bool.self)"
    )
    public static func > (a: Tensor, b: Tensor) throws -> Bool { try (a .> b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.>', and read the answer with (a .> b).item(Bool.self)"
    )
    public static func > (a: Tensor, b: some ScalarConvertible) throws -> Bool { try (a .> b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.>=', and read the answer with (a .>= b).item(Bool.self)"
    )
    public static func >= (a: Tensor, b: Tensor) throws -> Bool { try (a .>= b).item(Bool.self) }
    @available(
        *, unavailable,
        message: "a tensor is no condition: compare its elements with '.>=', and read the answer with (a .>= b).item(Bool.self)"
    )
    public static func >= (a: Tensor, b: some ScalarConvertible) throws -> Bool { try (a .>= b).item(Bool.self) }
}
