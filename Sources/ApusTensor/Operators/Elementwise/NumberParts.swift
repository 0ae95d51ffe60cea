import ApusSymbolic
import CApusKernels

// Signs, neighbours and powers of two of numbers; divisors and multiples of integers.

extension Operator {
    static let copysign: OperatorPair = .binary(
        "copysign", APUS_OP_COPYSIGN, in: .floating, taking: .real, "The magnitude of self with the sign of other, -0 included.",
        gradient: { g in
            // The result is self or its negative.
            let turn: Tensor = try g.call.operand(0).sign() * g.outputs[0].sign()
            return try g.binary({ gradient in try gradient * turn }, { gradient in try gradient.zerosLike() })
        }, number: -1.5)

    static let nextafter: Operator = binary(
        "aten::nextafter(Tensor self, Tensor other) -> Tensor", APUS_OP_NEXTAFTER, taking: .floating,
        "The number next to self on the way to other.",
        gradient: { g in try g.binary({ $0 }, { gradient in try gradient.zerosLike() }) })

    static let heaviside: Operator = elementwise(
        "aten::heaviside(Tensor self, Tensor values) -> Tensor",
        "0 where self is negative, 1 where it is positive, and `values` where it is 0; NaN gives 0.",
        Pointwise(APUS_OP_HEAVISIDE, arity: 2, taking: .real),
        gradient: { g in
            let isZero: Tensor = try g.call.tensor(0) .== 0
            return try g.binary({ gradient in try gradient.zerosLike() }, { gradient in try gradient * isZero })
        },
        samples: {
            // The zeros are among integers, since there the function has no slope.
            let x = try Tensor([-1, 0, 2, 1, 0, -3] as [Int], shape: [2, 3])
            return [
                [.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2))],
                [.tensor(x), .tensor(try .sample([2, 1], dtype: .int64))],
            ]
        })

    static let gcd: Operator = binary(
        "aten::gcd(Tensor self, Tensor other) -> Tensor", APUS_OP_GCD, taking: .integer,
        "The greatest common divisor of integers, not negative; that of 0 and 0 is 0.")

    static let lcm: Operator = binary(
        "aten::lcm(Tensor self, Tensor other) -> Tensor", APUS_OP_LCM, taking: .integer,
        "The least common multiple of integers, not negative; 0 where one is 0.")

    static let ldexp: Operator = composite(
        "aten::ldexp.Tensor(Tensor self, Tensor other) -> Tensor", "`self * 2^other`.",
        samples: {
            [
                [.tensor(try .sample([2, 3])), .tensor(try .sample([3], dtype: .int64))],
                [.tensor(try .sample([2])), .tensor(try .sample([2], seed: 2))],
            ]
        }
    ) { call in
        let (x, exponent) = (try call.tensor(0), try call.floating(1))
        // In two halves: 2^200 alone leaves the range of float32, 2^200 * 1e-30 does not.
        let half: Tensor = try exponent.dtype.isComplex ? exponent * 0.5 : (exponent * 0.5).floor()
        return [.tensor(try x * half.exp2() * (exponent - half).exp2())]
    }

    static let frexp: Operator = Operator(
        "aten::frexp.Tensor(Tensor self) -> (Tensor mantissa, Tensor exponent)",
        "Each number as `mantissa * 2^exponent`, the mantissa's magnitude at least 1/2 and below 1; 0, NaN and infinities are their own mantissas.",
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
            return [x.spec, TensorSpec(.int32, x.shape)]
        },
        kernel: .compute { call, outputs in
            try Interpreter.with(nil) {
                let x = try call.tensor(0)
                let exponents: [Int] = try x.array(of: Double.self).map { $0.isFinite && $0 != 0 ? Int($0.exponent) + 1 : 0 }
                let exponent: Tensor = try Tensor(exponents, shape: x.sizes)
                // In two halves, neither of which leaves the range.
                let half: Tensor = try exponent.div(2, rounding: .floor)
                let wide: Tensor = try x.to(.float64) * half.neg().to(.float64).exp2() * (half - exponent).to(.float64).exp2()
                try call.copy(wide.to(x.dtype), to: outputs[0])
                try call.copy(exponent.to(.int32), to: outputs[1])
            }
        },
        gradient: { g in
            let (x, exponent) = (try g.call.tensor(0), g.outputs[1])
            return [.tensor(try g.gradient * exponent.neg().to(x.dtype).exp2())]
        }, samples: { [[.tensor(try .sample([2, 3], in: 0.1...20))], [.tensor(try .sample([3], dtype: .float64, in: -20...(-0.1)))]] })

    static let floatPowers: [Operator] = [
        floatPower("aten::float_power.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor"),
        floatPower("aten::float_power.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor", exponent: 2.5),
        floatPower("aten::float_power.Scalar(Scalar self, Tensor exponent) -> Tensor", base: 2.5),
    ]

    static let numberParts: [Operator] = copysign.all + [nextafter, heaviside, gcd, lcm, ldexp, frexp] + floatPowers

    private static func floatPower(_ schema: String, base: Scalar? = nil, exponent: Scalar? = nil) -> Operator {
        composite(
            schema, "Powers computed in float64, or in complex128 where an operand is complex.",
            samples: {
                let first: OperatorArgument = try base.map { .scalar($0) } ?? .tensor(.sample([2, 3], in: 0.5...3))
                return [[first, try exponent.map { .scalar($0) } ?? .tensor(.sample([3], seed: 2))]]
            }
        ) { call in
            var isComplex = false
            for position in 0..<2 {
                if case .scalar(.complex) = call[position] { isComplex = true }
                if case .tensor(let tensor) = call[position], tensor.dtype.isComplex { isComplex = true }
            }
            let (base, exponent) = (try call.tensor(0), try call.tensor(1))
            let dtype: DType = isComplex ? .complex128 : .float64
            if case .scalar(let power) = call[1] { return [.tensor(try base.to(dtype).pow(power))] }
            return [.tensor(try base.to(dtype).pow(exponent.to(dtype)))]
        }
    }
}

extension Tensor {
    /// The magnitude of this tensor's elements with another's signs.
    public func copysign(_ other: Tensor) throws -> Tensor { try Operator.copysign(self, other) }
    /// 0 where an element is negative, 1 where it is positive, and `values` where it is 0.
    public func heaviside(_ values: Tensor) throws -> Tensor { try applySingle(.heaviside, [.tensor(self), .tensor(values)]) }
    /// The greatest common divisor of integers.
    public func gcd(_ other: Tensor) throws -> Tensor { try applySingle(.gcd, [.tensor(self), .tensor(other)]) }
    /// The least common multiple of integers.
    public func lcm(_ other: Tensor) throws -> Tensor { try applySingle(.lcm, [.tensor(self), .tensor(other)]) }

    /// The number next to this one on the way to the other, elementwise with broadcasting.
    public func nextafter(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.nextafter, self, other) { [.tensor(self), .tensor(other)] }
    }

    /// The magnitude of this tensor with the sign of a number, -0 included.
    public func copysign(_ other: some ScalarConvertible) throws -> Tensor { try Operator.copysign(self, other.scalar) }

    /// `self * 2^other`, elementwise with broadcasting.
    public func ldexp(_ other: Tensor) throws -> Tensor { try applySingle(.ldexp, [.tensor(self), .tensor(other)]) }

    /// Mantissas of [0.5, 1) and int32 exponents: `self = mantissa * 2^exponent`.
    public func frexp() throws -> (mantissa: Tensor, exponent: Tensor) {
        let results = try applyTensors(.frexp, [.tensor(self)])
        return (results[0], results[1])
    }

    /// `self^exponent`, computed in float64 or complex128.
    public func floatPower(_ exponent: Tensor) throws -> Tensor {
        try applySingle(.named("float_power.Tensor_Tensor"), [.tensor(self), .tensor(exponent)])
    }

    /// `self^exponent` with a number, computed in float64 or complex128.
    public func floatPower(_ exponent: some ScalarConvertible) throws -> Tensor {
        try applySingle(.named("float_power.Tensor_Scalar"), [.tensor(self), .scalar(exponent.scalar)])
    }
}
