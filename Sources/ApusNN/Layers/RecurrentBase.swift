import ApusSymbolic
import ApusTensor

/// What recurrent layers over sequences have in common.
///
/// Input `[L, N, inputSize]`, or `[N, L, inputSize]` where the batch comes first, or `[L, inputSize]` without a batch; the output has as many
/// features as the hidden state, twice as many in both directions. States are `[numLayers * directions, N, features]`, without N where the input
/// has none, and zero where none are given. A length of 0 is an error.
///
/// The parameters are `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0` and so on for each layer, with `_reverse` for the way back, all
/// drawn evenly from within `1 / sqrt(hiddenSize)` of zero. Dropout acts on the output of each layer but the last while training.
///
/// Programs hold a layer as one operator of any length. A gradient in a program needs a length that is known, or one of at most 16.
public class RecurrentBase {
    public final let inputSize: Int
    public final let hiddenSize: Int
    public final let numLayers: Int
    public final let bias: Bool
    public final let batchFirst: Bool
    public final let dropout: Double
    public final let bidirectional: Bool
    public final var isTraining = true
    final let weights: RecurrentWeights
    private final let layer: String

    public static var stateNames: [String: String] { ["weights": ""] }

    /// - Parameters:
    ///   - gates: how many rows a weight has for each feature of the cell state
    ///   - projSize: the features of the hidden state where it is a projection
    init(
        layer: String, _ inputSize: some SymIntConvertible, _ hiddenSize: some SymIntConvertible, gates: Int,
        numLayers: some SymIntConvertible, bias: Bool, batchFirst: Bool, dropout: any ScalarConvertible,
        bidirectional: Bool, projSize: some SymIntConvertible = 0, dtype: DType
    ) throws {
        let inputSize: Int = try inputSize.positive("inputSize", in: layer)
        let hiddenSize: Int = try hiddenSize.positive("hiddenSize", in: layer)
        let numLayers: Int = try numLayers.positive("numLayers", in: layer)
        let dropout: Double = try dropout.plainNumber("dropout", in: layer)
        try requireProbability(dropout, in: layer)
        let projSize = Int(projSize.symInt)
        guard projSize >= 0, projSize < hiddenSize else {
            throw TensorError(.invalidArgument, in: layer, "projSize must lie between 0 and hiddenSize \(hiddenSize), not at \(projSize)")
        }
        let (rows, overflows) = hiddenSize.multipliedReportingOverflow(by: gates)
        guard !overflows else { throw TensorError(.overflow, in: layer, "hiddenSize \(hiddenSize) is too large") }
        self.layer = layer
        self.inputSize = inputSize
        self.hiddenSize = hiddenSize
        self.numLayers = numLayers
        self.bias = bias
        self.batchFirst = batchFirst
        self.dropout = dropout
        self.bidirectional = bidirectional
        let (directions, features): (Int, Int) = (bidirectional ? 2 : 1, projSize > 0 ? projSize : hiddenSize)
        let bound: Double = 1 / Double(hiddenSize).squareRoot()
        weights = RecurrentWeights(
            layers: try (0..<numLayers).map { layer in
                try ["", "_reverse"].prefix(directions).flatMap { suffix in
                    let given: Int = layer == 0 ? inputSize : features * directions
                    let kinds: [(name: String, sizes: [Int])] =
                        [("weight_ih", [rows, given]), ("weight_hh", [rows, features])]
                        + (bias ? [("bias_ih", [rows]), ("bias_hh", [rows])] : [])
                        + (projSize > 0 ? [("weight_hr", [projSize, hiddenSize])] : [])
                    return try kinds.map { name, sizes in
                        (
                            "\(name)_l\(layer)\(suffix)",
                            Parameter(wrappedValue: try Initialization.uniform(sizes, bound: bound, dtype: dtype))
                        )
                    }
                }
            })
    }

    /// A network over a sequence with a batch: from input, states, parameters and a number of layers to output and states at the end.
    typealias Network = (_ x: Tensor, _ states: [Tensor], _ parameters: [Tensor], _ numLayers: Int) throws -> [Tensor]

    /// Output and states at the end.
    /// - Parameters:
    ///   - given: the states that it begins with; none for zeros
    ///   - features: those of each state
    final func run(_ x: Tensor, from given: [Tensor], features: [Int], _ network: Network) throws -> [Tensor] {
        try requireRank(x, 2...3, in: layer)
        try requireSize(x, dim: -1, inputSize, "features", in: layer)
        for state in given { try requireRank(state, x.rank...x.rank, in: layer) }
        let (isBatched, batchDim): (Bool, Int) = (x.rank == 3, batchFirst ? 0 : 1)
        let input: Tensor = isBatched ? x : try x.unsqueezed(batchDim)
        let count: Int = weights.layers.count * (bidirectional ? 2 : 1)
        let states: [Tensor] =
            given.isEmpty
            ? try features.map { try Tensor.zeros([SymInt(count), input.shape[batchDim], SymInt($0)], dtype: x.dtype) }
            : isBatched ? given : try given.map { try $0.unsqueezed(1) }
        let results: [Tensor] =
            isTraining && dropout > 0 && numLayers > 1
            ? try runDropping(input, states, network) : try network(input, states, weights.layers.flatMap { $0.map(\.tensor) }, numLayers)
        return isBatched ? results : try results.enumerated().map { try $1.squeezed($0 == 0 ? batchDim : 1) }
    }

    /// Layer by layer, with dropout between them.
    private func runDropping(_ input: Tensor, _ states: [Tensor], _ network: Network) throws -> [Tensor] {
        var x: Tensor = input
        var last: [[Tensor]] = states.map { _ in [] }
        let perLayer: [[Tensor]] = try states.map { try $0.chunk(numLayers, dim: 0) }
        for (index, layer) in weights.layers.enumerated() {
            if index > 0 { x = try x.dropout(p: dropout) }
            let results: [Tensor] = try network(x, perLayer.map { $0[index] }, layer.map(\.tensor), 1)
            x = results[0]
            for (position, state) in results.dropFirst().enumerated() { last[position].append(state) }
        }
        return [x] + (try last.map { try Tensor.cat($0, dim: 0) })
    }
}

/// Parameters under names that depend on the number of layers, in PyTorch's order.
struct RecurrentWeights: StateContainer {
    struct Weight {
        let name: String
        let parameter: Parameter<Tensor>

        var tensor: Tensor { parameter.wrappedValue }
    }

    let layers: [[Weight]]

    init(layers: [[(String, Parameter<Tensor>)]]) { self.layers = layers.map { $0.map { Weight(name: $0, parameter: $1) } } }

    static let contentTypes: [Any.Type] = [Parameter<Tensor>.self]

    var elements: [(key: String?, value: Any)] { layers.flatMap { $0.map { ($0.name, $0.parameter) } } }
}
