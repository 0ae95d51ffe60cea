import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXRules {
    static let spatial: [ONNXRule] =
        convolutions + pools + resizing + [grid("grid_sampler_2d"), grid("grid_sampler_3d"), grid("grid_sampler")]
        + [
            ONNXRule("col2im") { node in
                guard try node.rank() == 3 else { throw node.error("puts one image together, without a batch") }
                func list(_ index: Int) throws -> [Int] { try node.call.constants(index, count: 2) }
                let padding: [Int] = try list(4)
                return node.apply(
                    "Col2Im", [try node.term(0), try node.vector(node.call.ints(1)), try node.out.integers(list(2))],
                    [.make("dilations", try list(3)), .make("pads", padding + padding), .make("strides", try list(5))])
            }
        ]

    // MARK: Convolutions

    /// Where the arguments stand in a record.
    private struct Window {
        let stride: Int
        let padding: Int
        let dilation: Int
        let groups: Int
        var outputPadding: Int?
        var transposed: Int?
    }

    private static let convolutions: [ONNXRule] =
        [
            ONNXRule("convolution") {
                try convolved($0, Window(stride: 3, padding: 4, dilation: 5, groups: 8, outputPadding: 7, transposed: 6))
            }
        ]
        + (1...3).flatMap { dims in
            [
                ONNXRule("conv\(dims)d") { try convolved($0, Window(stride: 3, padding: 4, dilation: 5, groups: 6)) },
                ONNXRule("conv\(dims)d.padding") { try convolved($0, Window(stride: 3, padding: 4, dilation: 5, groups: 6)) },
                ONNXRule("conv_transpose\(dims)d\(dims == 1 ? "" : ".input")") {
                    try convolved($0, Window(stride: 3, padding: 4, dilation: 7, groups: 6, outputPadding: 5))
                },
            ]
        }

    private static func convolved(_ node: ONNXNodeWriter, _ window: Window) throws -> ONNXTerm {
        let kernel: [SymInt] = Array(try node.shape(1).dropFirst(2))
        let dims: Int = kernel.count
        func numbers(_ index: Int) throws -> [Int] { try node.call.constants(index, count: dims) }
        let (strides, dilations) = (try numbers(window.stride), try numbers(window.dilation))
        var pads: [Int] = []
        if case .string(let text) = node.call[window.padding] {
            // The same size: what is odd comes behind.
            let totals: [Int] = try zip(kernel, dilations).map { size, dilation in
                guard let size = size.constant else { throw node.error("keeps sizes by a kernel whose size only a run knows") }
                return text == "same" ? dilation * (size - 1) : 0
            }
            pads = totals.map { $0 / 2 } + totals.map { $0 - $0 / 2 }
        } else {
            let padding: [Int] = try numbers(window.padding)
            pads = padding + padding
        }
        var attributes: [Onnx_AttributeProto] = [
            .make("strides", strides), .make("dilations", dilations), .make("pads", pads),
            .make("group", try node.call.constant(window.groups)),
        ]
        let isTransposed: Bool = try window.transposed.map { try node.call.bool($0) } ?? (window.outputPadding != nil)
        if isTransposed, let index = window.outputPadding { attributes.append(.make("output_padding", try numbers(index))) }
        let operands: [ONNXTerm] = [try node.term(1)] + (try node.optional(2).map { [$0] } ?? [])
        return try batched(node, dims) { x in node.apply(isTransposed ? "ConvTranspose" : "Conv", [x] + operands, attributes) }
    }

    /// An image without a batch gets one on the way.
    private static func batched(_ node: ONNXNodeWriter, _ dims: Int, _ body: (ONNXTerm) throws -> ONNXTerm) throws -> ONNXTerm {
        let x: ONNXTerm = try node.term(0)
        // Maxima are taken of integers too.
        guard x.dtype.isFloatingPoint || node.node.operator.name.contains("max_pool") else { throw node.error("is of floats only in ONNX") }
        if try node.rank() == dims + 2 { return try body(x) }
        let front: ONNXTerm = try node.out.integers([0])
        return node.apply("Squeeze", [try body(node.apply("Unsqueeze", [x, front])), front])
    }

    // MARK: Pools

    private static let pools: [ONNXRule] = (1...3).flatMap { dims in
        [
            ONNXRule("max_pool\(dims)d") { try highest($0, dims)[0] },
            ONNXRule("max_pool\(dims)d_with_indices", all: { try highest($0, dims, withPlaces: true) }),
            ONNXRule("avg_pool\(dims)d") { try averaged($0, dims) },
        ]
    }

    private static func window(_ node: ONNXNodeWriter, _ dims: Int, ceiling: Int) throws -> [Onnx_AttributeProto] {
        let kernel: [Int] = try node.call.constants(1, count: dims)
        let strides: [Int] = try node.call.constants(2)
        let padding: [Int] = try node.call.constants(3, count: dims)
        let steps: [Int] = strides.isEmpty ? kernel : try node.call.constants(2, count: dims)
        let dilation: [Int] = try ceiling == 5 ? node.call.constants(4, count: dims) : Array(repeating: 1, count: dims)
        let ceils: Bool =
            try node.call.bool(ceiling)
            && reachesOver(node, zip(zip(kernel, steps), zip(padding, dilation)).map { ($0.0, $0.1, $1.0, $1.1) })
        return [
            .make("kernel_shape", kernel), .make("strides", steps), .make("pads", padding + padding), .make("ceil_mode", ceils),
        ]
    }

    /// Whether the last windows are those that reach over the edge. PyTorch leaves out a window that begins behind it, which ONNX counts.
    private static func reachesOver(_ node: ONNXNodeWriter, _ windows: [(size: Int, step: Int, padding: Int, dilation: Int)]) throws -> Bool
    {
        let sizes: [SymInt] = Array(try node.shape(0).suffix(windows.count))
        let answers: [Bool] = try zip(sizes, windows).map { size, window in
            let span: Int = window.dilation * (window.size - 1) + 1
            if window.padding + window.step <= span { return true }
            guard let size = size.constant else { throw node.error("has windows over the edge of a size that only a run knows") }
            let rest: Int = size + 2 * window.padding - span
            let count: Int = (rest + window.step - 1) / window.step + 1
            return (count - 1) * window.step < size + window.padding || rest % window.step == 0
        }
        guard Set(answers).count < 2 else { throw node.error("has windows over one edge and none over another") }
        return answers.first ?? false
    }

    private static func highest(_ node: ONNXNodeWriter, _ dims: Int, withPlaces: Bool = false) throws -> [ONNXTerm] {
        let attributes: [Onnx_AttributeProto] =
            try window(node, dims, ceiling: 5) + [.make("dilations", try node.call.constants(4, count: dims))]
        guard withPlaces else { return [try batched(node, dims) { node.apply("MaxPool", [$0], attributes) }] }
        var places: ONNXTerm?
        let values: ONNXTerm = try batched(node, dims) { x in
            let found: [ONNXTerm] = node.out.apply("MaxPool", [x], results: [nil, .int64], attributes)
            places = found[1]
            return found[0]
        }
        guard let places else { throw node.error("gives no places") }
        // They count through the batch there, and through one channel here.
        let size: SymInt = try node.shape(0).suffix(dims).reduce(1) { $0 * $1 }
        let inChannel: ONNXTerm = node.apply("Mod", [places, try node.term(.int(size), .int64)])
        return [values, try node.reshaped(inChannel, node.results[1].shape)]
    }

    private static func averaged(_ node: ONNXNodeWriter, _ dims: Int) throws -> ONNXTerm {
        let divisor: Int? = try node.call.arguments.count > 6 ? node.call.optionalInt(6)?.constant : nil
        let (ceils, counts) = (try node.call.bool(4), try node.call.bool(5))
        if divisor != nil, ceils { throw node.error("has a divisor of its own and windows that reach over the edge") }
        let attributes: [Onnx_AttributeProto] =
            try window(node, dims, ceiling: 4) + [.make("count_include_pad", divisor != nil || counts)]
        let mean: ONNXTerm = try batched(node, dims) { node.apply("AveragePool", [$0], attributes) }
        guard let divisor else { return mean }
        let area: Int = try node.call.constants(1, count: dims).reduce(1, *)
        return node.apply("Mul", [mean, try node.number(Double(area) / Double(divisor), mean.dtype)])
    }

    // MARK: Other sizes

    /// A kind of interpolation. The nearest elements are taken apart: ONNX Runtime rounds their positions in another way.
    private static let resizing: [ONNXRule] = [
        ("upsample_linear1d", "linear"), ("upsample_bilinear2d", "linear"), ("upsample_trilinear3d", "linear"),
        ("upsample_bicubic2d", "cubic"),
    ].map { name, mode in
        ONNXRule(name) { node in
            // Others are taken apart where that can be done.
            guard try ONNXParts.isResize(node.call) else { throw node.error("interpolates bytes, or by factors that float32 rounds") }
            let sizes: [SymInt] = try node.call.ints(1)
            let scales: [Double?] = try (0..<sizes.count).map { try node.call.optionalDouble(3 + $0) }
            let isAligned: Bool = try node.call.bool(2)
            var attributes: [Onnx_AttributeProto] = [
                .make("mode", mode), .make("axes", Array(2..<sizes.count + 2)),
                .make("coordinate_transformation_mode", isAligned ? "align_corners" : "half_pixel"),
            ]
            if mode == "cubic" { attributes.append(.make("cubic_coeff_a", -0.75)) }
            let x: ONNXTerm = try node.term(0)
            // Given factors count, not the quotient of the sizes.
            let known: [Double] = scales.compactMap { $0 }
            if known.count == sizes.count, !isAligned {
                let factors: ONNXTerm = try node.out.constant(Tensor(known.map { Float($0) }, shape: [known.count]))
                return node.apply("Resize", [x, nil, factors], attributes)
            }
            return node.apply("Resize", [x, nil, nil, try node.vector(sizes)], attributes)
        }
    }

    private static func grid(_ name: String) -> ONNXRule {
        ONNXRule(name) { node in
            let modes: [String] = ["linear", "nearest", "cubic"]
            let paddings: [String] = ["zeros", "border", "reflection"]
            let (mode, padding) = (try node.call.constant(2), try node.call.constant(3))
            guard modes.indices.contains(mode), paddings.indices.contains(padding) else { throw node.error("interpolates in no known way") }
            return node.apply(
                "GridSample", [try node.term(0), try node.term(1)],
                [.make("mode", modes[mode]), .make("padding_mode", paddings[padding]), .make("align_corners", try node.call.bool(4))])
        }
    }
}
