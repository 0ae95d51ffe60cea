import ApusSymbolic
import ApusTensor
import Foundation

/// Adafactor (Shazeer and Stern, 2018), which remembers of a matrix's squared gradients the means of rows and of columns only. Formulas and
/// defaults are those of `torch.optim.Adafactor`.
///
/// With `b = t^beta2Decay`, `r += b * (mean of g * g over the last dimension - r)` and `c` likewise over the last but one, `v = r c / mean(r)`; of
/// vectors `v` itself is kept. The step `u = g / sqrt(max(v, epsilon^2))` is shortened where its root mean square is above `clipThreshold`, and
/// `p -= max(parameterEpsilon, rms(p)) * min(learningRate, 1 / sqrt(t)) * u`. For real parameters.
public final class Adafactor: Optimizer {
    public let beta2Decay: Double
    /// What squares count as at least, as a root; nil for the dtype's precision.
    public let epsilon: Double?
    public let parameterEpsilon: Double
    public let clipThreshold: Double

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-2, beta2Decay: any ScalarConvertible = -0.8,
        epsilon: (any ScalarConvertible)? = nil, parameterEpsilon: any ScalarConvertible = 1e-3,
        clipThreshold: any ScalarConvertible = 1, weightDecay: any ScalarConvertible = 0, maximize: Bool = false
    ) throws {
        self.beta2Decay = try beta2Decay.option("beta2Decay", in: "Adafactor", from: -.infinity)
        self.epsilon = try epsilon?.option("epsilon", in: "Adafactor")
        self.parameterEpsilon = try parameterEpsilon.option("parameterEpsilon", in: "Adafactor")
        self.clipThreshold = try clipThreshold.option("clipThreshold", in: "Adafactor", from: 1)
        guard self.beta2Decay <= 0 else {
            throw TensorError(.invalidArgument, in: "Adafactor", "beta2Decay must be at most 0, not \(self.beta2Decay)")
        }
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { ["row_var", "col_var", "variance"] }

    override public func memorySpec(_ name: String, of parameter: TensorSpec) throws -> TensorSpec? {
        let rank: Int = parameter.shape.count
        guard rank > 1 else { return name == "variance" ? parameter : nil }
        var sizes: [SymInt] = parameter.shape.sizes
        switch name {
        case "row_var": sizes[rank - 1] = 1
        case "col_var": sizes[rank - 2] = 1
        default: return nil
        }
        return TensorSpec(parameter.dtype, try Shape(sizes))
    }

    override public func requireUsable(_ parameter: TensorSpec, named name: String) throws {
        guard parameter.dtype.isFloatingPoint else {
            throw TensorError(.dtypeMismatch, in: "Adafactor", "changes real parameters only; '\(name)' is \(parameter)")
        }
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let steps = Double(memory.steps)
        let weight: Double = pow(steps, beta2Decay)
        let gradient: Tensor = memory.maximize ? try gradient.neg() : gradient
        let floor: Double = epsilon ?? precision(parameter.dtype)
        let size: Double = max(parameterEpsilon, try rootMeanSquare(parameter)) * min(memory.learningRate, 1 / steps.squareRoot())
        func averaged(_ name: String, _ present: Tensor) throws -> Tensor {
            let mean: Tensor = try (memory.tensors[name] ?? present.zerosLike()).lerp(present, weight: weight)
            memory.tensors[name] = mean
            return mean
        }
        var variance: Tensor
        if parameter.rank > 1 {
            func means(_ dim: Int) throws -> Tensor { try gradient.norm(2, dim: dim, keepDim: true).square() / gradient.shape[dim] }
            let rows: Tensor = try averaged("row_var", means(-1))
            let columns: Tensor = try averaged("col_var", means(-2))
            variance = try rows.matmul(columns) / rows.mean(dim: -2, keepDim: true).clamp(min: floor)
        } else {
            variance = try averaged("variance", gradient * gradient)
        }
        let step: Tensor = try variance.clamp(min: floor * floor).rsqrt() * gradient
        let shortened: Double = size / max(1, try rootMeanSquare(step) / clipThreshold)
        if memory.weightDecay != 0 { parameter = try parameter * (1 - memory.learningRate * memory.weightDecay) }
        parameter = try parameter.sub(step, alpha: shortened)
    }

    /// The distance from 1 to the next number.
    private func precision(_ dtype: DType) -> Double {
        switch dtype {
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        case .float32: Double(Float.ulpOfOne)
        default: Double.ulpOfOne
        }
    }

    private func rootMeanSquare(_ x: Tensor) throws -> Double {
        let count = Double(Int(x.count))
        return count == 0 ? 0 : try x.to(.float64).norm().array(of: Double.self)[0] / count.squareRoot()
    }
}
