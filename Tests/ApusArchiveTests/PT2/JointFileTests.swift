import ApusExport
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

// The same models as in Tests/Judges/joint_programs.py.

private final class Mlp: Module {
    let first: Linear
    let second: Linear

    init() throws { (first, second) = (try Linear(4, 8), try Linear(8, 3)) }
    func forward(_ x: Tensor, _ y: Tensor) throws -> Tensor { try crossEntropy(second(first(x).relu()), y) }
}

private final class Tied: Module {
    let encoder: Linear
    let decoder: Linear
    @Parameter var shared: Tensor
    @Parameter var again: Tensor

    init() throws {
        encoder = try Linear(4, 2, bias: false)
        decoder = try Linear(2, 4, bias: false)
        shared = try Tensor.randn([4, 2], seed: 5)
        again = try Tensor.zeros([1])
        again = shared
    }

    func forward(_ x: Tensor) throws -> Tensor {
        let hidden = try x.matmul(shared).tanh() + encoder(x)
        return try mseLoss(hidden.matmul(again.transposed(0, 1)) + decoder(hidden), x)
    }
}

private final class Norm: Module {
    let conv: Conv2d
    let norm: BatchNorm2d
    let pool: AdaptiveAvgPool2d
    let head: Linear

    init() throws {
        conv = try Conv2d(2, 4, kernelSize: 3, padding: 1)
        norm = try BatchNorm2d(4)
        pool = try AdaptiveAvgPool2d(1)
        head = try Linear(4, 3)
    }

    func forward(_ x: Tensor, _ y: Tensor) throws -> Tensor {
        let features = try pool(norm(conv(x)).gelu()).flattened(from: 1)
        return try crossEntropy(head(features), y, labelSmoothing: 0.1)
    }
}

private final class Branch: Module {
    let linear: Linear

    init() throws { linear = try Linear(4, 4) }

    func forward(_ x: Tensor) throws -> Tensor {
        let y = try linear(x)
        return x.shape[0] > 3 ? try y.cos().mean() : try (y.sin() * y).sum()
    }
}

private final class Encoder: Module {
    let embedding: Embedding
    let layer: TransformerEncoderLayer
    let head: Linear

    init() throws {
        embedding = try Embedding(11, 8)
        layer = try TransformerEncoderLayer(8, 2, dimFeedforward: 16, dropout: 0, batchFirst: true)
        head = try Linear(8, 11)
    }

    func forward(_ tokens: Tensor, _ targets: Tensor) throws -> Tensor {
        let scores = try head(layer(embedding(tokens)))
        return try crossEntropy(scores.flattened(from: 0, to: 1), targets.flattened())
    }
}

@Suite("Joint programs in files")
struct JointFileTests {
    private struct Sample {
        let name: String
        let program: ExportedProgram
        let inputs: [Tensor]
    }

    private func classes(_ sizes: [Int], _ count: Int) throws -> Tensor {
        try Tensor((0..<sizes.reduce(1, *)).map { ($0 * 7 + 3) % count }, shape: sizes)
    }

    private func samples() throws -> [Sample] {
        Tensor.seed(11)
        var samples: [Sample] = []
        let (x, y) = (try Tensor.randn([5, 4], seed: 1), try classes([5], 3))
        let mlp = try Mlp()
        let rows: [any ConstraintConvertible] = [dynamicDim(x, 0).in(1...64), dynamicDim(x, 0) == dynamicDim(y, 0)]
        let mlpProgram = try exportJoint(
            { (x: Tensor, y: Tensor) in try mlp(x, y) }, of: mlp, args: x, y, withRespectTo: [x], constraints: rows)
        samples.append(Sample(name: "mlp_5", program: mlpProgram, inputs: [x, y]))
        samples.append(Sample(name: "mlp_2", program: mlpProgram, inputs: [try Tensor.randn([2, 4], seed: 2), try classes([2], 3)]))
        let tied = try Tied()
        samples.append(
            Sample(
                name: "tied", program: try exportJoint({ (x: Tensor) in try tied(x) }, of: tied, args: x, withRespectTo: [x]), inputs: [x]))
        let norm = try Norm()
        let (images, labels) = (try Tensor.randn([4, 2, 6, 5], seed: 3), try classes([4], 3))
        samples.append(
            Sample(
                name: "norm",
                program: try exportJoint(
                    { (x: Tensor, y: Tensor) in try norm(x, y) }, of: norm, args: images, labels, withRespectTo: [images],
                    constraints: [dynamicDim(images, 0).in(2...32), dynamicDim(images, 0) == dynamicDim(labels, 0)]),
                inputs: [images, labels]))
        let branch = try Branch()
        let branching = try exportJoint(
            { (x: Tensor) in try branch(x) }, of: branch, args: x, withRespectTo: [x], constraints: [dynamicDim(x, 0).in(2...8)])
        samples.append(Sample(name: "branch_5", program: branching, inputs: [x]))
        samples.append(Sample(name: "branch_3", program: branching, inputs: [try Tensor.randn([3, 4], seed: 6)]))
        let encoder = try Encoder()
        let (tokens, targets) = (try classes([2, 5], 11), try classes([2, 5], 11))
        samples.append(
            Sample(
                name: "encoder",
                program: try exportJoint({ (x: Tensor, y: Tensor) in try encoder(x, y) }, of: encoder, args: tokens, targets),
                inputs: [tokens, targets]))
        return samples
    }

    /// Everything that a run of the program computes, by the judge's names.
    private func results(_ program: ExportedProgram, _ inputs: [Tensor]) throws -> [String: Tensor] {
        let step = try program.valueAndGradients(leaves: inputs.map { .tensor($0) })
        var found: [String: Tensor] = ["loss": step.loss]
        for entry in step.gradients.entries { found["parameter/\(entry.names[0])"] = entry.gradient }
        for (name, tensor) in step.inputGradients { found["input/\(name)"] = tensor }
        for name in program.graphSignature.buffers { found["buffer/\(name)"] = program.stateDict[name] }
        return found
    }

    @Test("PyTorch runs the files, and its autograd computes the same gradients")
    func judged() throws {
        let folder = try TemporaryFolder()
        let samples = try samples()
        var expected: [String: [String: Tensor]] = [:]
        for sample in samples {
            try sample.program.save(to: folder.file("\(sample.name).pt2"))
            let inputs = Dictionary(sample.inputs.enumerated().map { ("in.\($0)", $1) }, uniquingKeysWith: { first, _ in first })
            try inputs.save(safetensors: folder.file("\(sample.name).safetensors"))
            let reloaded = try ExportedProgram.load(from: folder.file("\(sample.name).pt2"))
            #expect(
                reloaded.graphSignature.backwardSignature.map { Set($0.gradientsToParameters.values) }
                    == sample.program.graphSignature.backwardSignature.map { Set($0.gradientsToParameters.values) })
            let again = try results(reloaded, sample.inputs)
            let own = try results(sample.program, sample.inputs)
            #expect(again.keys.sorted() == own.keys.sorted(), "\(sample.name)")
            for (what, tensor) in own {
                let second = try #require(again[what], "\(sample.name): \(what)")
                #expect(try difference(second, tensor, rtol: 0, atol: 0) == nil, "\(sample.name), from the file: \(what)")
            }
            expected[sample.name] = own
        }
        #expect(try Python.runFile("Tests/Judges/joint_programs.py", [folder.path] + samples.map(\.name)) == "")
        var compared = 0
        for sample in samples {
            let own = try #require(expected[sample.name])
            for (name, tensor) in try [String: Tensor].load(safetensors: folder.file("\(sample.name).out.safetensors")) {
                let what = String(name.drop { $0 != "/" }.dropFirst())
                let actual = try #require(own[what], "\(sample.name): \(name)")
                if let difference = try difference(actual, tensor, rtol: 1e-4, atol: 2e-6) {
                    Issue.record("\(sample.name): \(name): \(difference)")
                }
                compared += 1
            }
        }
        let total: Int = expected.values.reduce(0) { $0 + $1.count }
        // Each of them by the file's graph and by autograd.
        #expect(compared == 2 * total)
    }

    @Test("Entry points for training and for evaluation share weights, from a file too")
    func trainAndEval() throws {
        final class Net: Module {
            let linear: Linear
            let norm: BatchNorm1d
            init() throws { (linear, norm) = (try Linear(3, 4), try BatchNorm1d(4)) }
            func forward(_ x: Tensor) throws -> Tensor { try norm(linear(x)).tanh() }
        }
        let folder = try TemporaryFolder()
        let model = try Net()
        let x = try Tensor.randn([6, 3], seed: 1)
        let target = try Tensor.randn([6, 4], seed: 2)
        let programs = try export(
            [
                "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: x, constraints: [dynamicDim(x, 0)], isTraining: false),
                "train": .joint({ (x: Tensor, y: Tensor) in try mseLoss(model(x), y) }, args: x, target, isTraining: true),
            ], of: model)
        try programs.save(to: folder.file("net.pt2"))
        let loaded = try ExportedPrograms.load(from: folder.file("net.pt2"))
        let eval = try loaded.program(named: "eval")
        let trainer = try ProgramTrainer(try loaded.program(named: "train")) { try Adam($0, learningRate: 0.05) }
        let optimizer = try Adam(model, learningRate: 0.05)
        let before: Tensor = try eval(x)
        for _ in 0..<5 {
            try trainer.step(x, target)
            let (_, gradients) = try valueAndGradient(of: model) { try mseLoss($0(x), target) }
            try optimizer.step(gradients)
        }
        try model.eval()
        let after: Tensor = try eval(x)
        #expect(try difference(after, try model(x), rtol: 1e-3, atol: 1e-4) == nil)
        #expect(try difference(after, before, rtol: 1e-3, atol: 1e-3) != nil)
        // Saved again, the file holds what was learned.
        try loaded.save(to: folder.file("again.pt2"))
        let again: Tensor = try ExportedPrograms.load(from: folder.file("again.pt2")).program(named: "eval")(x)
        #expect(try difference(again, after, rtol: 0, atol: 0) == nil)
    }

    @Test("One tensor as two arguments, or captured and a parameter as well, has a gradient for each")
    func oneTensorTwice() throws {
        let folder = try TemporaryFolder()
        let model = try Linear(3, 2)
        let x = try Tensor.randn([4, 3], seed: 1)
        func loss(_ a: Tensor, _ b: Tensor) throws -> Tensor { try (model(a).tanh().sum(dim: 1, keepDim: true) * b * b).sum() }
        // One declared dimension covers both arguments.
        let program = try exportJoint(
            { (a: Tensor, b: Tensor) in try loss(a, b) }, of: model, args: x, x, withRespectTo: [x],
            constraints: [dynamicDim(x, 0).in(1...9)],
            options: ExportOptions(names: ["a", "b"]))
        try program.save(to: folder.file("twice.pt2"))
        let loaded = try ExportedProgram.load(from: folder.file("twice.pt2"))
        let (p, q) = (try Tensor.randn([7, 3], seed: 2), try Tensor.randn([7, 3], seed: 3))
        for (a, b) in [(x, x), (p, q)] {
            let eager = try valueAndGradient(at: [a, b]) { try loss($0[0], $0[1]) }
            for step in [try program.valueAndGradients(a, b), try loaded.valueAndGradients(a, b)] {
                #expect(try difference(step.loss, eager.value, rtol: 1e-5, atol: 1e-6) == nil)
                let found = try ["a", "b"].map { try #require(step.inputGradients[$0]) }
                for (gradient, expected) in zip(found, eager.gradients) {
                    #expect(try difference(gradient, expected, rtol: 1e-5, atol: 1e-6) == nil)
                }
                #expect(try difference(found[0], found[1], rtol: 1e-3, atol: 1e-3) != nil)
            }
        }
        #expect(throws: (any Error).self) { try loaded.valueAndGradients(p, x) }

        let captured = try exportJoint(
            { (a: Tensor) in try (a * a * x).sum() }, args: x, withRespectTo: [x], options: ExportOptions(names: ["a"]))
        #expect(
            try difference(
                #require(captured.valueAndGradients(p.narrowed(dim: 0, from: 0, length: 4)).inputGradients["a"]),
                p.narrowed(dim: 0, from: 0, length: 4) * x * 2, rtol: 1e-5, atol: 1e-6) == nil)
        let both = try exportJoint(
            { (a: Tensor) in try (model.weight * a * a).sum() }, of: model, args: model.weight, withRespectTo: [model.weight],
            options: ExportOptions(names: ["a"]))
        let step = try both.valueAndGradients(model.weight)
        let square = try model.weight * model.weight
        #expect(try difference(#require(step.gradients["weight"]), square, rtol: 1e-5, atol: 1e-6) == nil)
        #expect(try difference(#require(step.inputGradients["a"]), square * 2, rtol: 1e-5, atol: 1e-6) == nil)
    }
}
