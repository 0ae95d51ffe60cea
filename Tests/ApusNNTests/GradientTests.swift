import ApusNN
import ApusTensor
import Testing

@Suite struct ModuleGradientTests {
    @Test func valueAndGradientsByName() throws {
        let model = try Affine()
        let x = try Tensor([3, 4] as [Float], shape: [2])
        let (value, gradients) = try valueAndGradient(of: model) { try $0(x).sum() }
        #expect(try value.array(of: Float.self) == [7])
        #expect(try gradients["weight"]?.array(of: Float.self) == [3, 4])
        #expect(try gradients["bias"]?.array(of: Float.self) == [1, 1])
        #expect(gradients["other"] == nil)
        #expect(gradients.named.keys.sorted() == ["bias", "weight"])
    }

    @Test func tiedParametersSum() throws {
        let x = try Tensor([3, 4] as [Float], shape: [2])
        let gradients = try gradient(of: try Tied()) { try $0(x).sum() }
        // w * w * w * x at w = 1: three times x.
        #expect(gradients.entries.count == 1)
        #expect(try gradients["first.weight"]?.array(of: Float.self) == [9, 12])
        #expect(try gradients["by_tensor"]?.array(of: Float.self) == [9, 12])
    }

    /// Each gradient is told of when nothing can add to it, before those of parameters that were used earlier are computed.
    @Test func gradientsAreToldAsTheyComeTrue() throws {
        let model = try Sequential(Linear(2, 3), Linear(3, 3), Linear(3, 1))
        let x = try Tensor.randn([4, 2], seed: 1)
        /// Uses the last layer's weight once more at the very beginning, and no bias of the middle one.
        func loss(_ model: Sequential) throws -> Tensor {
            guard let first = model.layers[0] as? Linear, let middle = model.layers[1] as? Linear, let last = model.layers[2] as? Linear
            else {
                throw TensorError(.invalidArgument, "a layer is missing")
            }
            let scale: Tensor = try last.weight.sum()
            return try last((first(x) * scale).linear(middle.weight).relu()).sum()
        }
        var told: [ModuleGradients.Entry] = []
        let (value, gradients) = try valueAndGradient(of: model, onGradient: { told.append($0) }, loss)
        #expect(told.map { $0.names[0] } == ["1.bias", "2.bias", "1.weight", "0.weight", "0.bias", "2.weight"])
        #expect(told[0].gradient == nil)
        for entry in told.dropFirst() { #expect(try gradients[entry.names[0]]?.equal(entry.gradient ?? x) ?? false) }
        let (plain, expected) = try valueAndGradient(of: model, loss)
        #expect(try value.equal(plain))
        for entry in expected.entries where entry.gradient != nil {
            #expect(try gradients[entry.names[0]]?.equal(entry.gradient ?? x) ?? false)
        }
        struct Enough: Error {}
        #expect(throws: Enough.self) { try valueAndGradient(of: model, onGradient: { _ in throw Enough() }, loss) }
    }

    @Test func gradientsAddUpAndScale() throws {
        let model = try Affine()
        let x = try Tensor([3, 4] as [Float], shape: [2])
        let whole = try gradient(of: model) { try $0(x).sum() }
        var sum = try whole * 0.5 + whole / 2
        #expect(try sum["weight"]?.array(of: Float.self) == [3, 4])
        try sum += whole - whole * 3
        #expect(try sum["bias"]?.array(of: Float.self) == [-1, -1])
        #expect(try (0.5 * whole)["weight"]?.array(of: Float.self) == [1.5, 2])
        #expect(try (-whole)["bias"]?.array(of: Float.self) == [-1, -1])
        // What only one side has counts as zeros on the other.
        let part = try gradient(of: model) { try ($0.weight * x).sum() }
        #expect(part["bias"] == nil)
        #expect(try (part - whole)["bias"]?.array(of: Float.self) == [-1, -1])
        #expect(try (whole - part)["bias"]?.array(of: Float.self) == [1, 1])
        #expect(throws: TensorError.self) { try whole + gradient(of: try Tied()) { try $0(x).sum() } }
    }

    @Test func unusedAndFrozenParametersGetNone() throws {
        let nested = try Nested()
        nested.layers[0].$weight.requiresGradient = false
        let x = try Tensor.ones([2])
        let gradients = try gradient(of: nested) { try $0.layers[0](x).sum() }
        #expect(gradients["stem.weight"] == nil)
        #expect(gradients.entries.contains { $0.names == ["stem.weight"] })
        #expect(!gradients.entries.contains { $0.names == ["layers.0.weight"] })
        #expect(try gradients["layers.0.bias"]?.array(of: Float.self) == [1, 1])
        try nested.requireGradients(false)
        #expect(try gradient(of: nested) { try $0.layers[0](x).sum() }.entries.isEmpty)
    }

    @Test func buffersKeepTheirNewPlainValues() throws {
        let counter = try Counter()
        let x = try Tensor.ones([2])
        _ = try valueAndGradient(of: counter) { try $0(x).sum() }
        #expect(try counter.count.array(of: Float.self) == [1])
        #expect(!counter.count.isTraced)
    }

    @Test func lossMustBeOneNumber() throws {
        #expect(throws: TensorError.self) { try gradient(of: try Affine()) { try $0(try Tensor.ones([2])) } }
    }
}
