import ApusSymbolic

// Evenly spaced numbers between tensors, and numbers evenly spaced on a logarithmic scale.

extension Operator {
    static let linspaceTensors: Operator = spacing("linspace.Tensor_Tensor(Tensor start, Tensor end, int steps")
    static let linspaceTensorScalar: Operator = spacing("linspace.Tensor_Scalar(Tensor start, Scalar end, int steps")
    static let linspaceScalarTensor: Operator = spacing("linspace.Scalar_Tensor(Scalar start, Tensor end, int steps")
    static let logspace: Operator = spacing("logspace(Scalar start, Scalar end, int steps, float base=10.", isLogarithmic: true)
    static let logspaceTensors: Operator = spacing(
        "logspace.Tensor_Tensor(Tensor start, Tensor end, int steps, float base=10.", isLogarithmic: true)
    static let logspaceTensorScalar: Operator = spacing(
        "logspace.Tensor_Scalar(Tensor start, Scalar end, int steps, float base=10.", isLogarithmic: true)
    static let logspaceScalarTensor: Operator = spacing(
        "logspace.Scalar_Tensor(Scalar start, Tensor end, int steps, float base=10.", isLogarithmic: true)

    static let spacings: [Operator] = [
        linspaceTensors, linspaceTensorScalar, linspaceScalarTensor, logspace, logspaceTensors, logspaceTensorScalar, logspaceScalarTensor,
    ]

    private static func spacing(_ head: String, isLogarithmic: Bool = false) -> Operator {
        let dtypeIndex: Int = isLogarithmic ? 4 : 3
        return composite(
            "aten::\(head), *, \(options)) -> Tensor",
            isLogarithmic
                ? "Powers of `base` with `steps` evenly spaced exponents from `start` to `end`, both included; float32 unless asked for otherwise."
                : "`steps` evenly spaced numbers from `start` to `end`, both included; float32 unless asked for otherwise.",
            samples: {
                func bound(_ name: String, _ value: Double) throws -> OperatorArgument {
                    head.contains("Tensor \(name)") ? .tensor(try Tensor.scalar(Scalar(value), dtype: .float32)) : .double(value)
                }
                let base: [OperatorArgument] = isLogarithmic ? [.double(2)] : []
                let tail: [OperatorArgument] = [.none, .none, .none]
                return [
                    [try bound("start", -1), try bound("end", 2), .int(5)] + base + [.dtype(.float32)] + tail,
                    [try bound("start", 1), try bound("end", 4), .int(1)] + base + [.dtype(.float64)] + tail,
                ]
            }
        ) { call in
            let given: (Tensor, Tensor) = (try call.tensor(0), try call.tensor(1))
            let isComplex: Bool = given.0.dtype.isComplex || given.1.dtype.isComplex
            let wide: DType = isComplex ? .complex128 : .float64
            let (start, end): (Tensor, Tensor) = (try given.0.to(wide), try given.1.to(wide))
            guard start.rank == 0, end.rank == 0 else { throw call.error(.shapeMismatch, "the bounds must be zero-dimensional") }
            let (steps, dtype) = (try call.int(2), try call.dtype(dtypeIndex) ?? (isComplex ? .complex64 : .float32))
            try require(steps >= 0, call.error(.invalidArgument, "the number of steps is negative: \(steps)"))
            guard dtype.isComplex || !isComplex else { throw call.error(.dtypeMismatch, "does not make \(dtype) of complex bounds") }
            // From both ends to the middle, so that both are exact.
            let place: Tensor = try Tensor.arange(steps, dtype: .float64)
            let step: Tensor = try (end - start) / larger(steps - 1, 1)
            let isFront: Tensor = try (place * 2 .< steps) | (place .== 0)
            var numbers: Tensor = try Tensor.where(isFront, start + step * place, end - step * (place.neg() + (steps - 1)))
            if isLogarithmic { numbers = try Tensor.pow(call.double(3), isComplex || !dtype.isComplex ? numbers : numbers.to(.complex128)) }
            return [.tensor(try numbers.to(dtype))]
        }
    }
}

extension Tensor {
    /// Powers of `base` with evenly spaced exponents from `start` to `end`, both included.
    public static func logspace(
        _ start: any ScalarConvertible, _ end: any ScalarConvertible, steps: any SymIntConvertible, base: any ScalarConvertible = 10,
        dtype: DType? = nil
    ) throws -> Tensor {
        try applySingle(.logspace, [.float(start), .float(end), .int(steps), .float(base), .optional(dtype), .none, .none, .none])
    }
}
