import ApusSymbolic
import CApusKernels

// The margin loss of rows that have several target classes. A kernel takes the pairs of classes without a tensor of them.

extension Operator {
    static let multilabelMarginLoss: Operator = composite(
        "aten::multilabel_margin_loss(Tensor self, Tensor target, int reduction=1) -> Tensor",
        "The mean over all pairs of a target class and another one of `max(0, 1 - (target's score - other's score))`. Rows of targets list classes up "
            + "to the first -1.",
        samples: { try multilabelSamples() }
    ) { call in [try apply(.multilabelMarginLossForward, call.arguments)[0]] }

    static let multilabelMarginLossForward: Operator = Operator(
        "aten::multilabel_margin_loss_forward(Tensor self, Tensor target, int reduction) -> (Tensor output, Tensor is_target)",
        "See `multilabel_margin_loss`; and 1 where a class is a target, else 0.",
        failure: multilabelFailure(0, 1),
        rule: { call in
            let x = try call.multilabelScores(0, 1)
            let isWhole: Bool = try x.rank <= 1 || call.lossReduction(2) != .none
            return [TensorSpec(x.dtype, try Shape(isWhole ? [] : [x.shape[0]], in: call.name)), x.spec]
        },
        kernel: .compute { call, outputs in
            try Interpreter.with(nil) {
                let (losses, isTarget, _) = try call.multilabelMargins(0, 1, withSlopes: false)
                try call.copy(call.reduceLoss(losses, 2).reshaped(outputs[0].shape.sizes), to: outputs[0])
                try call.copy(isTarget.reshaped(outputs[1].shape.sizes), to: outputs[1])
            }
        },
        gradient: { g in
            // Where targets are does not depend on the scores.
            _ = g.gradients[1]
            let slopes: [OperatorArgument] = [.tensor(try g.gradient(0)), g.call[0], g.call[1], g.call[2], .tensor(g.outputs[1])]
            return [.tensor(try applySingle(.multilabelMarginLossBackward, slopes))]
        },
        samples: { try multilabelSamples() })

    static let multilabelMarginLossBackward: Operator = Operator(
        "aten::multilabel_margin_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction, Tensor is_target) -> Tensor",
        "The gradient of `multilabel_margin_loss` with respect to the scores.",
        failure: multilabelFailure(1, 2),
        rule: { call in
            let x = try call.multilabelScores(1, 2)
            let isWhole: Bool = try x.rank <= 1 || call.lossReduction(3) != .none
            try call.requireShape(call.tensor(0), Shape(isWhole ? [] : [x.shape[0]], in: call.name), "gradient")
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            try Interpreter.with(nil) {
                let slopes: Tensor = try call.multilabelMargins(1, 2, withSlopes: true).slopes
                var gradient: Tensor = try call.tensor(0).wide().reshaped([-1, 1])
                if try call.lossReduction(3) == .mean { gradient = try gradient / slopes.shape[0] }
                try call.copy((slopes * gradient).reshaped(outputs[0].shape.sizes), to: outputs[0])
            }
        },
        // Linear in the incoming gradient, and in the scores flat wherever it has a derivative.
        gradient: { g in
            let gradient = try g.gradient
            let ones: OperatorArgument = .tensor(try g.call.tensor(0).onesLike())
            let slopes: Tensor = try applySingle(.multilabelMarginLossBackward, [ones] + g.call.arguments.dropFirst())
            let isWhole: Bool = try g.call.tensor(0).rank == 0
            return [.tensor(try isWhole ? (gradient * slopes).sum() : (gradient * slopes).sum(dim: 1)), .tensor(try gradient.zerosLike())]
        },
        samples: {
            try multilabelSamples().map { sample in
                let results = try applyTensors(.multilabelMarginLossForward, sample)
                return [.tensor(try results[0].onesLike()), sample[0], sample[1], sample[2], .tensor(results[1])]
            }
        })

    private static func multilabelFailure(_ scores: Int, _ target: Int) -> ValueFailure {
        ValueFailure(.indexOutOfRange, "a target class is out of range") { call in
            let (x, target): (Tensor, Tensor) = (try call.tensor(scores), try call.tensor(target).withRank(atLeast: 1))
            // What follows the first -1 does not count.
            let counts: Tensor = try (target .< 0).to(.int64).cumsum(dim: -1) .== 0
            let classes: SymInt = x.rank == 0 ? 1 : x.shape[-1]
            return try (counts & (target .>= classes)).any().logicalNot()
        }
    }

    private static func multilabelSamples() throws -> [[OperatorArgument]] {
        let target = try Tensor([2, 0, -1, 1, 1, -1, 0, 0] as [Int], shape: [2, 4])
        return try [0, 1].map { [.tensor(try .sample([2, 4])), .tensor(target), .int($0)] }
    }
}

extension Call {
    fileprivate func multilabelScores(_ scores: Int, _ target: Int) throws -> Tensor {
        let x = try tensor(scores)
        _ = try indexTensor(target)
        try requireSameShape(scores, target)
        guard x.rank <= 2, x.dtype.isFloatingPoint else {
            throw error(.shapeMismatch, "takes floating-point scores in a matrix, not \(x.spec)")
        }
        return x
    }

    /// Each row's loss, where its targets are, and the loss's derivatives; halves in float32.
    fileprivate func multilabelMargins(_ scores: Int, _ target: Int, withSlopes: Bool) throws -> (
        losses: Tensor, isTarget: Tensor, slopes: Tensor
    ) {
        let x: Tensor = try tensor(scores).wide().withRank(atLeast: 2).contiguous()
        let classes: Tensor = try tensor(target).to(.int64).withRank(atLeast: 2).contiguous()
        func fresh(_ sizes: [SymInt]) throws -> Tensor { try Tensor.uninitialized(try Shape(sizes, in: name), dtype: x.dtype, in: name) }
        let (losses, isTarget) = (try fresh([x.shape[0]]), try fresh(x.shape.sizes))
        let slopes: Tensor = try withSlopes ? fresh(x.shape.sizes) : isTarget
        var (input, targets, out, marks, bad) = (x.view, classes.view, losses.view, isTarget.view, Int64(0))
        var derivatives = slopes.view
        try withUnsafePointer(to: &derivatives) { pointer in
            try check(
                apus_multilabel_margin(&input, &targets, &out, &marks, withSlopes ? pointer : nil, &bad), self, index: bad, shape: x.shape)
        }
        withExtendedLifetime((x, classes, losses, isTarget, slopes)) {}
        return (losses, isTarget, slopes)
    }
}
