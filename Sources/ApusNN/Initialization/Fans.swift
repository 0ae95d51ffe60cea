import ApusSymbolic
import ApusTensor

// Initialisers that keep the size of what flows through layers, by the number of inputs or outputs of a place: the weights' sizes are
// `[outputs, inputs, ...]`, further ones those of a convolution's window.

extension Initialization {
    /// Which number of connections counts.
    public enum FanMode: Sendable {
        /// Inputs: keeps the size of values.
        case fanIn
        /// Outputs: keeps the size of gradients.
        case fanOut
    }

    /// What follows a layer.
    public enum Nonlinearity: Sendable, Hashable {
        case linear, sigmoid, tanh, relu, selu
        case leakyReLU(negativeSlope: Double)

        /// By how much weights make up for what the function takes away, as `torch.nn.init.calculate_gain` has it.
        public var gain: Double {
            switch self {
            case .linear, .sigmoid: 1
            case .tanh: 5.0 / 3
            case .relu: 2.0.squareRoot()
            case .selu: 0.75
            case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
            }
        }
    }

    /// Glorot's uniform distribution (2010): the bound `gain * sqrt(6 / (fanIn + fanOut))`.
    public static func xavierUniform(
        _ sizes: [any SymIntConvertible], gain: any ScalarConvertible = 1, dtype: DType = .float32
    ) throws -> Tensor {
        let fans = try fans(sizes, in: "xavierUniform")
        let bound: Double = try gain.option("gain", in: "xavierUniform") * inverseRoot((fans.in + fans.out) / 6)
        return try uniform(sizes, bound: bound, dtype: dtype)
    }

    /// Glorot's normal distribution (2010): the deviation `gain * sqrt(2 / (fanIn + fanOut))`.
    public static func xavierNormal(
        _ sizes: [any SymIntConvertible], gain: any ScalarConvertible = 1, dtype: DType = .float32
    ) throws -> Tensor {
        let fans = try fans(sizes, in: "xavierNormal")
        let deviation: Double = try gain.option("gain", in: "xavierNormal") * inverseRoot((fans.in + fans.out) / 2)
        return try normal(sizes, std: deviation, dtype: dtype)
    }

    /// He's uniform distribution (2015): the bound `gain * sqrt(3 / fan)`. Linear and convolution layers start with
    /// `.leakyReLU(negativeSlope: 5.0.squareRoot())`, which comes to `1 / sqrt(fanIn)`.
    public static func kaimingUniform(
        _ sizes: [any SymIntConvertible], mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyReLU(negativeSlope: 0),
        dtype: DType = .float32
    ) throws -> Tensor {
        let fan: Double = try fan(sizes, mode, in: "kaimingUniform")
        return try uniform(sizes, bound: nonlinearity.gain * inverseRoot(fan / 3), dtype: dtype)
    }

    /// He's normal distribution (2015): the deviation `gain / sqrt(fan)`.
    public static func kaimingNormal(
        _ sizes: [any SymIntConvertible], mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyReLU(negativeSlope: 0),
        dtype: DType = .float32
    ) throws -> Tensor {
        let fan: Double = try fan(sizes, mode, in: "kaimingNormal")
        return try normal(sizes, std: nonlinearity.gain * inverseRoot(fan), dtype: dtype)
    }

    /// `1 / sqrt(fanIn)`, the bound that layers start within; 0 where there is no input.
    static func fanInBound(_ sizes: [Int]) -> Double { inverseRoot(sizes.dropFirst().reduce(1.0) { $0 * Double($1) }) }

    private static func inverseRoot(_ fan: Double) -> Double { fan > 0 ? 1 / fan.squareRoot() : 0 }

    private static func fan(_ sizes: [any SymIntConvertible], _ mode: FanMode, in name: String) throws -> Double {
        let fans = try fans(sizes, in: name)
        return mode == .fanIn ? fans.in : fans.out
    }

    private static func fans(_ sizes: [any SymIntConvertible], in name: String) throws -> (in: Double, out: Double) {
        guard sizes.count >= 2 else {
            throw TensorError(
                .shapeMismatch, in: name, "fans are those of weights [outputs, inputs, ...], not of \(sizes.count) dimensions")
        }
        let plain: [Double] = try sizes.map { Double(try $0.count("a size", in: name)) }
        let window: Double = plain.dropFirst(2).reduce(1, *)
        return (plain[1] * window, plain[0] * window)
    }
}
