import ApusSymbolic
import ApusTensor

extension ONNXRules {
    /// Tensors of one number, and counts. Where their sizes are known, they are computed when the model is written.
    static let creation: [ONNXRule] = [
        ONNXRule("full") { try filled($0, node: $0.fillValue()) },
        ONNXRule("fill.Scalar") { try filled($0, node: $0.fillValue()) },
        ONNXRule("fill.Tensor") { node in try node.expanded(try node.term(1, as: node.result.dtype), node.result.shape) },
        ONNXRule("zeros") { try filled($0, node: .int(0)) },
        ONNXRule("ones") { try filled($0, node: .int(1)) },
        ONNXRule("scalar_tensor") { node in try node.term(node.call.scalar(0), node.result.dtype) },
        ONNXRule("arange") { try counted($0, start: nil, end: 0, step: nil) },
        ONNXRule("arange.start") { try counted($0, start: 0, end: 1, step: nil) },
        ONNXRule("arange.start_step") { try counted($0, start: 0, end: 1, step: 2) },
    ]

    private static func filled(_ node: ONNXNodeWriter, node value: Scalar) throws -> ONNXTerm {
        let result: TensorSpec = try node.result
        return try node.expanded(try node.term(value, result.dtype), result.shape)
    }

    /// Counted in the widest type of its kind, and then brought to the one that is asked for.
    private static func counted(_ node: ONNXNodeWriter, start: Int?, end: Int, step: Int?) throws -> ONNXTerm {
        if let known = try node.computed() { return known[0] }
        let numbers: [Scalar?] = try [start, end, step].map { try $0.map { try node.call.scalar($0) } }
        let isWhole: Bool = numbers.allSatisfy { number in
            switch number {
            case .int?, .bool?, nil: true
            default: false
            }
        }
        let dtype: DType = isWhole ? .int64 : .float64
        let terms: [ONNXTerm] = try zip(numbers, [0, 0, 1]).map { try node.term($0 ?? .int(SymInt($1)), dtype) }
        return node.apply("Range", terms)
    }
}

extension ONNXNodeWriter {
    /// The number that fills a tensor: the first that is one.
    fileprivate func fillValue() throws -> Scalar {
        for case .scalar(let number) in call.arguments { return number }
        throw error("is filled with no number")
    }
}
