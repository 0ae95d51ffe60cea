import ApusSymbolic

// Recurrent networks over whole sequences: layers on top of each other, each in one direction or in both.

/// What a call asks for, with everything checked.
private struct RecurrentNetwork {
    let name: String
    let cell: RecurrentCell
    /// [length, batch, features], or [batch, length, features].
    let input: Tensor
    let isBatchFirst: Bool
    /// One for each layer and direction in the first dimension.
    let states: [Tensor]
    /// Layer by layer, forwards and then backwards.
    let weights: [RecurrentWeights]
    let directions: Int

    var length: SymInt { input.shape[isBatchFirst ? 1 : 0] }
    var batch: SymInt { input.shape[isBatchFirst ? 0 : 1] }
    /// The features of the output in one direction.
    var width: SymInt { states[0].shape[2] }

    init(_ call: Call, _ cell: RecurrentCell) throws {
        self.cell = cell
        name = call.name
        isBatchFirst = try call.bool(8)
        directions = try call.bool(7) ? 2 : 1
        input = try call.recurrentInput(rank: 3, isBatchFirst ? "[batch, length, features]" : "[length, batch, features]")
        states = try call.recurrentStates(cell)
        for state in states where state.rank != 3 {
            throw call.error(.shapeMismatch, "a state must be [layers * directions, batch, width], not of shape \(state.shape)")
        }
        weights = try call.recurrentWeights(cell, directions)
        try requireShapes(call)
        let dropout: Double = try call.double(5)
        guard dropout == 0 || weights.count == directions, try call.bool(6) else { return }
        throw call.error(
            .unsupported,
            "dropout of \(dropout) between layers while training; run the layers one by one, with dropout between them, as the layers of Apus do"
        )
    }

    private func requireShapes(_ call: Call) throws {
        try require(length >= 1, call.error(.shapeMismatch, "needs at least one step, but the input has shape \(input.shape)"))
        let inner: SymInt = states[states.count - 1].shape[2]
        if weights[0].projection != nil {
            try require(
                width < inner,
                call.error(
                    .shapeMismatch, "with projections the hidden state must be narrower than the cell state, not \(width) and \(inner)"))
        }
        for (state, stateWidth) in zip(states, [weights[0].projection == nil ? inner : width, inner]) {
            try call.requireOperand(state, "hx", input.dtype, [SymInt(weights.count), batch, stateWidth])
        }
        for (index, weights) in weights.enumerated() {
            let (layer, isBackwards): (Int, Bool) = (index / directions, index % directions == 1)
            try weights.requireShapes(
                cell, width: inner, hidden: width, features: layer == 0 ? input.shape[2] : width * directions, input.dtype, in: call
            ) { "\($0)_l\(layer)\(isBackwards ? "_reverse" : "")" }
        }
    }

    var specs: [TensorSpec] {
        get throws {
            let output: [SymInt] = (isBatchFirst ? [batch, length] : [length, batch]) + [width * directions]
            return [TensorSpec(input.dtype, try Shape(output, in: name))] + states.map(\.spec)
        }
    }

    /// The output and the states at the end: one product of all steps with the weight of the input, then step by step.
    func run() throws -> [OperatorArgument] {
        let steps: Int = try settle(count: length, of: "steps", in: name, "write the network as a scan")
        var x: Tensor = isBatchFirst ? try input.transposed(0, 1) : input
        var last: [[Tensor]] = states.map { _ in [] }
        for layer in 0..<(weights.count / directions) {
            var outputs: [Tensor] = []
            for direction in 0..<directions {
                let index: Int = layer * directions + direction
                var state: [Tensor] = try states.map { try $0.select(dim: 0, index: index) }
                let inputs: [Tensor] = try x.linear(weights[index].input, bias: weights[index].inputBias).unbind(dim: 0)
                var hidden: [Tensor] = []
                for step in 0..<steps {
                    state = try cell.step(inputs[direction == 0 ? step : steps - 1 - step], state, weights[index])
                    hidden.append(state[0])
                }
                outputs.append(try Tensor.stack(direction == 0 ? hidden : hidden.reversed(), dim: 0))
                for (position, value) in state.enumerated() { last[position].append(value) }
            }
            x = directions == 1 ? outputs[0] : try Tensor.cat(outputs, dim: 2)
        }
        let output: Tensor = isBatchFirst ? try x.transposed(0, 1) : x
        return [.tensor(output)] + (try last.map { .tensor(try Tensor.stack($0, dim: 0)) })
    }
}

extension Call {
    /// The weights of all layers and directions from the list of them: for each of these `weight_ih`, `weight_hh`, then `bias_ih` and `bias_hh`
    /// where there are biases, then `weight_hr` where an LSTM has projections.
    fileprivate func recurrentWeights(_ cell: RecurrentCell, _ directions: Int) throws -> [RecurrentWeights] {
        let (parameters, hasBiases, layers): ([Tensor], Bool, Int) = (try tensors(2), try bool(3), try constant(4))
        guard layers >= 1 else { throw error(.invalidArgument, "needs at least one layer, not \(layers)") }
        let parts: Int = hasBiases ? 4 : 2
        let count: Int = parameters.count / directions / layers
        guard count * directions * layers == parameters.count, count == parts || cell == .lstm && count == parts + 1 else {
            let projections: String = cell == .lstm ? ", or \(parts + 1) with projections" : ""
            throw error(
                .invalidArgument,
                "got \(parameters.count) parameters for \(layers) layers in \(directions == 1 ? "one direction" : "both directions"); each has "
                    + "\(parts) \(hasBiases ? "with" : "without") biases\(projections)")
        }
        return stride(from: 0, to: parameters.count, by: count).map { start in
            RecurrentWeights(
                input: parameters[start], hidden: parameters[start + 1], inputBias: hasBiases ? parameters[start + 2] : nil,
                hiddenBias: hasBiases ? parameters[start + 3] : nil, projection: count > parts ? parameters[start + parts] : nil)
        }
    }
}

extension Operator {
    static let lstm: Operator = recurrentNetwork(
        .lstm,
        "aten::lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)",
        "An LSTM over input [length, batch, features]: its output [length, batch, width] (twice as wide in both directions), and its hidden and cell "
            + "state at the end, [layers * directions, batch, width], of the shapes of those in `hx` that it begins with. `params` has for each layer and "
            + "direction `w_ih`, `w_hh`, the biases `b_ih` and `b_hh`, and `w_hr` where the hidden state is a projection, narrower than the cell state. "
            + dropoutText)

    static let gru: Operator = recurrentNetwork(
        .gru,
        "aten::gru.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
        "A GRU over input [length, batch, features]: its output and its state at the end, as `lstm` without a cell state. " + dropoutText)

    static let rnnTanh: Operator = recurrentNetwork(
        .tanh,
        "aten::rnn_tanh.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
        "A plain recurrent network with `tanh` over input [length, batch, features]: output and state as `gru`. " + dropoutText)

    static let rnnRelu: Operator = recurrentNetwork(
        .relu,
        "aten::rnn_relu.input(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
        "A plain recurrent network with `relu` over input [length, batch, features]: output and state as `gru`. " + dropoutText)

    static let recurrentNetworks: [Operator] = [lstm, gru, rnnTanh, rnnRelu]

    private static let dropoutText: String =
        "Dropout between layers while training is an error. A gradient needs a length that is known, or one of few."

    private static func recurrentNetwork(_ cell: RecurrentCell, _ schema: String, _ documentation: String) -> Operator {
        Operator(
            schema, documentation, neverFails: true,
            rule: { call in try RecurrentNetwork(call, cell).specs }, kernel: .composite,
            decomposition: { call in
                let network = try RecurrentNetwork(call, cell)
                return try naming(call.name) { try network.run() }
            },
            samples: { try recurrentSamples(cell) })
    }

    /// One layer with biases; two in both directions without, the batch first; an LSTM with projections. In float64: PyTorch's LSTM of float32 reads
    /// beyond operands that are too small.
    private static func recurrentSamples(_ cell: RecurrentCell) throws -> [[OperatorArgument]] {
        func sample(layers: Int, directions: Int, hasBiases: Bool, projected: Int? = nil, batchFirst: Bool = false) throws
            -> [OperatorArgument]
        {
            let (width, rows): (Int, Int) = (2, 2 * cell.gateCount)
            let hidden: Int = projected ?? width
            var sizes: [[Int]] = []
            for index in 0..<(layers * directions) {
                sizes += [[rows, index < directions ? 3 : directions * hidden], [rows, hidden]] + (hasBiases ? [[rows], [rows]] : [])
                if projected != nil { sizes.append([hidden, width]) }
            }
            func numbers(_ sizes: [Int], _ seed: Int) throws -> Tensor {
                try .sample(sizes, dtype: .float64, in: -1...1, seed: UInt64(seed))
            }
            let states: [Tensor] = [
                try numbers([layers * directions, 2, hidden], 2), try numbers([layers * directions, 2, width], 3),
            ]
            return [
                .tensor(try numbers(batchFirst ? [2, 4, 3] : [4, 2, 3], 1)), cell == .lstm ? .tensors(states) : .tensor(states[0]),
                .tensors(try sizes.enumerated().map { try numbers($1, $0 + 4) }),
                .bool(hasBiases), .int(layers), .double(0.5), .bool(false), .bool(directions == 2), .bool(batchFirst),
            ]
        }
        return try [
            sample(layers: 1, directions: 1, hasBiases: true), sample(layers: 2, directions: 2, hasBiases: false, batchFirst: true),
        ] + (cell == .lstm ? [sample(layers: 1, directions: 2, hasBiases: true, projected: 1)] : [])
    }
}

extension Tensor {
    /// An LSTM over this sequence, `[length, batch, features]`, or `[batch, length, features]` where the batch comes first: the output of the last
    /// layer, `[length, batch, width]` in the same order, twice as wide in both directions, and hidden and cell state at the end, shaped as
    /// the given ones, `[layers * directions, batch, width]`. All operands have one floating-point dtype.
    ///
    /// Gradients, and programs of gradients, need a length that is known, or one of at most 16 declared ones. A length of 0 is an error.
    ///
    /// - Parameters:
    ///   - parameters: for each layer, and there forwards and then backwards: `weight_ih` `[4 * width, features]`, `weight_hh`
    ///     `[4 * width, width]`, the biases `[4 * width]` of both where there are any, and `weight_hr` `[projected, width]` where the hidden
    ///     state is a projection, narrower than the cell state
    public func lstm(
        hidden: Tensor, cell: Tensor, parameters: [Tensor], hasBiases: Bool = true, numLayers: Int = 1, bidirectional: Bool = false,
        batchFirst: Bool = false
    ) throws -> (output: Tensor, hidden: Tensor, cell: Tensor) {
        let results: [Tensor] = try recurrent(.lstm, .tensors([hidden, cell]), parameters, hasBiases, numLayers, bidirectional, batchFirst)
        return (results[0], results[1], results[2])
    }

    /// A GRU over this sequence: output and state as those of `lstm(hidden:cell:parameters:hasBiases:numLayers:bidirectional:batchFirst:)`, whose
    /// parameters it has with `3 * width` rows and without `weight_hr`.
    public func gru(
        hidden: Tensor, parameters: [Tensor], hasBiases: Bool = true, numLayers: Int = 1, bidirectional: Bool = false,
        batchFirst: Bool = false
    ) throws -> (output: Tensor, hidden: Tensor) {
        let results: [Tensor] = try recurrent(.gru, .tensor(hidden), parameters, hasBiases, numLayers, bidirectional, batchFirst)
        return (results[0], results[1])
    }

    /// A plain recurrent network with the hyperbolic tangent over this sequence: output and state as those of
    /// `lstm(hidden:cell:parameters:hasBiases:numLayers:bidirectional:batchFirst:)`, whose parameters it has with `width` rows and without `weight_hr`.
    public func rnnTanh(
        hidden: Tensor, parameters: [Tensor], hasBiases: Bool = true, numLayers: Int = 1, bidirectional: Bool = false,
        batchFirst: Bool = false
    ) throws -> (output: Tensor, hidden: Tensor) {
        let results: [Tensor] = try recurrent(.rnnTanh, .tensor(hidden), parameters, hasBiases, numLayers, bidirectional, batchFirst)
        return (results[0], results[1])
    }

    /// The network of `rnnTanh` with `relu` in the place of the hyperbolic tangent.
    public func rnnRelu(
        hidden: Tensor, parameters: [Tensor], hasBiases: Bool = true, numLayers: Int = 1, bidirectional: Bool = false,
        batchFirst: Bool = false
    ) throws -> (output: Tensor, hidden: Tensor) {
        let results: [Tensor] = try recurrent(.rnnRelu, .tensor(hidden), parameters, hasBiases, numLayers, bidirectional, batchFirst)
        return (results[0], results[1])
    }

    private func recurrent(
        _ operation: Operator, _ states: OperatorArgument, _ parameters: [Tensor], _ hasBiases: Bool, _ layers: Int, _ bidirectional: Bool,
        _ batchFirst: Bool
    ) throws -> [Tensor] {
        try applyTensors(
            operation,
            [
                .tensor(self), states, .tensors(parameters), .bool(hasBiases), .int(layers), .double(0), .bool(false), .bool(bidirectional),
                .bool(batchFirst),
            ])
    }
}
