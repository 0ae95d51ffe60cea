import ApusSymbolic
import CApusKernels

// Evenly spaced numbers.

extension Operator {
    static let arangeEnd: Operator = arange(
        "arange(Scalar end, *, \(options)) -> Tensor", samples: [[.int(5)], [.double(3.5)], [.int(0)]])
    static let arangeStart: Operator = arange(
        "arange.start(Scalar start, Scalar end, *, \(options)) -> Tensor",
        samples: [[.int(2), .int(5)], [.double(0.5), .int(3)], [.bool(true), .int(3)]])
    static let arangeStep: Operator = arange(
        "arange.start_step(Scalar start, Scalar end, Scalar step=1, *, \(options)) -> Tensor",
        samples: [
            [.int(5), .int(0), .int(-2)], [.int(0), .int(1), .double(0.3)], [.int(1), .int(10), .int(4)], [.int(3), .int(-3), .double(-1)],
        ])

    static let linspace: Operator = Operator(
        "aten::linspace(Scalar start, Scalar end, int steps, *, \(options)) -> Tensor",
        "`steps` evenly spaced numbers from `start` to `end`, both included; float32 unless asked for otherwise. Negative steps are an error.",
        rule: { call in
            let dtype: DType = try call.dtype(3) ?? .float32
            for bound in [try call.scalar(0), try call.scalar(1)] { try call.requireFits(bound, dtype.accumulation) }
            return [TensorSpec(dtype, try Shape([call.int(2)], in: call.name))]
        },
        kernel: .compute { call, outputs in
            var out = outputs[0].view
            try check(apus_linspace(call.double(0), call.double(1), &out), call)
            withExtendedLifetime(outputs) {}
        },
        samples: {
            [(0, 10, 3, nil), (-1.5, 2, 7, DType.float64), (3, 5, 1, nil), (0, 1, 0, nil), (0, 1, 5, .int64)].map {
                start, end, steps, dtype in
                [.double(start), .double(end), .int(steps), .optional(dtype), .none, .none, .none]
            }
        })

    static let ranges: [Operator] = [arangeEnd, arangeStart, arangeStep, linspace]

    private static func arange(_ schema: String, samples: [[OperatorArgument]]) -> Operator {
        let parsed = try? Schema("aten::" + schema)
        let positions = (start: parsed?.index(of: "start"), end: parsed?.index(of: "end") ?? 0, step: parsed?.index(of: "step"))
        let dtype: Int = parsed?.index(of: "dtype") ?? 1
        @Sendable func range(_ call: Call) throws -> Arange {
            try Arange(
                start: positions.start.map { try call.scalar($0) } ?? 0, end: call.scalar(positions.end),
                step: positions.step.map { try call.scalar($0) } ?? 1, dtype: call.dtype(dtype), call)
        }
        return Operator(
            "aten::" + schema,
            "Numbers from `start` (included) to `end` (not included) in steps; int64 where all three are integers, else float32, unless asked for otherwise. Fractions are cut off in an integer dtype, where int64 counts after that, and narrower ones before it, as in PyTorch. A step of 0 or of the wrong sign is an error.",
            rule: { call in
                let range = try range(call)
                return [TensorSpec(range.dtype, try Shape([range.count], in: call.name))]
            },
            kernel: .compute { call, outputs in
                let range = try range(call)
                var out = outputs[0].view
                if let (start, step) = range.integers {
                    try check(apus_arange_int(Int64(start), Int64(step), &out), call)
                } else {
                    try check(apus_arange(range.start, range.step, &out), call)
                }
                withExtendedLifetime(outputs) {}
            },
            samples: {
                samples.map { $0 + [.none, .none, .none, .none] } + samples.prefix(1).map { $0 + [.dtype(.float64), .none, .none, .none] }
            })
    }
}

/// What a call of arange asks for.
private struct Arange {
    let dtype: DType
    let count: SymInt
    let start: Double
    let step: Double
    /// Start and step where the result is counted in integers.
    let integers: (start: Int, step: Int)?

    init(start: Scalar, end: Scalar, step: Scalar, dtype asked: DType?, _ call: Call) throws {
        let numbers: [SymInt?] = [start, end, step].map { $0.whole }
        dtype = asked ?? ([start, end, step].allSatisfy { $0.isInteger } ? .int64 : .float32)
        if let first = numbers[0], let last = numbers[1], let stride = numbers[2] {
            guard let known = stride.constant else { throw call.error(.tracing, "the step \(stride) must be known while tracing") }
            guard known != 0 else { throw call.error(.invalidArgument, "the step must not be 0") }
            try require(known > 0 ? last >= first : last <= first, Arange.mismatch(start, end, step, call))
            count = (last - first).ceilDivided(by: stride)
            (self.start, self.step) = (Double(first.constant ?? 0), Double(known))
            // A symbolic start is known by the time that the kernel runs.
            integers = first.constant.map { ($0, known) }
            return
        }
        guard let first = start.doubleValue, let last = end.doubleValue, let stride = step.doubleValue else {
            guard dtype.isFloatingPoint, let first = start.float, let last = end.float, let stride = step.doubleValue, stride.isFinite,
                stride != 0
            else {
                throw call.error(
                    .tracing, "the step, and in an integer dtype start and end, must be known while tracing where one of them is no integer"
                )
            }
            count = SymInt((last - first) / SymFloat(stride), rounding: .up)
            try require(count >= 0, Arange.mismatch(start, end, step, call))
            // A symbolic start is known by the time that the kernel runs.
            (self.start, self.step, integers) = (first.constant ?? 0, stride, nil)
            return
        }
        guard first.isFinite, last.isFinite, !stride.isNaN else {
            throw call.error(.invalidArgument, "from \(first) to \(last) in steps of \(stride) is no finite range")
        }
        guard stride != 0 else { throw call.error(.invalidArgument, "the step must not be 0") }
        guard stride > 0 ? last >= first : last <= first else { throw Arange.mismatch(start, end, step, call) }
        if dtype.isInteger {
            for number in [start, end, step] { try call.requireFits(number, .int64) }
            let (a, b, c) = (Int(Int64(saturating: first)), Int(Int64(saturating: last)), Int(Int64(saturating: stride)))
            guard c != 0 else { throw call.error(.invalidArgument, "the step \(stride) is 0 in \(dtype)") }
            // PyTorch cuts off the numbers of int64 before it counts them, those of narrower dtypes after it.
            if dtype == .int64 {
                count = max((SymInt(b) - SymInt(a)).ceilDivided(by: SymInt(c)), 0)
            } else {
                count = SymInt(try Arange.count(first, last, stride, call))
            }
            (self.start, self.step, integers) = (Double(a), Double(c), (a, c))
            return
        }
        count = SymInt(try Arange.count(first, last, stride, call))
        (self.start, self.step, integers) = (first, stride, nil)
    }

    private static func count(_ first: Double, _ last: Double, _ stride: Double, _ call: Call) throws -> Int {
        let number: Double = ((last - first) / stride).rounded(.up)
        guard let whole = Int(exactly: number) else { throw call.error(.overflow, "\(number) elements are too many") }
        return whole
    }

    private static func mismatch(_ start: Scalar, _ end: Scalar, _ step: Scalar, _ call: Call) -> TensorError {
        call.error(.invalidArgument, "from \(start) to \(end) is not the direction of the step \(step)")
    }
}

extension Scalar {
    fileprivate var isInteger: Bool {
        switch self {
        case .bool, .int: true
        case .float, .complex: false
        }
    }

    /// A real number, known or not.
    fileprivate var float: SymFloat? {
        switch self {
        case .bool(let value): SymFloat(value ? 1 : 0)
        case .int(let value): SymFloat(value)
        case .float(let value): value
        case .complex: nil
        }
    }

    /// The number where it is a whole one: an integer or a bool, known or not, or a known float.
    fileprivate var whole: SymInt? {
        switch self {
        case .bool(let value): return SymInt(value ? 1 : 0)
        case .int(let value): return value
        case .float(let value):
            // Beyond, neighbours are lost.
            guard let known = value.constant, known.magnitude <= 0x1p53 else { return nil }
            return Int(exactly: known).map { SymInt($0) }
        case .complex: return nil
        }
    }
}

extension Tensor {
    /// 0, 1, 2 ... below `end`; int64 for an integer, else float32, unless asked for otherwise.
    public static func arange(_ end: some ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.arangeEnd, [.scalar(end.scalar), .optional(dtype), .none, .none, .none])
    }

    /// Numbers from `start` (included) to `end` (not included).
    public static func arange(_ start: some ScalarConvertible, _ end: some ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.arangeStart, [.scalar(start.scalar), .scalar(end.scalar), .optional(dtype), .none, .none, .none])
    }

    /// Numbers from `start` (included) to `end` (not included) in steps.
    public static func arange(
        _ start: some ScalarConvertible, _ end: some ScalarConvertible, step: some ScalarConvertible, dtype: DType? = nil
    ) throws -> Tensor {
        try applySingle(
            .arangeStep, [.scalar(start.scalar), .scalar(end.scalar), .scalar(step.scalar), .optional(dtype), .none, .none, .none])
    }

    /// `steps` evenly spaced numbers from `start` to `end`, both included.
    public static func linspace(
        _ start: any ScalarConvertible, _ end: any ScalarConvertible, steps: any SymIntConvertible, dtype: DType? = nil
    ) throws -> Tensor {
        try applySingle(.linspace, [.float(start), .float(end), .int(steps), .optional(dtype), .none, .none, .none])
    }
}
