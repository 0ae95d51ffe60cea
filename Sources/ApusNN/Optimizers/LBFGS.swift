import ApusSymbolic
import ApusTensor

/// L-BFGS (Liu and Nocedal, 1989) over all parameters together, after `torch.optim.LBFGS`. A step evaluates the loss several times:
///
///     let loss = try optimizer.step { try valueAndGradient(of: model) { try mseLoss($0(x), y) } }
///
/// The parameters are real. What is remembered takes the memory of `2 * historySize + 2` times the parameters. Groups are not asked.
public final class LBFGS: Optimizer {
    public enum LineSearch: Sendable {
        /// A step length that meets the strong Wolfe conditions, with the constants 1e-4 and 0.9.
        case strongWolfe
    }

    public let maxIterations: Int
    public let maxEvaluations: Int
    public let gradientTolerance: Double
    public let changeTolerance: Double
    public let historySize: Int
    /// Nil for steps of the learning rate's length.
    public let lineSearch: LineSearch?

    private var curvature = Curvature()

    /// - Parameters:
    ///   - maxIterations: of each step
    ///   - maxEvaluations: of the loss in each step; by default `maxIterations * 5 / 4`
    ///   - gradientTolerance: a step ends where no element of the gradient is larger
    ///   - changeTolerance: a step ends where parameters, or the loss, change by no more
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1, maxIterations: some SymIntConvertible = 20,
        maxEvaluations: (any SymIntConvertible)? = nil, gradientTolerance: any ScalarConvertible = 1e-7,
        changeTolerance: any ScalarConvertible = 1e-9, historySize: some SymIntConvertible = 100, lineSearch: LineSearch? = nil
    ) throws {
        self.maxIterations = try maxIterations.positive("maxIterations", in: "LBFGS")
        self.maxEvaluations = try maxEvaluations?.positive("maxEvaluations", in: "LBFGS") ?? Self.evaluations(self.maxIterations)
        self.gradientTolerance = try gradientTolerance.option("gradientTolerance", in: "LBFGS")
        self.changeTolerance = try changeTolerance.option("changeTolerance", in: "LBFGS")
        self.historySize = try historySize.positive("historySize", in: "LBFGS")
        self.lineSearch = lineSearch
        try super.init(model, learningRate: learningRate)
    }

    /// A quarter more than iterations.
    private static func evaluations(_ iterations: Int) -> Int {
        let (product, overflows) = iterations.multipliedReportingOverflow(by: 5)
        return overflows ? .max : product / 4
    }

    override public func requireUsable(_ parameter: TensorSpec, named name: String) throws {
        guard parameter.dtype.isFloatingPoint else {
            throw TensorError(.dtypeMismatch, in: "LBFGS", "changes real parameters only; '\(name)' is \(parameter)")
        }
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        throw TensorError(.invalidArgument, in: "LBFGS", "evaluates the loss itself: use step { try valueAndGradient(of: model) { ... } }")
    }

    /// Changes the parameters until an end of the step is reached. Where the evaluation throws, the parameters stay as they were before the
    /// step, and so does what is remembered.
    ///
    /// - Parameter evaluate: the loss and its gradients at the parameters that the model then has
    /// - Returns: the loss before the step.
    @discardableResult
    public func step(_ evaluate: () throws -> (value: Tensor, gradients: ModuleGradients)) throws -> Tensor {
        let before: [Tensor] = parameters
        do {
            return try Interpreter.with(nil) { try descend(evaluate) }
        } catch {
            parameters = before
            throw error
        }
    }

    private typealias Point = (loss: Double, gradient: Tensor)

    private func descend(_ evaluate: () throws -> (value: Tensor, gradients: ModuleGradients)) throws -> Tensor {
        var state: Curvature = curvature
        func point() throws -> (Tensor, Point) {
            let (value, gradients) = try evaluate()
            return (value, (try value.array(of: Double.self)[0], try flat(gradients)))
        }
        let (first, start) = try point()
        var (loss, gradient): Point = start
        var evaluations = 1
        state.evaluations += 1
        guard try largest(gradient) > gradientTolerance else {
            curvature = state
            return first
        }
        for iteration in 1...maxIterations {
            state.iterations += 1
            try state.turn(to: gradient, historySize: historySize)
            let lastLoss: Double = loss
            var length: Double = learningRate
            if state.iterations == 1 { length *= min(1, 1 / (try gradient.abs().sum().array(of: Double.self)[0])) }
            state.length = length
            let slope: Double = try dot(gradient, state.direction)
            if slope > -changeTolerance { break }
            var spent = 0
            if lineSearch == .strongWolfe {
                let start: [Tensor] = parameters
                var search = WolfeSearch(
                    point: (loss, gradient), slope: slope, reach: try largest(state.direction), changeTolerance: changeTolerance,
                    limit: maxEvaluations - evaluations)
                let direction: Tensor = state.direction
                let found = try search.run(from: length) { length in
                    try move(start, along: direction, by: length)
                    let (_, reached) = try point()
                    return (reached.loss, reached.gradient, try dot(reached.gradient, direction))
                }
                (loss, gradient, spent) = (found.loss, found.gradient, search.evaluations)
                state.length = found.length
                try move(start, along: state.direction, by: found.length)
            } else {
                try move(parameters, along: state.direction, by: length)
                if iteration < maxIterations {
                    (_, (loss, gradient)) = try point()
                    spent = 1
                }
            }
            evaluations += spent
            state.evaluations += spent
            if iteration == maxIterations || evaluations >= maxEvaluations { break }
            if try largest(gradient) <= gradientTolerance { break }
            if try largest(state.direction) * abs(state.length) <= changeTolerance { break }
            if abs(loss - lastLoss) < changeTolerance { break }
        }
        curvature = state
        return first
    }

    /// The gradients of all parameters in one vector, zeros where there is none.
    private func flat(_ gradients: ModuleGradients) throws -> Tensor {
        let given: [Tensor?] = try aligned(gradients)
        return try Tensor.cat(zip(given, parameters).map { gradient, parameter in try (gradient ?? parameter.zerosLike()).flattened() })
    }

    private func move(_ start: [Tensor], along direction: Tensor, by length: Double) throws {
        var position = 0
        var moved: [Tensor] = []
        for parameter in start {
            let count = Int(parameter.count)
            let part: Tensor = try direction.sliced(dim: 0, from: position, to: position + count).reshaped(parameter.shape)
            moved.append(try parameter.add(part.to(parameter.dtype), alpha: length))
            position += count
        }
        parameters = moved
    }

    private func largest(_ x: Tensor) throws -> Double {
        x.count.isIdentical(to: 0) ? 0 : try x.abs().max().array(of: Double.self)[0]
    }

    /// What the optimizer remembers, under PyTorch's names and the first parameter's: `weight.d`, `weight.prev_flat_grad`; the lists `old_dirs`,
    /// `old_stps` and `ro` are tensors of one more dimension.
    override public func stateDict() throws -> [String: Tensor] {
        let prefix: String = firstName
        return Dictionary(uniqueKeysWithValues: try curvature.stateDict().map { ("\(prefix).\($0.key)", $0.value) })
    }

    override public func load(_ stateDict: [String: Tensor]) throws {
        let prefix: String = firstName + "."
        var report = StateDictMismatch(moduleType: "LBFGS")
        report.unexpected = stateDict.keys.filter { !$0.hasPrefix(prefix) }.sorted()
        let own: [(String, Tensor)] = stateDict.filter { $0.key.hasPrefix(prefix) }.map {
            (String($0.key.dropFirst(prefix.count)), $0.value)
        }
        let count: Int = parameters.reduce(0) { $0 + Int($1.count) }
        let loaded = try Curvature(Dictionary(uniqueKeysWithValues: own), count: count, prefix: prefix, &report)
        guard report.missing.isEmpty, report.unexpected.isEmpty, report.mismatched.isEmpty else { throw report }
        curvature = loaded
    }
}

func dot(_ a: Tensor, _ b: Tensor) throws -> Double { try a.dot(b).array(of: Double.self)[0] }
