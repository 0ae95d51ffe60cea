import ApusSymbolic
import ApusTensor

/// The window of a convolution or pooling, as ONNX's attributes describe it.
struct ONNXWindow {
    var kernel: [SymInt]
    let strides: [Int]
    let dilations: [Int]
    /// Before and after, for each dimension.
    var before: [SymInt]
    var after: [SymInt]

    var rank: Int { kernel.count }

    /// Whether both sides are padded alike, by numbers.
    var isSymmetric: Bool { zip(before, after).allSatisfy { $0.constant != nil && $0.constant == $1.constant } }

    var isPadded: Bool { (before + after).contains { $0.constant != 0 } }

    /// - Parameter sizes: the spatial sizes of the input.
    init(_ call: ONNXCall, kernel: [SymInt], sizes: [SymInt]) throws {
        let rank: Int = sizes.count
        self.kernel = kernel
        strides = try call.ints("strides") ?? Array(repeating: 1, count: rank)
        dilations = try call.ints("dilations") ?? Array(repeating: 1, count: rank)
        let pads: [Int] = try call.ints("pads") ?? Array(repeating: 0, count: 2 * rank)
        guard kernel.count == rank, strides.count == rank, dilations.count == rank, pads.count == 2 * rank,
            (strides + dilations).allSatisfy({ $0 > 0 && $0 < 1 << 31 }), pads.allSatisfy({ $0.magnitude < 1 << 31 })
        else {
            throw call.error(
                .invalidProgram, "has a window of \(kernel.count), \(strides.count) strides and \(pads.count) pads for \(rank) dimensions")
        }
        before = pads[..<rank].map { SymInt($0) }
        after = pads[rank...].map { SymInt($0) }
        let mode: String = try call.choice("auto_pad", "NOTSET", of: ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
        if mode == "VALID" { (before, after) = (before.map { _ in 0 }, after.map { _ in 0 }) }
        guard mode.hasPrefix("SAME") else { return }
        for dim in 0..<rank {
            let steps: SymInt = sizes[dim].ceilDivided(by: SymInt(strides[dim])) - 1
            let missing: SymInt = max(steps * strides[dim] + extent(dim) - sizes[dim], 0)
            let less: SymInt = missing / 2
            (before[dim], after[dim]) = mode == "SAME_UPPER" ? (less, missing - less) : (missing - less, less)
        }
    }

    /// The input elements that a window spans.
    func extent(_ dim: Int) -> SymInt { (kernel[dim] - 1) * dilations[dim] + 1 }

    /// As `padded` takes pads: the last dimension first.
    var pads: [SymInt] { zip(before, after).reversed().flatMap { [$0, $1] } }
}

extension ONNXOperatorTable {
    static let convolutions: [ONNXOperator] = [
        ONNXOperator("Conv") { call in try convolution(call, call.tensor(0), call.tensor(1), bias: call.optional(2)) },
        ONNXOperator("ConvInteger", results: .own) { call in
            let x: Tensor = try call.tensor(0).to(.float64) - (call.optional(2)?.to(.float64) ?? Tensor.scalar(0.0, dtype: .float64))
            let weight: Tensor = try call.tensor(1).to(.float64)
            guard weight.rank > 2 else { throw call.error(.invalidProgram, "has a weight of \(weight.spec)") }
            let zero: Tensor = try call.optional(3)?.to(.float64) ?? Tensor.scalar(0.0, dtype: .float64)
            let shape: [SymInt] = [zero.count] + Array(repeating: 1, count: weight.rank - 1)
            return try convolution(call, x, weight - zero.reshaped(shape), bias: nil).to(.int32)
        },
        ONNXOperator("ConvTranspose") { try transposedConvolution($0) },
        ONNXOperator("DeformConv") { try deformableConvolution($0) },
        ONNXOperator("CausalConvWithState", values: { try causalConvolution($0) }),
    ]

    static func convolution(_ call: ONNXCall, _ x: Tensor, _ weight: Tensor, bias: Tensor?) throws -> Tensor {
        let rank: Int = x.rank - 2
        guard (1...3).contains(rank), weight.rank == x.rank else {
            throw call.error("takes one to three spatial dimensions, not \(x.spec) with a weight of \(weight.spec)")
        }
        let window = try ONNXWindow(call, kernel: Array(weight.shape.sizes.dropFirst(2)), sizes: Array(x.shape.sizes.dropFirst(2)))
        let groups: Int = try call.int("group", 1)
        let input: Tensor = window.isSymmetric ? x : try x.padded(window.pads, value: 0)
        let padding: [SymInt] = window.isSymmetric ? window.before : Array(repeating: 0, count: rank)
        switch rank {
        case 1:
            return try input.conv1d(
                weight, bias: bias, stride: window.strides[0], padding: padding[0], dilation: window.dilations[0], groups: groups)
        case 2:
            return try input.conv2d(
                weight, bias: bias, stride: window.strides, padding: padding, dilation: window.dilations, groups: groups)
        default:
            return try input.conv3d(
                weight, bias: bias, stride: window.strides, padding: padding, dilation: window.dilations, groups: groups)
        }
    }

    private static func transposedConvolution(_ call: ONNXCall) throws -> Tensor {
        let (x, weight, bias) = (try call.tensor(0), try call.tensor(1), try call.optional(2))
        let rank: Int = x.rank - 2
        guard (1...3).contains(rank), weight.rank == x.rank else {
            throw call.error("takes one to three spatial dimensions, not \(x.spec) with a weight of \(weight.spec)")
        }
        let sizes: [SymInt] = Array(x.shape.sizes.dropFirst(2))
        var window = try ONNXWindow(call, kernel: Array(weight.shape.sizes.dropFirst(2)), sizes: sizes)
        let extra: [Int] = try call.ints("output_padding") ?? Array(repeating: 0, count: rank)
        guard extra.count == rank, extra.allSatisfy({ $0 >= 0 && $0 < 1 << 31 }) else {
            throw call.error(.invalidProgram, "has \(extra.count) output paddings for \(rank) dimensions")
        }
        // What comes out without any padding.
        let full: [SymInt] = (0..<rank).map { (sizes[$0] - 1) * window.strides[$0] + window.extent($0) + extra[$0] }
        let mode: String = try call.text("auto_pad", "NOTSET")
        let isSame: Bool = mode.hasPrefix("SAME")
        let given: [Int]? = try call.ints("output_shape")
        if let given {
            guard given.count == rank || given.count == rank + 2, given.allSatisfy({ $0 >= 0 && $0 < 1 << 31 }) else {
                throw call.error(.invalidProgram, "has an output_shape of \(given) for \(rank) dimensions")
            }
        }
        if given != nil || isSame {
            let wanted: [SymInt] = given?.suffix(rank).map { SymInt($0) } ?? (0..<rank).map { sizes[$0] * window.strides[$0] }
            for dim in 0..<rank {
                let surplus: SymInt = full[dim] - wanted[dim]
                window.before[dim] = mode == "SAME_UPPER" ? surplus / 2 : surplus - surplus / 2
                window.after[dim] = surplus - window.before[dim]
            }
        }
        let groups: Int = try call.int("group", 1)
        func transposed(_ padding: [SymInt], _ outputPadding: [Int]) throws -> Tensor {
            switch rank {
            case 1:
                try x.convTranspose1d(
                    weight, bias: bias, stride: window.strides, padding: padding, outputPadding: outputPadding, groups: groups,
                    dilation: window.dilations)
            case 2:
                try x.convTranspose2d(
                    weight, bias: bias, stride: window.strides, padding: padding, outputPadding: outputPadding, groups: groups,
                    dilation: window.dilations)
            default:
                try x.convTranspose3d(
                    weight, bias: bias, stride: window.strides, padding: padding, outputPadding: outputPadding, groups: groups,
                    dilation: window.dilations)
            }
        }
        let isPlain: Bool =
            window.isSymmetric && zip(extra, window.strides).allSatisfy { $0 < $1 } && window.before.allSatisfy { ($0.constant ?? -1) >= 0 }
        if isPlain { return try transposed(window.before, extra) }
        // More on one side, or more behind than a stride: the whole result, with the bias beyond it too, and cut.
        let whole: Tensor = try transposed(Array(repeating: 0, count: rank), Array(repeating: 0, count: rank))
        let cuts: [SymInt] = (0..<rank).reversed().flatMap { [-window.before[$0], SymInt(extra[$0]) - window.after[$0]] }
        guard extra.contains(where: { $0 > 0 }), let bias else { return try whole.padded(cuts, value: 0) }
        let shift: Tensor = try bias.reshaped([bias.count] + Array(repeating: SymInt(1), count: rank))
        return try (whole - shift).padded(cuts, value: 0) + shift
    }

    /// A convolution of each channel over what came before.
    private static func causalConvolution(_ call: ONNXCall) throws -> [ONNXValue] {
        let (x, weight) = (try call.tensor(0), try call.tensor(1))
        guard x.rank == 3, weight.rank == 3 else { throw call.error(.invalidProgram, "takes three dimensions, not \(x.spec)") }
        let past: SymInt = weight.shape[2] - 1
        let whole: Tensor = try call.optional(3).map { try Tensor.cat([$0, x], dim: 2) } ?? x.padded([past, 0], value: 0)
        var result: Tensor = try whole.conv1d(weight, bias: try call.optional(2), groups: x.shape[1])
        if try call.choice("activation", "none", of: ["none", "silu", "swish"]) != "none" { result = try result.silu() }
        let state: Tensor = try whole.narrowed(dim: 2, from: whole.shape[2] - past, length: past)
        return [ONNXValue(result), ONNXValue(state)]
    }
}
