import Apus
import DigitsModel

/// Whole models, as the peer builds them: eager, exported, and one training step.
enum Networks {
    static var all: [Benchmark] {
        mlp + digits + [encoder]
    }

    private static var mlp: [Benchmark] {
        variants(
            of: "mlp", title: "MLP 784-512-512-10, batch 128",
            model: { try Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10)) },
            input: { try Tensor.randn([128, 784], seed: 0) })
    }

    private static var digits: [Benchmark] {
        variants(
            of: "digits", title: "digits model, batch 64", model: { try DigitClassifier() },
            input: { try Tensor.randn([64, 1, 8, 8], seed: 0) })
    }

    private static var encoder: Benchmark {
        Benchmark(name: "encoder_eager", title: "encoder of 6 layers, 1x128, eager") { _ in
            let model = try LanguageEncoder()
            try model.eval()
            let tokens = try LanguageEncoder.tokens(1, 128)
            return { _ = try model(tokens) }
        }
    }

    private static func variants<Model: Module>(
        of name: String, title: String, model make: @escaping () throws -> Model, input: @escaping () throws -> Tensor
    ) -> [Benchmark] where Model.Input == Tensor, Model.Output == Tensor {
        [
            Benchmark(name: "\(name)_eager", title: "\(title), eager") { _ in
                let (model, x) = (try make(), try input())
                try model.eval()
                return { _ = try model(x) }
            },
            Benchmark(name: "\(name)_exported", title: "\(title), exported") { _ in
                let (model, x) = (try make(), try input())
                try model.eval()
                let program = try export(model, args: x)
                return { let _: Tensor = try program(x) }
            },
            Benchmark(name: "\(name)_train", title: "\(title), training step") { _ in
                let (model, x) = (try make(), try input())
                let labels = try Tensor((0..<x.sizes[0]).map { $0 % 10 }, shape: [x.sizes[0]])
                let optimizer = try SGD(model, learningRate: 0.01, momentum: 0.9)
                try model.train()
                return {
                    let (_, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(x), labels) }
                    try optimizer.step(gradients)
                }
            },
        ]
    }
}
