import ApusTensor
import Foundation

/// Adam (Kingma and Ba, 2015). Formulas and defaults are those of `torch.optim.Adam`; `weightDecay` is added to the gradient.
///
/// `m += (1 - b1) * (g - m)`, `v = b2 * v + (1 - b2) * g * g`, and with both divided by `1 - b^t`: `p -= learningRate * m / (sqrt(v) + epsilon)`.
public class Adam: AdamBase {
    /// Divides by the largest `v` so far rather than by the present one.
    public final let amsgrad: Bool

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3,
        betas: (some ScalarConvertible, some ScalarConvertible) = (0.9, 0.999), epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 0, amsgrad: Bool = false, decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) throws {
        self.amsgrad = amsgrad
        try super.init(
            model, learningRate: learningRate, betas: (betas.0, betas.1), epsilon: epsilon, weightDecay: weightDecay,
            decoupledWeightDecay: decoupledWeightDecay, maximize: maximize)
    }

    override public final var memoryNames: [String] { ["exp_avg", "exp_avg_sq"] + (amsgrad ? ["max_exp_avg_sq"] : []) }

    override public final func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let steps = Double(memory.steps)
        let size: Double = memory.learningRate / (1 - pow(betas.0, steps))
        let squareCorrection: Double = (1 - pow(betas.1, steps)).squareRoot()
        try average(&parameter, gradient, &memory) { update, values in
            let scale = values.others.first.map { update.maximum($0, values.square) } ?? values.square
            let divisor = update.added(update.divided(update.squareRoot(scale), by: squareCorrection), epsilon)
            let moved = update.addcdiv(values.parameter, values.mean, divisor, value: -size)
            return (moved, amsgrad ? [scale] : [])
        }
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), after `torch.optim.AdamW`: `p *= 1 - learningRate * weightDecay` before
/// Adam's step.
public final class AdamW: Adam {
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3,
        betas: (some ScalarConvertible, some ScalarConvertible) = (0.9, 0.999), epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 1e-2, amsgrad: Bool = false, maximize: Bool = false
    ) throws {
        try super.init(
            model, learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay, amsgrad: amsgrad,
            decoupledWeightDecay: true, maximize: maximize)
    }
}

/// Adam by the largest of the gradients' magnitudes (Kingma and Ba, 2015), after `torch.optim.Adamax`:
/// `m += (1 - b1) * (g - m)`, `u = max(b2 * u, |g| + epsilon)`, `p -= learningRate / (1 - b1^t) * m / u`.
public final class Adamax: AdamBase {
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 2e-3,
        betas: (some ScalarConvertible, some ScalarConvertible) = (0.9, 0.999), epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 0, maximize: Bool = false
    ) throws {
        try super.init(
            model, learningRate: learningRate, betas: (betas.0, betas.1), epsilon: epsilon, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { ["exp_avg", "exp_inf"] }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let size: Double = memory.learningRate / (1 - pow(betas.0, Double(memory.steps)))
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let mean = update.lerp(values[2], values[1], weight: 1 - betas.0)
            let largest = update.maximum(update.scaled(values[3], by: betas.1), update.added(update.absolute(values[1]), epsilon))
            return (update.addcdiv(values[0], mean, largest, value: -size), [mean, largest])
        }
    }
}

/// Adam with Nesterov's momentum (Dozat, 2016), after `torch.optim.NAdam`: with `u(t) = b1 * (1 - 0.96^(t * momentumDecay) / 2)` and `U(t)` the
/// product of these up to `t`, Adam's averages give
/// `p -= learningRate * (u(t+1) * m / (1 - U(t+1)) + (1 - u(t)) * g / (1 - U(t))) / (sqrt(v / (1 - b2^t)) + epsilon)`.
public final class NAdam: AdamBase {
    public let momentumDecay: Double

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 2e-3,
        betas: (some ScalarConvertible, some ScalarConvertible) = (0.9, 0.999), epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 0, momentumDecay: any ScalarConvertible = 4e-3, decoupledWeightDecay: Bool = false,
        maximize: Bool = false
    ) throws {
        self.momentumDecay = try momentumDecay.option("momentumDecay", in: "NAdam")
        try super.init(
            model, learningRate: learningRate, betas: (betas.0, betas.1), epsilon: epsilon, weightDecay: weightDecay,
            decoupledWeightDecay: decoupledWeightDecay, maximize: maximize)
    }

    override public var numberNames: [String] { ["mu_product"] }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let steps = Double(memory.steps)
        func momentum(_ step: Double) -> Double { betas.0 * (1 - 0.5 * pow(0.96, step * momentumDecay)) }
        let (present, next): (Double, Double) = (momentum(steps), momentum(steps + 1))
        let product: Double = (memory.numbers["mu_product"] ?? 1) * present
        let gradientSize: Double = -memory.learningRate * (1 - present) / (1 - product)
        let meanSize: Double = -memory.learningRate * next / (1 - product * next)
        let squareCorrection: Double = 1 - pow(betas.1, steps)
        try average(&parameter, gradient, &memory) { update, values in
            let divisor = update.added(update.squareRoot(update.divided(values.square, by: squareCorrection)), epsilon)
            let moved = update.addcdiv(values.parameter, values.gradient, divisor, value: gradientSize)
            return (update.addcdiv(moved, values.mean, divisor, value: meanSize), [])
        }
        memory.numbers["mu_product"] = product
    }
}

/// Adam whose first steps, where the variance of its scale is not known yet, do without that (Liu et al., 2020), after `torch.optim.RAdam`:
/// with `r = 2 / (1 - b2) - 1` and `r(t) = r - 2 * t * b2^t / (1 - b2^t)`, `p -= learningRate * m / (1 - b1^t)`, and where `r(t) > 5` that by
/// `sqrt((r(t) - 4) * (r(t) - 2) * r / ((r - 4) * (r - 2) * r(t))) * sqrt(1 - b2^t) / (sqrt(v) + epsilon)`.
public final class RAdam: AdamBase {
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3,
        betas: (some ScalarConvertible, some ScalarConvertible) = (0.9, 0.999), epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 0, decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) throws {
        try super.init(
            model, learningRate: learningRate, betas: (betas.0, betas.1), epsilon: epsilon, weightDecay: weightDecay,
            decoupledWeightDecay: decoupledWeightDecay, maximize: maximize)
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let steps = Double(memory.steps)
        let size: Double = memory.learningRate / (1 - pow(betas.0, steps))
        let forgotten: Double = pow(betas.1, steps)
        let longest: Double = 2 / (1 - betas.1) - 1
        let length: Double = longest - 2 * steps * forgotten / (1 - forgotten)
        try average(&parameter, gradient, &memory) { update, values in
            guard length > 5 else { return (update.addScaled(values.parameter, values.mean, alpha: -size), []) }
            let above: Double = (length - 4) * (length - 2) * longest
            let below: Double = (longest - 4) * (longest - 2) * length
            let rectified: Double = size * (above / below).squareRoot() * (1 - forgotten).squareRoot()
            let divisor = update.added(update.squareRoot(values.square), epsilon)
            return (update.addcdiv(values.parameter, values.mean, divisor, value: -rectified), [])
        }
    }
}
