import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let creation: [ONNXOperator] = [
        ONNXOperator("Constant", isFolded: false, values: { try constant($0) }),
        ONNXOperator(
            "ConstantOfShape", results: .own,
            values: { call in
                let value: ONNXValue = try call.value(ofAttribute: "value") ?? ONNXValue(try Tensor([Float(0)], shape: [1]))
                guard let tensor = value.known, tensor.count.constant == 1 else {
                    throw call.error(.invalidProgram, "fills with something else than one number")
                }
                let sizes: [SymInt] = try call.sizes(0)
                if tensor.dtype.isFloatingPoint {
                    let number: Double = try tensor.knownNumbers()[0]
                    return [ONNXValue(.tensor(try Tensor.full(sizes, number, dtype: tensor.dtype)), value.element)]
                }
                let number: Int = try tensor.knownIntegers()[0]
                return [ONNXValue(.tensor(try Tensor.full(sizes, number, dtype: tensor.dtype)), value.element)]
            }),
        ONNXOperator("Range") { try range($0) },
        ONNXOperator(
            "EyeLike", results: .own,
            values: { call in
                let x: Tensor = try call.tensor(0)
                let element: ONNXElement = try call.element(ofAttribute: "dtype") ?? call.element(0)
                guard x.rank == 2, let dtype = element.dtype else { throw call.error(.invalidProgram, "takes a matrix, not \(x.spec)") }
                let (row, column) = (try Tensor.arange(x.shape[0]).unsqueezed(1), try Tensor.arange(x.shape[1]).unsqueezed(0))
                return [ONNXValue(.tensor(try (row + (try call.int("k", 0)) .== column).to(dtype)), element)]
            }),
        random("RandomNormal") { call, sizes, dtype in
            try Tensor.normal(mean: try call.float("mean", 0), deviation: try call.float("scale", 1), sizes, dtype: dtype)
        },
        random("RandomUniform") { call, sizes, dtype in
            try Tensor.uniform(try call.float("low", 0), try call.float("high", 1), sizes, dtype: dtype)
        },
        random("RandomNormalLike") { call, sizes, dtype in
            try Tensor.normal(mean: try call.float("mean", 0), deviation: try call.float("scale", 1), sizes, dtype: dtype)
        },
        random("RandomUniformLike") { call, sizes, dtype in
            try Tensor.uniform(try call.float("low", 0), try call.float("high", 1), sizes, dtype: dtype)
        },
        ONNXOperator("Bernoulli", isFolded: false) { call in
            let x: Tensor = try call.tensor(0)
            return try x.bernoulli().to(try call.element(ofAttribute: "dtype")?.dtype ?? x.dtype)
        },
        ONNXOperator("Multinomial", isFolded: false) { call in
            let x: Tensor = try call.tensor(0)
            let drawn: Tensor = try x.softmax(dim: -1).multinomial(try call.int("sample_size", 1), replacement: true)
            return try drawn.to(try call.element(ofAttribute: "dtype")?.dtype ?? .int32)
        },
        window("HannWindow", [0.5, 0.5]), window("HammingWindow", [25.0 / 46, 21.0 / 46]), window("BlackmanWindow", [0.42, 0.5, 0.08]),
    ]

    private static func constant(_ call: ONNXCall) throws -> [ONNXValue] {
        if let value = try call.value(ofAttribute: "value") { return [value] }
        if let number = try call.float("value_float") { return [ONNXValue(try Tensor([Float(number)], shape: []))] }
        if let numbers = try call.floats("value_floats") {
            return [ONNXValue(try Tensor(numbers.map { Float($0) }, shape: [numbers.count]))]
        }
        if let number = try call.int("value_int") { return [ONNXValue(try Tensor([number], shape: []))] }
        if let numbers = try call.ints("value_ints") { return [ONNXValue(try Tensor(numbers, shape: [numbers.count]))] }
        let names: String = call.attributes.keys.sorted().joined(separator: ", ")
        throw call.error("has its value as '\(names)', which is not read")
    }

    private static func range(_ call: ONNXCall) throws -> Tensor {
        let dtype: DType = try call.element(0).dtype ?? .int64
        func isSize(_ index: Int) throws -> Bool { try call.element(index).dtype?.isInteger == true }
        if try isSize(0), try isSize(1), try isSize(2) {
            let (start, end, step) = (try call.size(0), try call.size(1), try call.size(2))
            return try Tensor.arange(start, end, step: step, dtype: dtype)
        }
        guard let start = try call.number(0), let end = try call.number(1), let step = try call.number(2) else {
            throw call.error(.invalidProgram, "lacks an input")
        }
        return try Tensor.arange(start, end, step: step, dtype: dtype)
    }

    private static func random(_ name: String, _ draw: @escaping @Sendable (ONNXCall, [SymInt], DType) throws -> Tensor) -> ONNXOperator {
        ONNXOperator(name, results: .own, isFolded: false) { call in
            let isLike: Bool = !call.inputs.isEmpty
            let sizes: [SymInt] = isLike ? try call.tensor(0).shape.sizes : (try call.ints("shape") ?? []).map { SymInt($0) }
            let standard: DType? = isLike ? try call.element(0).dtype : .float32
            return try draw(call, sizes, try call.element(ofAttribute: "dtype")?.dtype ?? standard ?? .float32)
        }
    }

    /// A window of a sum of cosines with alternating signs.
    private static func window(_ name: String, _ weights: [Double]) -> ONNXOperator {
        ONNXOperator(name, results: .own) { call in
            let size: SymInt = try call.size(0)
            let dtype: DType = try call.element(ofAttribute: "output_datatype")?.dtype ?? .float32
            let period: SymInt = try call.flag("periodic", true) ? size : size - 1
            let angle: Tensor = try Tensor.arange(size).to(.float32) * (2 * Double.pi) / Tensor.scalar(period, dtype: .float32)
            var result: Tensor = try angle * 0.0 + weights[0]
            for (order, weight) in weights.enumerated().dropFirst() {
                result = try result + (angle * Double(order)).cos() * (order % 2 == 1 ? -weight : weight)
            }
            return try result.to(dtype)
        }
    }
}
