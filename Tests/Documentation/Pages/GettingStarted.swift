// snippet
import Apus
// snippet.hide
import Testing

extension PageTests {
    @Test func gettingStarted() throws {
        // snippet.show

        let x = try Tensor([[1.0, 2], [3, 4]])  // float32; integers alone make int64, Booleans bool; `dtype:` says otherwise
        let w = try Tensor.randn([2, 3], seed: 0)
        let y = try (x.matmul(w) + 1).softmax(dim: -1)
        print(y)
        // snippet.end

        // snippet
        let values = try y.array(of: Float.self)  // 6 numbers
        let total = try y.sum().item(Float.self)  // 2.0
        // snippet.end
        #expect(values.count == 6 && abs(total - 2) < 1e-5)
        #expect(try x.array(of: Int.self) == [1, 2, 3, 4])
        #expect(throws: TensorError.self) { try y.array(of: Int.self) }

        let images = try Tensor.randn([8, 64], seed: 1)
        let labels = try Tensor.randint(10, [8], seed: 2)
        // snippet
        final class Classifier: Module {
            let hidden: Linear
            let output: Linear

            init() throws {
                hidden = try Linear(64, 32)
                output = try Linear(32, 10)
            }

            func forward(_ x: Tensor) throws -> Tensor {
                try output(hidden(x).relu())
            }
        }

        let model = try Classifier()
        let optimizer = try AdamW(model, learningRate: 1e-3)
        let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(images), labels) }
        try optimizer.step(gradients)
        // snippet.end
        #expect(try crossEntropy(model(images), labels).item(Float.self) < loss.item(Float.self))
    }
}
