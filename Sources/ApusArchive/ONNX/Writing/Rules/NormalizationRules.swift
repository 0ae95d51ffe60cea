import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXRules {
    static let normalization: [ONNXRule] =
        [("_softmax", "Softmax"), ("_log_softmax", "LogSoftmax")].map { name, type in
            ONNXRule(name) { node in
                let (x, rank) = (try node.term(0, as: node.result.dtype), try node.rank())
                let given: ONNXTerm = rank == 0 ? try node.reshaped(x, [1]) : x
                let result: ONNXTerm = node.apply(type, [given], [.make("axis", try node.dim(1, rank: rank))])
                return rank == 0 ? try node.reshaped(result, []) : result
            }
        } + [
            ONNXRule(
                "native_layer_norm",
                all: { node in
                    let x: ONNXTerm = try node.term(0)
                    let sizes: [SymInt] = try node.call.ints(1)
                    let scale: ONNXTerm = try node.optional(2) ?? node.expanded(node.number(1, x.dtype), sizes)
                    // The statistics are float32 there, whatever the input is.
                    let attributes: [Onnx_AttributeProto] = [
                        .make("axis", try node.rank() - sizes.count), .make("epsilon", try node.call.double(4)),
                    ]
                    return node.out.apply(
                        "LayerNormalization",
                        [x, node.out.cast(scale, x.dtype)] + (try node.optional(3).map { [node.out.cast($0, x.dtype)] } ?? []),
                        results: [nil, .float32, .float32], attributes)
                })
        ]
        // In training they are taken apart.
        + [("native_batch_norm", 7), ("_native_batch_norm_legit_no_training", 6)].map { name, epsilon in
            ONNXRule(
                name,
                all: { node in
                    let x: ONNXTerm = try node.term(0)
                    let channels: SymInt = try node.shape(0)[1]
                    func parameter(_ index: Int, _ standard: Double) throws -> ONNXTerm {
                        try node.optional(index).map { node.out.cast($0, x.dtype) }
                            ?? node.expanded(node.number(standard, x.dtype), [channels])
                    }
                    let operands: [ONNXTerm] = [
                        x, try parameter(1, 1), try parameter(2, 0), try parameter(3, 0), try parameter(4, 1),
                    ]
                    let result: ONNXTerm = node.apply("BatchNormalization", operands, [.make("epsilon", try node.call.double(epsilon))])
                    // The statistics of the batch are none outside of training.
                    let empty: ONNXTerm = try node.out.constant(Tensor.zeros([0], dtype: node.results[1].dtype))
                    return [result, empty, empty]
                })
        }
}
