import ApusSymbolic
import CApusKernels

// How many elements fall into ranges, and positions repeated as often as numbers say.

extension Operator {
    static let histc: Operator = Operator(
        "aten::histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
        "How many elements fall into each of `bins` equal ranges between two bounds, or between the smallest and the largest element where both are "
            + "equal; an error where those are not finite. Elements outside count not. Bounds further apart than the dtype's largest number are taken "
            + "as they are, where PyTorch counts nothing; PyTorch counts in the tensor's dtype, float32 up to 2^24 only.",
        failure: ValueFailure(.invalidArgument, unboundedHistogram) { call in
            try call.double(2) == call.double(3) ? call.tensor(0).isfinite().all() : nil
        },
        rule: { call in
            let (x, bins, low, high) = (try call.tensor(0), try call.constant(1), try call.double(2), try call.double(3))
            guard x.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
            guard bins > 0, bins < Int32.max else { throw call.error(.invalidArgument, "can't make \(bins) bins") }
            guard low <= high, low.isFinite, high.isFinite else {
                throw call.error(.invalidArgument, "the bounds \(low) and \(high) must be finite and in order")
            }
            return [TensorSpec(x.dtype, try Shape([bins], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let counts: Tensor = try Interpreter.with(nil) { try call.histogram() }
            try call.copy(counts, to: outputs[0])
        },
        gradient: cut,
        samples: {
            [
                [.tensor(try .sample([3, 4])), .int(5), .int(-1), .int(1)], [.tensor(try .sample([10])), .int(4), .int(0), .int(0)],
            ]
        })

    fileprivate static let unboundedHistogram =
        "the smallest and the largest element must be finite to be the bounds: give bounds, or drop NaN and infinities"

    static let repeatInterleaveCounts: Operator = Operator(
        "aten::repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> Tensor",
        "The positions of a vector of counts, each as often as its count says; their number depends on values unless `output_size` gives it.",
        effects: .dataDependent,
        failure: ValueFailure(.invalidArgument, "a count is negative, or the counts don't add up to the size that is given") { call in
            let counts: Tensor = try call.indexTensor(0).to(.int64)
            let areCounts: Tensor = try (counts .>= 0).all()
            return try call.optionalInt(1).map { try areCounts & (counts.sum() .== $0) } ?? areCounts
        },
        rule: { call in
            let counts = try call.indexTensor(0)
            guard counts.rank <= 1 else { throw call.error(.shapeMismatch, "the counts must be a vector, not of shape \(counts.shape)") }
            let size: SymInt = try call.optionalInt(1) ?? unbackedSize(for: "repeated positions")
            return [TensorSpec(.int64, try Shape([size], in: call.name))]
        },
        kernel: .host { call in
            let counts: [Int] = try call.indexTensor(0).array(of: Int.self)
            if let negative = counts.first(where: { $0 < 0 }) { throw call.error(.invalidArgument, "a count is negative: \(negative)") }
            var total = 0
            for count in counts {
                let (sum, overflows) = total.addingReportingOverflow(count)
                guard !overflows else { throw call.error(.overflow, "the counts add up to too many positions") }
                total = sum
            }
            if let size = try call.optionalInt(1), try call.known(size) != total {
                throw call.error(.shapeMismatch, "the counts add up to \(total), not to \(size)")
            }
            let positions: Tensor = try Tensor.uninitialized(try Shape([total], in: call.name), dtype: .int64, in: call.name)
            var next: UnsafeMutablePointer<Int64> = positions.baseAddress.assumingMemoryBound(to: Int64.self)
            for (position, count) in counts.enumerated() {
                next.update(repeating: Int64(position), count: count)
                next += count
            }
            return [.tensor(positions)]
        }, samples: { [[.tensor(try Tensor([2, 0, 3] as [Int], shape: [3])), .none]] })

    static let repeatInterleaveTensor: Operator = composite(
        "aten::repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor",
        "Each position of a dimension as often as a vector of counts says; without a dimension the flattened tensor's elements.",
        effects: .dataDependent,
        samples: { [[.tensor(try .sample([3, 2])), .tensor(try Tensor([2, 0, 3] as [Int], shape: [3])), .int(0), .none]] }
    ) { call in
        var (x, counts) = (try call.tensor(0), try call.indexTensor(1))
        var dim = 0
        if case .none = call[2] { x = try x.reshaped([-1]) } else { dim = try call.dim(2) }
        let size: SymInt = x.rank == 0 ? 1 : x.shape[dim]
        // One count stands for all; where there are as many as positions it makes no difference.
        if decide(counts.count == size) != true {
            if try settle(counts.count == 1, in: call.name) {
                counts = try counts.reshaped([1]).expanded([size])
            } else {
                try require(counts.count == size, call.error(.shapeMismatch, "\(counts.count) counts don't fit a size of \(size)"))
            }
        }
        let positions: Tensor = try applySingle(.repeatInterleaveCounts, [.tensor(counts), call[3]])
        return [.tensor(try x.indexSelect(dim: dim, positions))]
    }

    static let histograms: [Operator] = [histc, repeatInterleaveCounts, repeatInterleaveTensor]
}

extension Call {
    /// The counts that `histc` asks for, in integers: float32 stops at 2^24.
    fileprivate func histogram() throws -> Tensor {
        let (x, bins): (Tensor, Int) = (try tensor(0), try constant(1))
        let counts: Tensor = try Tensor.zeros([bins], dtype: .int64)
        guard x.layout.count > 0 else { return counts }
        var edges: Tensor
        if try double(2) == double(3) {
            let (least, most): (Tensor, Tensor) = (try x.amin(), try x.amax())
            guard try (least.isfinite() & most.isfinite()).item(Bool.self) else {
                throw error(.invalidArgument, Operator.unboundedHistogram)
            }
            // All equal: a range of 2 around them.
            let widening: Tensor = try (least .== most).to(x.dtype)
            edges = try applySingle(
                .linspaceTensors,
                [.tensor(least - widening), .tensor(most + widening), .int(bins + 1), .dtype(x.dtype), .none, .none, .none])
        } else {
            edges = try Tensor.linspace(double(2), double(3), steps: bins + 1, dtype: x.dtype)
        }
        edges = try edges.wide()
        let values: Tensor = try x.wide().contiguous()
        var (input, bounds, out) = (values.view, edges.view, counts.view)
        try check(apus_histogram(&input, &bounds, &out), self)
        withExtendedLifetime((values, edges, counts)) {}
        return counts
    }
}

extension Tensor {
    /// How many elements fall into each of `bins` equal ranges between two bounds.
    public func histogram(bins: any SymIntConvertible = 100, min: any ScalarConvertible = 0, max: any ScalarConvertible = 0) throws
        -> Tensor
    {
        try applySingle(.histc, [.tensor(self), .int(bins), .float(min), .float(max)])
    }
    /// Each position of a dimension as often as a vector of counts says.
    public func repeatInterleave(_ counts: Tensor, dim: Int? = nil) throws -> Tensor {
        try applySingle(.repeatInterleaveTensor, [.tensor(self), .tensor(counts), dim.map { .int($0) } ?? .none, .none])
    }
}
