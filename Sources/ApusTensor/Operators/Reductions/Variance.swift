import ApusSymbolic
import CApusKernels

// Variances and standard deviations: the sum of squared magnitudes of deviations from the mean, over max(0, count - correction). Floating-point
// and complex tensors only; those of complex numbers are real.

extension Operator {
    static let varCorrection: Operator = variance("var", "correction")
    static let stdCorrection: Operator = variance("std", "correction")
    static let varMeanCorrection: Operator = variance("var_mean", "correction")
    static let stdMeanCorrection: Operator = variance("std_mean", "correction")

    static let variances: [Operator] =
        [varCorrection, stdCorrection, varMeanCorrection, stdMeanCorrection]
        + ["var", "std", "var_mean", "std_mean"].flatMap { name in ["", "dim"].map { variance(name, $0) } }

    private static func variance(_ name: String, _ overload: String) -> Operator {
        let parameters: String
        let further: [[OperatorArgument]]
        switch overload {
        case "": (parameters, further) = ("bool unbiased=True", [[.bool(true)], [.bool(false)]])
        case "dim":
            parameters = "int[1]? dim, bool unbiased=True, bool keepdim=False"
            further = [[.ints([1]), .bool(true), .bool(false)], [.none, .bool(false), .bool(true)]]
        default:
            parameters = "int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False"
            further = [
                [.ints([1]), .int(1), .bool(false)], [.ints([0, 2]), .int(0), .bool(true)], [.none, .double(0.5), .bool(false)],
                [.ints([1]), .none, .bool(false)],
            ]
        }
        let hasMean: Bool = name.hasSuffix("_mean")
        let takesRoot: Bool = name.hasPrefix("std")
        let schema =
            "aten::\(name)\(overload.isEmpty ? "" : ".")\(overload)(Tensor self, \(parameters)) -> \(hasMean ? "(Tensor, Tensor)" : "Tensor")"
        let reduction = Reduction(schema)
        return Operator(
            schema,
            "The \(takesRoot ? "standard deviation" : "variance")\(hasMean ? " and the mean" : ""). Too few elements give NaN or infinity.",
            rule: { call in
                let x = try call.tensor(0)
                guard x.dtype.isDifferentiable else {
                    throw call.error(.dtypeMismatch, "does not take \(x.dtype), only floating-point and complex dtypes")
                }
                let shape = try reduction.shape(call)
                _ = try call.correction()
                let variance = TensorSpec(x.dtype.real, shape)
                return hasMean ? [variance, TensorSpec(x.dtype, shape)] : [variance]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                let given: Scalar = try call.correction()
                guard let correction = given.doubleValue else { throw call.unknown(given) }
                if x.dtype.isComplex {
                    return try complexVariance(call, reduction, correction, takesRoot: takesRoot, into: outputs)
                }
                var input = x.view
                try reduction.withKeptDims(outputs[0], call) { variance in
                    try reduction.withKeptDims(outputs[hasMean ? 1 : 0], call) { mean in
                        var (variance, mean) = (variance, mean)
                        let status: Int32
                        if hasMean {
                            status = apus_var_mean(correction, takesRoot, &input, &variance, &mean)
                        } else {
                            status = apus_var_mean(correction, takesRoot, &input, &variance, nil)
                        }
                        try check(status, call)
                    }
                }
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                let x = try g.call.tensor(0)
                let dims: [Int] = try reduction.dims(g.call)
                let count: SymInt = try reduction.count(g.call)
                var deviation: Tensor = try x.wide() - x.wide().mean(dims: dims, keepDim: true)
                if takesRoot {
                    let root: Tensor = try reduction.restored(g.outputs[0].wide(), g.call)
                    deviation = try deviation / root.maskedFill(root .== 0, 1)
                }
                let weight: Tensor = try reduction.restored(g.gradient(0).wide(), g.call) * (takesRoot ? 1 : 2)
                var result: Tensor = try deviation * weight / count.less(g.call.correction())
                if hasMean, g.gradients[1] != nil {
                    result = try result + reduction.restored(g.gradient(1), g.call) / count
                }
                return [.tensor(try result.to(x.dtype))]
            }, samples: { try reductionSamples(.differentiable, further) })
    }

    /// The variances of the real and the imaginary parts add up.
    private static func complexVariance(_ call: Call, _ reduction: Reduction, _ correction: Double, takesRoot: Bool, into outputs: [Tensor])
        throws
    {
        let x = try call.tensor(0)
        let (dims, keepDim) = (try reduction.dims(call), try reduction.keepsDims(call))
        let parts: Tensor = try x.viewAsReal()
        func spread(_ part: Int) throws -> Tensor {
            let values: Tensor = try parts.select(dim: -1, index: SymInt(part))
            return takesRoot
                ? try values.std(dims: dims, correction: Scalar(correction), keepDim: keepDim)
                : try values.var(dims: dims, correction: Scalar(correction), keepDim: keepDim)
        }
        try call.copy(takesRoot ? spread(0).hypot(spread(1)) : spread(0) + spread(1), to: outputs[0])
        if outputs.count > 1 { try call.copy(x.mean(dims: dims, keepDim: keepDim), to: outputs[1]) }
    }
}

extension Call {
    /// What is taken from the count: an argument `correction`, or 1 or 0 after an argument `unbiased`.
    fileprivate func correction() throws -> Scalar {
        if let index = self.operator.schema.index(of: "correction") { return try optionalScalar(index) ?? 1 }
        guard let index = self.operator.schema.index(of: "unbiased") else { return 1 }
        return .int(try bool(index) ? 1 : 0)
    }
}

extension SymInt {
    /// The count less a correction.
    fileprivate func less(_ correction: Scalar) -> Scalar {
        switch correction {
        case .int(let value): .int(self - value)
        case .bool(let value): .int(value ? self - 1 : self)
        case .float(let value): .float(SymFloat(self) - value)
        case .complex(let value): .float(SymFloat(self) - SymFloat(value.real))
        }
    }
}

extension Tensor {
    /// The variance over several dimensions, all of them when the list is empty, dividing by the count less `correction`.
    public func `var`(dims: [Int] = [], correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.varCorrection, [.tensor(self), .ints(dims), .scalar(correction.scalar), .bool(keepDim)])
    }
    public func `var`(dim: Int, correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> Tensor {
        try `var`(dims: [dim], correction: correction, keepDim: keepDim)
    }

    /// The standard deviation over several dimensions, all of them when the list is empty.
    public func std(dims: [Int] = [], correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.stdCorrection, [.tensor(self), .ints(dims), .scalar(correction.scalar), .bool(keepDim)])
    }
    public func std(dim: Int, correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> Tensor {
        try std(dims: [dim], correction: correction, keepDim: keepDim)
    }

    /// The variance and the mean over several dimensions, all of them when the list is empty.
    public func varMean(dims: [Int] = [], correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> (
        variance: Tensor, mean: Tensor
    ) {
        let results = try applyTensors(.varMeanCorrection, [.tensor(self), .ints(dims), .scalar(correction.scalar), .bool(keepDim)])
        return (results[0], results[1])
    }

    /// The standard deviation and the mean over several dimensions, all of them when the list is empty.
    public func stdMean(dims: [Int] = [], correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> (
        deviation: Tensor, mean: Tensor
    ) {
        let results = try applyTensors(.stdMeanCorrection, [.tensor(self), .ints(dims), .scalar(correction.scalar), .bool(keepDim)])
        return (results[0], results[1])
    }

    /// The variance and the mean along one dimension.
    public func varMean(dim: Int, correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> (variance: Tensor, mean: Tensor) {
        try varMean(dims: [dim], correction: correction, keepDim: keepDim)
    }

    /// The standard deviation and the mean along one dimension.
    public func stdMean(dim: Int, correction: any ScalarConvertible = 1, keepDim: Bool = false) throws -> (deviation: Tensor, mean: Tensor)
    {
        try stdMean(dims: [dim], correction: correction, keepDim: keepDim)
    }
}
