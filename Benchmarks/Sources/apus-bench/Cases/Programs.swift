import Apus

/// Exporting, calling and loading programs.
enum Programs {
    static var all: [Benchmark] {
        [
            Benchmark(name: "chain_call", title: "exported chain of 200 tiny operations", target: 5) { _ in
                let x = try Tensor.randn([4], seed: 0)
                let program = try export(chain, args: x)
                return { let _: Tensor = try program(x) }
            },
            Benchmark(name: "chain_export", title: "export of that chain", target: 10) { _ in
                let x = try Tensor.randn([4], seed: 0)
                return { _ = try export(chain, args: x) }
            },
            Benchmark(name: "encoder_export", title: "export of the encoder") { _ in
                let (model, tokens) = (try LanguageEncoder(), try LanguageEncoder.tokens(1, 128))
                try model.eval()
                return { _ = try export(model, args: tokens) }
            },
            Benchmark(name: "load", title: "opening PyTorch's 90 MB .pt2", target: 10) { environment in
                { _ = try ExportedProgram.load(from: environment.programFile) }
            },
        ]
    }

    /// 200 operations on a tiny tensor: what is left is the cost of a call.
    @Sendable private static func chain(_ x: Tensor) throws -> Tensor {
        var x = x
        for _ in 0..<50 { x = try (x * 0.5 + 0.25).tanh() + x }
        return x
    }
}
