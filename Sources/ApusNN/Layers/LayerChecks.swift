import ApusSymbolic
import ApusTensor

// What layers require of their inputs and options. Errors name the layer, not only the operator inside of it.

/// Requires a size of one dimension, in a trace as a condition of the program.
func requireSize(_ x: Tensor, dim: Int, _ size: Int, _ what: String, in layer: String) throws {
    try require(
        x.shape[dim] == SymInt(size),
        TensorError(.shapeMismatch, in: layer, "expects \(size) \(what) in dimension \(dim), got shape \(x.shape)"))
}

/// Requires a rank, or one less where the batch dimension may be left out.
func requireRank(_ x: Tensor, _ ranks: ClosedRange<Int>, in layer: String) throws {
    guard !ranks.contains(x.rank) else { return }
    let expected = ranks.count == 1 ? "\(ranks.lowerBound)" : "\(ranks.lowerBound) or \(ranks.upperBound)"
    throw TensorError(.shapeMismatch, in: layer, "expects \(expected) dimensions, got shape \(x.shape)")
}

extension SymIntConvertible {
    /// The plain number of a positive option. In a trace a size gets the value of the example, as by `Int(size)`: weights have sizes that
    /// no run changes.
    func positive(_ name: String, in layer: String) throws -> Int { try count(name, in: layer, from: 1) }

    /// The same of an option that may be smaller.
    func count(_ name: String, in layer: String, from minimum: Int = 0) throws -> Int {
        try symInt.requireValid()
        let value = Int(symInt)
        guard value >= minimum else {
            throw TensorError(
                .invalidArgument, in: layer, "\(name) must be \(minimum == 1 ? "positive" : "at least \(minimum)"), not \(value)")
        }
        return value
    }
}

func requireProbability(_ value: Double, in layer: String) throws {
    guard value >= 0, value <= 1 else {
        throw TensorError(.invalidArgument, in: layer, "a probability must be between 0 and 1, not \(value)")
    }
}

/// The number of groups, which has to divide a number of channels, and that.
func divided(
    _ channels: some SymIntConvertible, by groups: some SymIntConvertible, _ name: String, in layer: String
) throws -> (groups: Int, channels: Int) {
    let groups: Int = try groups.positive("groups", in: layer)
    let channels: Int = try channels.positive(name, in: layer)
    guard channels.isMultiple(of: groups) else {
        throw TensorError(.invalidArgument, in: layer, "\(name) \(channels) is not a multiple of the \(groups) groups")
    }
    return (groups, channels)
}
