import ApusSymbolic
import CApusKernels

// Indexing by tensors: `index` reads, `index_put` writes.

extension Operator {
    static let index: Operator = indexing(
        "aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
        "Elements at positions given by integer tensors, which broadcast against each other; dimensions without one are taken whole. The "
            + "positions' shape stands where the first indexed dimension was, or in front if indexed dimensions are apart. Negative positions "
            + "count from the end. A bool tensor stands for the positions where it is true, whose number depends on values.")

    static let unsafeIndex: Operator = indexing(
        "aten::_unsafe_index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
        "As `index`; positions are checked here nevertheless.")

    static let indexPut: Operator = Operator(
        "aten::index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
        "A copy of `self` with `values`, broadcast to the shape that `index` gives, written at the indexed positions, or added to what is there. Of "
            + "several writes to one position the last wins. `values` must be of `self`'s dtype. " + Operator.roundedOnce,
        failure: .indices,
        rule: { call in
            let (x, values) = (try call.tensor(0), try call.tensor(2))
            guard values.dtype == x.dtype else {
                throw call.error(.dtypeMismatch, "values of \(values.dtype) can't be written into a tensor of \(x.dtype)")
            }
            if try call.hasMasks { return [x.spec] }
            let target = try AdvancedIndex(call).shape
            func mismatch() -> TensorError {
                call.error(.shapeMismatch, "values of shape \(values.shape) don't broadcast to the indexed shape \(target)")
            }
            guard values.rank <= target.count else { throw mismatch() }
            for (size, wanted) in zip(values.shape.reversed(), target.reversed()) where !size.isIdentical(to: wanted) {
                _ = try meeting(of: size, wanted, onlyFirst: true, in: call.name, mismatch())
            }
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            if try call.hasMasks {
                var arguments = call.arguments
                arguments[1] = .optionalTensors(try Interpreter.with(nil) { try call.withoutMasks() })
                let plain = Call(call.operator, arguments)
                _ = try call.operator.rule(plain)
                return try putIndexed(plain, outputs[0])
            }
            try putIndexed(call, outputs[0])
        }, isUpdate: true,
        gradient: { g in
            let (x, values, gradient) = (try g.call.tensor(0), try g.call.tensor(2), try g.gradient)
            guard x.dtype.isDifferentiable else { return [] }
            let indices = try g.call.withoutMasks()
            let own = try g.call.bool(3) ? gradient : try gradient.indexPut(indices, Tensor.scalar(0, dtype: x.dtype))
            return [.tensor(own), .none, g.isWanted(2) ? .tensor(try gradient.index(indices).summed(to: values.shape)) : .none]
        },
        samples: {
            let positions = try Tensor([2, 0] as [Int], shape: [2])
            return [
                [.tensor(try .sample([3, 4])), .optionalTensors([positions, nil]), .tensor(try .sample([2, 4], seed: 2)), .bool(false)],
                [.tensor(try .sample([3, 4])), .optionalTensors([nil, positions]), .tensor(try .sample([1], seed: 2)), .bool(true)],
            ]
        })

    static let indexing: [Operator] = [index, unsafeIndex, indexPut]

    private static func indexing(_ schema: String, _ documentation: String) -> Operator {
        Operator(
            schema, documentation, failure: .indices,
            rule: { call in
                if try call.hasMasks {
                    var arguments = call.arguments
                    arguments[1] = .optionalTensors(try call.withoutMasks(shapesOnly: true))
                    return try call.operator.rule(Call(call.operator, arguments))
                }
                return [TensorSpec(try call.tensor(0).dtype, try AdvancedIndex(call).shape)]
            },
            kernel: .compute { call, outputs in
                guard try call.hasMasks else { return try readIndexed(call, outputs[0]) }
                var arguments = call.arguments
                arguments[1] = .optionalTensors(try Interpreter.with(nil) { try call.withoutMasks() })
                try readIndexed(Call(call.operator, arguments), outputs[0])
            },
            gradient: { g in
                let zeros = try g.call.tensor(0).zerosLike()
                return [.tensor(try zeros.indexPut(g.call.withoutMasks(), g.gradient, accumulate: true))]
            },
            samples: {
                let positions = try Tensor([2, 0, -1] as [Int], shape: [3])
                return [
                    [.tensor(try .sample([3, 4])), .optionalTensors([positions])],
                    [.tensor(try .sample([2, 3, 4])), .optionalTensors([nil, try positions.reshaped([3, 1]), positions])],
                    [.tensor(try .sample([3, 2, 4])), .optionalTensors([positions, nil, positions])],
                ]
            })
    }

    private static func readIndexed(_ call: Call, _ output: Tensor) throws {
        let index = try AdvancedIndex(call)
        let x = try call.tensor(0)
        var (input, out, bad): (apus_view, apus_view, Int64) = (x.view, output.view, 0)
        try index.withViews { views in
            let status = apus_index(&input, views, Int32(index.rank), Int32(index.position), &out, &bad)
            try check(status, call, index: bad, shape: x.shape)
        }
        withExtendedLifetime((x, output)) {}
    }

    private static func putIndexed(_ call: Call, _ output: Tensor) throws {
        guard try call.bool(3) else { return try putIndexed(call, into: output) }
        try call.accumulating(into: output) { try putIndexed(call, into: $0) }
    }

    private static func putIndexed(_ call: Call, into output: Tensor) throws {
        let index = try AdvancedIndex(call)
        let (x, values) = (try call.tensor(0), try call.wide(call.tensor(2), in: output.dtype))
        guard let target = index.shape.layout else { throw call.error(.tracing, "a symbolic shape outside of its trace") }
        try call.start(
            output, indices: index.indices.enumerated().compactMap { dim, index in index.map { ($0, dim) } }, countingFromEnd: true)
        var (out, bad): (apus_view, Int64) = (output.view, 0)
        let accumulate = try call.bool(3)
        try withBroadcast(values, target) { values in
            var values = values
            try index.withViews { views in
                let status = apus_index_put(accumulate, views, Int32(index.rank), Int32(index.position), &values, &out, &bad)
                try check(status, call, index: bad, shape: x.shape)
            }
        }
        withExtendedLifetime((x, values, output)) {}
    }
}

/// The integer indices of `index` and `index_put`, broadcast against each other.
struct AdvancedIndex {
    /// One for each dimension of the indexed tensor, nil where it is taken whole.
    let indices: [Tensor?]
    /// The positions' common shape.
    let positions: Shape
    /// Where the positions' shape stands in the result.
    let position: Int
    /// The result's shape.
    let shape: Shape

    var rank: Int { positions.count }

    init(_ call: Call) throws {
        let x = try call.tensor(0)
        var given = try call.optionalTensors(1)
        guard given.count <= x.rank else {
            throw call.error(.indexOutOfRange, "\(given.count) indices are too many for a tensor of shape \(x.shape)")
        }
        given += Array(repeating: nil, count: x.rank - given.count)
        indices = given
        var common: Shape?
        for case let index? in given {
            guard index.dtype == .int64 || index.dtype == .int32 else {
                throw call.error(.dtypeMismatch, "an index must be int64, int32 or bool, not \(index.dtype)")
            }
            common = try common.map { try broadcast($0, index.shape, in: call.name) } ?? index.shape
        }
        guard let common else { throw call.error(.invalidArgument, "needs at least one index") }
        positions = common
        let dims = given.indices.filter { given[$0] != nil }
        let isTogether: Bool = (dims.last ?? 0) - (dims.first ?? 0) + 1 == dims.count
        position = isTogether ? dims.first ?? 0 : 0
        var sizes = given.indices.filter { given[$0] == nil }.map { x.shape[$0] }
        sizes.insert(contentsOf: common.sizes, at: position)
        shape = try Shape(sizes, in: call.name)
        // Positions in a dimension of size 0 can't exist, unless there are none.
        for dim in dims where x.shape[dim].constant == 0 && common.elementCount.constant != 0 {
            throw call.error(.indexOutOfRange, "dimension \(dim) of shape \(x.shape) has no positions to index")
        }
    }

    /// Calls the closure with the indices as kernels see them, broadcast to one shape.
    func withViews(_ body: (UnsafePointer<UnsafePointer<apus_view>?>) throws -> Void) throws {
        guard let layout = positions.layout else {
            throw TensorError(.tracing, in: "index", "a symbolic shape outside of its trace")
        }
        let expanded: [Tensor?] = try indices.map { index in
            guard let index else { return nil }
            var view = StridedView(index.layout)
            view.expand(to: layout.sizesArray)
            guard let wide = Layout.strided(view.sizes, strides: view.strides) else {
                throw TensorError(.overflow, in: "index", "too many positions: \(positions)")
            }
            return Tensor(TensorBody(dtype: index.dtype, storage: index.body.storage, offset: index.body.offset, layout: wide))
        }
        try withUnsafeTemporaryAllocation(of: apus_view.self, capacity: expanded.count) { views in
            try withUnsafeTemporaryAllocation(of: UnsafePointer<apus_view>?.self, capacity: expanded.count) { pointers in
                for (dim, index) in expanded.enumerated() {
                    views[dim] = index?.view ?? apus_view()
                    pointers[dim] = index == nil ? nil : views.baseAddress.map { UnsafePointer($0 + dim) }
                }
                if let base = pointers.baseAddress { try body(UnsafePointer(base)) }
            }
        }
        withExtendedLifetime(expanded) {}
    }
}

extension Call {
    fileprivate var hasMasks: Bool { get throws { try optionalTensors(1).contains { $0?.dtype == .bool } } }

    /// The indices with every mask replaced by the positions where it is true.
    ///
    /// - Parameter shapesOnly: gives positions without values, for rules: their number is counted where the mask has data.
    fileprivate func withoutMasks(shapesOnly: Bool = false) throws -> [Tensor?] {
        let x = try tensor(0)
        var dim = 0
        var plain: [Tensor?] = []
        for index in try optionalTensors(1) {
            guard let index, index.dtype == .bool else {
                plain.append(index)
                dim += 1
                continue
            }
            for own in 0..<index.rank {
                let size: SymInt = dim + own < x.rank ? x.shape[dim + own] : -1
                try require(
                    index.shape[own] == size,
                    error(.shapeMismatch, "a mask of shape \(index.shape) doesn't fit dimension \(dim + own) of shape \(x.shape)"))
            }
            if shapesOnly {
                let count: SymInt =
                    index.isTraced
                    ? try unbackedSize(for: "true elements of a mask", atMost: index.count) : SymInt(try index.nonzeroCount(self))
                let shape = try Shape([count], in: name)
                plain += Array(repeating: Tensor(spec: TensorSpec(.int64, shape)), count: index.rank)
            } else {
                plain += try index.nonzero().unbind(dim: 1)
            }
            dim += index.rank
        }
        return plain
    }
}

extension ValueFailure {
    /// Positions from `-size` to below `size`, as often as broadcasting reads them. A mask has none that are wrong.
    fileprivate static let indices = ValueFailure(.indexOutOfRange, "an index is out of range") { call in
        let x = try call.tensor(0)
        var dim = 0
        var isInside: Tensor?
        for index in try call.optionalTensors(1) {
            defer { dim += index?.dtype == .bool ? index?.rank ?? 1 : 1 }
            guard let index, index.dtype != .bool else { continue }
            let lies: Tensor = try index.lies(from: 0 - x.shape[dim], below: x.shape[dim])
            isInside = try isInside.map { try $0 & lies } ?? lies
        }
        return try isInside?.all() ?? Tensor.scalar(true, dtype: .bool)
    }
}

/// Throws the error of an indexing kernel's status.
func check(_ status: Int32, _ call: Call, index: Int64, shape: Shape, dim: Int? = nil) throws {
    if status == 0 { return }
    guard status == Int32(bitPattern: APUS_INDEX_OUT_OF_BOUNDS.rawValue) else { return try check(status, call) }
    let place = dim.map { "dimension \($0) of shape \(shape)" } ?? "a tensor of shape \(shape)"
    throw call.error(.indexOutOfRange, "the index \(index) is out of range for \(place)")
}

extension Call {
    /// Positions for a call whose values must fulfil a condition: an error where they do not. While tracing, and where a plan is laid out,
    /// positions out of every range there, which the operator that takes them refuses when the program runs.
    func positions(_ positions: Tensor, where condition: Tensor, _ message: @autoclosure () -> String) throws -> Tensor {
        guard !condition.isTraced, Interpreter.hasValues else { return try Tensor.where(condition, positions, -1) }
        let holds: Bool = try Interpreter.with(nil) { try condition.all() }.array(of: Bool.self)[0]
        guard holds else { throw error(.invalidArgument, message()) }
        return positions
    }
}

extension Tensor {
    /// Elements at positions given by tensors, one for each leading dimension or nil to take it whole.
    public func index(_ indices: [Tensor?]) throws -> Tensor {
        let plain = try Tensor.withoutMasks(self, indices)
        return try applySingle(.index, [.tensor(self), .optionalTensors(plain)])
    }

    /// A copy with values written at, or added to, positions given by tensors.
    public func indexPut(_ indices: [Tensor?], _ values: Tensor, accumulate: Bool = false) throws -> Tensor {
        let plain = try Tensor.withoutMasks(self, indices)
        return try applySingle(.indexPut, [.tensor(self), .optionalTensors(plain), .tensor(values), .bool(accumulate)])
    }

    /// Masks become positions by an operation of its own, so that a graph has one place where a size depends on values.
    private static func withoutMasks(_ tensor: Tensor, _ indices: [Tensor?]) throws -> [Tensor?] {
        guard indices.contains(where: { $0?.dtype == .bool }) else { return indices }
        return try Call(.index, [.tensor(tensor), .optionalTensors(indices)]).withoutMasks()
    }
}
