import ApusSymbolic
import ApusTensor

/// Long short-term memory over sequences, after `torch.nn.LSTM`; see ``RecurrentBase`` for shapes and parameters. Each gate's rows of a weight,
/// `hiddenSize` of them, come in the order input, forget, cell, output.
///
/// With `projSize` the hidden state is a projection of that many features, by `weight_hr_l0` and so on; the cell state has `hiddenSize`.
public final class LSTM: RecurrentBase, Module {
    public let projSize: Int

    public init(
        _ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, numLayers: some SymIntConvertible = 1, bias: Bool = true,
        batchFirst: Bool = false, dropout: any ScalarConvertible = 0,
        bidirectional: Bool = false, projSize: some SymIntConvertible = 0, dtype: DType = .float32
    ) throws {
        self.projSize = Int(projSize.symInt)
        try super.init(
            layer: "LSTM", inputSize, hiddenSize, gates: 4, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout,
            bidirectional: bidirectional, projSize: projSize, dtype: dtype)
    }

    /// Output, and hidden and cell state at the end.
    public func forward(_ x: Tensor) throws -> (output: Tensor, hidden: Tensor, cell: Tensor) { try run(x, from: []) }

    /// The same from a hidden and a cell state on.
    public func forward(_ x: Tensor, _ hidden: Tensor, _ cell: Tensor) throws -> (output: Tensor, hidden: Tensor, cell: Tensor) {
        try run(x, from: [hidden, cell])
    }

    private func run(_ x: Tensor, from states: [Tensor]) throws -> (output: Tensor, hidden: Tensor, cell: Tensor) {
        let results: [Tensor] = try run(x, from: states, features: [projSize > 0 ? projSize : hiddenSize, hiddenSize]) {
            [bias, bidirectional, batchFirst] x, states, parameters, layers in
            let (output, hidden, cell) = try x.lstm(
                hidden: states[0], cell: states[1], parameters: parameters, hasBiases: bias, numLayers: layers,
                bidirectional: bidirectional,
                batchFirst: batchFirst)
            return [output, hidden, cell]
        }
        return (results[0], results[1], results[2])
    }
}

/// Gated recurrent units over sequences, after `torch.nn.GRU`; see ``RecurrentBase`` for shapes and parameters. Each gate's rows of a weight,
/// `hiddenSize` of them, come in the order reset, update, candidate.
public final class GRU: RecurrentBase, Module {
    public init(
        _ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, numLayers: some SymIntConvertible = 1, bias: Bool = true,
        batchFirst: Bool = false, dropout: any ScalarConvertible = 0,
        bidirectional: Bool = false, dtype: DType = .float32
    ) throws {
        try super.init(
            layer: "GRU", inputSize, hiddenSize, gates: 3, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout,
            bidirectional: bidirectional, dtype: dtype)
    }

    /// Output, and state at the end.
    public func forward(_ x: Tensor) throws -> (output: Tensor, hidden: Tensor) { try run(x, from: [], Tensor.gru) }

    /// The same from a state on.
    public func forward(_ x: Tensor, _ hidden: Tensor) throws -> (output: Tensor, hidden: Tensor) { try run(x, from: [hidden], Tensor.gru) }
}

/// Plain recurrent networks over sequences, after `torch.nn.RNN`: each step is `tanh(x W^T + b + h V^T + c)`, or the same with `relu`. See
/// ``RecurrentBase`` for shapes and parameters.
public final class RNN: RecurrentBase, Module {
    public enum Nonlinearity: Sendable { case tanh, relu }

    public let nonlinearity: Nonlinearity

    public init(
        _ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, numLayers: some SymIntConvertible = 1,
        nonlinearity: Nonlinearity = .tanh, bias: Bool = true,
        batchFirst: Bool = false, dropout: any ScalarConvertible = 0, bidirectional: Bool = false, dtype: DType = .float32
    ) throws {
        self.nonlinearity = nonlinearity
        try super.init(
            layer: "RNN", inputSize, hiddenSize, gates: 1, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout,
            bidirectional: bidirectional, dtype: dtype)
    }

    /// Output, and state at the end.
    public func forward(_ x: Tensor) throws -> (output: Tensor, hidden: Tensor) { try run(x, from: [], network) }

    /// The same from a state on.
    public func forward(_ x: Tensor, _ hidden: Tensor) throws -> (output: Tensor, hidden: Tensor) { try run(x, from: [hidden], network) }

    private var network: OneStateNetwork {
        switch nonlinearity {
        case .tanh: Tensor.rnnTanh
        case .relu: Tensor.rnnRelu
        }
    }
}

extension RecurrentBase {
    fileprivate typealias OneStateNetwork = (Tensor) -> (Tensor, [Tensor], Bool, Int, Bool, Bool) throws -> (output: Tensor, hidden: Tensor)

    fileprivate final func run(
        _ x: Tensor, from states: [Tensor], _ network: OneStateNetwork
    ) throws -> (output: Tensor, hidden: Tensor) {
        let results: [Tensor] = try run(x, from: states, features: [hiddenSize]) { x, states, parameters, layers in
            let (output, hidden) = try network(x)(states[0], parameters, bias, layers, bidirectional, batchFirst)
            return [output, hidden]
        }
        return (results[0], results[1])
    }
}
