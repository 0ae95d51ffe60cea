import ApusSymbolic
import ApusTensor

/// One view operation of a chain: how to take the view, and how to put a changed view back.
struct ViewStep: Sendable {
    private let kind: Kind

    private enum Kind: Sendable {
        /// The same elements under the same or another shape, in the same row-major order.
        case reshaped([SymInt])
        case permuted([Int])
        case slice(dim: Int, start: SymInt, end: SymInt, step: SymInt)
        case select(dim: Int, index: SymInt)
        case diagonal(offset: Int, dim1: Int, dim2: Int)
        /// The same bytes as elements of another dtype.
        case reinterpreted(DType)
        /// Another view operation: can be taken, not written through.
        case other(Operator, [OperatorArgument])
    }

    func apply(_ x: Tensor) throws -> Tensor {
        switch kind {
        case .reshaped(let sizes):
            return x.shape.isIdentical(to: try Shape(sizes)) ? x : try x.reshaped(sizes)
        case .permuted(let dims): return try x.permuted(dims)
        case .slice(let dim, let start, let end, let step):
            return try call("aten::slice.Tensor", [.tensor(x), .int(dim), .int(start), .int(end), .int(step)])
        case .select(let dim, let index): return try call("aten::select.int", [.tensor(x), .int(dim), .int(index)])
        case .diagonal(let offset, let dim1, let dim2):
            return try call("aten::diagonal", [.tensor(x), .int(offset), .int(dim1), .int(dim2)])
        case .reinterpreted(let dtype): return try x.viewed(as: dtype)
        case .other(let operation, let arguments): return try applySingle(operation, [.tensor(x)] + arguments)
        }
    }

    /// `before` with the part that this step shows replaced by `view`.
    func writeBack(_ view: Tensor, into before: Tensor) throws -> Tensor {
        switch kind {
        case .reshaped: return try view.reshaped(before.shape)
        case .permuted(let dims):
            return try view.permuted(dims.indices.sorted { dims[$0] < dims[$1] })
        case .slice(let dim, let start, let end, let step):
            return try call(
                "aten::slice_scatter", [.tensor(before), .tensor(view), .int(dim), .int(start), .int(end), .int(step)])
        case .select(let dim, let index):
            return try call("aten::select_scatter", [.tensor(before), .tensor(view), .int(dim), .int(index)])
        case .diagonal(let offset, let dim1, let dim2):
            return try call("aten::diagonal_scatter", [.tensor(before), .tensor(view), .int(offset), .int(dim1), .int(dim2)])
        case .reinterpreted(let dtype):
            guard dtype.byteWidth == before.dtype.byteWidth else {
                throw ArchiveError(.unsupported, "writing in place through a view of \(before.dtype) as \(dtype) is not supported")
            }
            return try view.viewed(as: before.dtype)
        case .other(let operation, _):
            if view.shape.isIdentical(to: before.shape),
                operation.schema.name.hasPrefix("expand") || operation.schema.name == "broadcast_to"
            {
                return view
            }
            throw ArchiveError(.unsupported, "writing in place through a view made by '\(operation.name)' is not supported")
        }
    }

    private func call(_ name: String, _ arguments: [OperatorArgument]) throws -> Tensor {
        try applySingle(.named(name), arguments)
    }
}

extension ViewStep {
    /// Views that keep every element and its row-major position.
    private static let reshapes: Set<String> = [
        "alias", "detach", "lift_fresh", "contiguous", "view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "squeeze",
        "unsqueeze", "_unsafe_view", "_reshape_alias", "to", "type_as", "ravel", "positive", "resolve_conj", "resolve_neg",
    ]

    /// The steps behind the results of a view operator, one for each result.
    static func steps(_ operation: Operator, _ arguments: [OperatorArgument], of x: Tensor, giving results: [Tensor]) throws -> [ViewStep] {
        let call = Call(operation, arguments)
        let name = operation.schema.name
        func dim(_ index: Int) throws -> Int { try normalize(dim: try call.constant(index), rank: x.rank, in: name) }
        if reshapes.contains(name), results.count == 1 {
            // `view` has an overload that changes the dtype.
            if results[0].dtype != x.dtype { return [ViewStep(kind: .reinterpreted(results[0].dtype))] }
            return [ViewStep(kind: .reshaped(results[0].shape.sizes))]
        }
        switch name {
        case "permute":
            return [ViewStep(kind: .permuted(try call.constants(1).map { try normalize(dim: $0, rank: x.rank, in: name) }))]
        case "transpose", "swapaxes", "swapdims":
            var dims = Array(0..<x.rank)
            if !dims.isEmpty { dims.swapAt(try dim(1), try dim(2)) }
            return [ViewStep(kind: .permuted(dims))]
        case "t", "mT", "mH", "matrix_H", "numpy_T", "adjoint":
            if x.dtype.isComplex, name == "mH" || name == "matrix_H" || name == "adjoint" { break }
            var dims = Array(0..<x.rank)
            if name == "numpy_T" { dims.reverse() } else if x.rank >= 2 { dims.swapAt(x.rank - 1, x.rank - 2) }
            return [ViewStep(kind: .permuted(dims))]
        case "slice":
            let start: SymInt = try call.optionalInt(2) ?? 0
            let end: SymInt = try call.optionalInt(3) ?? SymInt(Int.max)
            return [ViewStep(kind: .slice(dim: try dim(1), start: start, end: end, step: try call.optionalInt(4) ?? 1))]
        case "narrow":
            let axis = try dim(1)
            // A slice's end of 0 is the front, not what follows the last position: a negative start has to be counted from the front.
            let start = try call.int(2)
            let fromFront: SymInt = start + x.shape[axis]
            let first: SymInt
            switch decide(start >= 0) {
            case true?: first = start
            case false?: first = fromFront
            case nil: first = SymInt.select(start >= 0, start, fromFront)
            }
            return [ViewStep(kind: .slice(dim: axis, start: first, end: first + (try call.int(3)), step: 1))]
        case "select": return [ViewStep(kind: .select(dim: try dim(1), index: try call.int(2)))]
        case "diagonal":
            return [ViewStep(kind: .diagonal(offset: try call.constant(1), dim1: try call.constant(2), dim2: try call.constant(3)))]
        case "tensor_split", "hsplit", "vsplit", "dsplit":
            let axis = try name == "tensor_split" ? dim(2) : name == "dsplit" ? 2 : name == "hsplit" && x.rank > 1 ? 1 : 0
            guard case .ints(let positions) = call[1] else { return consecutive(results, along: axis) }
            return results.indices.map { index in
                let start: SymInt = index == 0 ? 0 : positions[index - 1]
                return ViewStep(
                    kind: .slice(dim: axis, start: start, end: index < positions.count ? positions[index] : SymInt(Int.max), step: 1))
            }
        case "split", "split_with_sizes", "chunk": return consecutive(results, along: try dim(2))
        case "unbind":
            let axis = try dim(1)
            return results.indices.map { ViewStep(kind: .select(dim: axis, index: SymInt($0))) }
        default: break
        }
        guard results.count == 1 else {
            throw ArchiveError(.unsupported, "the view operator '\(operation.name)' with several results is not supported")
        }
        return [ViewStep(kind: .other(operation, Array(arguments.dropFirst())))]
    }

    /// Parts that follow each other along a dimension.
    private static func consecutive(_ results: [Tensor], along axis: Int) -> [ViewStep] {
        var start: SymInt = 0
        return results.map { result in
            let end = start + result.shape[axis]
            defer { start = end }
            return ViewStep(kind: .slice(dim: axis, start: start, end: end, step: 1))
        }
    }
}
