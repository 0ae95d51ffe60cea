import ApusSymbolic
import ApusTensor

/// Momentum whose step is made orthogonal (Jordan et al., 2024), for the matrices between a model's layers. Formulas and defaults are those of
/// `torch.optim.Muon`: `b += (1 - momentum) * (g - b)`, and with Nesterov's form of it `o = orthogonal(g + momentum * (b - g))`,
/// `p = (1 - learningRate * weightDecay) * p - ratio * learningRate * o`.
///
/// Only parameters of two dimensions can be changed; others belong to another optimizer:
///
///     try muon.step(gradients.filter { $0.gradient?.rank == 2 })
///     try adam.step(gradients.filter { $0.gradient?.rank != 2 })
public final class Muon: Optimizer {
    /// How a matrix's shape scales its steps.
    public enum LearningRateAdjustment: Sendable {
        /// By `sqrt(max(1, rows / columns))`.
        case original
        /// By `0.2 * sqrt(max(rows, columns))`, so that learning rates of `AdamW` fit.
        case matchRMSAdamW
    }

    public internal(set) var momentum: Double
    public let nesterov: Bool
    public let newtonSchulzSteps: Int
    public let newtonSchulzCoefficients: (Double, Double, Double)
    public let epsilon: Double
    public let learningRateAdjustment: LearningRateAdjustment

    /// - Parameters:
    ///   - newtonSchulzCoefficients: `a`, `b`, `c` of the iteration `X = a X + (b X X^T + c (X X^T)^2) X`, which runs in bfloat16 on a matrix of
    ///     norm 1
    ///   - epsilon: what a matrix's norm counts as at least
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3, weightDecay: any ScalarConvertible = 0.1,
        momentum: any ScalarConvertible = 0.95, nesterov: Bool = true,
        newtonSchulzCoefficients: (some ScalarConvertible, some ScalarConvertible, some ScalarConvertible) = (3.4445, -4.7750, 2.0315),
        epsilon: any ScalarConvertible = 1e-7, newtonSchulzSteps: some SymIntConvertible = 5,
        learningRateAdjustment: LearningRateAdjustment = .original
    ) throws {
        self.momentum = try momentum.option("momentum", in: "Muon")
        self.nesterov = nesterov
        self.newtonSchulzSteps = try newtonSchulzSteps.count("newtonSchulzSteps", in: "Muon")
        let (a, b, c) = newtonSchulzCoefficients
        self.newtonSchulzCoefficients = (
            try a.plainNumber("newtonSchulzCoefficients.0", in: "Muon"), try b.plainNumber("newtonSchulzCoefficients.1", in: "Muon"),
            try c.plainNumber("newtonSchulzCoefficients.2", in: "Muon")
        )
        self.epsilon = try epsilon.option("epsilon", in: "Muon")
        self.learningRateAdjustment = learningRateAdjustment
        guard self.newtonSchulzSteps < 100 else {
            throw TensorError(.invalidArgument, in: "Muon", "newtonSchulzSteps must be below 100, not \(self.newtonSchulzSteps)")
        }
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay)
    }

    override public var memoryNames: [String] { ["momentum_buffer"] }

    override var needsSteps: Bool { false }

    override var scheduledMomentum: Double? {
        get { momentum }
        set { momentum = newValue ?? momentum }
    }

    override public func requireUsable(_ parameter: TensorSpec, named name: String) throws {
        guard parameter.shape.count == 2, parameter.dtype.isFloatingPoint else {
            throw TensorError(
                .shapeMismatch, in: "Muon",
                "changes real matrices only; '\(name)' is \(parameter): give another optimizer the gradients of the rest (filter)")
        }
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let buffer: Tensor = try (memory.tensors["momentum_buffer"] ?? gradient.zerosLike()).lerp(gradient, weight: 1 - momentum)
        memory.tensors["momentum_buffer"] = buffer
        let step: Tensor = try orthogonal(nesterov ? gradient.lerp(buffer, weight: momentum) : buffer).to(parameter.dtype)
        let (rows, columns) = (Double(Int(parameter.shape[0])), Double(Int(parameter.shape[1])))
        let ratio: Double =
            switch learningRateAdjustment {
            case .original: max(1, columns > 0 ? rows / columns : 1).squareRoot()
            case .matchRMSAdamW: 0.2 * max(rows, columns).squareRoot()
            }
        let decayed: Tensor = try parameter * (1 - memory.learningRate * memory.weightDecay)
        parameter = try decayed.sub(step, alpha: memory.learningRate * ratio)
    }

    /// About the nearest matrix with orthonormal rows or columns, by the Newton-Schulz iteration in bfloat16: its singular values end between
    /// 0.5 and 1.5 or so.
    private func orthogonal(_ matrix: Tensor) throws -> Tensor {
        let isTall: Bool = Int(matrix.shape[0]) > Int(matrix.shape[1])
        func turned(_ x: Tensor) throws -> Tensor { isTall ? try x.transposed(0, 1) : x }
        var x: Tensor = try turned(matrix.to(.bfloat16))
        x = try x / x.norm().clamp(min: epsilon)
        let (a, b, c) = newtonSchulzCoefficients
        for _ in 0..<newtonSchulzSteps {
            let gram: Tensor = try x.matmul(x.transposed(0, 1))
            let polynomial: Tensor = try gram.addmm(gram, gram, beta: b, alpha: c)
            x = try x.addmm(polynomial, x, beta: a)
        }
        return try turned(x)
    }
}
