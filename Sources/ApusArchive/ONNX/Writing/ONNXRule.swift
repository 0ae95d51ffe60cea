import ApusGraph
import ApusONNXSchema
import ApusSymbolic
import ApusTensor

/// How an operator is written: as nodes of ONNX's.
struct ONNXRule: Sendable {
    /// The operator's name: `aten::relu`.
    let name: String
    let body: @Sendable (ONNXNodeWriter) throws -> [ONNXTerm]

    init(_ name: String, all body: @escaping @Sendable (ONNXNodeWriter) throws -> [ONNXTerm]) {
        self.name = name.contains("::") ? name : "aten::" + name
        self.body = body
    }

    /// A rule for an operator of one result.
    init(_ name: String, _ body: @escaping @Sendable (ONNXNodeWriter) throws -> ONNXTerm) {
        self.init(name, all: { [try body($0)] })
    }
}

/// The operators that are written. All others are taken apart into these, by ``ONNXParts`` where ONNX needs other parts than PyTorch's core
/// operators are.
enum ONNXRules {
    static let all: [ONNXRule] =
        pointwise + arithmetic + comparisons + reductions + shapes + indexing + creation + products + spatial + normalization + order

    private static let byName: [String: ONNXRule] = {
        var table: [String: ONNXRule] = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (name, other) in aliases { table["aten::" + name] = table["aten::" + other] }
        return table
    }()

    static func find(_ name: String) -> ONNXRule? { byName[name] }

    /// What a program is brought down to before it is written.
    static let dialect = Dialect("ONNX") { $0.isControl || find($0.name) != nil }

    /// Operators that another one's rule holds for as it is.
    static let aliases: [(String, String)] =
        [
            ("absolute", "abs"), ("arccos", "acos"), ("arccosh", "acosh"), ("arcsin", "asin"), ("arcsinh", "asinh"), ("arctan", "atan"),
            ("arctanh", "atanh"), ("negative", "neg"), ("multiply.Tensor", "mul.Tensor"), ("multiply.Scalar", "mul.Scalar"),
            ("subtract.Tensor", "sub.Tensor"), ("subtract.Scalar", "sub.Scalar"), ("true_divide.Tensor", "div.Tensor"),
            ("true_divide.Scalar", "div.Scalar"), ("divide.Tensor", "div.Tensor"), ("divide.Scalar", "div.Scalar"),
            ("divide.Tensor_mode", "div.Tensor_mode"), ("divide.Scalar_mode", "div.Scalar_mode"),
            ("special_erf", "erf"), ("special_expit", "sigmoid"), ("clip", "clamp"), ("clip.Tensor", "clamp.Tensor"),
            ("max.other", "maximum"), ("min.other", "minimum"),
            ("concat", "cat"), ("concatenate", "cat"), ("alias", "clone"), ("alias_copy", "clone"), ("detach", "clone"),
            ("detach_copy", "clone"), ("contiguous", "clone"), ("lift_fresh", "clone"), ("lift_fresh_copy", "clone"),
            ("resolve_conj", "clone"), ("resolve_neg", "clone"), ("positive", "clone"), ("real", "clone"), ("conj_physical", "clone"),
            ("_conj_physical", "clone"), ("view", "reshape"), ("view_copy", "reshape"), ("_unsafe_view", "reshape"),
            ("_reshape_alias", "reshape"), ("flatten.using_ints", "reshape"), ("unflatten.int", "reshape"), ("ravel", "reshape"),
            ("view_as", "reshape"), ("reshape_as", "reshape"), ("permute_copy", "permute"), ("transpose_copy.int", "transpose.int"),
            ("swapaxes", "transpose.int"), ("swapdims", "transpose.int"), ("t_copy", "t"), ("mT", "t"), ("mH", "t"), ("adjoint", "t"),
            ("matrix_H", "t"), ("unsqueeze_copy", "unsqueeze"), ("squeeze_copy", "squeeze"),
            ("squeeze_copy.dim", "squeeze"), ("squeeze_copy.dims", "squeeze"), ("squeeze.dim", "squeeze"), ("squeeze.dims", "squeeze"),
            ("expand_copy", "expand"), ("expand_as", "expand"), ("broadcast_to", "expand"), ("select_copy.int", "select.int"),
            ("slice_copy.Tensor", "slice.Tensor"), ("narrow_copy", "narrow"), ("split_copy.Tensor", "split.Tensor"),
            ("unsafe_split.Tensor", "split.Tensor"), ("unsafe_split_with_sizes", "split_with_sizes"),
            ("split_with_sizes_copy", "split_with_sizes"), ("unsafe_chunk", "chunk"), ("unbind_copy.int", "unbind.int"),
            ("diagonal_copy", "diagonal"), ("unfold_copy", "unfold"), ("not_equal.Tensor", "ne.Tensor"), ("not_equal.Scalar", "ne.Scalar"),
            ("greater.Tensor", "gt.Tensor"), ("greater.Scalar", "gt.Scalar"), ("greater_equal.Tensor", "ge.Tensor"),
            ("greater_equal.Scalar", "ge.Scalar"), ("less.Tensor", "lt.Tensor"), ("less.Scalar", "lt.Scalar"),
            ("less_equal.Tensor", "le.Tensor"), ("less_equal.Scalar", "le.Scalar"), ("__and__.Tensor", "bitwise_and.Tensor"),
            ("__and__.Scalar", "bitwise_and.Scalar"), ("__or__.Tensor", "bitwise_or.Tensor"), ("__or__.Scalar", "bitwise_or.Scalar"),
            ("__xor__.Tensor", "bitwise_xor.Tensor"), ("__xor__.Scalar", "bitwise_xor.Scalar"), ("_unsafe_index.Tensor", "index.Tensor"),
            ("_local_scalar_dense", "item"), ("argwhere", "nonzero"), ("where", "nonzero_numpy"), ("new_full", "full"),
            ("full_like", "full"), ("zeros_like", "zeros"), ("ones_like", "ones"),
            ("new_zeros", "zeros"), ("new_ones", "ones"), ("empty.memory_format", "zeros"), ("empty_like", "zeros"), ("new_empty", "zeros"),
            ("empty_strided", "zeros"), ("empty_permuted", "zeros"), ("new_empty_strided", "zeros"),
        ]
}

/// A node that is being written: its arguments, and what its results are.
struct ONNXNodeWriter {
    let node: Node
    let writer: ONNXGraphWriter
    /// The call with tensors without data: what its sizes and other arguments are read from.
    let call: Call
    let results: [TensorSpec]
    private let references: [GraphArgument]

    init(_ node: Node, _ writer: ONNXGraphWriter) throws {
        let graph: Graph = writer.graph
        (self.node, self.writer) = (node, writer)
        call = Call(
            node.operator, try node.arguments.described(graph.type) { ArchiveError(.invalidProgram, "'\(graph.name($0))' is no tensor") })
        results = node.outputs.compactMap { graph.spec($0) }
        references = node.arguments
    }

    var out: ONNXNodes { writer.out }

    func error(_ reason: String) -> ArchiveError { ArchiveError(.notRepresentable, reason) }

    var result: TensorSpec {
        get throws {
            guard let result = results.first else { throw ArchiveError(.invalidProgram, "has no tensor as a result") }
            return result
        }
    }

    // MARK: Arguments

    /// A tensor, or a number in the place of one.
    func term(_ index: Int) throws -> ONNXTerm {
        if index < references.count, case .tensor(let value) = references[index], writer.graph.spec(value) != nil {
            return try writer.term(value)
        }
        let number: Scalar = try call.scalar(index)
        return try term(number, number.defaultDType)
    }

    /// The same in another type.
    func term(_ index: Int, as dtype: DType) throws -> ONNXTerm {
        if case .scalar(let number) = call[index] { return try term(number, dtype) }
        return out.cast(try term(index), dtype)
    }

    func optional(_ index: Int) throws -> ONNXTerm? {
        if case .none = call[index] { return nil }
        return try term(index)
    }

    func terms(_ index: Int) throws -> [ONNXTerm] {
        switch references[index] {
        case .tensors(let values): try values.map { try writer.term($0) }
        case .optionalTensors(let values): try values.compactMap { try $0.map { try writer.term($0) } }
        default: throw ArchiveError(.invalidProgram, "an argument is no list of tensors")
        }
    }

    /// A number as a tensor without dimensions.
    func term(_ number: Scalar, _ dtype: DType) throws -> ONNXTerm {
        switch number {
        case .int(let size) where size.constant == nil: return out.cast(writer.scalar(try writer.sizes.term(size, out)), dtype)
        case .float(let value) where value.constant == nil: return out.cast(writer.scalar(try writer.sizes.term(value, out)), dtype)
        // An integer out of a narrow type's range wraps.
        case .int where dtype.isInteger: return try out.constant(Tensor.full([], number, dtype: .int64).to(dtype))
        default: return try out.constant(Tensor.full([], number, dtype: dtype))
        }
    }

    func number(_ value: Double, _ dtype: DType) throws -> ONNXTerm { try out.constant(Tensor.full([], value, dtype: dtype)) }

    func shape(_ index: Int) throws -> Shape { try call.tensor(index).shape }
    func rank(_ index: Int = 0) throws -> Int { try call.tensor(index).rank }

    /// A dimension counted from the front.
    func dim(_ index: Int, rank: Int) throws -> Int { try normal(call.constant(index), rank) }

    func normal(_ dim: Int, _ rank: Int) throws -> Int {
        let count: Int = max(rank, 1)
        guard dim >= -count, dim < count else { throw ArchiveError(.invalidProgram, "names the dimension \(dim) of \(rank)") }
        return dim < 0 ? dim + count : dim
    }

    func vector(_ sizes: some Sequence<SymInt>) throws -> ONNXTerm { try writer.sizes.vector(Array(sizes), out) }

    // MARK: Nodes

    /// A node whose result has the type of its inputs.
    func apply(_ type: String, _ inputs: [ONNXTerm?], _ attributes: [Onnx_AttributeProto] = []) -> ONNXTerm {
        out.apply(type, inputs, attributes)[0]
    }

    /// A node with a result of a type of its own.
    func apply(_ type: String, _ inputs: [ONNXTerm?], to dtype: DType, _ attributes: [Onnx_AttributeProto] = []) -> ONNXTerm {
        out.apply(type, inputs, results: [dtype], attributes)[0]
    }

    func reshaped(_ x: ONNXTerm, _ sizes: some Sequence<SymInt>) throws -> ONNXTerm {
        let sizes: [SymInt] = Array(sizes)
        // A size of 0 is one, not that of the input.
        let isPositive: Bool = sizes.allSatisfy { ($0.constant ?? 0) > 0 }
        return apply("Reshape", [x, try vector(sizes)], isPositive ? [] : [.make("allowzero", 1)])
    }

    func transposed(_ x: ONNXTerm, _ order: [Int]) -> ONNXTerm {
        order == Array(order.indices) ? x : apply("Transpose", [x], [.make("perm", order)])
    }

    func expanded(_ x: ONNXTerm, _ sizes: some Sequence<SymInt>) throws -> ONNXTerm { apply("Expand", [x, try vector(sizes)]) }

    /// Results that depend on no tensor, and on no size, are computed when the model is written.
    func computed() throws -> [ONNXTerm]? {
        guard node.operands.isEmpty, node.effects.isPure, node.arguments.allSatisfy({ $0.freeSymbols.isEmpty }) else { return nil }
        return try ApusTensor.apply(node.operator, call.arguments).flatMap(\.elements).map { result in
            guard let tensor = result.tensor else { throw error("gives what is no tensor") }
            return try out.constant(tensor)
        }
    }
}
