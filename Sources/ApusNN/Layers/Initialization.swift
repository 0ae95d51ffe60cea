import ApusSymbolic
import ApusTensor

/// How layers start, by PyTorch's formulas (`torch.nn.init`). The numbers come from the default generator; `Tensor.seed` fixes them.
public enum Initialization {
    /// Evenly between `-bound` and `bound`.
    public static func uniform(_ sizes: [Int], bound: Double, dtype: DType = .float32) throws -> Tensor {
        let unit = try Tensor.rand(sizes.map { SymInt($0) }, dtype: dtype)
        return try (unit * 2 - 1) * bound
    }

    /// He's uniform distribution as linear and convolution layers use it: `kaiming_uniform_` with `a = sqrt(5)`, which comes to the bound
    /// `1 / sqrt(fanIn)`. The fan-in is the product of all sizes but the first.
    public static func kaimingUniform(_ sizes: [Int], dtype: DType = .float32) throws -> Tensor {
        try uniform(sizes, bound: fanInBound(sizes), dtype: dtype)
    }

    /// `1 / sqrt(fanIn)`; 0 where there is no input.
    static func fanInBound(_ sizes: [Int]) -> Double {
        let fanIn = sizes.dropFirst().reduce(1.0) { $0 * Double($1) }
        return fanIn > 0 ? 1 / fanIn.squareRoot() : 0
    }

    /// Glorot's uniform distribution for a matrix `[fanOut, fanIn]`: the bound `sqrt(6 / (fanIn + fanOut))`.
    public static func xavierUniform(_ sizes: [Int], dtype: DType = .float32) throws -> Tensor {
        let fans = sizes.prefix(2).reduce(0.0) { $0 + Double($1) }
        return try uniform(sizes, bound: fans > 0 ? (6 / fans).squareRoot() : 0, dtype: dtype)
    }
}
