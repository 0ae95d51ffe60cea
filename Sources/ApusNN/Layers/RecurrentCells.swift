import ApusSymbolic
import ApusTensor

/// What recurrent layers of one step have in common.
///
/// Input `[N, inputSize]`, states `[N, hiddenSize]`, both with or without N; states are zero where none are given. `weight_ih`, `weight_hh`,
/// `bias_ih` and `bias_hh` are drawn evenly from within `1 / sqrt(hiddenSize)` of zero.
public class RecurrentCellBase {
    @Parameter public final var weightIh: Tensor
    @Parameter public final var weightHh: Tensor
    @Parameter public final var biasIh: Tensor?
    @Parameter public final var biasHh: Tensor?
    public final let inputSize: Int
    public final let hiddenSize: Int
    private final let layer: String

    init(layer: String, _ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, gates: Int, bias: Bool, dtype: DType)
        throws
    {
        let inputSize: Int = try inputSize.positive("inputSize", in: layer)
        let hiddenSize: Int = try hiddenSize.positive("hiddenSize", in: layer)
        let (rows, overflows) = hiddenSize.multipliedReportingOverflow(by: gates)
        guard !overflows else { throw TensorError(.overflow, in: layer, "hiddenSize \(hiddenSize) is too large") }
        self.layer = layer
        self.inputSize = inputSize
        self.hiddenSize = hiddenSize
        func uniform(_ sizes: [Int]) throws -> Tensor {
            try Initialization.uniform(sizes, bound: 1 / Double(hiddenSize).squareRoot(), dtype: dtype)
        }
        weightIh = try uniform([rows, inputSize])
        weightHh = try uniform([rows, hiddenSize])
        biasIh = bias ? try uniform([rows]) : nil
        biasHh = bias ? try uniform([rows]) : nil
    }

    /// The states after a step.
    /// - Parameters:
    ///   - given: the states before; none for zeros
    ///   - count: how many there are
    fileprivate final func run(
        _ x: Tensor, from given: [Tensor], count: Int = 1, _ step: (_ x: Tensor, _ states: [Tensor]) throws -> [Tensor]
    ) throws -> [Tensor] {
        try requireRank(x, 1...2, in: layer)
        try requireSize(x, dim: -1, inputSize, "features", in: layer)
        for state in given { try requireRank(state, x.rank...x.rank, in: layer) }
        if x.rank == 1 {
            return try run(x.unsqueezed(0), from: given.map { try $0.unsqueezed(0) }, count: count, step).map { try $0.squeezed(0) }
        }
        let zeros: Tensor? = given.isEmpty ? try Tensor.zeros([x.shape[0], SymInt(hiddenSize)], dtype: x.dtype) : nil
        return try step(x, zeros.map { Array(repeating: $0, count: count) } ?? given)
    }
}

/// One step of an LSTM, after `torch.nn.LSTMCell`; see ``RecurrentCellBase`` for shapes and parameters.
public final class LSTMCell: RecurrentCellBase, Module {
    public init(_ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, bias: Bool = true, dtype: DType = .float32)
        throws
    {
        try super.init(layer: "LSTMCell", inputSize, hiddenSize, gates: 4, bias: bias, dtype: dtype)
    }

    /// Hidden and cell state after a step.
    public func forward(_ x: Tensor) throws -> (hidden: Tensor, cell: Tensor) { try run(x, from: []) }

    /// The same from a hidden and a cell state on.
    public func forward(_ x: Tensor, _ hidden: Tensor, _ cell: Tensor) throws -> (hidden: Tensor, cell: Tensor) {
        try run(x, from: [hidden, cell])
    }

    private func run(_ x: Tensor, from states: [Tensor]) throws -> (hidden: Tensor, cell: Tensor) {
        let results: [Tensor] = try run(x, from: states, count: 2) { x, states in
            let (hidden, cell) = try x.lstmCell(
                hidden: states[0], cell: states[1], inputWeight: weightIh, hiddenWeight: weightHh, inputBias: biasIh, hiddenBias: biasHh)
            return [hidden, cell]
        }
        return (results[0], results[1])
    }
}

/// One step of a GRU, after `torch.nn.GRUCell`; see ``RecurrentCellBase`` for shapes and parameters.
public final class GRUCell: RecurrentCellBase, Module {
    public init(_ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, bias: Bool = true, dtype: DType = .float32)
        throws
    {
        try super.init(layer: "GRUCell", inputSize, hiddenSize, gates: 3, bias: bias, dtype: dtype)
    }

    /// The state after a step.
    public func forward(_ x: Tensor) throws -> Tensor { try run(x, from: [], Tensor.gruCell) }

    /// The same from a state on.
    public func forward(_ x: Tensor, _ hidden: Tensor) throws -> Tensor { try run(x, from: [hidden], Tensor.gruCell) }
}

/// One step of a plain recurrent network, after `torch.nn.RNNCell`; see ``RecurrentCellBase`` for shapes and parameters.
public final class RNNCell: RecurrentCellBase, Module {
    public let nonlinearity: RNN.Nonlinearity

    public init(
        _ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, bias: Bool = true,
        nonlinearity: RNN.Nonlinearity = .tanh, dtype: DType = .float32
    ) throws {
        self.nonlinearity = nonlinearity
        try super.init(layer: "RNNCell", inputSize, hiddenSize, gates: 1, bias: bias, dtype: dtype)
    }

    /// The state after a step.
    public func forward(_ x: Tensor) throws -> Tensor { try run(x, from: [], cell) }

    /// The same from a state on.
    public func forward(_ x: Tensor, _ hidden: Tensor) throws -> Tensor { try run(x, from: [hidden], cell) }

    private var cell: OneStateCell {
        switch nonlinearity {
        case .tanh: Tensor.rnnTanhCell
        case .relu: Tensor.rnnReluCell
        }
    }
}

extension RecurrentCellBase {
    fileprivate typealias OneStateCell = (Tensor) -> (Tensor, Tensor, Tensor, Tensor?, Tensor?) throws -> Tensor

    fileprivate final func run(_ x: Tensor, from states: [Tensor], _ cell: OneStateCell) throws -> Tensor {
        try run(x, from: states) { x, states in [try cell(x)(states[0], weightIh, weightHh, biasIh, biasHh)] }[0]
    }
}
