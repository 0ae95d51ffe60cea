import ApusSymbolic

// Functions of probabilities and of the normal distribution, and other composites of elementary functions. Integers and bool are computed in
// float32.

extension Operator {
    static let logit: Operator = inverseLogistic("logit")

    static let sinc: Operator = composite(
        "aten::sinc(Tensor self) -> Tensor", "`sin(pi x) / (pi x)`, 1 at 0.", samples: floatingSamples()
    ) { call in
        let x: Tensor = try call.floating(0) * Double.pi
        let isZero: Tensor = try x .== 0
        let safe: Tensor = try x.maskedFill(isZero, 1)
        return [.tensor(try (safe.sin() / safe).maskedFill(isZero, 1))]
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
        let x: Tensor = try call.floating(0) * (0.5).squareRoot()
        // Below 0 the complement keeps its digits.
        return [.tensor(try Tensor.where(x .< -1, x.neg().erfc() * 0.5, x.erf() * 0.5 + 0.5))]
    }

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
            logit, inverseLogistic("special_logit"), sinc, entropy, normalDistribution, xlog1py,
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
            let (x, y): (Tensor, Tensor) = (try call.floating(0), try call.floating(1))
            guard !x.dtype.isComplex, !y.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take complex numbers") }
            let logarithm: Tensor = try y.log1p()
            let isLost: Tensor = try (x .== 0) & logarithm.isfinite().logicalNot() & y.isnan().logicalNot()
            return [.tensor(try x * Tensor.where(isLost, 0, logarithm))]
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
    public func logit(eps: Double? = nil) throws -> Tensor { try applySingle(.logit, [.tensor(self), eps.map { .double($0) } ?? .none]) }
    /// `sin(pi x) / (pi x)`, 1 at 0.
    public func sinc() throws -> Tensor { try applySingle(.sinc, [.tensor(self)]) }
}
