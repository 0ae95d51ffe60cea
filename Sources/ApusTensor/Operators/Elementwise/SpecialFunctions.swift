import ApusSymbolic
import CApusKernels

// Error functions, logistic functions and their kin, elementwise. Integers and bool are computed in float32.

extension Operator {
    static let erf: Operator = unary(
        "aten::erf(Tensor self) -> Tensor", APUS_OP_ERF, in: .floating, "The error function, elementwise.",
        gradient: derivative { x in try (x * x).neg().exp() * (2 / Double.pi.squareRoot()) })

    static let erfc: Operator = unary(
        "aten::erfc(Tensor self) -> Tensor", APUS_OP_ERFC, in: .floating, "`1 - erf(x)`, exact where that is near 0.",
        gradient: derivative { x in try (x * x).neg().exp() * (-2 / Double.pi.squareRoot()) })

    static let erfinv: Operator = unary(
        "aten::erfinv(Tensor self) -> Tensor", APUS_OP_ERFINV, in: .floating,
        "The inverse of the error function: infinite at -1 and 1, NaN outside.",
        gradient: derivativeFromResult { y in try (y * y).exp() * (Double.pi.squareRoot() / 2) }, domain: -0.9...0.9)

    static let erfcx: Operator = unary(
        "aten::special_erfcx(Tensor self) -> Tensor", APUS_OP_ERFCX, in: .floating, taking: .real,
        "`exp(x^2) erfc(x)`, which falls as `1 / x`.",
        gradient: derivative { x in
            // 2 x f(x) - 2 / sqrt(pi), which cancels far to the right: from 8 on the derivative of the asymptotic series (Abramowitz and Stegun, 7.1.23).
            let x: Tensor = try x.to(.float64)
            let isFar: Tensor = try x .>= 8
            let far: Tensor = try x.maskedFill(isFar.logicalNot(), 8)
            let square: Tensor = try (far * far).reciprocal()
            var (factor, factors): (Double, [Double]) = (1, [])
            for k in 0...20 {
                factors.append(factor * Double(2 * k + 1))
                factor *= -Double(2 * k + 1) / 2
            }
            let series: Tensor = try factors.reversed().reduce(far.zerosLike()) { try ($0 + $1) * square }
            let near: Tensor = try x.maskedFill(isFar, 0)
            let slope: Tensor = try near * applySingle(.erfcx, [.tensor(near)]) * 2 - 2 / Double.pi.squareRoot()
            return try Tensor.where(isFar, series * (-1 / Double.pi.squareRoot()), slope)
        })

    static let xlogy: Operator = binary(
        "aten::xlogy.Tensor(Tensor self, Tensor other) -> Tensor", APUS_OP_XLOGY, in: .floating, taking: .realNumbers,
        "`self * log(other)`, 0 where self is 0 unless other is NaN. So is its gradient with respect to other, which is NaN in PyTorch where both are 0.",
        gradient: { g in
            let (x, y) = (try g.call.wideOperand(0), try g.call.wideOperand(1))
            return try g.binary(
                { gradient in try gradient.wide().xlogy(y).maskedFill((x .== 0) & (y .<= 0), 0) },
                { gradient in try gradient.wide() * (x / y.maskedFill((x .== 0) & (y .>= 0), 1)) })
        }, domain: 0.1...3)

    static let logaddexp: Operator = binary(
        "aten::logaddexp(Tensor self, Tensor other) -> Tensor", APUS_OP_LOGADDEXP, taking: .differentiable,
        "`log(exp(self) + exp(other))` without overflow.",
        gradient: { g in
            let difference: Tensor = try g.call.wideOperand(0) - g.call.wideOperand(1)
            return try g.binary(
                { gradient in try gradient * difference.sigmoid() }, { gradient in try gradient * difference.neg().sigmoid() })
        })

    static let logaddexp2: Operator = binary(
        "aten::logaddexp2(Tensor self, Tensor other) -> Tensor", APUS_OP_LOGADDEXP2, taking: .floating,
        "`log2(2^self + 2^other)` without overflow.",
        gradient: { g in
            let difference: Tensor = try (g.call.wideOperand(0) - g.call.wideOperand(1)) * 0.6931471805599453
            return try g.binary(
                { gradient in try gradient * difference.sigmoid() }, { gradient in try gradient * difference.neg().sigmoid() })
        })

    static let sigmoid: Operator = unary(
        "aten::sigmoid(Tensor self) -> Tensor", APUS_OP_SIGMOID, in: .floating, "The logistic function `1 / (1 + exp(-x))`, elementwise.",
        gradient: { g in
            try g.unary { gradient, _ in try applySingle(.sigmoidBackward, [.tensor(gradient), .tensor(g.outputs[0])]) }
        })

    static let logSigmoid: Operator = unary(
        "aten::log_sigmoid(Tensor self) -> Tensor", APUS_OP_LOG_SIGMOID, taking: .floating,
        "The logarithm of the logistic function, without overflow.", gradient: derivative { x in try x.neg().sigmoid() })

    static let specialFunctions: [Operator] = [
        withNumber("aten::special_xlogy.other_scalar(Tensor self, Scalar other) -> Tensor", xlogy, 2.5),
        withNumber("aten::special_xlogy.self_scalar(Scalar self, Tensor other) -> Tensor", xlogy, 2.5),
        withNumber("aten::xlogy.Scalar_Other(Tensor self, Scalar other) -> Tensor", xlogy, 2.5),
        withNumber("aten::xlogy.Scalar_Self(Scalar self, Tensor other) -> Tensor", xlogy, 2.5),
        erf, erfc, erfinv, erfcx, xlogy, logaddexp, logaddexp2, sigmoid, logSigmoid,
        alias("aten::special_erf(Tensor self) -> Tensor", of: erf), alias("aten::special_erfinv(Tensor self) -> Tensor", of: erfinv),
        alias("aten::special_expit(Tensor self) -> Tensor", of: sigmoid),
    ]
}

extension Tensor {
    /// The error function, elementwise.
    public func erf() throws -> Tensor { try applyPointwise(.erf, self) }
    /// `1 - erf(x)`, exact where that is near 0.
    public func erfc() throws -> Tensor { try applyPointwise(.erfc, self) }
    /// `exp(x^2) erfc(x)`, elementwise.
    public func erfcx() throws -> Tensor { try applyPointwise(.erfcx, self) }
    /// The inverse of the error function.
    public func erfinv() throws -> Tensor { try applyPointwise(.erfinv, self) }
    /// `self * log(other)`, 0 where this tensor is 0.
    public func xlogy(_ other: Tensor) throws -> Tensor { try applyPointwise(.xlogy, self, other) { [.tensor(self), .tensor(other)] } }
    /// `log(exp(self) + exp(other))` without overflow.
    public func logaddexp(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.logaddexp, self, other) { [.tensor(self), .tensor(other)] }
    }
    /// `log2(2^self + 2^other)` without overflow.
    public func logaddexp2(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.logaddexp2, self, other) { [.tensor(self), .tensor(other)] }
    }
    /// The logistic function `1 / (1 + exp(-x))`, elementwise; float32 for integers.
    public func sigmoid() throws -> Tensor { try applyPointwise(.sigmoid, self) }
    /// The logarithm of the logistic function, without overflow.
    public func logSigmoid() throws -> Tensor { try applyPointwise(.logSigmoid, self) }
}
