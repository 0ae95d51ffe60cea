import ApusSymbolic
import CApusKernels

// Copies and conversions of the element type.

extension Operator {
    package static let clone: Operator = Operator(
        "aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", "A copy with memory of its own, contiguous.",
        rule: { call in [try call.tensor(0).spec] }, kernel: .compute(copyFirst), isUpdate: true,
        gradient: { g in [.tensor(try g.gradient)] }, samples: { [[.tensor(try .sample([2, 3])), .none]] })

    static let contiguous: Operator = Operator(
        "aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)",
        "The tensor itself where it lies in row-major order without gaps, else a copy that does.",
        rule: { call in [try call.tensor(0).spec] },
        kernel: .view { call in
            let x = try call.tensor(0)
            return x.isContiguous ? [Operator.View(x.layout)] : nil
        }, gradient: { g in [.tensor(try g.gradient)] }, samples: { [[.tensor(try .sample([2, 3])), .none]] })

    static let toCopy: Operator = Operator(
        "aten::_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
        "A copy in another dtype. Floats become integers by truncation; complex numbers lose their imaginary part.",
        rule: { call in
            let x = try call.tensor(0)
            return [TensorSpec(try call.dtype(1) ?? x.dtype, x.shape)]
        }, kernel: .compute(copyFirst),
        gradient: { g in
            let x = try g.call.tensor(0)
            return x.dtype.isDifferentiable ? [.tensor(try g.gradient.to(x.dtype))] : []
        }, samples: { [[.tensor(try .sample([2, 3])), .dtype(.float64), .none, .none, .none, .bool(false), .none]] })

    static let copies: [Operator] = [clone, contiguous, toCopy]

    private static let copyFirst: @Sendable (Call, [Tensor]) throws -> Void = { call, outputs in
        try call.copy(try call.tensor(0), to: outputs[0])
    }
}

extension Call {
    /// Writes a tensor's elements into a result of the same sizes, converting them to its dtype.
    func copy(_ source: Tensor, to output: Tensor) throws {
        var (input, out) = (source.view, output.view)
        try check(apus_copy(&input, &out), self)
        withExtendedLifetime((source, output)) {}
    }
}

extension Tensor {
    /// A copy with memory of its own.
    public func clone() throws -> Tensor { try applySingle(.clone, [.tensor(self), .none]) }

    /// This tensor where it lies in row-major order without gaps, else a copy that does.
    public func contiguous() throws -> Tensor {
        if !isTraced && body.layout.isContiguous { return self }
        return isTraced ? try applySingle(.contiguous, [.tensor(self), .none]) : try clone()
    }

    /// The tensor in another dtype: itself when it has that dtype, else a copy.
    public func to(_ dtype: DType) throws -> Tensor {
        if dtype == self.dtype { return self }
        return try applySingle(.toCopy, [.tensor(self), .dtype(dtype), .none, .none, .none, .bool(false), .none])
    }
}
