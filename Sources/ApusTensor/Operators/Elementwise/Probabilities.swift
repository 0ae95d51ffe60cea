import ApusSymbolic
import CApusKernels

// Functions of probabilities and of the normal distribution, and other composites of elementary functions. Integers and bool are computed in
// float32.

extension Operator {
    static let logit: Operator = inverseLogistic("logit")

    static let sinc: Operator = composite(
        "aten::sinc(Tensor self) -> Tensor",
        "`sin(pi x) / (pi x)`, 1 at 0. Its gradient keeps its digits near 0 and far from it, where PyTorch's loses them.",
        gradient: { g in
            try g.unary { gradient, x in
                let x: Tensor = try x.dtype.isDifferentiable ? x.wide() : x.to(.float32)
                let angle: Tensor = try x * Double.pi
                // Near 0, where cosine and quotient cancel, Taylor's series: the sum of (-1)^n 2n angle^(2n-1) / (2n+1)! from n = 1.
                let isNear: Tensor = try angle.abs() .<= 1
                let near: Tensor = try angle.maskedFill(isNear.logicalNot(), 0)
                let square: Tensor = try near * near
                var series: Tensor = try square.zerosLike()
                for n in (1...10).reversed() {
                    let factorial: Double = (1...(2 * n + 1)).reduce(1) { $0 * Double($1) }
                    series = try series * square + (n % 2 == 0 ? 1 : -1) * Double(2 * n) / factorial
                }
                let far: Tensor = try angle.maskedFill(isNear, 1)
                let (sine, cosine) = try sineAndCosine(turns: x)
                let slope: Tensor = try Tensor.where(isNear, near * series * Double.pi, (cosine - sine / far) / x.maskedFill(isNear, 1))
                return try gradient * slope.conj()
            }
        }, samples: floatingSamples()
    ) { call in
        let given: Tensor = try call.floating(0)
        let x: Tensor = try given.wide()
        let isZero: Tensor = try x .== 0
        let angle: Tensor = try (x * Double.pi).maskedFill(isZero, 1)
        return [.tensor(try (sineAndCosine(turns: x).0 / angle).maskedFill(isZero, 1).to(given.dtype))]
    }

    /// The sine and the cosine of `pi x`. Whole turns are taken off first, exactly: those of a large number times pi would be lost in rounding.
    private static func sineAndCosine(turns x: Tensor) throws -> (Tensor, Tensor) {
        let angle: Tensor = try (x.dtype.isComplex ? x : x.fmod(2)) * Double.pi
        return (try angle.sin(), try angle.cos())
    }

    static let entropy: Operator = composite(
        "aten::special_entr(Tensor self) -> Tensor", "`-x log(x)`, 0 at 0 and minus infinity below.", samples: floatingSamples(0.1...3)
    ) { call in
        let x: Tensor = try call.floating(0)
        let isOutside: Tensor = try x .<= 0
        let inside: Tensor = try x.maskedFill(isOutside, 1)
        return [.tensor(try (inside * inside.log()).neg().maskedFill(x .< 0, -Double.infinity))]
    }

    static let normalDistribution: Operator = composite(
        "aten::special_ndtr(Tensor self) -> Tensor", "The share of the standard normal distribution that lies below each element.",
        samples: floatingSamples()
    ) { call in
        let given: Tensor = try call.floating(0)
        let x: Tensor = try given.wide() * (0.5).squareRoot()
        // Below 0 the complement keeps its digits.
        return [.tensor(try Tensor.where(x .< -1, x.neg().erfc() * 0.5, x.erf() * 0.5 + 0.5).to(given.dtype))]
    }

    static let normalQuantile: Operator = unary(
        "aten::special_ndtri(Tensor self) -> Tensor", APUS_OP_NDTRI, in: .floating, taking: .real,
        "The x below which a share of the standard normal distribution lies, the inverse of `special_ndtr`: NaN outside of 0 to 1.",
        gradient: { g in
            try g.unary { gradient, x in
                // The reciprocal of the density, from the share itself: by Mills' ratio, which is exact far out too.
                let (share, y): (Tensor, Tensor) = (try x.wide(), try g.outputs[0].wide())
                let smaller: Tensor = try share.minimum(1 - share)
                let mills: Tensor = try applySingle(.erfcx, [.tensor(y.abs() * (0.5).squareRoot())]).maskedFill(smaller .== 0, 1)
                return try gradient * (mills * (Double.pi / 2).squareRoot() / smaller)
            }
        }, domain: 0.05...0.95)

    static let normalLogarithm: Operator = unary(
        "aten::special_log_ndtr(Tensor self) -> Tensor", APUS_OP_LOG_NDTR, in: .floating, taking: .real,
        "The logarithm of `special_ndtr`, far to the left too.",
        gradient: derivative(
            1,
            over: { x in
                try applySingle(.erfcx, [.tensor(x.to(.float64) * -(0.5).squareRoot())]) * (Double.pi / 2).squareRoot()
            }))

    static let xlog1py: Operator = timesLog1p("special_xlog1py(Tensor self, Tensor other)")

    static let angles: [Operator] = [("deg2rad", Double.pi / 180), ("rad2deg", 180 / Double.pi)].map { name, factor in
        composite(
            "aten::\(name)(Tensor self) -> Tensor", "Angles \(name == "deg2rad" ? "in degrees as radians" : "in radians as degrees").",
            samples: floatingSamples()
        ) { call in
            let x: Tensor = try call.floating(0)
            guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
            return [.tensor(try x * factor)]
        }
    }

    static let probabilities: [Operator] =
        [
            logit, inverseLogistic("special_logit"), sinc, entropy, normalDistribution, normalQuantile, normalLogarithm,
            xlog1py,
            alias("aten::special_sinc(Tensor self) -> Tensor", of: sinc),
            timesLog1p("special_xlog1py.other_scalar(Tensor self, Scalar other)", other: 1.5),
            timesLog1p("special_xlog1py.self_scalar(Scalar self, Tensor other)", number: 1.5),
        ] + angles

    private static func inverseLogistic(_ name: String) -> Operator {
        composite(
            "aten::\(name)(Tensor self, float? eps=None) -> Tensor",
            "`log(x / (1 - x))`, the inverse of the logistic function; with `eps`, elements are held between it and `1 - eps`.",
            samples: {
                try [OperatorArgument.none, .double(0.1)].flatMap { eps in
                    try [DType.float32, .float64].map { [.tensor(try .sample([2, 3], dtype: $0, in: 0.02...0.98)), eps] }
                }
            }
        ) { call in
            var x: Tensor = try call.floating(0)
            guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
            if let eps = try call.optionalDouble(1), eps >= 0 { x = try x.clamp(min: Scalar(eps), max: Scalar(1 - eps)) }
            return [.tensor(try (x / (1 - x)).log())]
        }
    }

    private static func timesLog1p(_ signature: String, number: Scalar? = nil, other: Scalar? = nil) -> Operator {
        composite(
            "aten::\(signature) -> Tensor", "`self * log(1 + other)`, 0 where self is 0 unless other is NaN.",
            samples: {
                let first: OperatorArgument = try number.map { .scalar($0) } ?? .tensor(.sample([2, 3]))
                return [[first, try other.map { .scalar($0) } ?? .tensor(.sample([3], in: 0.1...2, seed: 2))]]
            }
        ) { call in
            // A number is one of the tensor's dtype, as it is for operators of one micro-operation.
            func operand(_ index: Int) throws -> Tensor {
                guard case .scalar(let scalar) = call[index] else { return try call.floating(index) }
                return try Tensor.scalar(scalar, dtype: call.floating(1 - index).dtype)
            }
            let (x, y): (Tensor, Tensor) = (try operand(0), try operand(1))
            guard !x.dtype.isComplex, !y.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take complex numbers") }
            // Where self is 0 nothing of an infinite logarithm, or of its slope, is left.
            let isLost: Tensor = try (x .== 0) & y.log1p().isfinite().logicalNot() & y.isnan().logicalNot()
            return [.tensor(try x * Tensor.where(isLost, 0, y).log1p())]
        }
    }

    private static func floatingSamples(_ domain: ClosedRange<Double> = -2...2) -> Samples {
        {
            try [DType.float32, .float64].map { [.tensor(try .sample([2, 3], dtype: $0, in: domain))] }
                + [[.tensor(try .sample([3], dtype: .int64, in: 1...9))]]
        }
    }
}

extension Call {
    /// A tensor in a floating-point or complex dtype, float32 for integers and bool.
    func floating(_ index: Int) throws -> Tensor {
        let x = try tensor(index)
        return x.dtype.isDifferentiable ? x : try x.to(.float32)
    }
}

extension Tensor {
    /// `log(x / (1 - x))`; with `eps`, elements are held between it and `1 - eps`.
    public func logit(eps: (any ScalarConvertible)? = nil) throws -> Tensor {
        try applySingle(.logit, [.tensor(self), eps.map { .float($0) } ?? .none])
    }
    /// `sin(pi x) / (pi x)`, 1 at 0.
    public func sinc() throws -> Tensor { try applySingle(.sinc, [.tensor(self)]) }

    /// `-x log(x)`; 0 at 0, and -infinity below.
    public func entr() throws -> Tensor { try applySingle(.entropy, [.tensor(self)]) }

    /// The distribution function of the standard normal distribution.
    public func ndtr() throws -> Tensor { try applySingle(.normalDistribution, [.tensor(self)]) }

    /// The x below which this share of the standard normal distribution lies; NaN outside of 0 to 1.
    public func ndtri() throws -> Tensor { try applyPointwise(.normalQuantile, self) }

    /// The logarithm of `ndtr()`, exact far to the left too.
    public func logNdtr() throws -> Tensor { try applyPointwise(.normalLogarithm, self) }

    /// `self * log(1 + other)`, 0 where this tensor is 0.
    public func xlog1py(_ other: Tensor) throws -> Tensor { try applySingle(.xlog1py, [.tensor(self), .tensor(other)]) }
}
