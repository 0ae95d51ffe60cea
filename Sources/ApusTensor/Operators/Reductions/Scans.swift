import ApusSymbolic
import CApusKernels
import RealModule

// Running sums, products and extremes along one dimension. A zero-dimensional tensor is its own scan.

extension Operator {
    static let cumsum: Operator = scan(
        "aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", APUS_SCAN_SUM, taking: .all,
        "The running sum. Integers and bool sum in int64.",
        gradient: { g, gradient, dim in try gradient.flipped([dim]).cumsum(dim: dim).flipped([dim]) })

    static let cumprod: Operator = scan(
        "aten::cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", APUS_SCAN_PROD, taking: .all,
        "The running product. Integers and bool multiply in int64.",
        gradient: { g, gradient, dim in
            // Element i is in every product from i on: what stands before it times a sum that obeys G[i] = g[i] + x[i + 1] G[i + 1].
            let x: Tensor = try g.call.tensor(0).to(gradient.dtype).conj()
            let tail: Tensor = try gradient.flipped([dim]).linearRecurrence(
                factors: x.flipped([dim]).shifted(1, dim: dim, filling: 0), dim: dim)
            return try x.productBefore(dim: dim) * tail.flipped([dim])
        })

    static let logcumsumexp: Operator = scan(
        "aten::logcumsumexp(Tensor self, int dim) -> Tensor", APUS_SCAN_LOGSUMEXP, taking: .differentiable,
        "The running `log(sum(exp(x)))`, without overflow. Complex results have the angle that the largest elements so far have, whole turns included.",
        gradient: { g, gradient, dim in
            // The sum of g[j] exp(x[i] - y[j]) over j >= i. With the sums S[i] of exponentials up to i, the shares s[i] = exp(x[i]) / S[i] and
            // G[i] = g[i] + S[i] / S[i + 1] G[i + 1], it is s[i] G[i]. The result, a logarithm, is rounded among large elements; the sums are
            // not, in units of the largest exponential so far.
            let x: Tensor = try g.call.tensor(0).wide()
            let level: Tensor = try x.dtype.isComplex ? x.real() : x
            let highest: Tensor = try level.detached().cummax(dim: dim).values
            let shift: Tensor = try highest.maskedFill(highest.isinf(), 0)
            let fall: Tensor = try (shift.shifted(1, dim: dim, filling: 0) - shift).exp()
            let terms: Tensor = try (x - shift).exp()
            let sums: Tensor = try terms.linearRecurrence(factors: fall, dim: dim)
            let divisor: Tensor = try sums.maskedFill(sums .== 0, 1)
            let before: Tensor = try sums.shifted(1, dim: dim, filling: 0) * fall / divisor
            let tail: Tensor = try gradient.wide().flipped([dim]).linearRecurrence(
                factors: before.conj().flipped([dim]).shifted(1, dim: dim, filling: 0), dim: dim)
            return try (terms / divisor).conj() * tail.flipped([dim])
        })

    static let cummax: Operator = runningExtreme("cummax", APUS_SCAN_MAX, "largest")
    static let cummin: Operator = runningExtreme("cummin", APUS_SCAN_MIN, "smallest")

    static let scans: [Operator] = [cumsum, cumprod, logcumsumexp, cummax, cummin]

    private static func scan(
        _ schema: String, _ operation: apus_scan_op, taking: DTypeClasses, _ documentation: String,
        gradient: @escaping @Sendable (_ g: GradientCall, _ gradient: Tensor, _ dim: Int) throws -> Tensor
    ) -> Operator {
        let hasDType: Bool = schema.contains("dtype")
        return Operator(
            schema, documentation + " Along one dimension, in the tensor's shape.",
            rule: { call in
                let x = try call.tensor(0)
                _ = try call.dim(1)
                guard taking.contains(x.dtype) else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
                let asked: DType? = hasDType ? try call.dtype(2) : nil
                return [TensorSpec(asked ?? (x.dtype.isDifferentiable ? x.dtype : .int64), x.shape)]
            },
            kernel: .compute { call, outputs in
                let x: Tensor = try call.tensor(0).to(outputs[0].dtype)
                if x.rank == 0 { return try call.copy(x, to: outputs[0]) }
                if x.dtype.isComplex, operation == APUS_SCAN_LOGSUMEXP {
                    return try call.copy(x.complexLogCumSumExp(dim: call.dim(1)), to: outputs[0])
                }
                var (input, out) = (x.view, outputs[0].view)
                try check(apus_scan(operation, Int32(truncatingIfNeeded: call.dim(1)), &input, &out, nil), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                let x = try g.call.tensor(0)
                let gradient: Tensor = try g.gradient
                return [.tensor(try x.rank == 0 ? gradient.to(x.dtype) : inputGradient(g, gradient).to(x.dtype))]
            },
            samples: {
                try reductionSamples(taking, hasDType ? [[.int(1), .none], [.int(-1), .dtype(.float64)]] : [[.int(1)], [.int(-1)]])
            })

        @Sendable func inputGradient(_ g: GradientCall, _ value: Tensor) throws -> Tensor { try gradient(g, value, g.call.dim(1)) }
    }

    private static func runningExtreme(_ name: String, _ operation: apus_scan_op, _ word: String) -> Operator {
        Operator(
            "aten::\(name)(Tensor self, int dim) -> (Tensor values, Tensor indices)",
            "The \(word) element so far along a dimension, and its position in int64. NaN wins; the last of equal elements wins.",
            rule: { call in
                let x = try call.tensor(0)
                _ = try call.dim(1)
                guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
                return [x.spec, TensorSpec(.int64, x.shape)]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                guard x.rank > 0 else {
                    try call.copy(x, to: outputs[0])
                    return try call.fill(outputs[1], with: 0)
                }
                var (input, values, indices) = (x.view, outputs[0].view, outputs[1].view)
                try check(apus_scan(operation, Int32(truncatingIfNeeded: call.dim(1)), &input, &values, &indices), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                let x = try g.call.tensor(0)
                if x.rank == 0 { return [.tensor(try g.gradient)] }
                return [.tensor(try x.zerosLike().scatterAdd(dim: g.call.dim(1), g.outputs[1], g.gradient))]
            }, samples: { try reductionSamples(.real, [[.int(1)], [.int(-1)]]) })
    }
}

extension Tensor {
    /// Element by element, in double precision: each sum goes on from the one before, angle included.
    fileprivate func complexLogCumSumExp(dim: Int) throws -> Tensor {
        try Interpreter.with(nil) {
            let lines: Tensor = try to(.complex128).transposed(dim, -1).contiguous()
            var numbers: [Double] = try lines.viewAsReal().array(of: Double.self)
            let length: Int = layout.size(dim)
            for start in stride(from: 0, to: numbers.count, by: 2 * Swift.max(length, 1)) {
                var sum: (Double, Double) = (-.infinity, 0)
                for place in stride(from: start, to: start + 2 * length, by: 2) {
                    sum = Self.logAddExp((numbers[place], numbers[place + 1]), sum)
                    (numbers[place], numbers[place + 1]) = sum
                }
            }
            let sums: Tensor = try Tensor(numbers, shape: lines.layout.sizesArray + [2]).viewAsComplex()
            return try sums.transposed(dim, -1).to(dtype)
        }
    }

    /// `log(exp(x) + exp(y))` of complex numbers, from the one with the larger real part on.
    private static func logAddExp(_ x: (Double, Double), _ y: (Double, Double)) -> (Double, Double) {
        if x.0.isNaN || x.1.isNaN || y.0.isNaN || y.1.isNaN { return (.nan, .nan) }
        let (low, high): ((Double, Double), (Double, Double)) = x.0 < y.0 ? (x, y) : (y, x)
        if low.0 == high.0, low.0.isInfinite {
            if low.0 < 0 { return low }
            let (re, im): (Double, Double) = (.cos(low.1) + .cos(high.1), .sin(low.1) + .sin(high.1))
            return (.infinity, .atan2(y: im, x: re))
        }
        let (scale, angle): (Double, Double) = (.exp(low.0 - high.0), low.1 - high.1)
        let (re, im): (Double, Double) = (scale * .cos(angle), scale * .sin(angle))
        return (0.5 * .log(onePlus: re * (2 + re) + im * im) + high.0, .atan2(y: im, x: 1 + re) + high.1)
    }

    /// The running sum along one dimension. Integers and bool sum in int64.
    public func cumsum(dim: Int, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.cumsum, [.tensor(self), .int(dim), .optional(dtype)])
    }

    /// The running product along one dimension. Integers and bool multiply in int64.
    public func cumprod(dim: Int, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.cumprod, [.tensor(self), .int(dim), .optional(dtype)])
    }

    /// The running `log(sum(exp(x)))` along one dimension, without overflow.
    public func logcumsumexp(dim: Int) throws -> Tensor { try applySingle(.logcumsumexp, [.tensor(self), .int(dim)]) }

    /// The largest element so far along one dimension, and its position.
    public func cummax(dim: Int) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.cummax, [.tensor(self), .int(dim)])
        return (results[0], results[1])
    }

    /// The smallest element so far along one dimension, and its position.
    public func cummin(dim: Int) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.cummin, [.tensor(self), .int(dim)])
        return (results[0], results[1])
    }
}
