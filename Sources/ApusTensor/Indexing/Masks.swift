import ApusSymbolic
import CApusKernels

// Selections whose size depends on values.

extension Operator {
    static let nonzero: Operator = Operator(
        "aten::nonzero(Tensor self) -> Tensor",
        "The positions of the elements that are not zero, one row of coordinates for each, in row-major order: int64 of shape [n, rank], where n "
            + "depends on values.",
        effects: .dataDependent,
        rule: { call in
            let x = try call.tensor(0)
            let count = try unbackedSize(for: "nonzero elements", atMost: x.count)
            return [TensorSpec(.int64, try Shape([count, SymInt(x.rank)], in: call.name))]
        },
        kernel: .host { call in
            let x = try call.tensor(0)
            let count: Int = try x.nonzeroCount(call)
            let output = try Tensor.uninitialized(try Shape([count, x.rank], in: call.name), dtype: .int64, in: call.name)
            // A zero-dimensional tensor has no coordinates to write; where nothing is found they need not be looked for again.
            if count > 0, x.rank > 0 {
                var (input, out) = (x.view, output.view)
                try check(apus_nonzero(&input, &out), call)
                withExtendedLifetime(x) {}
            }
            return [.tensor(output)]
        }, samples: { [[.tensor(try Tensor([0, 1, 0, 2, 0, 3] as [Float], shape: [2, 3]))]] })

    static let nonzeroNumpy: Operator = nonzeroColumns("aten::nonzero_numpy(Tensor self) -> Tensor[]")
    static let whereNonzero: Operator = nonzeroColumns("aten::where(Tensor condition) -> Tensor[]")

    static let maskedSelect: Operator = Operator(
        "aten::masked_select(Tensor self, Tensor mask) -> Tensor",
        "The elements where a bool mask is true, as a vector whose size depends on values. Both broadcast.",
        effects: .dataDependent,
        rule: { call in
            let (x, mask) = try call.maskedPair()
            let shape = try broadcast(x.shape, mask.shape, in: call.name)
            let count = try unbackedSize(for: "true elements of a mask", atMost: shape.elementCount)
            return [TensorSpec(x.dtype, try Shape([count], in: call.name))]
        },
        kernel: .host { call in
            let (x, mask) = try call.maskedPair()
            let shape = try broadcast(x.shape, mask.shape, in: call.name)
            let (source, chosen) = try Interpreter.with(nil) { (try x.expanded(shape), try mask.expanded(shape)) }
            let count: Int = try chosen.nonzeroCount(call)
            let output = try Tensor.uninitialized(try Shape([count], in: call.name), dtype: x.dtype, in: call.name)
            guard count > 0 else { return [.tensor(output)] }
            var (input, m, out) = (source.view, chosen.view, output.view)
            try check(apus_masked_select(&input, &m, &out), call)
            withExtendedLifetime((source, chosen)) {}
            return [.tensor(output)]
        },
        gradient: { g in
            let (x, mask) = try g.call.maskedPair()
            let shape = try broadcast(x.shape, mask.shape, in: g.call.name)
            let zeros = try Tensor.full(shape.sizes, 0, dtype: x.dtype)
            return [.tensor(try zeros.maskedScatter(mask.expanded(shape), g.gradient).summed(to: x.shape))]
        },
        samples: {
            let mask = try Tensor([true, false, true], shape: [3])
            return [[.tensor(try .sample([2, 3])), .tensor(mask)]]
        })

    static let maskedScatter: Operator = Operator(
        "aten::masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
        "A copy of `self` with the elements of `source`, in row-major order, where a bool mask is true. `source` must have enough of them. `self` and "
            + "the mask broadcast.",
        failure: ValueFailure(.invalidArgument, "the source has fewer elements than the mask has true ones") { call in
            let (x, mask) = try call.maskedPair()
            let wide: Tensor = try mask.expanded(broadcast(x.shape, mask.shape, in: call.name))
            return try wide.to(.int64).sum() .<= call.tensor(2).count
        },
        rule: { call in
            let (x, mask) = try call.maskedPair()
            guard try call.tensor(2).dtype == x.dtype else {
                throw call.error(.dtypeMismatch, "a source of \(try call.tensor(2).dtype) can't be written into a tensor of \(x.dtype)")
            }
            return [TensorSpec(x.dtype, try broadcast(x.shape, mask.shape, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (x, mask) = try call.maskedPair()
            let source = try call.tensor(2)
            var out = outputs[0].view
            try withBroadcast(x, outputs[0].layout) { input in
                var input = input
                try check(apus_copy(&input, &out), call)
            }
            try withBroadcast(mask, outputs[0].layout) { mask in
                var (m, s) = (mask, source.view)
                let status = apus_masked_scatter(&m, &s, &out)
                if status == Int32(bitPattern: APUS_INVALID_ARGUMENT.rawValue) {
                    throw call.error(.shapeMismatch, "the mask has more true elements than the source's \(source.count)")
                }
                try check(status, call)
            }
            withExtendedLifetime((x, mask, source, outputs)) {}
        },
        gradient: { g in
            let (x, mask) = try g.call.maskedPair()
            let (source, gradient) = (try g.call.tensor(2), try g.gradient)
            let kept = try gradient.maskedFill(mask, 0)
            guard g.isWanted(2) else { return [.tensor(try kept.summed(to: x.shape))] }
            // The elements that were not used get nothing.
            let used = try gradient.maskedSelect(mask)
            let flat = try Tensor.zeros([source.count], dtype: source.dtype).sliceScatter(used, dim: 0, to: used.shape[0])
            return [.tensor(try kept.summed(to: x.shape)), .none, .tensor(try flat.reshaped(source.shape))]
        },
        samples: {
            let mask = try Tensor([true, false, true], shape: [3])
            return [[.tensor(try .sample([2, 3])), .tensor(mask), .tensor(try .sample([5], seed: 2))]]
        })

    static let masks: [Operator] = [nonzero, nonzeroNumpy, whereNonzero, maskedSelect, maskedScatter]

    private static func nonzeroColumns(_ schema: String) -> Operator {
        composite(
            schema, "The positions of the elements that are not zero, one vector of coordinates for each dimension.",
            effects: .dataDependent,
            samples: { [[.tensor(try Tensor([0, 1, 0, 2, 0, 3] as [Float], shape: [2, 3]))]] }
        ) { call in
            let x = try call.tensor(0)
            return try (x.rank == 0 ? x.unsqueezed(0) : x).nonzero().unbind(dim: 1).map { .tensor($0) }
        }
    }
}

extension Call {
    /// A tensor and a mask that broadcasts with it.
    fileprivate func maskedPair() throws -> (Tensor, Tensor) {
        let (x, mask) = (try tensor(0), try tensor(1))
        guard mask.dtype == .bool else { throw error(.dtypeMismatch, "the mask must be bool, not \(mask.dtype)") }
        return (x, mask)
    }
}

extension Tensor {
    /// How many elements are not zero.
    func nonzeroCount(_ call: Call) throws -> Int {
        var (input, count): (apus_view, Int64) = (view, 0)
        try check(apus_nonzero_count(&input, &count), call)
        withExtendedLifetime(self) {}
        return Int(count)
    }

    /// The positions of the elements that are not zero, one row of coordinates for each; their number depends on values.
    public func nonzero() throws -> Tensor { try applySingle(.nonzero, [.tensor(self)]) }

    /// The elements where a mask is true, as a vector whose size depends on values.
    public func maskedSelect(_ mask: Tensor) throws -> Tensor { try applySingle(.maskedSelect, [.tensor(self), .tensor(mask)]) }

    /// A copy with the elements of `source`, in row-major order, where a mask is true.
    public func maskedScatter(_ mask: Tensor, _ source: Tensor) throws -> Tensor {
        try applySingle(.maskedScatter, [.tensor(self), .tensor(mask), .tensor(source)])
    }

    /// The positions of the elements that are not 0, a vector for each dimension.
    public func nonzeroTuple() throws -> [Tensor] {
        try applyTensors(.nonzeroNumpy, [.tensor(self)])
    }
}
