import ApusGraph
import ApusTensor

/// A float32 matrix that a graph makes of what is stored in fewer bits: `levels.to(float32)`, or `(levels - zeroPoints) * scales`. Numbers are the same in
/// every run.
struct DequantizedWeight {
    /// A scale or a zero point.
    enum Numbers {
        /// The same for all levels.
        case one(Scalar)
        /// A matrix, each number of which is for one level of a row or column, or for so many in a row of one dimension.
        case matrix(Value, repeats: (dim: Int, count: Int)?)
    }

    /// bfloat16, int8 or uint8; where `isTransposed` the matrix is its transpose.
    let levels: Value
    let scales: Numbers?
    let zeroPoints: Numbers?
    var isTransposed = false
}

/// Finds weights that are stored in fewer bits, from what reads them backwards.
struct DequantizedWeights {
    private let graph: Graph
    private let frozen: Set<Value>
    private let makers: [Value: Node]

    /// - Parameter frozen: the values that are the same in every run
    init(_ graph: Graph, frozen: Set<Value>) {
        (self.graph, self.frozen) = (graph, frozen)
        makers = Dictionary(graph.nodes.flatMap { node in node.outputs.map { ($0, node) } }, uniquingKeysWith: { first, _ in first })
    }

    /// The stored form of a value; nil where it is no such matrix.
    func stored(_ value: Value) -> DequantizedWeight? {
        guard frozen.contains(value), let spec = graph.spec(value), spec.dtype == .float32, spec.shape.constants?.count == 2 else {
            return nil
        }
        guard let node = makers[value] else { return nil }
        if let transposes = node.transposesMatrix, let source = node.operands.first {
            guard var weight = stored(source) else { return nil }
            if transposes { weight.isTransposed.toggle() }
            return weight
        }
        if node.operator.name == "aten::mul.Tensor" { return dequantized(node, 0, 1) ?? dequantized(node, 1, 0) }
        let levels: Value = uncast(value)
        guard levels != value, let dtype = graph.spec(levels)?.dtype, [.bfloat16, .int8, .uint8].contains(dtype) else { return nil }
        return DequantizedWeight(levels: levels, scales: nil, zeroPoints: nil)
    }

    private func dequantized(_ product: Node, _ first: Int, _ second: Int) -> DequantizedWeight? {
        guard case .tensor(let factor) = product.arguments[first], let scales = numbers(product.arguments[second], .float32) else {
            return nil
        }
        let (levels, zeroPoints): (Value, DequantizedWeight.Numbers?)
        let difference: Value = uncast(factor)
        if let node = makers[difference], node.operator.name == "aten::sub.Tensor", case .tensor(let minuend) = node.arguments[0] {
            // Where the difference has eight bits itself it wraps around.
            guard node.arguments[2].intValue == 1, let width = graph.spec(difference)?.dtype.byteWidth, width > 1,
                let zeros = numbers(node.arguments[1], nil)
            else { return nil }
            (levels, zeroPoints) = (uncast(minuend), zeros)
        } else {
            (levels, zeroPoints) = (difference, nil)
        }
        guard let spec = graph.spec(levels), spec.dtype == .int8 || spec.dtype == .uint8, let result = product.outputs.first,
            let shape = graph.spec(result)?.shape, spec.shape.isIdentical(to: shape)
        else { return nil }
        return DequantizedWeight(levels: levels, scales: scales, zeroPoints: zeroPoints)
    }

    /// The value before conversions that keep it.
    private func uncast(_ value: Value) -> Value {
        guard let node = makers[value], node.operator.name == "aten::_to_copy", let source = node.operands.first,
            let (from, to) = graph.spec(source).flatMap({ from in graph.spec(value).map { (from.dtype, $0.dtype) } }),
            to == .float32 || (from.isInteger && to.isInteger && from.byteWidth < to.byteWidth)
        else { return value }
        return source
    }

    /// - Parameter dtype: what they must have; nil for any real one
    private func numbers(_ argument: GraphArgument, _ dtype: DType?) -> DequantizedWeight.Numbers? {
        switch argument {
        case .scalar(let number): return number.doubleValue == nil ? nil : .one(number)
        case .tensor(let value):
            let value: Value = dtype == nil ? uncast(value) : value
            guard frozen.contains(value), let spec = graph.spec(value), !spec.dtype.isComplex, dtype == nil || spec.dtype == dtype,
                let sizes = spec.shape.constants, sizes.count <= 2
            else { return nil }
            return repeated(value, length: nil) ?? .matrix(value, repeats: nil)
        default: return nil
        }
    }

    /// Numbers that stand for several levels each.
    private func repeated(_ value: Value, length: Int?) -> DequantizedWeight.Numbers? {
        guard let node = makers[value], let source = node.operands.first else { return nil }
        switch node.operator.name {
        case "aten::narrow" where length == nil && node.arguments[2].intValue == 0,
            "aten::slice.Tensor" where length == nil && (node.arguments[2].intValue ?? 0) == 0 && node.arguments[4].intValue == 1:
            // A last group may have fewer levels.
            guard let dim = node.arguments[1].intValue, case .matrix(let numbers, (let other, let count)?)? = repeated(source, length: 0),
                dim & 1 == other
            else { return nil }
            return .matrix(numbers, repeats: (other, count))
        case "aten::repeat_interleave.self_int":
            guard let count = node.arguments[1].intValue, count > 0, let dim = node.arguments[2].intValue,
                graph.spec(source)?.shape.count == 2
            else {
                return nil
            }
            return .matrix(source, repeats: (dim & 1, count))
        default: return nil
        }
    }
}
