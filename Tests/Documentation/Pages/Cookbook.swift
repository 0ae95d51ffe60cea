import Apus
import Testing

extension PageTests {
    @Test func regression() throws {
        // snippet
        let x = try Tensor.randn([256, 3], seed: 1)
        let truth = try Tensor([[2.0], [-1], [0.5]])
        let y = try x.matmul(truth) + 3 + Tensor.randn([256, 1], seed: 2) * 0.1

        let model = try Linear(3, 1)
        let optimizer = try SGD(model, learningRate: 0.1)
        for _ in 0..<200 {
            let (_, gradients) = try valueAndGradient(of: model) { try mseLoss($0(x), y) }
            try optimizer.step(gradients)
        }
        let error = try mseLoss(model(x), y).item(Float.self)  // about 0.01, the square of the noise
        // snippet.end
        #expect(error < 0.015)
        #expect(try model.weight.allclose(truth.transposed(0, 1), rtol: 0, atol: 0.05))
        #expect(try #require(model.bias).allclose(Tensor([3.0]), rtol: 0, atol: 0.05))
    }

    @Test func convolutionalNetwork() throws {
        Tensor.seed(0)
        // snippet
        /// Images `[count, 1, 8, 8]` of a stroke across, down, or along the diagonal, under noise; and which it is.
        func strokes(_ count: Int, seed: UInt64) throws -> (images: Tensor, labels: Tensor) {
            let down = try Tensor.zeros([8, 8]).setting(.all, 3, to: 1)
            let shapes = try Tensor.stack([down.transposed(0, 1), down, Tensor.eye(8)]).unsqueezed(1)
            let labels = try Tensor.randint(3, [count], seed: seed)
            let noise = try Tensor.randn([count, 1, 8, 8], seed: seed + 1) * 0.3
            return (try shapes.indexSelect(dim: 0, labels) + noise, labels)
        }

        final class StrokeNet: Module {
            let conv: Conv2d
            let norm: BatchNorm2d
            let output: Linear

            init() throws {
                conv = try Conv2d(1, 8, kernelSize: 3, padding: 1)
                norm = try BatchNorm2d(8)
                output = try Linear(8 * 4 * 4, 3)
            }

            func forward(_ images: Tensor) throws -> Tensor {
                let features = try norm(conv(images)).relu().maxPool2d([2])
                return try output(features.reshaped([images.shape[0], -1]))
            }
        }

        let model = try StrokeNet()
        let optimizer = try AdamW(model, learningRate: 1e-2)
        for step in 0..<30 {
            let (images, labels) = try strokes(32, seed: UInt64(2 * step))
            let (_, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(images), labels) }
            try optimizer.step(gradients)
        }

        try model.eval()  // the running statistics from here on
        let (images, labels) = try strokes(200, seed: 1000)
        let accuracy = try (model(images).argmax(dim: 1) .== labels).to(.float32).mean().item(Float.self)
        let program = try export(model, args: images, constraints: [dynamicDim(images, 0).in(1...1024)])
        // snippet.end
        #expect(accuracy > 0.95)
        for count in [1, 200] {
            let images = try strokes(count, seed: 2000).images
            let scores = try program(images)
            #expect(try scores.allclose(model(images), rtol: 1e-4, atol: 1e-4))
        }
    }

    @Test func transformerEncoder() throws {
        Tensor.seed(0)
        // snippet
        final class TextClassifier: Module {
            let tokens: Embedding
            let positions: Embedding
            let encoder: TransformerEncoder
            let output: Linear

            init() throws {
                tokens = try Embedding(100, 32)
                positions = try Embedding(64, 32)
                encoder = TransformerEncoder(
                    try (0..<2).map { _ in try TransformerEncoderLayer(32, 4, dimFeedforward: 64, batchFirst: true) })
                output = try Linear(32, 2)
            }

            /// From ids `[batch, length]` to scores `[batch, 2]`.
            func forward(_ ids: Tensor) throws -> Tensor {
                let places = try Tensor.arange(ids.shape[1])
                let encoded = try encoder(tokens(ids) + positions(places))
                return try output(encoded.mean(dim: 1))
            }
        }

        let model = try TextClassifier().eval()  // dropout drops nothing
        let ids = try Tensor.randint(100, [2, 16], seed: 0)
        let program = try export(
            model, args: ids, constraints: [dynamicDim(ids, 0).in(1...32), dynamicDim(ids, 1).in(1...64)])
        // snippet.end
        for (batch, length) in [(1, 1), (2, 16), (3, 64)] {
            let ids = try Tensor.randint(100, [batch, length], seed: 1)
            let scores = try program(ids)
            #expect(try scores.allclose(model(ids), rtol: 1e-4, atol: 1e-5))
        }
        #expect(throws: ProgramError.self) { let _: Tensor = try program(Tensor.zeros([1, 65], dtype: .int64)) }
    }

    @Test func decodingWithACache() throws {
        Tensor.seed(0)
        // snippet
        final class Decoder: Module {
            let tokens: Embedding
            let projection: Linear
            let output: Linear
            @Buffer(persistent: false) var keys: Tensor
            @Buffer(persistent: false) var values: Tensor

            init(length: Int) throws {
                tokens = try Embedding(50, 32)
                projection = try Linear(32, 3 * 32)
                output = try Linear(32, 50)
                keys = try Tensor.zeros([1, length, 32])
                values = try Tensor.zeros([1, length, 32])
            }

            /// All tokens `[1, length]` at once, each of which sees those before it.
            func forward(_ ids: Tensor) throws -> Tensor {
                let parts = try projection(tokens(ids)).chunk(3, dim: -1)
                return try output(parts[0].scaledDotProductAttention(key: parts[1], value: parts[2], isCausal: true))
            }

            /// The next token `[1, 1]`, at `position` `[1]`: its key and value go to the cache, where those of the tokens before it are.
            func step(_ id: Tensor, _ position: Tensor) throws -> Tensor {
                let parts = try projection(tokens(id)).chunk(3, dim: -1)
                keys = try keys.indexCopy(dim: 1, position, parts[1])
                values = try values.indexCopy(dim: 1, position, parts[2])
                let isKnown = try Tensor.arange(keys.shape[1]) .<= position
                return try output(parts[0].scaledDotProductAttention(key: keys, value: values, mask: isKnown.unsqueezed(0)))
            }
        }

        let model = try Decoder(length: 16)
        let ids = try Tensor.randint(50, [1, 16], seed: 1)
        let program = try export(model.step, of: model, args: ids[.all, ..<1], Tensor([0]))
        let session = try program.makeSession()
        var rows: [Tensor] = []
        for position in 0..<16 {
            rows.append(try session(ids[.all, position..<(position + 1)], Tensor([position])))
        }
        let scores = try Tensor.cat(rows, dim: 1)  // what model(ids) gives in one pass
        // snippet.end
        #expect(try scores.allclose(model(ids), rtol: 1e-4, atol: 1e-5))
        // Another session begins with an empty cache, and a position outside of it is refused.
        let other: Tensor = try program.makeSession()(ids[.all, ..<1], Tensor([0]))
        #expect(try other.equal(rows[0]))
        #expect(throws: TensorError.self) { let _: Tensor = try session(ids[.all, ..<1], Tensor([16])) }
    }

    @Test func anOperatorOfYourOwn() throws {
        try inFolder { folder in
            // snippet
            let cube = Operator(
                try Operator.Schema("mine::cube(Tensor self) -> Tensor"), "`self * self * self`, elementwise.",
                rule: { call in [try call.tensor(0).spec] },  // dtype and shape of the result
                kernel: .host { call in
                    let x = try call.tensor(0)
                    return [.tensor(try x * x * x)]
                },
                gradient: { g in
                    let x = try g.call.tensor(0)
                    return [.tensor(try g.gradient * 3 * x * x)]
                })

            let x = try Tensor.randn([4], seed: 0)
            let program = try export(
                { (x: Tensor) in try applySingle(cube, [.tensor(x)]) + 1 }, args: x, constraints: [dynamicDim(x, 0)])
            try program.save(to: "\(folder)/cube.pt2")

            // A file holds what the operator is called. What it computes comes from the table.
            let table = try OperatorTable.standard.adding([cube])
            let loaded = try ExportedProgram.load(from: "\(folder)/cube.pt2", operators: table)
            let y: Tensor = try loaded(x)
            let slope = try gradient(at: x) { x in
                let y: Tensor = try loaded(x)
                return try y.sum()
            }
            // snippet.end
            #expect(try y.equal(x * x * x + 1))
            #expect(try slope.allclose(3 * x * x))
            let error = #expect(throws: ArchiveError.self) { try ExportedProgram.load(from: "\(folder)/cube.pt2") }
            #expect(error?.code == .unknownOperators)
        }
    }

    @Test func safetensors() throws {
        try inFolder { folder in
            // snippet
            let model = try Linear(4, 3)
            try model.stateDict().save(safetensors: "\(folder)/model.safetensors", metadata: ["epoch": "7"])

            let state = try [String: Tensor].load(safetensors: "\(folder)/model.safetensors")  // mapped: read when it is used
            let again = try Linear(4, 3)
            try again.load(state)
            let epoch = try [String: Tensor].metadata(safetensors: "\(folder)/model.safetensors")["epoch"]

            // Names that differ are changed on the way. What is missing or left over is an error that lists it.
            let renamed = Dictionary(uniqueKeysWithValues: state.map { ("head.\($0.key)", $0.value) })
            try renamed.save(safetensors: "\(folder)/renamed.safetensors")
            // snippet.end
            #expect(epoch == "7")
            for (name, tensor) in model.stateDict() { #expect(try again.stateDict()[name]?.equal(tensor) == true) }
            let other = try [String: Tensor].load(safetensors: "\(folder)/renamed.safetensors")
            #expect(Set(other.keys) == ["head.weight", "head.bias"])
            let error = #expect(throws: StateDictMismatch.self) { try again.load(other) }
            #expect(error?.description.contains("head.weight") == true)
        }
    }
}
