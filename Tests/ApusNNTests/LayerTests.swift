import ApusNN
import ApusTensor
import Testing

private struct LayerCase: Decodable {
    let state, gradients, stateAfter: [String: ReferenceTensor]
    let inputs: [ReferenceTensor]
    /// None where PyTorch has no formula for one.
    let inputGradients: [ReferenceTensor?]
    let output: ReferenceTensor
}

private typealias Subject = LayerSubject

@Suite struct LayerTests {
    private static let cases = Result { try judge("nn_layers.py", as: [String: LayerCase].self) }

    private func plain(_ name: String) throws -> Subject? {
        let d = DType.float64
        switch name {
        case "linear": return Subject(try Linear(4, 3, dtype: d))
        case "linear without bias": return Subject(try Linear(4, 3, bias: false, dtype: d))
        case "embedding": return Subject(try Embedding(7, 3, dtype: d))
        case "embedding padding": return Subject(try Embedding(7, 3, paddingIndex: 2, dtype: d))
        case "relu": return Subject(ReLU())
        case "gelu": return Subject(GELU())
        case "gelu tanh": return Subject(GELU(approximate: .tanh))
        case "silu": return Subject(SiLU())
        case "sigmoid": return Subject(Sigmoid())
        case "tanh": return Subject(Tanh())
        case "softmax": return Subject(Softmax(dim: 1))
        case "identity": return Subject(Identity())
        case "flatten": return Subject(Flatten())
        case "sequential": return Subject(Sequential(try Linear(4, 5, dtype: d), Tanh(), try Linear(5, 2, dtype: d)))
        default: return nil
        }
    }

    private func spatial(_ name: String) throws -> Subject? {
        let d = DType.float64
        switch name {
        case "conv1d": return Subject(try Conv1d(4, 6, kernelSize: 3, stride: 2, padding: 1, dilation: 2, groups: 2, dtype: d))
        case "conv2d": return Subject(try Conv2d(3, 4, kernelSize: 3, padding: 1, dtype: d))
        case "conv2d options":
            return Subject(
                try Conv2d(
                    4, 6, kernelSize: [3, 2], stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2, bias: false, dtype: d))
        case "conv2d without batch": return Subject(try Conv2d(3, 4, kernelSize: 3, dtype: d))
        case "convtranspose2d":
            return Subject(try ConvTranspose2d(4, 6, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, groups: 2, dtype: d))
        case "maxpool2d": return Subject(try MaxPool2d(2))
        case "maxpool2d options": return Subject(try MaxPool2d([3, 2], stride: [2, 1], padding: 1, ceilMode: true))
        case "avgpool2d": return Subject(try AvgPool2d(2))
        case "avgpool2d options": return Subject(try AvgPool2d(3, stride: 2, padding: 1, ceilMode: true, countIncludePad: false))
        case "adaptiveavgpool2d": return Subject(try AdaptiveAvgPool2d([2, 3]))
        default: return nil
        }
    }

    private final class Symmetric: Module {
        func forward(_ x: Tensor) throws -> Tensor { try x.triu() + x.triu(diagonal: 1).t() }
    }

    private func parametrized(_ name: String) throws -> Subject? {
        let d = DType.float64
        switch name {
        case "weight norm": return Subject(try Linear(4, 3, dtype: d).weightNorm())
        case "weight norm columns": return Subject(try Conv2d(3, 4, kernelSize: 3, dtype: d).weightNorm(dim: 1))
        case "weight norm whole": return Subject(try Linear(4, 3, dtype: d).weightNorm(dim: nil))
        case "weight norm recurrent":
            let module = try RNN(3, 4, batchFirst: true, dtype: d).weightNorm("weight_hh_l0")
            return Subject(module) { try module($0[0]).0 }
        case "spectral norm train":
            let module = try Linear(4, 3, dtype: d).spectralNorm()
            return Subject(module) { x in
                _ = try module(x[0])
                return try module(x[0])
            }
        case "spectral norm eval": return Subject(try Conv2d(3, 4, kernelSize: 3, dtype: d).spectralNorm(powerIterations: 2))
        case "spectral norm transposed train": return Subject(try ConvTranspose2d(3, 4, kernelSize: 3, dtype: d).spectralNorm())
        case "spectral norm vector": return Subject(try PReLU(4, dtype: d).spectralNorm())
        case "parametrized":
            return Subject(try Linear(4, 4, dtype: d).registerParametrization("weight", Symmetric()).spectralNorm())
        default: return nil
        }
    }

    private func normalization(_ name: String) throws -> Subject? {
        let d = DType.float64
        switch name {
        case "batchnorm1d eval", "batchnorm1d train": return Subject(try BatchNorm1d(3, dtype: d))
        case "batchnorm2d eval": return Subject(try BatchNorm2d(3, dtype: d))
        case "batchnorm2d train":
            let module = try BatchNorm2d(3, epsilon: 1e-3, momentum: 0.3, dtype: d)
            return Subject(module) { x in
                _ = try module(x[0])
                _ = try module(x[0])
                return try module(x[0])
            }
        case "batchnorm2d plain": return Subject(try BatchNorm2d(3, affine: false, trackRunningStats: false, dtype: d))
        case "layernorm": return Subject(try LayerNorm(6, dtype: d))
        case "layernorm two dims": return Subject(try LayerNorm([3, 4], epsilon: 1e-3, dtype: d))
        case "layernorm plain": return Subject(try LayerNorm(6, elementwiseAffine: false, dtype: d))
        case "groupnorm": return Subject(try GroupNorm(2, 6, dtype: d))
        case "rmsnorm": return Subject(try RMSNorm(6, dtype: d))
        case "rmsnorm eps": return Subject(try RMSNorm(6, epsilon: 1e-2, dtype: d))
        default: return nil
        }
    }

    private func attention(_ name: String) throws -> Subject? {
        let d = DType.float64
        func attention(batchFirst: Bool = true) throws -> MultiheadAttention {
            try MultiheadAttention(8, 2, batchFirst: batchFirst, dtype: d)
        }
        switch name {
        case "attention":
            let module = try attention(batchFirst: false)
            return Subject(module) { x in try module(x[0], x[0], x[0]) }
        case "attention batch first":
            let module = try attention()
            return Subject(module) { x in try module(x[0], x[0], x[0]) }
        case "attention without batch":
            let module = try MultiheadAttention(8, 4, bias: false, dtype: d)
            return Subject(module) { x in try module(x[0], x[0], x[0]) }
        case "cross attention":
            let module = try MultiheadAttention(8, 2, kdim: 6, vdim: 4, batchFirst: true, dtype: d)
            return Subject(module) { x in try module(x[0], x[1], x[2]) }
        case "cross attention packed":
            let module = try attention()
            return Subject(module) { x in try module(x[0], x[1], x[2]) }
        case "attention masks":
            let module = try attention()
            let causal = try Tensor.ones([5, 5], dtype: .bool).triu(diagonal: 1)
            var padding = [Bool](repeating: false, count: 15)
            for position in [8, 9, 11] { padding[position] = true }
            let keys = try Tensor(padding, shape: [3, 5])
            return Subject(module) { x in try module.attend(x[0], x[0], x[0], attentionMask: causal, keyPaddingMask: keys) }
        case "attention float mask":
            let module = try attention()
            return Subject(module) { x in try module.attend(x[0], x[0], x[0], attentionMask: x[1]) }
        case "attention causal":
            let module = try attention()
            return Subject(module) { x in try module.attend(x[0], x[0], x[0], isCausal: true) }
        case "encoder layer":
            return Subject(try TransformerEncoderLayer(8, 2, dimFeedforward: 16, dropout: 0, dtype: d))
        case "encoder layer norm first":
            return Subject(
                try TransformerEncoderLayer(
                    8, 2, dimFeedforward: 16, dropout: 0, activation: .gelu, batchFirst: true, normFirst: true, dtype: d))
        case "encoder":
            let layers = try (0..<2).map { _ in
                try TransformerEncoderLayer(8, 2, dimFeedforward: 16, dropout: 0, batchFirst: true, dtype: d)
            }
            return Subject(TransformerEncoder(layers, norm: try LayerNorm(8, dtype: d)))
        default: return nil
        }
    }

    /// All results in one vector.
    private func recurrent(_ name: String) throws -> Subject? {
        let d = DType.float64
        func everything(_ tensors: Tensor...) throws -> Tensor { try Tensor.cat(try tensors.map { try $0.flattened() }) }
        func lstm(_ module: LSTM) -> Subject {
            Subject(module) { x in
                let (output, hidden, cell) = try x.count == 1 ? module(x[0]) : module(x[0], x[1], x[2])
                return try everything(output, hidden, cell)
            }
        }
        func gru(_ module: GRU) -> Subject {
            Subject(module) { x in
                let (output, hidden) = try x.count == 1 ? module(x[0]) : module(x[0], x[1])
                return try everything(output, hidden)
            }
        }
        func rnn(_ module: RNN) -> Subject {
            Subject(module) { x in
                let (output, hidden) = try x.count == 1 ? module(x[0]) : module(x[0], x[1])
                return try everything(output, hidden)
            }
        }
        func cell(_ module: LSTMCell) -> Subject {
            Subject(module) { x in
                let (hidden, cell) = try x.count == 1 ? module(x[0]) : module(x[0], x[1], x[2])
                return try everything(hidden, cell)
            }
        }
        func oneState(_ module: some Module<Tensor, Tensor>, _ step: @escaping (Tensor, Tensor) throws -> Tensor) -> Subject {
            Subject(module) { x in try (x.count == 1 ? module(x[0]) : step(x[0], x[1])).flattened() }
        }
        switch name {
        case "lstm": return lstm(try LSTM(3, 4, dtype: d))
        case "lstm options": return lstm(try LSTM(3, 4, numLayers: 2, batchFirst: true, bidirectional: true, projSize: 2, dtype: d))
        case "lstm without batch": return lstm(try LSTM(3, 4, numLayers: 2, bias: false, dtype: d))
        case "lstm dropout train": return lstm(try LSTM(3, 4, numLayers: 2, batchFirst: true, dropout: 1, bidirectional: true, dtype: d))
        case "gru": return gru(try GRU(3, 4, dtype: d))
        case "gru options": return gru(try GRU(3, 4, numLayers: 2, batchFirst: true, bidirectional: true, dtype: d))
        case "rnn": return rnn(try RNN(3, 4, numLayers: 2, batchFirst: true, bidirectional: true, dtype: d))
        case "rnn relu": return rnn(try RNN(3, 4, nonlinearity: .relu, bias: false, batchFirst: true, dtype: d))
        case "lstm cell": return cell(try LSTMCell(3, 4, dtype: d))
        case "lstm cell without batch": return cell(try LSTMCell(3, 4, bias: false, dtype: d))
        case "gru cell":
            let module = try GRUCell(3, 4, dtype: d)
            return oneState(module) { try module($0, $1) }
        case "rnn cell", "rnn cell relu":
            let module = try RNNCell(3, 4, nonlinearity: name.hasSuffix("relu") ? .relu : .tanh, dtype: d)
            return oneState(module) { try module($0, $1) }
        default: return nil
        }
    }

    /// Weights interchange by name, outputs, gradients of parameters and inputs, and buffers afterwards are PyTorch's.
    @Test func layersArePyTorchs() throws {
        let cases = try Self.cases.get()
        #expect(cases.count == 193)
        for (name, expected) in cases {
            guard
                let subject = try LayerSubject.table[name]?() ?? plain(name) ?? spatial(name) ?? normalization(name) ?? attention(name)
                    ?? parametrized(name)
                    ?? recurrent(name)
            else {
                Issue.record("no layer for '\(name)'")
                continue
            }
            do {
                try compare(name, subject, expected)
            } catch {
                Issue.record("\(name): \(error)")
            }
        }
    }

    private func compare(_ name: String, _ subject: Subject, _ expected: LayerCase) throws {
        let module = subject.module
        try load(module, try expected.state.mapValues { try $0.tensor() })
        try module.train(name.contains("train") || name.hasPrefix("encoder"))
        let inputs = try expected.inputs.map { try $0.tensor() }
        let floating = inputs.indices.filter { inputs[$0].dtype.isFloatingPoint }
        let recorder = GradientRecorder()
        let parameters = try ModuleState(of: module).slots.filter(\.requiresGradient)
        for tensor in floating.map({ inputs[$0] }) + parameters.map(\.tensor) { try recorder.watch(tensor) }
        let (output, loss) = try Interpreter.with(recorder) {
            let output = try subject.call(inputs)
            let coefficients = try Tensor.linspace(-1, 1.5, steps: output.count, dtype: .float64).reshaped(output.shape)
            return (output, try (output * coefficients).sum())
        }
        try expectClose(output, expected.output, rtol: 1e-9, name)
        let gradients = try recorder.gradients(of: loss, with: parameters.map(\.tensor))
        for (parameter, gradient) in zip(parameters, gradients) {
            let name = "\(name), gradient of \(parameter.names[0])"
            guard let reference = expected.gradients[parameter.names[0]] else {
                Issue.record("\(name): PyTorch has none")
                continue
            }
            try expectClose(try #require(gradient, "\(name)"), reference, rtol: 1e-8, name)
        }
        #expect(parameters.count == expected.gradients.count, "\(name): parameters")
        let inputGradients = try recorder.gradients(of: loss, with: floating.map { inputs[$0] })
        for (position, reference) in expected.inputGradients.enumerated() {
            guard let reference else { continue }
            // PyTorch has hardsigmoid's sixth in float32.
            let rtol: Double = name == "hardsigmoid" ? 1e-7 : 1e-8
            try expectClose(try #require(inputGradients[position]), reference, rtol: rtol, "\(name), gradient of input \(position)")
        }
        for entry in try ModuleState(of: module).buffers {
            let reference = try #require(expected.stateAfter[entry.name])
            try expectClose(entry.tensor, reference, rtol: 1e-10, "\(name), \(entry.name) afterwards")
        }
    }

    private func load(_ module: some Module, _ state: [String: Tensor]) throws { try module.load(state, strict: true) }
}
