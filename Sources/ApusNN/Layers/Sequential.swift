import ApusTensor

/// Modules from tensor to tensor, one after the other. Names are `0.weight`, `2.bias` and so on, as in PyTorch.
public final class Sequential: Module {
    public let layers: [any TensorModule]

    public static var stateNames: [String: String] { ["layers": ""] }

    public init(_ layers: any TensorModule...) { self.layers = layers }

    public init(_ layers: [any TensorModule]) { self.layers = layers }

    public func forward(_ x: Tensor) throws -> Tensor {
        var x = x
        for layer in layers { x = try layer(x) }
        return x
    }

    public var count: Int { layers.count }
}
