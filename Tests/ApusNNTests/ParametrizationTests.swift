import ApusNN
import ApusTensor
import Testing

/// What parametrizations are besides their values, which the layers' judge tells; vectors of parameters, and fused layers.
@Suite struct ParametrizationTests {
    private final class Halved: Module {
        func forward(_ x: Tensor) throws -> Tensor { try x / 2 }
    }

    private final class Cut: Module {
        func forward(_ x: Tensor) throws -> Tensor { try x[0] }
    }

    @Test func theParameterIsComputedAndTrainedInParts() throws {
        let layer = try Linear(3, 2)
        let weight: Tensor = layer.weight
        try layer.registerParametrization("weight", Halved())
        #expect(try layer.weight.equal(weight / 2))
        #expect(layer.namedParameters().map(\.name) == ["bias", "parametrizations.weight.original"])
        try layer.registerParametrization("weight", Halved())
        #expect(try layer.weight.equal(weight / 4))
        let x: Tensor = try .randn([4, 3], seed: 1)
        let gradients: ModuleGradients = try gradient(of: layer) { try $0(x).sum() }
        let expected: Tensor = try x.sum(dim: 0).expanded([2, 3]) / 4
        #expect(try gradients["parametrizations.weight.original"]?.allclose(expected) == true)
        #expect(try layer.isParametrized() && !layer.isParametrized("bias"))
        // Steps that can't be taken back can't be set either: what is read then throws.
        layer.weight = weight
        #expect(throws: TensorError.self) { try layer(x) }
        try layer.removeParametrizations(leaveParametrized: false)
        #expect(try layer.weight.equal(weight) && !layer.isParametrized())
        #expect(layer.namedParameters().map(\.name) == ["weight", "bias"])
    }

    @Test func weightNormKeepsAndTakesValues() throws {
        let layer = try Conv2d(3, 4, kernelSize: 2, dtype: .float64)
        let weight: Tensor = layer.weight
        try layer.weightNorm()
        #expect(try layer.weight.allclose(weight))
        layer.weight = try weight * 3
        #expect(try layer.weight.allclose(weight * 3))
        #expect(throws: TensorError.self) { try layer.weightNorm() }
        #expect(throws: TensorError.self) { try layer.removeParametrizations(leaveParametrized: false) }
        try layer.removeParametrizations()
        #expect(try layer.weight.allclose(weight * 3))
    }

    @Test func mistakesAreErrors() throws {
        let layer = try Linear(3, 2, bias: false)
        #expect(throws: TensorError.self) { try layer.weightNorm("none") }
        #expect(throws: TensorError.self) { try layer.weightNorm("bias") }
        #expect(throws: TensorError.self) { try layer.weightNorm(dim: 2) }
        #expect(throws: TensorError.self) { try layer.spectralNorm(powerIterations: 0) }
        #expect(throws: TensorError.self) { try layer.registerParametrization("weight", Cut()) }
        #expect(throws: TensorError.self) { try layer.removeParametrizations() }
        #expect(try layer.parameters().count == 1 && !layer.isParametrized())
    }

    @Test func parametersAreAVector() throws {
        let model = try Sequential(Linear(2, 3), Linear(3, 1, bias: false))
        let vector: Tensor = try model.parameterVector()
        #expect(try vector.sizes == [12])
        let other = try Sequential(Linear(2, 3), Linear(3, 1, bias: false))
        try other.load(parameterVector: vector)
        let x: Tensor = try .randn([4, 2], seed: 1)
        #expect(try other(x).equal(model(x)))
        #expect(try gradient(of: model) { try $0(x).sum() }.vector().sizes == [12])
        #expect(throws: TensorError.self) { try other.load(parameterVector: vector.narrowed(dim: 0, from: 0, length: 11)) }
        #expect(throws: TensorError.self) { try other.load(parameterVector: vector.to(.float64)) }
    }

    @Test func fusedLayersGiveWhatBothGave() throws {
        func checked(_ norm: BatchNormBase, _ layer: some TensorModule, _ x: Tensor, _ fuse: () throws -> Void) throws {
            let count: Int = norm.numFeatures
            norm.runningMean = try .randn([count], dtype: .float64, seed: 2)
            norm.runningVar = try .rand([count], dtype: .float64, seed: 3) + 0.5
            if norm.weight != nil {
                norm.weight = try .randn([count], dtype: .float64, seed: 4)
                norm.bias = try .randn([count], dtype: .float64, seed: 5)
            }
            try norm.eval()
            let both: Tensor = try norm(layer(x))
            try fuse()
            #expect(try (layer(x) - both).abs().max().array(of: Double.self)[0] < 1e-12)
        }
        let d = DType.float64
        let conv = try Conv2d(4, 6, kernelSize: 3, groups: 2, bias: false, dtype: d)
        let norm = try BatchNorm2d(6, dtype: d)
        try checked(norm, conv, .randn([2, 4, 5, 5], dtype: d, seed: 1)) { try conv.fuse(norm) }
        let transposed = try ConvTranspose1d(4, 6, kernelSize: 3, groups: 2, dtype: d)
        let plain = try BatchNorm1d(6, affine: false, dtype: d)
        try checked(plain, transposed, .randn([2, 4, 5], dtype: d, seed: 1)) { try transposed.fuse(plain) }
        let linear = try Linear(4, 6, dtype: d)
        let rows = try BatchNorm1d(6, dtype: d)
        try checked(rows, linear, .randn([5, 4], dtype: d, seed: 1)) { try linear.fuse(rows) }
        #expect(throws: TensorError.self) { try conv.fuse(BatchNorm2d(6, trackRunningStats: false, dtype: d)) }
        #expect(throws: TensorError.self) { try linear.fuse(BatchNorm1d(5, dtype: d)) }
    }
}
