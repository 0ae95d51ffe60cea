import ApusNN
import ApusSymbolic
import ApusTensor
import Testing

@Suite struct InitializationTests {
    private func range(_ tensor: Tensor?) throws -> (low: Double, high: Double, mean: Double) {
        let values = try #require(tensor).array(of: Double.self)
        return (values.min() ?? 0, values.max() ?? 0, values.reduce(0, +) / Double(values.count))
    }

    private func expectUniform(_ tensor: Tensor?, bound: Double, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (low, high, mean) = try range(tensor)
        #expect(low >= -bound && high <= bound, sourceLocation: sourceLocation)
        #expect(low < -0.9 * bound && high > 0.9 * bound, sourceLocation: sourceLocation)
        // Five deviations of a mean of so many: other tests draw from the same generator, so that a seed does not fix what comes.
        let count = Double(try Int(#require(tensor).count))
        #expect(abs(mean) < max(0.1, 5 / (3 * count).squareRoot()) * bound, sourceLocation: sourceLocation)
    }

    /// The bounds are PyTorch's: 1 / sqrt(fan-in), and Glorot's for attention.
    @Test func boundsFollowPyTorchs() throws {
        Tensor.seed(0)
        let linear = try Linear(100, 400)
        try expectUniform(linear.weight, bound: 0.1)
        try expectUniform(linear.bias, bound: 0.1)
        let convolution = try Conv2d(16, 256, kernelSize: 5, groups: 4)
        try expectUniform(convolution.weight, bound: 0.1)
        try expectUniform(convolution.bias, bound: 0.1)
        // The fan-in of a transposed convolution counts its output channels, as in PyTorch.
        try expectUniform(try ConvTranspose2d(400, 4, kernelSize: 5).weight, bound: 0.1)
        let attention = try MultiheadAttention(60, 3)
        try expectUniform(attention.inProjWeight, bound: (6.0 / 240).squareRoot())
        #expect(try range(attention.inProjBias).high == 0)
        #expect(try range(attention.outProj.bias).high == 0)
        // All parameters of recurrent layers, biases too, by the features of the cell state.
        for parameter in try LSTM(20, 400, bidirectional: true, projSize: 50).parameters() + GRUCell(20, 400).parameters() {
            try expectUniform(parameter, bound: 0.05)
        }
        let embedding = try Embedding(200, 100, paddingIndex: -1)
        let values = try embedding.weight.array(of: Double.self)
        #expect(values.suffix(100).allSatisfy { $0 == 0 })
        let spread = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
        #expect(abs(spread - 0.995) < 0.05)
        let norm = try BatchNorm2d(3)
        #expect(norm.stateDict().keys.sorted() == ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"])
        #expect(norm.numBatchesTracked?.dtype == .int64)
    }

    private func spread(_ tensor: Tensor) throws -> (mean: Double, deviation: Double) {
        let values = try tensor.array(of: Double.self)
        let mean: Double = values.reduce(0, +) / Double(values.count)
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }

    /// Bounds and deviations are those that `torch.nn.init` computes, here by hand from its formulas.
    @Test func initialisersFollowPyTorchs() throws {
        Tensor.seed(1)
        typealias I = Initialization
        try expectUniform(try I.xavierUniform([40, 10, 5, 2], gain: 2), bound: 2 * (6.0 / 500).squareRoot())
        try expectUniform(try I.kaimingUniform([40, 10, 5, 2], mode: .fanOut, nonlinearity: .relu), bound: (6.0 / 400).squareRoot())
        try expectUniform(
            try I.kaimingUniform([40, 100], nonlinearity: .leakyReLU(negativeSlope: 5.0.squareRoot()), dtype: .float64), bound: 0.1)
        let unit = try range(try I.uniform([5000], from: 2, to: Float(4)))
        #expect(unit.low >= 2 && unit.low < 2.1 && unit.high > 3.9 && unit.high <= 4 && abs(unit.mean - 3) < 0.1)
        for (tensor, mean, deviation) in [
            (try I.normal([50, 100], mean: 3, std: 0.5), 3, 0.5), (try I.xavierNormal([40, 10, 5, 2]), 0, (2.0 / 500).squareRoot()),
            (try I.kaimingNormal([40, 100], nonlinearity: .tanh), 0, 5.0 / 3 / 10),
            // The deviation of a normal distribution cut at two deviations.
            (try I.truncatedNormal([50, 100], std: 2, from: -4, to: 4), 0, 2 * 0.8796),
        ] as [(Tensor, Double, Double)] {
            let found = try spread(tensor)
            #expect(
                abs(found.mean - mean) < 0.08 * deviation && abs(found.deviation / deviation - 1) < 0.05, "\(found) \(deviation)")
        }
        let cut = try range(try I.truncatedNormal([4000], mean: 1, std: 3, from: 0, to: 2, dtype: .float16))
        #expect(cut.low >= 0 && cut.high <= 2 && abs(cut.mean - 1) < 0.1)
        #expect(try I.constant([2], 7, dtype: .int64).array(of: Int.self) == [7, 7])
        #expect(try I.eye([2, 3]).array(of: Float.self) == [1, 0, 0, 0, 1, 0])
        #expect(try I.zeros([2]).array(of: Float.self) + I.ones([1]).array(of: Float.self) == [0, 0, 1])
        // A convolution by these weights hands its channels on.
        let image = try Tensor.randn([1, 4, 5, 6], seed: 3)
        let copied = try image.conv2d(I.dirac([4, 2, 3, 3], groups: 2), padding: [1, 1], groups: 2)
        #expect(try copied.array(of: Float.self) == image.array(of: Float.self))
        for sizes in [[6, 4], [4, 6], [3, 2, 2]] {
            let matrix = try I.orthogonal(sizes, gain: 2, dtype: .float64).flattened(from: 1)
            let (rows, columns) = (sizes[0], sizes.dropFirst().reduce(1, *))
            let gram = try rows > columns ? matrix.t().matmul(matrix) : matrix.matmul(matrix.t())
            let error = try (gram - Tensor.eye(min(rows, columns), dtype: .float64) * 4).abs().max().item(Double.self)
            #expect(error < 1e-12, "\(sizes)")
        }
        let sparse = try I.sparse([10, 7], sparsity: 0.25)
        #expect(try (sparse .== 0).sum(dim: 0).array(of: Int.self).allSatisfy { $0 == 3 })
        #expect(abs(I.Nonlinearity.leakyReLU(negativeSlope: 0.2).gain - (2 / 1.04).squareRoot()) < 1e-15)
    }

    @Test func initialisersTellWhatIsWrong() throws {
        func message(_ make: () throws -> Tensor) -> String? {
            do {
                _ = try make()
                return nil
            } catch {
                return (error as? TensorError)?.statement ?? "\(error)"
            }
        }
        #expect(
            message { try Initialization.xavierUniform([3]) }
                == "xavierUniform: fans are those of weights [outputs, inputs, ...], not of 1 dimensions")
        #expect(
            message { try Initialization.dirac([5, 2, 3], groups: 2) }
                == "dirac: the number of output channels 5 is not a multiple of the 2 groups")
        #expect(message { try Initialization.truncatedNormal([3], from: 2, to: 1) }?.contains("bounds in order") == true)
        #expect(message { try Initialization.sparse([3, 3], sparsity: 2) } == "sparse: a probability must be between 0 and 1, not 2.0")
        #expect(message { try Initialization.normal([3], std: -1) } == "normal: std must be at least 0.0, not -1.0")
    }

    @Test func seedsRepeat() throws {
        // Other tests draw from the same generator, at the same time: what a seed repeats, it repeats once they leave it alone.
        var repeats = 0
        for _ in 0..<20 where repeats == 0 {
            Tensor.seed(7)
            let first = try Linear(4, 4).weight.array(of: Float.self)
            let second = try Linear(4, 4).weight.array(of: Float.self)
            Tensor.seed(7)
            if try Linear(4, 4).weight.array(of: Float.self) == first, first != second { repeats += 1 }
        }
        #expect(repeats == 1)
    }
}

@Suite struct DropoutTests {
    @Test func dropsItsShareAndScalesTheRest() throws {
        let dropout = try Dropout(0.25)
        let x = try Tensor.ones([100, 100])
        let values = try dropout(x).array(of: Float.self)
        let dropped = values.count { $0 == 0 }
        #expect(abs(Double(dropped) / 10_000 - 0.25) < 0.03)
        #expect(values.allSatisfy { $0 == 0 || abs($0 - 4.0 / 3) < 1e-6 })
        #expect(try dropout(x).array(of: Float.self) != values)
        try dropout.eval()
        #expect(try dropout(x).array(of: Float.self).allSatisfy { $0 == 1 })
        #expect(try Dropout(1)(x).array(of: Float.self).allSatisfy { $0 == 0 })
    }

    @Test func gradientsFollowTheMask() throws {
        let dropout = try Dropout(0.5)
        let x = try Tensor.ones([50])
        let recorder = GradientRecorder()
        try recorder.watch(x)
        let y = try Interpreter.with(recorder) { try dropout(x) }
        let gradient = try #require(try recorder.gradients(of: y, seed: Tensor.ones([50]), with: [x])[0])
        #expect(try gradient.array(of: Float.self) == y.array(of: Float.self))
    }
}

@Suite struct RecurrentLayerTests {
    /// Optimizers number parameters by their order.
    @Test func parametersComeInPyTorchsOrder() throws {
        let lstm = try LSTM(3, 4, numLayers: 2, bidirectional: true, projSize: 2)
        let kinds: [String] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
        let expected: [String] = ["l0", "l0_reverse", "l1", "l1_reverse"].flatMap { place in kinds.map { "\($0)_\(place)" } }
        #expect(lstm.namedParameters().map(\.name) == expected)
        #expect(Tagger(rnn: try RNN(3, 4, bias: false)).namedParameters().map(\.name) == ["rnn.weight_ih_l0", "rnn.weight_hh_l0"])
        #expect(try GRUCell(3, 4).namedParameters().map(\.name) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
    }

    private final class Tagger: Module {
        let rnn: RNN
        init(rnn: RNN) { self.rnn = rnn }
    }

    /// Only outputs that another layer reads are dropped, and only while training.
    @Test func dropoutActsBetweenLayers() throws {
        let x = try Tensor.randn([6, 2, 3], seed: 0)
        let gru = try GRU(3, 50, numLayers: 2, dropout: 0.5)
        let (first, second) = (try gru(x).output.array(of: Float.self), try gru(x).output.array(of: Float.self))
        #expect(first != second && !first.contains(0))
        try gru.eval()
        #expect(try gru(x).output.array(of: Float.self) == gru(x).output.array(of: Float.self))
        let alone = try GRU(3, 4, dropout: 0.5)
        #expect(try alone(x).output.array(of: Float.self) == alone(x).output.array(of: Float.self))
    }
}

/// Mistakes name the layer, its size and the input's shape.
@Suite struct LayerErrorTests {
    private func message<Result>(_ body: () throws -> Result) -> String {
        do {
            _ = try body()
            return "no error"
        } catch {
            return error.unplaced
        }
    }

    @Test func wrongInputs() throws {
        func ones(_ sizes: Int...) throws -> Tensor { try Tensor.full(sizes.map { SymInt($0) }, 1.0) }
        let linear = try Linear(4, 3)
        #expect(message { try linear(try ones(2, 5)) } == "Linear: expects 4 features in dimension -1, got shape [2, 5]")
        #expect(message { try linear(try ones()) } == "Linear: expects at least one dimension, got shape []")
        let convolution = try Conv2d(3, 8, kernelSize: 3)
        #expect(message { try convolution(try ones(2, 4, 8, 8)) } == "Conv2d: expects 3 channels in dimension -3, got shape [2, 4, 8, 8]")
        #expect(message { try convolution(try ones(8, 8)) } == "Conv2d: expects 3 or 4 dimensions, got shape [8, 8]")
        #expect(message { try BatchNorm2d(3)(try ones(2, 3)) } == "BatchNorm2d: expects 4 dimensions, got shape [2, 3]")
        #expect(message { try BatchNorm1d(3)(try ones(2, 4)) } == "BatchNorm1d: expects 3 channels in dimension 1, got shape [2, 4]")
        #expect(
            message { try LayerNorm([3, 4])(try ones(2, 3, 5)) } == "LayerNorm: expects 4 elements in dimension -1, got shape [2, 3, 5]")
        #expect(message { try LayerNorm([3, 4])(try ones(4)) } == "LayerNorm: expects the last sizes [3, 4], got shape [4]")
        #expect(message { try GroupNorm(2, 4)(try ones(2, 3)) } == "GroupNorm: expects 4 channels in dimension 1, got shape [2, 3]")
        #expect(message { try Embedding(5, 2)(try ones(2)) } == "Embedding: looks up integers, not float32")
        #expect(message { try MaxPool2d(2)(try ones(2, 2)) } == "MaxPool2d: expects 3 or 4 dimensions, got shape [2, 2]")
        let attention = try MultiheadAttention(8, 2)
        let x = try ones(5, 3, 8)
        #expect(
            message { try attention(try ones(5, 3, 6), x, x) }
                == "MultiheadAttention: expects 8 features in dimension -1, got shape [5, 3, 6]")
        #expect(
            message { try attention(x, x, try ones(5, 8)) }
                == "MultiheadAttention: query, key and value must have the same rank, got shapes [5, 3, 8], [5, 3, 8], [5, 8]")
        let lstm = try LSTM(3, 4, bidirectional: true, projSize: 2)
        #expect(message { try lstm(try ones(5, 2, 4)) } == "LSTM: expects 3 features in dimension -1, got shape [5, 2, 4]")
        #expect(message { try lstm(try ones(3)) } == "LSTM: expects 2 or 3 dimensions, got shape [3]")
        #expect(
            message { try lstm(try ones(5, 2, 3), try ones(2, 4), try ones(2, 2, 4)) } == "LSTM: expects 3 dimensions, got shape [2, 4]")
        #expect(
            message { try lstm(try ones(5, 2, 3), try ones(2, 2, 4), try ones(2, 2, 4)) }
                == "lstm: with projections the hidden state must be narrower than the cell state, not 4 and 4")
        #expect(message { try lstm(try ones(0, 2, 3)) } == "lstm: needs at least one step, but the input has shape [0, 2, 3]")
        #expect(message { try GRUCell(3, 4)(try ones(2, 3), try ones(3, 4)) } == "gru_cell: 'hx' has shape [3, 4], but [2, 4] is expected")
        for index in [5, -1, Int.max] {
            #expect(throws: TensorError.self) { try Embedding(5, 2)(try Tensor([index], shape: [1])) }
        }
    }

    @Test func wrongOptions() {
        #expect(message { try Linear(0, 3) } == "Linear: inFeatures must be positive, not 0")
        #expect(message { try Conv2d(3, 8, kernelSize: 3, groups: 2) } == "Conv2d: inChannels 3 is not a multiple of the 2 groups")
        #expect(message { try Conv2d(3, 8, kernelSize: 3, groups: 0) } == "Conv2d: groups must be positive, not 0")
        #expect(
            message { try Conv2d(3, 8, kernelSize: [1, 2, 3]) }
                == "Conv2d: kernelSize must be one number or 2, each at least 1, not [1, 2, 3]")
        #expect(
            message { try Conv2d(3, 8, kernelSize: 3, stride: 0) } == "Conv2d: stride must be one number or 2, each at least 1, not [0]")
        #expect(message { try Dropout(1.5) } == "Dropout: a probability must be between 0 and 1, not 1.5")
        #expect(message { try Dropout(.nan) } == "Dropout: a probability must be between 0 and 1, not nan")
        #expect(message { try GroupNorm(4, 6) } == "GroupNorm: numChannels 6 is not a multiple of the 4 groups")
        #expect(message { try LayerNorm([Int]()) } == "LayerNorm: normalizedShape must have positive sizes, not []")
        #expect(
            message { try Embedding(5, 2, paddingIndex: 5) } == "Embedding: the padding index 5 is outside of 5 embeddings")
        #expect(message { try GRU(3, 0) } == "GRU: hiddenSize must be positive, not 0")
        #expect(message { try RNN(3, 4, numLayers: 0) } == "RNN: numLayers must be positive, not 0")
        #expect(message { try LSTM(3, 4, projSize: 4) } == "LSTM: projSize must lie between 0 and hiddenSize 4, not at 4")
        #expect(message { try LSTM(3, 4, dropout: 2) } == "LSTM: a probability must be between 0 and 1, not 2.0")
        #expect(message { try MultiheadAttention(8, 3) } == "MultiheadAttention: embedDim 8 is not a multiple of the 3 heads")
    }

    @Test func widthsMayBeSizesOfTensors() throws {
        let x: Tensor = try Tensor.ones([2, 6, 8, 8])
        let (channels, width): (SymInt, SymInt) = (x.shape[1], x.shape[3])
        #expect(try Linear(width, 3)(x).sizes == [2, 6, 8, 3])
        #expect(try Conv2d(channels, 2 * channels, kernelSize: 3, groups: channels)(x).sizes == [2, 12, 6, 6])
        #expect(try BatchNorm2d(channels)(x).sizes == [2, 6, 8, 8] && GroupNorm(3, channels)(x).sizes == [2, 6, 8, 8])
        #expect(try LSTM(width, 4)(x.select(dim: 0, index: 0)).output.sizes == [6, 8, 4])
        #expect(try MultiheadAttention(width, 2, kdim: width).embedDim == 8 && Embedding(channels, width).embeddingDim == 8)
        #expect(throws: TensorError.self) { try Linear(width - 8, 3) }
    }

    @Test func widthsThatOverflowAreErrors() throws {
        func text(_ body: () throws -> Any) -> String {
            do { return "no error: \(try body())" } catch { return error.unplaced }
        }
        #expect(text { try MultiheadAttention(Int.max, 1) } == "MultiheadAttention: embedDim 9223372036854775807 is too large")
        #expect(text { try MultiheadAttention(1 << 40, 1) }.contains("too many elements"))
        #expect(text { try LSTM(1, Int.max / 2) } == "LSTM: hiddenSize 4611686018427387903 is too large")
        #expect(text { try GRUCell(1, Int.max / 2) } == "GRUCell: hiddenSize 4611686018427387903 is too large")
        #expect(throws: TensorError.self) { try Linear(Int.max, Int.max) }
        #expect(throws: TensorError.self) { try BatchNorm1d(Int.max) }
        #expect(throws: TensorError.self) { try Embedding(Int.max, Int.max) }
        #expect(throws: TensorError.self) { try Conv2d(Int.max, Int.max, kernelSize: Int.max) }
    }

    /// PyTorch's text is 'Expected more than 1 value per channel when training'.
    @Test func oneValuePerChannelCannotTrain() throws {
        let norm = try BatchNorm1d(3)
        let before = try norm.runningVar?.array(of: Float.self)
        let error = #expect(throws: TensorError.self) { try norm(Tensor.ones([1, 3])) }
        #expect(
            error?.statement == "batch_norm: training needs more than one value for each channel, but the input has shape [1, 3]")
        #expect(try norm.runningVar?.array(of: Float.self) == before)
        norm.isTraining = false
        #expect(try norm(Tensor.ones([1, 3])).sizes == [1, 3])
        let image = try BatchNorm2d(3)
        #expect(try image(Tensor.ones([1, 3, 1, 2])).sizes == [1, 3, 1, 2])
        #expect(throws: TensorError.self) { try image(Tensor.ones([1, 3, 1, 1])) }
    }
}
