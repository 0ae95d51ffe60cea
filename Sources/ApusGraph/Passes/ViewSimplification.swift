import ApusSymbolic
import ApusTensor

/// Leaves out what only hands its operand on (dropout outside of training, conversions to the dtype that is there, copies that are read as
/// views) and joins views of views, so that programs that say the same look the same.
package struct ViewSimplification: GraphPass {
    package let name = "simplify views"

    package init() {}

    package func run(_ graph: Graph) throws -> Graph {
        try graph.requireOwnValues()
        var simplifier = ViewSimplifier(graph, name)
        for node in graph.nodes { try simplifier.write(node) }
        return simplifier.hasChanged ? try DeadCodeElimination().run(simplifier.copy.finished()) : graph
    }
}

private struct ViewSimplifier {
    var copy: GraphCopy
    private(set) var hasChanged = false
    private let graph: Graph
    private let index: ValueIndex
    /// The nodes of the copy that make its values.
    private var makers: [Value: Node] = [:]

    init(_ graph: Graph, _ name: String) {
        self.graph = graph
        index = ValueIndex(graph)
        copy = GraphCopy(of: graph, provenance: name)
    }

    mutating func write(_ node: Node) throws {
        let arguments: [GraphArgument] = try node.arguments.map { try copy.mapped($0) }
        if let simple = try simplified(node, arguments) {
            hasChanged = true
            copy.map(node.outputs[0], to: simple)
            return
        }
        copy.keep(node, arguments)
        note(copy.graph.nodes.count - 1)
    }

    private mutating func note(_ position: Int) {
        let node: Node = copy.graph.nodes[position]
        for output in node.outputs { makers[output] = node }
    }

    /// What stands for the node's one result; nil where it stays as it is. A result of the program keeps its own node: who gets it may count on
    /// memory of its own.
    private mutating func simplified(_ node: Node, _ arguments: [GraphArgument]) throws -> Value? {
        guard node.outputs.count == 1, node.bodies.isEmpty, case .tensor(let x)? = arguments.first, let own = copy.graph.spec(x),
            let spec = graph.spec(node.outputs[0]), let readers = index.readers[node.outputs[0].index], !readers.contains(graph.nodes.count)
        else { return nil }
        let isSame: Bool = spec.isIdentical(to: own)
        switch node.operator.name {
        case "aten::alias", "aten::lift_fresh", "aten::lift_fresh_copy": return x
        case "aten::dropout": return arguments[2].isIdentical(to: .bool(false)) ? x : nil
        case "aten::_to_copy", "aten::expand": return isSame ? x : nil
        case "aten::clone", "aten::contiguous": return isContiguous(x) || isReadAsView(readers) ? x : nil
        case "aten::constant_pad_nd": return isSame && arguments[1].isAll(0) ? x : nil
        case "aten::slice.Tensor": return isSame && arguments[4].isIdentical(to: .int(1)) ? x : nil
        case "aten::mul.Scalar", "aten::div.Scalar":
            return isSame && spec.dtype.isFloatingPoint
                && (arguments[1].isIdentical(to: .double(1)) || arguments[1].isIdentical(to: .int(1)))
                ? x : nil
        case "aten::softmax.int":
            guard isSame else { return nil }
            return try append(.softmaxKernel, [.tensor(x), arguments[1], .bool(false)], spec, node)
        default: break
        }
        if ViewSimplifier.reshapes.contains(node.operator.name) {
            if isSame { return x }
            let base: Value = base(of: x) { $0.operator.name == "aten::view" }
            guard base != x || node.operator.name != "aten::view" else { return nil }
            if copy.graph.spec(base)?.shape.isIdentical(to: spec.shape) == true { return base }
            return try append(.view, [.tensor(base), .ints(spec.shape.sizes)], spec, node)
        }
        guard let dims = node.permutation(rank: own.shape.count) else { return nil }
        if dims == Array(dims.indices) { return x }
        guard let inner = makers[x], case .tensor(let base)? = inner.arguments.first,
            let before = inner.permutation(rank: dims.count)
        else { return nil }
        let joined: [Int] = dims.map { before[$0] }
        if joined == Array(dims.indices) { return base }
        return try append(.permute, [.tensor(base), .ints(joined)], spec, node)
    }

    private mutating func append(_ operation: Operator, _ arguments: [GraphArgument], _ spec: TensorSpec, _ node: Node) throws -> Value? {
        let result: Value? = copy.append(operation, arguments, types: [.tensor(spec)]).first
        copy.copySite(of: node)
        note(copy.graph.nodes.count - 1)
        return result
    }

    /// What a value shows in other sizes.
    private func base(of value: Value, _ passes: (Node) -> Bool) -> Value {
        var value: Value = value
        while let maker = makers[value], passes(maker), case .tensor(let inner)? = maker.arguments.first { value = inner }
        return value
    }

    /// True for what a kernel has written, in whatever sizes it is seen.
    private func isContiguous(_ value: Value) -> Bool {
        let written: Value = base(of: value) { ViewSimplifier.reshapes.contains($0.operator.name) }
        guard let maker = makers[written], case .compute = maker.operator.kernel else { return false }
        return true
    }

    /// Whether a copy has one reader, which sees it in another shape or order: it makes a copy itself where it must.
    private func isReadAsView(_ readers: [Int]) -> Bool {
        guard readers.count == 1 else { return false }
        let name: String = graph.nodes[readers[0]].operator.name
        return ViewSimplifier.reshapes.contains(name) || ViewSimplifier.permutations.contains(name)
    }

    private static let reshapes: Set<String> = [
        "aten::view", "aten::reshape", "aten::_unsafe_view", "aten::flatten.using_ints", "aten::unflatten.int",
    ]
    private static let permutations: Set<String> = ["aten::permute", "aten::transpose.int", "aten::t", "aten::mT"]
}

extension GraphArgument {
    fileprivate func isAll(_ number: Int) -> Bool {
        guard case .ints(let sizes) = self else { return false }
        return sizes.allSatisfy { $0.constant == number }
    }
}
