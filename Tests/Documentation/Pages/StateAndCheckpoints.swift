import Apus
import Testing

extension PageTests {
    @Test func stateAndCheckpoints() throws {
        let model = try Linear(4, 3)
        let x = try Tensor.randn([2, 4], seed: 0)
        let optimizer = try AdamW(model)
        try optimizer.step(gradient(of: model) { try $0(x).square().sum() })
        do {
            // snippet
            for (name, parameter) in model.namedParameters() { print(name, parameter.shape) }
            let state = model.stateDict()  // [String: Tensor]: parameters and buffers, no copy
            try model.load(state)  // an error lists what is missing, unexpected, or of another shape
            // snippet.end
            #expect(Set(state.keys) == ["weight", "bias"])
            #expect(throws: StateDictMismatch.self) { try model.load(["wait": x]) }
        }
        try inFolder { folder in
            // snippet
            var checkpoint = model.stateDict()
            for (name, tensor) in try optimizer.stateDict() { checkpoint["optimizer.\(name)"] = tensor }
            try checkpoint.save(safetensors: "\(folder)/step-1000.safetensors", metadata: ["step": "1000"])
            // snippet.end
            let loaded = try [String: Tensor].load(safetensors: "\(folder)/step-1000.safetensors")
            #expect(loaded.count == checkpoint.count && loaded.count > 2)
            for (name, tensor) in checkpoint { #expect(try loaded[name]?.equal(tensor) == true) }
        }
    }
}
