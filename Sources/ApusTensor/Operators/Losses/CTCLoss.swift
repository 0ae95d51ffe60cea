import ApusSymbolic
import CApusKernels

// Connectionist temporal classification: how likely a sequence of labels is, spread over time in every way, with blanks between.

extension Operator {
    static let ctcLoss: Operator = ctcLoss("ctc_loss.IntList", "int[]")
    static let ctcLossOfTensors: Operator = ctcLoss("ctc_loss.Tensor", "Tensor")
    static let ctcForward: Operator = ctcForward("_ctc_loss", "int[]", backward: { ctcBackward })
    static let ctcForwardOfTensors: Operator = ctcForward("_ctc_loss.Tensor", "Tensor", backward: { ctcBackwardOfTensors })
    static let ctcBackward: Operator = ctcBackward("_ctc_loss_backward", "int[]")
    static let ctcBackwardOfTensors: Operator = ctcBackward("_ctc_loss_backward.Tensor", "Tensor")

    static let ctcLosses: [Operator] = [ctcLoss, ctcLossOfTensors, ctcForward, ctcForwardOfTensors, ctcBackward, ctcBackwardOfTensors]

    private static func ctcLoss(_ name: String, _ lengths: String) -> Operator {
        composite(
            "aten::\(name)(Tensor log_probs, Tensor targets, \(lengths) input_lengths, \(lengths) target_lengths, int blank=0, int reduction=1, bool zero_infinity=False) -> Tensor",
            "Less the logarithm of how likely each target is, from log probabilities [T, N, C] (or [T, C] of one example) and the lengths of both. Targets "
                + "are [N, S] or one after another. A mean divides by the targets' lengths first. With `zero_infinity` targets that don't fit their "
                + "input count as 0. The gradient is that of log probabilities which a softmax gave.",
            samples: {
                try ctcSamples(lengths == "Tensor").flatMap { sample in
                    [0, 1, 2].map { sample + [.int($0), .bool($0 == 1)] }
                }
            }
        ) { call in
            let given = try call.tensor(0)
            let x: Tensor = given.rank == 2 ? try given.unsqueezed(1) : given
            var (forward, own): (Operator, [OperatorArgument]) = (
                lengths == "Tensor" ? ctcForwardOfTensors : ctcForward, [call[2], call[3]]
            )
            if case .tensor(var inputs) = call[2], case .tensor(var outputs) = call[3] {
                if given.rank == 2 {
                    inputs = inputs.rank == 0 ? try inputs.unsqueezed(0) : inputs
                    outputs = outputs.rank == 0 ? try outputs.unsqueezed(0) : outputs
                }
                own = [.tensor(inputs), .tensor(outputs)]
                // Known lengths say how many states there are; else targets one after another might be one long target.
                if Interpreter.current == nil, inputs.rank == 1, outputs.rank == 1, inputs.dtype.isInteger, outputs.dtype.isInteger {
                    forward = ctcForward
                    own = try [inputs, outputs].map { lengths in
                        let sizes: [SymInt] = try lengths.to(.int64).array(of: Int.self).map { SymInt($0) }
                        return .ints(sizes)
                    }
                }
            }
            var losses: Tensor = try applyTensors(forward, [.tensor(x), call[1]] + own + [call[4], call[6]])[0]
            if try call.bool(6) { losses = try losses.maskedFill(losses .== Double.infinity, 0) }
            switch try call.lossReduction(5) {
            case .none: return [.tensor(given.rank == 2 ? try losses.squeezed(0) : losses)]
            case .sum: return [.tensor(try losses.sum())]
            case .mean:
                let counts: Tensor =
                    if case .tensor(let lengths) = call[3] { lengths } else {
                        try Tensor(call.constants(3), shape: [call.constants(3).count])
                    }
                return [.tensor(try (losses / counts.clamp(min: 1).to(losses.dtype)).mean())]
            }
        }
    }

    private static func ctcForward(_ name: String, _ lengths: String, backward: @escaping @Sendable () -> Operator) -> Operator {
        Operator(
            "aten::\(name)(Tensor log_probs, Tensor targets, \(lengths) input_lengths, \(lengths) target_lengths, int blank=0, bool zero_infinity=False) -> (Tensor, Tensor)",
            "Less the logarithms of how likely targets are, unreduced, see `ctc_loss`; and of how likely each of their beginnings is at each time, [N, T, 2 S "
                + "+ 1] for targets of up to S labels.",
            failure: ValueFailure(.invalidArgument, "a length or label is out of range"),
            rule: { call in
                let (x, states) = try call.ctcShapes(0)
                return [
                    TensorSpec(x.dtype, try Shape([x.shape[1]], in: call.name)),
                    TensorSpec(x.dtype, try Shape([x.shape[1], x.shape[0], states], in: call.name)),
                ]
            },
            kernel: .compute { call, outputs in
                try call.withCTC(0, blank: 4, losses: outputs[0], logAlpha: outputs[1]) { problem in
                    try withUnsafePointer(to: problem) { try check(apus_ctc_loss($0), call) }
                }
            },
            gradient: { g in
                let arguments: [OperatorArgument] =
                    [.tensor(try g.gradient(0))] + g.call.arguments.prefix(4) + [.tensor(g.outputs[0]), .tensor(g.outputs[1])]
                return [.tensor(try applySingle(backward(), arguments + [g.call[4], g.call[5]]))]
            },
            samples: { try ctcSamples(lengths == "Tensor").map { $0 + [.bool(false)] } })
    }

    private static func ctcBackward(_ name: String, _ lengths: String) -> Operator {
        Operator(
            "aten::\(name)(Tensor grad, Tensor log_probs, Tensor targets, \(lengths) input_lengths, \(lengths) target_lengths, Tensor neg_log_likelihood, Tensor log_alpha, int blank, bool zero_infinity=False) -> Tensor",
            "The gradient of `_ctc_loss` by its log probabilities, from that of the losses and from both results.",
            failure: ValueFailure(.invalidArgument, "a length or label is out of range"),
            rule: { call in
                let (x, states) = try call.ctcShapes(1)
                for index in [0, 5, 6] where try call.tensor(index).dtype != x.dtype {
                    throw call.differentDTypes(x, try call.tensor(index))
                }
                for index in [0, 5] {
                    try call.requireShape(call.tensor(index), Shape([x.shape[1]], in: call.name), "losses")
                }
                try call.requireShape(call.tensor(6), Shape([x.shape[1], x.shape[0], states], in: call.name), "forward variables")
                return [x.spec]
            },
            kernel: .compute { call, outputs in
                let gradient: Tensor = try call.tensor(0).contiguous()
                let (losses, alpha) = (try call.tensor(5).contiguous(), try call.tensor(6).contiguous())
                try call.withCTC(1, blank: 7, losses: losses, logAlpha: alpha) { problem in
                    var (gradients, out) = (gradient.view, outputs[0].view)
                    let zeroes: Bool = try call.bool(8)
                    try withUnsafePointer(to: problem) { try check(apus_ctc_loss_backward($0, &gradients, zeroes, &out), call) }
                }
                withExtendedLifetime(gradient) {}
            },
            gradient: { g in
                // Losses' gradients are factors; of the rest PyTorch has no gradient either.
                if g.isWanted(1) { throw g.call.error(.notDifferentiable, "has no second derivative") }
                var arguments: [OperatorArgument] = g.call.arguments
                arguments[0] = .tensor(try g.call.tensor(0).onesLike())
                let slopes: Tensor = try applySingle(g.call.operator, arguments)
                return [.tensor(try (g.gradient * slopes).sum(dims: [0, 2]))]
            },
            samples: {
                let forward: Operator = lengths == "Tensor" ? ctcForwardOfTensors : ctcForward
                return try ctcSamples(lengths == "Tensor").map { sample in
                    let results = try applyTensors(forward, sample + [.bool(false)])
                    return [.tensor(try results[0].onesLike())] + sample.prefix(4)
                        + [.tensor(results[0]), .tensor(results[1]), sample[4], .bool(false)]
                }
            })
    }

    /// The arguments up to the blank.
    private static func ctcSamples(_ areTensors: Bool) throws -> [[OperatorArgument]] {
        func lengths(_ values: [Int]) throws -> OperatorArgument {
            areTensors ? .tensor(try Tensor(values, shape: [values.count])) : .ints(values)
        }
        let x: Tensor = try Tensor.sample([5, 2, 4]).logSoftmax(dim: -1)
        let matrix: Tensor = try Tensor([1, 2, 2, 3, 1, 1] as [Int], shape: [2, 3])
        let row: Tensor = try Tensor([1, 2, 3, 3, 1] as [Int], shape: [5])
        let samples: [[OperatorArgument]] = [[.tensor(x), .tensor(matrix), try lengths([5, 5]), try lengths([3, 3]), .int(0)]]
        return areTensors ? samples : samples + [[.tensor(x), .tensor(row), try lengths([5, 5]), try lengths([2, 3]), .int(0)]]
    }
}

extension Call {
    /// The log probabilities, which stand at `first` with targets and lengths behind them, and the number of states of the longest target.
    fileprivate func ctcShapes(_ first: Int) throws -> (Tensor, SymInt) {
        let (x, targets) = (try tensor(first), try indexTensor(first + 1))
        guard x.rank == 3, x.dtype == .float32 || x.dtype == .float64 else {
            throw error(.shapeMismatch, "takes log probabilities [T, N, C] of float32 or float64, not \(x.spec)")
        }
        guard targets.rank == 1 || targets.rank == 2 else {
            throw error(.shapeMismatch, "targets are [N, S], or one after another, not of shape \(targets.shape)")
        }
        if targets.rank == 2 {
            try require(
                targets.shape[0] == x.shape[1], error(.shapeMismatch, "\(targets.shape[0]) targets for \(x.shape[1]) examples"))
        }
        for index in [first + 2, first + 3] {
            let count: SymInt
            if case .tensor(let lengths) = self[index] {
                guard lengths.rank == 1, lengths.dtype.isInteger else {
                    throw error(.shapeMismatch, "lengths are a vector of integers, not \(lengths.spec)")
                }
                count = lengths.shape[0]
            } else {
                count = SymInt(try ints(index).count)
            }
            try require(count == x.shape[1], error(.shapeMismatch, "\(count) lengths for \(x.shape[1]) examples"))
        }
        let blank: Int = try constant(first == 0 ? 4 : 7)
        guard blank >= 0 else { throw error(.invalidArgument, "the blank is a class, not \(blank)") }
        try require(x.shape[2] > blank, error(.invalidArgument, "the blank \(blank) is none of \(x.shape[2]) classes"))
        if case .ints = self[first + 3] {
            let longest: Int = try constants(first + 3).max() ?? 0
            guard longest >= 0, longest < Int.max / 4 else {
                throw error(.invalidArgument, "a target's length is out of range: \(longest)")
            }
            return (x, SymInt(2 * longest + 1))
        }
        return (x, 2 * targets.shape[targets.rank - 1] + 1)
    }

    /// Calls the closure with what the kernels take, once all lengths and labels are known to be in range.
    fileprivate func withCTC(_ first: Int, blank: Int, losses: Tensor, logAlpha: Tensor, _ body: (apus_ctc) throws -> Void) throws {
        let x: Tensor = try tensor(first).contiguous()
        let targets: Tensor = try indexTensor(first + 1)
        let labels: [Int64] = try targets.to(.int64).array(of: Int64.self)
        func lengths(_ index: Int) throws -> [Int64] {
            if case .tensor(let tensor) = self[index] { return try tensor.to(.int64).array(of: Int64.self) }
            return try constants(index).map { Int64($0) }
        }
        let (inputs, outputs) = (try lengths(first + 2), try lengths(first + 3))
        let (steps, classes) = (Int64(x.layout.size(0)), Int64(x.layout.size(2)))
        let (states, width) = (Int64(logAlpha.layout.size(2)), targets.rank == 2 ? Int64(targets.layout.size(1)) : 0)
        var (starts, next): ([Int64], Int64) = ([], 0)
        for (input, output) in zip(inputs, outputs) {
            guard input >= 0, input <= steps else {
                throw error(.invalidArgument, "the input's length \(input) is not one of up to \(steps)")
            }
            guard output >= 0, output <= (states - 1) / 2, targets.rank == 1 || output <= width else {
                throw error(.invalidArgument, "the target's length \(output) is out of range")
            }
            starts.append(next)
            guard next + output <= Int64(labels.count) else {
                throw error(.invalidArgument, "the targets' lengths add up to more than \(labels.count)")
            }
            for label in labels[Int(next)..<Int(next + output)] where label < 0 || label >= classes {
                throw error(.invalidArgument, "the label \(label) is none of \(classes) classes")
            }
            next += targets.rank == 2 ? width : output
        }
        var (chances, values, alpha) = (x.view, losses.view, logAlpha.view)
        let blankClass: Int64 = Int64(try constant(blank))
        try withUnsafePointer(to: &chances) { chances in
            try withUnsafePointer(to: &values) { values in
                try withUnsafePointer(to: &alpha) { alpha in
                    try labels.withUnsafeBufferPointer { labels in
                        try starts.withUnsafeBufferPointer { starts in
                            try inputs.withUnsafeBufferPointer { inputs in
                                try outputs.withUnsafeBufferPointer { outputs in
                                    try body(
                                        apus_ctc(
                                            log_probs: chances, losses: values, log_alpha: alpha, targets: labels.baseAddress,
                                            starts: starts.baseAddress, input_lengths: inputs.baseAddress,
                                            target_lengths: outputs.baseAddress, blank: blankClass))
                                }
                            }
                        }
                    }
                }
            }
        }
        withExtendedLifetime((x, losses, logAlpha)) {}
    }
}

extension Tensor {
    /// Less the logarithm of how likely each target is, from these log probabilities, [T, N, C] or [T, C].
    ///
    /// - Parameters:
    ///   - targets: labels, [N, S] or one after another
    ///   - inputLengths: how long each input is, up to T
    ///   - targetLengths: how long each target is
    ///   - zeroInfinity: counts targets that don't fit their input as 0
    public func ctcLoss(
        _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int = 0, reduction: LossReduction = .mean,
        zeroInfinity: Bool = false
    ) throws -> Tensor {
        try applySingle(
            .ctcLossOfTensors,
            [
                .tensor(self), .tensor(targets), .tensor(inputLengths), .tensor(targetLengths), .int(blank), .int(reduction.rawValue),
                .bool(zeroInfinity),
            ])
    }
}
