import ApusSymbolic

// One step of a recurrent network. Sources: Hochreiter and Schmidhuber, 1997 (LSTM); Cho et al., 2014 (GRU), whose reset gate acts on the product
// with the state, as in PyTorch; Elman, 1990.

/// What a step computes.
enum RecurrentCell {
    case lstm, gru, tanh, relu

    /// How many rows a weight has for each feature of the state.
    var gateCount: Int {
        switch self {
        case .lstm: 4
        case .gru: 3
        case .tanh, .relu: 1
        }
    }

    /// The states after a step, [batch, width] each: the hidden one first.
    /// - Parameter input: the input's product with its weight, [batch, gates * width]
    func step(_ input: Tensor, _ states: [Tensor], _ weights: RecurrentWeights) throws -> [Tensor] {
        let state: Tensor = try states[0].linear(weights.hidden, bias: weights.hiddenBias)
        switch self {
        case .lstm:
            let gates: [Tensor] = try (state + input).chunk(4, dim: 1)
            let cell: Tensor = try gates[1].sigmoid() * states[1] + gates[0].sigmoid() * gates[2].tanh()
            let hidden: Tensor = try gates[3].sigmoid() * cell.tanh()
            return [try weights.projection.map { try hidden.linear($0) } ?? hidden, cell]
        case .gru:
            let (own, given) = (try state.chunk(3, dim: 1), try input.chunk(3, dim: 1))
            let reset: Tensor = try (own[0] + given[0]).sigmoid()
            let update: Tensor = try (own[1] + given[1]).sigmoid()
            let candidate: Tensor = try (given[2] + own[2] * reset).tanh()
            return [try (states[0] - candidate) * update + candidate]
        case .tanh: return [try (state + input).tanh()]
        case .relu: return [try (state + input).relu()]
        }
    }
}

/// The weights of one layer in one direction.
struct RecurrentWeights {
    /// [gates * width, features of the input]
    let input: Tensor
    /// [gates * width, features of the hidden state]
    let hidden: Tensor
    var inputBias: Tensor?
    var hiddenBias: Tensor?
    /// [features of the hidden state, width], of an LSTM whose hidden state is narrower than its cell.
    var projection: Tensor?

    /// Requires shapes and dtypes that fit together.
    /// - Parameters:
    ///   - features: those of the input
    ///   - name: what messages call a weight, by PyTorch's name for it: `weight_ih`
    func requireShapes(
        _ cell: RecurrentCell, width: SymInt, hidden hiddenWidth: SymInt, features: SymInt, _ dtype: DType, in call: Call,
        name: (String) -> String
    ) throws {
        let rows: SymInt = width * cell.gateCount
        let expected: [(Tensor?, String, [SymInt])] = [
            (input, "weight_ih", [rows, features]), (hidden, "weight_hh", [rows, hiddenWidth]), (inputBias, "bias_ih", [rows]),
            (hiddenBias, "bias_hh", [rows]), (projection, "weight_hr", [hiddenWidth, width]),
        ]
        for case (let tensor?, let weight, let sizes) in expected {
            try call.requireOperand(tensor, name(weight), dtype, sizes)
        }
    }
}

extension Call {
    /// Requires an operand of a dtype and of certain sizes.
    func requireOperand(_ tensor: Tensor, _ what: String, _ dtype: DType, _ sizes: [SymInt]) throws {
        guard tensor.dtype == dtype else {
            throw error(.dtypeMismatch, "'\(what)' is of \(tensor.dtype), but the input is of \(dtype); convert one of them with to(_:)")
        }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "'\(what)' has shape \(tensor.shape), but \(listText(sizes)) is expected")
        }
        guard tensor.rank == sizes.count else { throw mismatch() }
        for (size, expected) in zip(tensor.shape, sizes) where !size.isIdentical(to: expected) {
            try require(size == expected, mismatch())
        }
    }

    /// An input of a rank, in a dtype that recurrent networks compute in.
    func recurrentInput(rank: Int, _ form: String) throws -> Tensor {
        let x: Tensor = try tensor(0)
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
        guard x.rank == rank else { throw error(.shapeMismatch, "the input must be \(form), not of shape \(x.shape)") }
        return x
    }

    /// The states that a call begins with: a list of two for an LSTM, one tensor for others.
    func recurrentStates(_ cell: RecurrentCell) throws -> [Tensor] {
        guard cell == .lstm else { return [try tensor(1)] }
        let states: [Tensor] = try tensors(1)
        guard states.count == 2 else {
            throw error(.invalidArgument, "takes a hidden state and a cell state, not a list of \(states.count)")
        }
        return states
    }

    /// The results of a cell's operator.
    fileprivate func recurrentStep(_ cell: RecurrentCell) throws -> [OperatorArgument] {
        let x: Tensor = try recurrentInput(rank: 2, "[batch, features]")
        let states: [Tensor] = try recurrentStates(cell)
        for state in states where state.rank != 2 {
            throw error(.shapeMismatch, "a state must be [batch, width], not of shape \(state.shape)")
        }
        let width: SymInt = states[0].shape[1]
        for state in states { try requireOperand(state, "hx", x.dtype, [x.shape[0], width]) }
        let weights = RecurrentWeights(
            input: try tensor(2), hidden: try tensor(3), inputBias: try optionalTensor(4), hiddenBias: try optionalTensor(5))
        try weights.requireShapes(cell, width: width, hidden: width, features: x.shape[1], x.dtype, in: self) {
            $0.replacing("weight", with: "w").replacing("bias", with: "b")
        }
        return try cell.step(x.linear(weights.input, bias: weights.inputBias), states, weights).map { .tensor($0) }
    }
}

extension Operator {
    static let lstmCell: Operator = recurrentCell(
        .lstm,
        "aten::lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> (Tensor, Tensor)",
        "One step of an LSTM: hidden and cell state [batch, width] after an input [batch, features]. The four gates' weights are the rows of "
            + "`w_ih` [4 * width, features] and `w_hh` [4 * width, width]: input, forget, cell, output.")

    static let gruCell: Operator = recurrentCell(
        .gru, "aten::gru_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",
        "One step of a GRU: the state [batch, width] after an input [batch, features]. The three gates' weights are the rows of `w_ih` "
            + "[3 * width, features] and `w_hh` [3 * width, width]: reset, update, candidate.")

    static let rnnTanhCell: Operator = recurrentCell(
        .tanh, "aten::rnn_tanh_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",
        "One step of a plain recurrent network: `tanh(input @ w_ih^T + b_ih + hx @ w_hh^T + b_hh)`, [batch, width].")

    static let rnnReluCell: Operator = recurrentCell(
        .relu, "aten::rnn_relu_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",
        "One step of a plain recurrent network: `relu(input @ w_ih^T + b_ih + hx @ w_hh^T + b_hh)`, [batch, width].")

    static let recurrentCells: [Operator] = [lstmCell, gruCell, rnnTanhCell, rnnReluCell]

    private static func recurrentCell(_ cell: RecurrentCell, _ schema: String, _ documentation: String) -> Operator {
        composite(
            schema, documentation,
            samples: {
                let rows: Int = 2 * cell.gateCount
                let states: [Tensor] = [try .sample([3, 2], seed: 2), try .sample([3, 2], seed: 3)]
                let call: [OperatorArgument] = [
                    .tensor(try .sample([3, 4])), cell == .lstm ? .tensors(states) : .tensor(states[0]),
                    .tensor(try .sample([rows, 4], seed: 4)), .tensor(try .sample([rows, 2], seed: 5)),
                ]
                return [
                    call + [.tensor(try .sample([rows], seed: 6)), .tensor(try .sample([rows], seed: 7))], call + [.none, .none],
                ]
            }
        ) { call in try call.recurrentStep(cell) }
    }
}

extension Tensor {
    /// One step of an LSTM from this input, `[batch, features]`: its hidden and cell state, `[batch, width]`, in the input's dtype, which all
    /// operands have.
    ///
    /// - Parameters:
    ///   - inputWeight: `[4 * width, features]`: the rows of the input, forget, cell and output gate, in this order
    ///   - hiddenWeight: `[4 * width, width]`
    ///   - inputBias: `[4 * width]`
    ///   - hiddenBias: `[4 * width]`
    public func lstmCell(
        hidden: Tensor, cell: Tensor, inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil
    ) throws -> (hidden: Tensor, cell: Tensor) {
        let states: [Tensor] = try applyTensors(
            .lstmCell,
            [
                .tensor(self), .tensors([hidden, cell]), .tensor(inputWeight), .tensor(hiddenWeight), .optional(inputBias),
                .optional(hiddenBias),
            ])
        return (states[0], states[1])
    }

    /// One step of a GRU from this input, `[batch, features]`: its state, `[batch, width]`, in the input's dtype, which all operands have.
    ///
    /// - Parameters:
    ///   - inputWeight: `[3 * width, features]`: the rows of the reset gate, the update gate and the candidate, in this order
    ///   - hiddenWeight: `[3 * width, width]`
    ///   - inputBias: `[3 * width]`
    ///   - hiddenBias: `[3 * width]`
    public func gruCell(
        hidden: Tensor, inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil
    ) throws -> Tensor {
        try recurrentStep(.gruCell, hidden, inputWeight, hiddenWeight, inputBias, hiddenBias)
    }

    /// One step of a plain recurrent network from this input, `[batch, features]`: its state, `[batch, width]`, the hyperbolic tangent of the sum of
    /// both products.
    ///
    /// - Parameters:
    ///   - inputWeight: `[width, features]`
    ///   - hiddenWeight: `[width, width]`
    ///   - inputBias: `[width]`
    ///   - hiddenBias: `[width]`
    public func rnnTanhCell(
        hidden: Tensor, inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil
    ) throws -> Tensor {
        try recurrentStep(.rnnTanhCell, hidden, inputWeight, hiddenWeight, inputBias, hiddenBias)
    }

    /// The step of `rnnTanhCell` with `relu` in the place of the hyperbolic tangent.
    public func rnnReluCell(
        hidden: Tensor, inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil
    ) throws -> Tensor {
        try recurrentStep(.rnnReluCell, hidden, inputWeight, hiddenWeight, inputBias, hiddenBias)
    }

    private func recurrentStep(
        _ operation: Operator, _ hidden: Tensor, _ inputWeight: Tensor, _ hiddenWeight: Tensor, _ inputBias: Tensor?, _ hiddenBias: Tensor?
    ) throws -> Tensor {
        try applySingle(
            operation,
            [
                .tensor(self), .tensor(hidden), .tensor(inputWeight), .tensor(hiddenWeight), .optional(inputBias), .optional(hiddenBias),
            ])
    }
}
