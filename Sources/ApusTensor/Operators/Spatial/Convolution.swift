import ApusSymbolic
import CApusKernels

// Convolution of one to three spatial dimensions, forward and backward.

extension Operator {
    package static let convolution: Operator = Operator(
        "aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor",
        "Cross-correlation of input [batch, in, spatial...] with weight [out, in / groups, kernel...], or its transpose with weight [in, out / groups, "
            + "kernel...]. A size becomes `(size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1`.",
        rule: { call in
            let (input, weight) = (try call.tensor(0), try call.tensor(1))
            let geometry = try ConvolutionGeometry(call, at: 3, weight: weight)
            return [TensorSpec(input.dtype, try geometry.resultShape(input, weight, bias: try call.optionalTensor(2), call))]
        },
        kernel: .compute { call, outputs in
            if try call.tensor(0).dtype.isComplex {
                return try Interpreter.with(nil) { try call.copy(call.complexConvolution(), to: outputs[0]) }
            }
            if try call.bool(6), let results = try call.inFloat32(3, .convolution) { return try call.copy(results[0], to: outputs[0]) }
            let (input, weight, bias, output) = (try call.dense(0), try call.dense(1), try call.optionalDense(2), outputs[0])
            if output.layout.count == 0 { return }
            let geometry = try ConvolutionGeometry(call, at: 3, weight: weight)
            let dtype = Int32(input.dtype.rawValue)
            if geometry.isTransposed {
                var conv = geometry.parameters(input: output, output: input, weight: weight)
                try check(apus_conv_backward_input(&conv, dtype, input.baseAddress, weight.baseAddress, output.baseAddress), call)
                if let bias {
                    let channels = Int64(output.layout.size(1))
                    let spatial = Int64(output.layout.count) / Swift.max(conv.batch * channels, 1)
                    try check(apus_add_channel_bias(conv.batch, channels, spatial, dtype, bias.baseAddress, output.baseAddress), call)
                }
            } else {
                var conv = geometry.parameters(input: input, output: output, weight: weight)
                try check(
                    apus_conv_forward(&conv, dtype, input.baseAddress, weight.baseAddress, bias?.baseAddress, output.baseAddress), call)
            }
            withExtendedLifetime((input, weight, bias, output)) {}
        },
        gradient: { g in
            let bias = try g.call.optionalTensor(2)
            let mask: [Bool] = [g.isWanted(0), g.isWanted(1), bias != nil && g.isWanted(2)]
            let sizes: OperatorArgument = bias.map { .ints($0.shape.sizes) } ?? .none
            let gradients = try applyTensors(
                .convolutionBackward,
                [.tensor(g.gradient), g.call[0], g.call[1], sizes] + g.call.arguments[3...] + [.bools(mask)])
            return zip(mask, gradients).map { $0 ? .tensor($1) : .none }
        },
        samples: {
            func sample(_ input: [Int], _ weight: [Int], _ stride: [Int], _ padding: [Int], _ dilation: [Int], _ groups: Int) throws
                -> [OperatorArgument]
            {
                [
                    .tensor(try .sample(input)), .tensor(try .sample(weight, seed: 2)), .tensor(try .sample([weight[0]], seed: 3)),
                    .ints(stride), .ints(padding), .ints(dilation), .bool(false), .ints(stride.map { _ in 0 }), .int(groups),
                ]
            }
            let transposed: [OperatorArgument] = [
                .tensor(try .sample([1, 4, 3, 3])), .tensor(try .sample([4, 1, 2, 3], seed: 2)), .tensor(try .sample([2], seed: 3)),
                .ints([2, 2]), .ints([0, 1]), .ints([1, 1]), .bool(true), .ints([1, 0]), .int(2),
            ]
            let floating: [[OperatorArgument]] = [
                try sample([2, 2, 5, 4], [3, 2, 3, 2], [2, 1], [1, 0], [1, 2], 1), try sample([1, 4, 6], [6, 2, 3], [1], [1], [1], 2),
                try sample([1, 2, 3, 4, 3], [2, 2, 2, 2, 2], [1, 2, 1], [0, 1, 0], [1, 1, 1], 1), transposed,
            ]
            let complex: [OperatorArgument] =
                [
                    .tensor(try .sample([1, 2, 5], dtype: .complex64)), .tensor(try .sample([3, 2, 2], dtype: .complex64, seed: 2)),
                    .tensor(try .sample([3], dtype: .complex64, seed: 3)),
                ] + floating[1][3...].dropLast() + [.int(1)]
            // Integers wrap.
            let integers: [[OperatorArgument]] = try zip([0, 1, 1, 3], [DType.int64, .uint8, .int16, .int64]).map { position, dtype in
                try floating[position].map { argument in try argument.map { try ($0 * 40).to(.int64).to(dtype) } }
            }
            return floating + integers + [complex]
        })

    static let convolutionBackward: Operator = Operator(
        "aten::convolution_backward(Tensor grad_output, Tensor input, Tensor weight, SymInt[]? bias_sizes, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of a convolution's input, weight and bias. Those that the mask leaves out are empty.",
        rule: { call in
            let (gradient, input, weight) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
            guard input.dtype.isDifferentiable else { throw call.error(.dtypeMismatch, "does not take \(input.dtype)") }
            guard gradient.dtype == input.dtype else { throw call.differentDTypes(input, gradient) }
            let geometry = try ConvolutionGeometry(call, at: 4, weight: weight)
            let expected = try geometry.resultShape(input, weight, bias: nil, call)
            guard gradient.rank == expected.count else {
                throw call.error(.shapeMismatch, "a gradient of shape \(gradient.shape) doesn't fit a result of shape \(expected)")
            }
            for (size, wanted) in zip(gradient.shape, expected) where !size.isIdentical(to: wanted) {
                try require(
                    size == wanted,
                    call.error(.shapeMismatch, "a gradient of shape \(gradient.shape) doesn't fit a result of shape \(expected)"))
            }
            let shapes = [input.shape, weight.shape, try Shape([expected[1]], in: call.name)]
            let empty = try Shape([0] as [Int], in: call.name)
            return try zip(call.bools(10, count: 3), shapes).map { TensorSpec(input.dtype, $0 ? $1 : empty) }
        },
        kernel: .compute { call, outputs in
            if try call.tensor(1).dtype.isComplex {
                return try Interpreter.with(nil) {
                    for (gradient, output) in zip(try call.complexConvolutionGradients(), outputs) { try call.copy(gradient, to: output) }
                }
            }
            if let results = try call.inFloat32(3, .convolutionBackward) {
                for (result, output) in zip(results, outputs) { try call.copy(result, to: output) }
                return
            }
            let (gradient, input, weight) = (try call.dense(0), try call.dense(1), try call.dense(2))
            let mask = try call.bools(10, count: 3)
            guard gradient.layout.count > 0, input.layout.count > 0, weight.layout.count > 0 else {
                for output in outputs { try call.fill(output, with: 0) }
                return
            }
            let geometry = try ConvolutionGeometry(call, at: 4, weight: weight)
            let dtype = Int32(input.dtype.rawValue)
            let (g, x, w) = (gradient.baseAddress, input.baseAddress, weight.baseAddress)
            if geometry.isTransposed {
                // A transposed convolution's gradient is the plain one, and its weight stands between the same two tensors the other way.
                var plain = geometry.parameters(input: gradient, output: input, weight: weight)
                if mask[0] { try check(apus_conv_forward(&plain, dtype, g, w, nil, outputs[0].baseAddress), call) }
                if mask[1] { try check(apus_conv_backward_weight(&plain, dtype, x, g, outputs[1].baseAddress), call) }
            } else {
                var own = geometry.parameters(input: input, output: gradient, weight: weight)
                if mask[0] { try check(apus_conv_backward_input(&own, dtype, g, w, outputs[0].baseAddress), call) }
                if mask[1] { try check(apus_conv_backward_weight(&own, dtype, g, x, outputs[1].baseAddress), call) }
            }
            if mask[2] {
                var channels = ConvolutionGeometry.pointwise(gradient)
                try check(apus_conv_backward_bias(&channels, dtype, g, outputs[2].baseAddress), call)
            }
            withExtendedLifetime((gradient, input, weight, outputs)) {}
        },
        gradient: { g in
            if g.outputs[0].dtype.isComplex { throw g.call.error(.notDifferentiable, "has a gradient for real numbers only") }
            // The three results are bilinear in (gradient, weight), (gradient, input) and linear in the gradient: each derivative is the
            // convolution or its gradients again, with the incoming gradient in place of one operand.
            let mask = try g.call.bools(10, count: 3)
            let (gradient, input, weight) = (try g.call.tensor(0), try g.call.tensor(1), try g.call.tensor(2))
            let parameters = Array(g.call.arguments[4..<10])
            func convolved(_ x: Tensor, _ w: Tensor) throws -> Tensor {
                try applySingle(.convolution, [.tensor(x), .tensor(w), .none] + parameters)
            }
            func backward(_ x: Tensor, _ w: Tensor, _ mask: [Bool]) throws -> [Tensor] {
                try applyTensors(
                    .convolutionBackward, [.tensor(gradient), .tensor(x), .tensor(w), .none] + parameters + [.bools(mask)])
            }
            var (toGradient, toInput, toWeight): (Tensor?, OperatorArgument, OperatorArgument) = (nil, .none, .none)
            if mask[0], let u = g.gradients[0] {
                toGradient = try convolved(u, weight)
                toWeight = .tensor(try backward(u, weight, [false, true, false])[1])
            }
            if mask[1], let v = g.gradients[1] {
                let part = try convolved(input, v)
                toGradient = try toGradient.map { try $0 + part } ?? part
                toInput = .tensor(try backward(input, v, [true, false, false])[0])
            }
            if mask[2], let w = g.gradients[2] {
                let sizes: [SymInt] = [1, -1] + Array(repeating: 1, count: gradient.rank - 2)
                let part = try w.reshaped(sizes).expanded(gradient.shape)
                toGradient = try toGradient.map { try $0 + part } ?? part
            }
            return [.optional(toGradient), toInput, toWeight]
        },
        samples: {
            let input: [OperatorArgument] = [
                .tensor(try .sample([2, 3, 3, 3])), .tensor(try .sample([2, 2, 5, 4])), .tensor(try .sample([3, 2, 3, 2], seed: 2)),
            ]
            return [
                input + [
                    .ints([3]), .ints([2, 1]), .ints([1, 0]), .ints([1, 1]), .bool(false), .ints([0, 0]), .int(1),
                    .bools([true, true, true]),
                ]
            ]
        })

    static let convolutions: [Operator] =
        [convolution, convolutionBackward, convTBC] + (1...3).flatMap { [plain($0), padded($0), transposed($0)] }

    static let convTBC: Operator = composite(
        "aten::conv_tbc(Tensor self, Tensor weight, Tensor bias, int pad=0) -> Tensor",
        "The convolution over time of [time, batch, channels] with a weight of [width, channels, results].",
        samples: {
            [[.tensor(try .sample([5, 2, 3])), .tensor(try .sample([2, 3, 4], seed: 2)), .tensor(try .sample([4], seed: 3)), .int(1)]]
        }
    ) { call in
        let (x, weight) = (try call.tensor(0), try call.tensor(1))
        guard x.rank == 3, weight.rank == 3 else {
            throw call.error(
                .shapeMismatch, "takes [time, batch, channels] and [width, channels, results], not shapes \(x.shape) and \(weight.shape)")
        }
        let result: Tensor = try x.permuted([1, 2, 0]).conv1d(weight.permuted([2, 1, 0]), bias: call.tensor(2), padding: call.int(3))
        return [.tensor(try result.permuted([2, 0, 1]))]
    }

    /// `conv1d`, `conv2d`, `conv3d`.
    private static func plain(_ dims: Int) -> Operator {
        let ones = listDefault(1, dims)
        return composite(
            "aten::conv\(dims)d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[\(dims)] stride=\(ones), SymInt[\(dims)] padding=\(listDefault(0, dims)), SymInt[\(dims)] dilation=\(ones), SymInt groups=1) -> Tensor",
            "The convolution over \(dims) spatial dimensions; an input without a batch gives a result without one.",
            samples: {
                [try sample(dims) + [.ints([1]), .ints([1]), .ints([1]), .int(1)]]
            }
        ) { call in
            try batched(call, dims) { input in
                let zeros: OperatorArgument = .ints(Array(repeating: 0, count: dims))
                return try applySingle(
                    .convolution,
                    [.tensor(input), call[1], call[2], call[3], call[4], call[5], .bool(false), zeros, call[6]])
            }
        }
    }

    /// `conv1d.padding` and so on: padding by name.
    private static func padded(_ dims: Int) -> Operator {
        let ones = listDefault(1, dims)
        return composite(
            "aten::conv\(dims)d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[\(dims)] stride=\(ones), str padding=\"valid\", SymInt[\(dims)] dilation=\(ones), SymInt groups=1) -> Tensor",
            "The convolution over \(dims) spatial dimensions with padding 'valid', none, or 'same', which keeps sizes and needs a stride of 1.",
            samples: { [try sample(dims) + [.ints([1]), .string("same"), .ints([1]), .int(1)]] }
        ) { call in
            let padding = try call.string(4)
            guard padding == "same" || padding == "valid" else {
                throw call.error(.invalidArgument, "the padding must be 'valid' or 'same', not '\(padding)'")
            }
            let weight = try call.tensor(1)
            guard weight.rank == dims + 2 else {
                throw call.error(.shapeMismatch, "takes a weight of \(dims + 2) dimensions, not \(weight.shape)")
            }
            let (stride, dilation) = (try call.constants(3, count: dims), try call.constants(5, count: dims))
            if padding == "same", stride.contains(where: { $0 != 1 }) {
                throw call.error(.invalidArgument, "padding 'same' needs a stride of 1, not \(stride)")
            }
            return try batched(call, dims) { input in
                var (input, pads, extra): (Tensor, [SymInt], [SymInt]) = (input, [], [])
                for dim in 0..<dims {
                    let total: SymInt = padding == "same" ? (weight.shape[dim + 2] - 1) * dilation[dim] : 0
                    pads.append(total / 2)
                    // An odd total has one more behind, which the symmetric padding of the convolution can't say.
                    extra = [0, total % 2] + extra
                }
                if extra.contains(where: { $0.constant != 0 }) { input = try input.padded(extra) }
                return try applySingle(
                    .convolution,
                    [
                        .tensor(input), call[1], call[2], call[3], .ints(pads), call[5], .bool(false),
                        .ints(Array(repeating: 0, count: dims)),
                        call[6],
                    ])
            }
        }
    }

    /// `conv_transpose1d`, `conv_transpose2d.input`, `conv_transpose3d.input`.
    private static func transposed(_ dims: Int) -> Operator {
        let (ones, zeros) = (listDefault(1, dims), listDefault(0, dims))
        return composite(
            "aten::conv_transpose\(dims)d\(dims == 1 ? "" : ".input")(Tensor input, Tensor weight, Tensor? bias=None, SymInt[\(dims)] stride=\(ones), SymInt[\(dims)] padding=\(zeros), SymInt[\(dims)] output_padding=\(zeros), SymInt groups=1, SymInt[\(dims)] dilation=\(ones)) -> Tensor",
            "The transposed convolution over \(dims) spatial dimensions, the gradient of a convolution with respect to its input.",
            samples: { [try sample(dims, isTransposed: true) + [.ints([2]), .ints([1]), .ints([1]), .int(1), .ints([1])]] }
        ) { call in
            try batched(call, dims) { input in
                try applySingle(
                    .convolution, [.tensor(input), call[1], call[2], call[3], call[4], call[7], .bool(true), call[5], call[6]])
            }
        }
    }

    private static func listDefault(_ value: Int, _ dims: Int) -> String { "\(Array(repeating: value, count: dims))" }

    private static func sample(_ dims: Int, isTransposed: Bool = false) throws -> [OperatorArgument] {
        let weight = (isTransposed ? [2, 3] : [3, 2]) + [3, 2, 2].prefix(dims)
        return [
            .tensor(try .sample([1, 2] + [4, 3, 3].prefix(dims))), .tensor(try .sample(weight, seed: 2)),
            .tensor(try .sample([3], seed: 3)),
        ]
    }

    private static func batched(_ call: Call, _ dims: Int, _ body: (Tensor) throws -> Tensor) throws -> [OperatorArgument] {
        let input = try call.tensor(0)
        guard input.rank == dims + 1 || input.rank == dims + 2 else {
            throw call.error(.shapeMismatch, "takes an input of \(dims + 1) or \(dims + 2) dimensions, not of shape \(input.shape)")
        }
        if input.rank == dims + 2 { return [.tensor(try body(input))] }
        return [.tensor(try body(input.unsqueezed(0)).squeezed(0))]
    }

    /// The operator behind `conv1d` and so on, by its number of spatial dimensions.
    fileprivate static let plainConvolutions: [Operator] = (1...3).compactMap { dims in
        convolutions.first { $0.name == "aten::conv\(dims)d" }
    }
    fileprivate static let transposedConvolutions: [Operator] = (1...3).compactMap { dims in
        convolutions.first { $0.schema.name == "conv_transpose\(dims)d" }
    }
}

extension Tensor {
    /// The convolution over the last dimension: weight is [out, in / groups, kernel].
    public func conv1d(
        _ weight: Tensor, bias: Tensor? = nil, stride: any SymIntConvertible = 1, padding: any SymIntConvertible = 0,
        dilation: any SymIntConvertible = 1, groups: any SymIntConvertible = 1
    ) throws
        -> Tensor
    {
        try convolved(1, weight, bias, [stride], [padding], [dilation], groups)
    }

    /// The convolution over time of [time, batch, channels]: weight is [width, channels, results].
    public func convTbc(_ weight: Tensor, bias: Tensor, padding: any SymIntConvertible = 0) throws -> Tensor {
        try applySingle(.convTBC, [.tensor(self), .tensor(weight), .tensor(bias), .int(padding)])
    }

    /// The convolution over the last two dimensions: weight is [out, in / groups, height, width]. Lists have one number or two.
    public func conv2d(
        _ weight: Tensor, bias: Tensor? = nil, stride: [any SymIntConvertible] = [1], padding: [any SymIntConvertible] = [0],
        dilation: [any SymIntConvertible] = [1], groups: any SymIntConvertible = 1
    ) throws -> Tensor {
        try convolved(2, weight, bias, stride, padding, dilation, groups)
    }

    /// The convolution over the last three dimensions.
    public func conv3d(
        _ weight: Tensor, bias: Tensor? = nil, stride: [any SymIntConvertible] = [1], padding: [any SymIntConvertible] = [0],
        dilation: [any SymIntConvertible] = [1], groups: any SymIntConvertible = 1
    ) throws -> Tensor {
        try convolved(3, weight, bias, stride, padding, dilation, groups)
    }

    private func convolved(
        _ dims: Int, _ weight: Tensor, _ bias: Tensor?, _ stride: [any SymIntConvertible], _ padding: [any SymIntConvertible],
        _ dilation: [any SymIntConvertible], _ groups: any SymIntConvertible
    ) throws -> Tensor {
        try applySingle(
            Operator.plainConvolutions[dims - 1],
            [.tensor(self), .tensor(weight), .optional(bias), .ints(stride), .ints(padding), .ints(dilation), .int(groups)])
    }

    /// The transposed convolution over the last two dimensions: weight is [in, out / groups, height, width].
    public func convTranspose2d(
        _ weight: Tensor, bias: Tensor? = nil, stride: [any SymIntConvertible] = [1], padding: [any SymIntConvertible] = [0],
        outputPadding: [any SymIntConvertible] = [0], groups: any SymIntConvertible = 1,
        dilation: [any SymIntConvertible] = [1]
    ) throws -> Tensor {
        try convolvedTransposed(2, weight, bias, stride, padding, outputPadding, groups, dilation)
    }

    private func convolvedTransposed(
        _ dims: Int, _ weight: Tensor, _ bias: Tensor?, _ stride: [any SymIntConvertible], _ padding: [any SymIntConvertible],
        _ outputPadding: [any SymIntConvertible], _ groups: any SymIntConvertible, _ dilation: [any SymIntConvertible]
    ) throws -> Tensor {
        try applySingle(
            Operator.transposedConvolutions[dims - 1],
            [
                .tensor(self), .tensor(weight), .optional(bias), .ints(stride), .ints(padding), .ints(outputPadding), .int(groups),
                .ints(dilation),
            ])
    }

    /// The transposed convolution over the last dimension: weight is [in, out / groups, kernel].
    public func convTranspose1d(
        _ weight: Tensor, bias: Tensor? = nil, stride: [any SymIntConvertible] = [1], padding: [any SymIntConvertible] = [0],
        outputPadding: [any SymIntConvertible] = [0], groups: any SymIntConvertible = 1, dilation: [any SymIntConvertible] = [1]
    ) throws -> Tensor {
        try convolvedTransposed(1, weight, bias, stride, padding, outputPadding, groups, dilation)
    }

    /// The transposed convolution over the last three dimensions.
    public func convTranspose3d(
        _ weight: Tensor, bias: Tensor? = nil, stride: [any SymIntConvertible] = [1], padding: [any SymIntConvertible] = [0],
        outputPadding: [any SymIntConvertible] = [0], groups: any SymIntConvertible = 1, dilation: [any SymIntConvertible] = [1]
    ) throws -> Tensor {
        try convolvedTransposed(3, weight, bias, stride, padding, outputPadding, groups, dilation)
    }
}

extension Call {
    /// A convolution of complex numbers by four of real ones.
    fileprivate func complexConvolution() throws -> Tensor {
        let (x, w) = (try tensor(0), try tensor(1))
        func convolved(_ x: Tensor, _ w: Tensor) throws -> Tensor {
            try applySingle(.convolution, [.tensor(x), .tensor(w), .none] + arguments[3...])
        }
        let (a, b, c, d): (Tensor, Tensor, Tensor, Tensor) = (
            try x.realPart(), try x.imag(), try w.realPart(), try w.imag()
        )
        let result: Tensor = try .complex(convolved(a, c) - convolved(b, d), convolved(a, d) + convolved(b, c))
        guard let bias = try optionalTensor(2) else { return result }
        return try result + bias.reshaped([1, bias.shape[0]] + [SymInt](repeating: 1, count: result.rank - 2))
    }

    /// The gradients are products of the incoming one with the conjugates of input and weight.
    fileprivate func complexConvolutionGradients() throws -> [Tensor] {
        let (gradient, x, w) = (try tensor(0), try tensor(1), try tensor(2))
        func gradients(_ g: Tensor, _ x: Tensor, _ w: Tensor) throws -> [Tensor] {
            try applyTensors(.convolutionBackward, [.tensor(g), .tensor(x), .tensor(w)] + arguments[3...])
        }
        let (real, imaginary): (Tensor, Tensor) = (try gradient.realPart(), try gradient.imag())
        let first: [Tensor] = try gradients(real, x.realPart(), w.realPart())
        let second: [Tensor] = try gradients(imaginary, x.imag(), w.imag())
        let third: [Tensor] = try gradients(imaginary, x.realPart(), w.realPart())
        let fourth: [Tensor] = try gradients(real, x.imag(), w.imag())
        // The bias has the sum of the incoming gradient.
        return try (0..<3).map { index in
            index == 2
                ? try .complex(first[2], third[2])
                : try .complex(first[index] + second[index], third[index] - fourth[index])
        }
    }
}

extension Call {
    /// Results in float32 of an operator whose first arguments are halves: where windows meet at an element they are summed before it is rounded.
    /// Nil for other dtypes.
    fileprivate func inFloat32(_ count: Int, _ operation: Operator) throws -> [Tensor]? {
        guard [.float16, .bfloat16].contains(try tensor(0).dtype) else { return nil }
        return try Interpreter.with(nil) {
            let operands: [OperatorArgument] = try arguments.prefix(count).map { argument in
                if case .tensor(let tensor) = argument { return .tensor(try tensor.wide()) }
                return argument
            }
            return try applyTensors(operation, operands + arguments.dropFirst(count))
        }
    }
}
