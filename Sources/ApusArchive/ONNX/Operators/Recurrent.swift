import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let recurrent: [ONNXOperator] = [
        ONNXOperator("LSTM", isFolded: false, values: { try ONNXRecurrence($0, gates: 4).results() }),
        ONNXOperator("GRU", isFolded: false, values: { try ONNXRecurrence($0, gates: 3).results() }),
        ONNXOperator("RNN", isFolded: false, values: { try ONNXRecurrence($0, gates: 1).results() }),
    ]
}

/// A recurrent network of one layer. Those that PyTorch has become one operator, others a scan.
private struct ONNXRecurrence {
    private let call: ONNXCall
    private let gates: Int
    /// `[sequence, batch, size]`
    private let x: Tensor
    private let isBatchFirst: Bool
    private let direction: String
    private let activations: [String]
    private let hiddenSize: SymInt
    /// How long each sequence of the batch is; nil where all are of the input's length.
    private let lengths: Tensor?

    init(_ call: ONNXCall, gates: Int) throws {
        (self.call, self.gates) = (call, gates)
        isBatchFirst = try call.flag("layout")
        let given: Tensor = try call.tensor(0)
        guard given.rank == 3, try call.tensor(1).rank == 3, try call.tensor(2).rank == 3 else {
            throw call.error(.invalidProgram, "takes three dimensions, not \(given.spec)")
        }
        x = isBatchFirst ? try given.transposed(0, 1) : given
        direction = try call.choice("direction", "forward", of: ["forward", "reverse", "bidirectional"])
        let standard: [String] = [4: ["Sigmoid", "Tanh", "Tanh"], 3: ["Sigmoid", "Tanh"], 1: ["Tanh"]][gates] ?? []
        let count: Int = direction == "bidirectional" ? 2 : 1
        activations = try call.texts("activations") ?? Array(repeating: standard, count: count).flatMap { $0 }
        guard activations.count == standard.count * count else { throw call.error(.invalidProgram, "has \(activations.count) activations") }
        hiddenSize = try call.tensor(2).shape[2]
        lengths = try call.optional(4)?.to(.int64)
        if try call.float("clip") != nil { throw call.error("with the attribute 'clip' is not read") }
        if try call.flag("input_forget") { throw call.error("with the attribute 'input_forget' is not read") }
    }

    private var directions: Int { direction == "bidirectional" ? 2 : 1 }

    /// A state at the start: `[directions, batch, hidden]`.
    private func state(_ index: Int) throws -> Tensor {
        guard let given = try call.optional(index) else {
            return try Tensor.zeros([SymInt(directions), x.shape[1], hiddenSize], dtype: x.dtype)
        }
        return isBatchFirst ? try given.transposed(0, 1) : given
    }

    func results() throws -> [ONNXValue] {
        let results: (all: Tensor, states: [Tensor]) = try isPyTorchs ? asOneOperator() : asScans()
        // [sequence, directions, batch, hidden] and [directions, batch, hidden]
        let all: Tensor = isBatchFirst ? try results.all.permuted([2, 0, 1, 3]) : results.all
        let states: [Tensor] = isBatchFirst ? try results.states.map { try $0.transposed(0, 1) } : results.states
        return ([all] + states).map { ONNXValue($0) }
    }

    /// Whether it is the network that PyTorch has under its name.
    private var isPyTorchs: Bool {
        get throws {
            if lengths != nil { return false }
            switch gates {
            case 4: return isStandard && !call.has(7)
            case 3: return try isStandard && call.flag("linear_before_reset")
            default: return Set(activations).count == 1 && ["Tanh", "Relu"].contains(activations[0]) && x.dtype.isFloatingPoint
            }
        }
    }

    private var isStandard: Bool {
        let standard: [String] = gates == 4 ? ["Sigmoid", "Tanh", "Tanh"] : ["Sigmoid", "Tanh"]
        return activations == Array(repeating: standard, count: directions).flatMap { $0 }
    }

    /// Rows of gates in PyTorch's order: input, forget, cell, output; reset, update, new.
    private func ordered(_ rows: Tensor) throws -> Tensor {
        if gates == 1 { return rows }
        let parts: [Tensor] = try rows.split(hiddenSize, dim: 0)
        guard parts.count == gates else {
            throw call.error(.invalidProgram, "has \(rows.spec) for \(gates) gates of \(hiddenSize)")
        }
        let order: [Int] = gates == 4 ? [0, 2, 3, 1] : [1, 0, 2]
        return try Tensor.cat(order.map { parts[$0] }, dim: 0)
    }

    /// The two halves of a direction's bias; zeros where there is none.
    private func biases(_ index: Int) throws -> (input: Tensor, hidden: Tensor) {
        let count: SymInt = hiddenSize * gates
        guard let given = try call.optional(3) else {
            let zeros: Tensor = try Tensor.zeros([count], dtype: x.dtype)
            return (zeros, zeros)
        }
        let row: Tensor = try given.select(dim: 0, index: index)
        return (try row.narrowed(dim: 0, from: 0, length: count), try row.narrowed(dim: 0, from: count, length: count))
    }

    private func asOneOperator() throws -> (all: Tensor, states: [Tensor]) {
        let isReverse: Bool = direction == "reverse"
        let input: Tensor = isReverse ? try x.flipped([0]) : x
        var parameters: [Tensor] = []
        for index in 0..<directions {
            let (first, second) = try biases(index)
            parameters += [
                try ordered(call.tensor(1).select(dim: 0, index: index)), try ordered(call.tensor(2).select(dim: 0, index: index)),
                try ordered(first), try ordered(second),
            ]
        }
        let hidden: Tensor = try state(5)
        let isBoth: Bool = directions == 2
        let (output, states): (Tensor, [Tensor])
        switch (gates, activations[0]) {
        case (4, _):
            let result = try input.lstm(hidden: hidden, cell: state(6), parameters: parameters, bidirectional: isBoth)
            (output, states) = (result.output, [result.hidden, result.cell])
        case (3, _):
            let result = try input.gru(hidden: hidden, parameters: parameters, bidirectional: isBoth)
            (output, states) = (result.output, [result.hidden])
        case (_, "Relu"):
            let result = try input.rnnRelu(hidden: hidden, parameters: parameters, bidirectional: isBoth)
            (output, states) = (result.output, [result.hidden])
        default:
            let result = try input.rnnTanh(hidden: hidden, parameters: parameters, bidirectional: isBoth)
            (output, states) = (result.output, [result.hidden])
        }
        let all: Tensor = try output.reshaped([x.shape[0], x.shape[1], SymInt(directions), hiddenSize]).transposed(1, 2)
        return (isReverse ? try all.flipped([0]) : all, states)
    }

    // MARK: Others

    private func asScans() throws -> (all: Tensor, states: [Tensor]) {
        var all: [Tensor] = []
        var states: [[Tensor]] = []
        for index in 0..<directions {
            let isReverse: Bool = direction == "reverse" || index == 1
            let input: Tensor = isReverse ? try reversed(x) : x
            let initial: [Tensor] = try (gates == 4 ? [5, 6] : [5]).map { try state($0).select(dim: 0, index: index) }
            let weights: Tensor = try call.tensor(1).select(dim: 0, index: index)
            let (first, _) = try biases(index)
            let gated: Tensor = try input.matmul(weights.transposed(0, 1)) + first
            let numbers: Tensor = try Tensor.arange(x.shape[0])
            let (last, results) = try ONNXSteps(of: call.name, over: [gated, numbers], from: initial) { carried, slices in
                let next: [Tensor] = try step(index, carried, slices[0])
                guard let lengths else { return (next, [next[0]]) }
                // Behind a sequence's end its states stay, and it gives zeros.
                let goesOn: Tensor = try (lengths .> slices[1]).unsqueezed(1)
                let kept: [Tensor] = try zip(next, carried).map { try Tensor.where(goesOn, $0, $1) }
                return (kept, [try Tensor.where(goesOn, next[0], 0.0)])
            }.run()
            all.append(isReverse ? try reversed(results[0]) : results[0])
            states.append(last)
        }
        return (
            try Tensor.stack(all, dim: 1), try (0..<states[0].count).map { place in try Tensor.stack(states.map { $0[place] }, dim: 0) }
        )
    }

    /// Sequences from their ends to their starts.
    private func reversed(_ x: Tensor) throws -> Tensor {
        guard let lengths else { return try x.flipped([0]) }
        let number: Tensor = try Tensor.arange(x.shape[0]).unsqueezed(1)
        let source: Tensor = try Tensor.where(number .< lengths, lengths - 1 - number, number)
        return try x.gather(dim: 0, source.unsqueezed(2).expanded(x.shape))
    }

    /// The states after one step, from the input's part of the gates.
    private func step(_ index: Int, _ carried: [Tensor], _ gated: Tensor) throws -> [Tensor] {
        let weights: Tensor = try call.tensor(2).select(dim: 0, index: index).transposed(0, 1)
        let (_, bias) = try biases(index)
        let hidden: Tensor = carried[0]
        func part(_ x: Tensor, _ place: Int) throws -> Tensor { try x.narrowed(dim: -1, from: hiddenSize * place, length: hiddenSize) }
        let names: [String] = Array(activations[index * activations.count / directions..<(index + 1) * activations.count / directions])
        func active(_ x: Tensor, _ place: Int) throws -> Tensor { try activation(names[place], x, index * names.count + place) }
        switch gates {
        case 4:
            let sum: Tensor = try gated + hidden.matmul(weights) + bias
            let peepholes: Tensor? = try call.optional(7)?.select(dim: 0, index: index)
            func peep(_ x: Tensor, _ place: Int, _ cell: Tensor) throws -> Tensor {
                try peepholes.map { try x + part($0, place) * cell } ?? x
            }
            let input: Tensor = try active(peep(part(sum, 0), 0, carried[1]), 0)
            let forget: Tensor = try active(peep(part(sum, 2), 2, carried[1]), 0)
            let cell: Tensor = try forget * carried[1] + input * active(part(sum, 3), 1)
            let output: Tensor = try active(peep(part(sum, 1), 1, cell), 0)
            return [try output * active(cell, 2), cell]
        case 3:
            let recurrent: Tensor = try hidden.matmul(weights) + bias
            let update: Tensor = try active(part(gated, 0) + part(recurrent, 0), 0)
            let reset: Tensor = try active(part(gated, 1) + part(recurrent, 1), 0)
            let inner: Tensor
            if try call.flag("linear_before_reset") {
                inner = try part(gated, 2) + reset * part(recurrent, 2)
            } else {
                inner = try part(gated, 2) + (reset * hidden).matmul(part(weights, 2)) + part(bias, 2)
            }
            return [try (1 - update) * active(inner, 1) + update * hidden]
        default: return [try active(gated + hidden.matmul(weights) + bias, 0)]
        }
    }

    private func activation(_ name: String, _ x: Tensor, _ place: Int) throws -> Tensor {
        func number(_ name: String, _ standard: Double) throws -> Double {
            guard let given = try call.floats(name) else { return standard }
            return given.indices.contains(place) ? given[place] : standard
        }
        switch name {
        case "Sigmoid": return try x.sigmoid()
        case "Tanh": return try x.tanh()
        case "Relu": return try x.relu()
        case "Affine": return try x * (try number("activation_alpha", 1)) + (try number("activation_beta", 0))
        case "LeakyRelu": return try x.leakyRelu(negativeSlope: try number("activation_alpha", 0.01))
        case "Elu": return try x.elu(alpha: try number("activation_alpha", 1))
        case "Softsign": return try x / (x.abs() + 1.0)
        case "Softplus": return try x.softplus()
        case "HardSigmoid":
            return try (x * (try number("activation_alpha", 0.2)) + (try number("activation_beta", 0.5))).clamp(min: 0.0, max: 1.0)
        default: throw call.error("has the activation '\(name)', which is not read")
        }
    }
}
