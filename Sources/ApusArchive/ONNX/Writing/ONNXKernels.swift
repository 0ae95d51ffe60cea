import ApusTensor

/// The types that ONNX Runtime's kernels compute in, as far as they are fewer than what the format allows: nodes of others compute in a
/// wider type and are brought back, which for integers gives the same bits. The doubles that some kernels lack stay, since nothing is wider.
enum ONNXKernels {
    /// What a node of an operator computes in for tensors of a type.
    static func dtype(of type: String, for dtype: DType) -> DType {
        // No kernel computes in it.
        if dtype == .bfloat16 { return moves.contains(type) ? dtype : .float32 }
        return wider[type]?[dtype] ?? dtype
    }

    /// Operators that only move elements, or compute none from them.
    private static let moves: Set<String> = [
        "Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Shape", "Concat", "Gather", "GatherElements", "GatherND", "Slice",
        "Split", "Tile", "Cast", "If", "Loop", "Scan",
    ]

    private static let small: [DType: DType] = [.bool: .int32, .uint8: .int32, .int8: .int32, .int16: .int32]
    private static let truth: [DType: DType] = [.bool: .int32]

    private static let wider: [String: [DType: DType]] = {
        var table: [String: [DType: DType]] = [:]
        for type in ["ReduceSum", "ReduceProd", "CumSum", "MatMul", "Pow", "Neg"] { table[type] = small }
        for type in ["Add", "Sub", "Mul", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Sign", "Abs"] { table[type] = truth }
        for type in ["Max", "Min", "ArgMax", "ArgMin", "Clip", "TopK"] { table[type] = [.bool: .int32, .int16: .int32] }
        for type in ["ReduceMax", "ReduceMin", "Pad"] { table[type] = [.int16: .int32] }
        for type in ["ScatterElements", "ScatterND"] { table[type] = [.float16: .float32] }
        table["Where"] = [.bool: .uint8, .int16: .int32]
        table["Trilu"] = [.uint8: .int32, .int8: .int32, .int16: .int32]
        table["NonZero"] = [.int8: .int32, .int16: .int32, .float64: .bool]
        table["Unique"] = [.bool: .int64, .uint8: .int64, .int16: .int64, .int32: .int64]
        table["MaxPool"] = [.int16: .float32, .int32: .float64, .int64: .float64]
        return table
    }()
}
