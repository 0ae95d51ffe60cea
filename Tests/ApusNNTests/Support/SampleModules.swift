import ApusNN
import ApusSymbolic
import ApusTensor

// Modules of every structure that the tests look at.

final class Affine: Module {
    @Parameter var weight: Tensor
    @Parameter var bias: Tensor?

    init(_ size: Int = 2, bias: Bool = true, dtype: DType = .float32) throws {
        weight = try Tensor.ones([SymInt(size)], dtype: dtype)
        self.bias = bias ? try Tensor.zeros([SymInt(size)], dtype: dtype) : nil
    }

    func forward(_ x: Tensor) throws -> Tensor {
        let product = try x * weight
        return try bias.map { try product + $0 } ?? product
    }
}

final class Counter: Module {
    @Buffer var count: Tensor
    @Buffer(persistent: false) var scratch: Tensor

    init() throws {
        count = try Tensor.zeros([])
        scratch = try Tensor.zeros([3])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        count = try count + 1
        return try x * count
    }
}

/// Children first in the source, its own parameter last; an array, a nested array, a dictionary, an optional, plain configuration.
final class Nested: Module {
    let stem: Affine
    let layers: [Affine]
    let grid: [[Affine]]
    let heads: [String: Affine]
    let extra: Affine?
    let absent: Affine?
    let rate = 0.5
    let name: String? = nil
    let sizes = [1, 2, 3]
    let activation: (Tensor) throws -> Tensor = { $0 }
    enum Style {
        case plain
        case fancy(Int)
    }
    let style = Style.fancy(3)
    let range = 1...3
    lazy var late: Affine? = nil
    @Parameter var scale: Tensor

    init() throws {
        stem = try Affine()
        layers = [try Affine(), try Affine(bias: false)]
        grid = [[try Affine(bias: false)], [try Affine(bias: false)]]
        heads = ["b": try Affine(bias: false), "a": try Affine(bias: false)]
        extra = try Affine(bias: false)
        absent = nil
        scale = try Tensor.ones([])
    }
}

class Base: Module {
    @Parameter var low: Tensor

    init() throws { low = try Tensor.full([2], 3.0) }

    func forward(_ x: Tensor) throws -> Tensor { try x + low }
}

final class Derived: Base {
    @Parameter var high: Tensor

    override init() throws {
        high = try Tensor.full([2], 4.0)
        try super.init()
    }

    override func forward(_ x: Tensor) throws -> Tensor { try super.forward(x) * high }
}

/// The same parameter twice: as a box and as a tensor.
final class Tied: Module {
    let first: Affine
    @Parameter var byBox: Tensor
    @Parameter var byTensor: Tensor

    init() throws {
        first = try Affine(bias: false)
        _byBox = first.$weight
        byTensor = first.weight
    }

    func forward(_ x: Tensor) throws -> Tensor { try first(x) * byBox * byTensor }
}

final class TwoInputs: Module {
    func forward(_ x: Tensor, _ y: [Tensor]) throws -> (Tensor, Int) { (try x + y[0], y.count) }
}

final class ThreeInputs: Module {
    func forward(_ x: Tensor, _ y: Tensor?, _ n: Int) throws -> Tensor { try x * n }
}

final class NoForwardAtAll: Module {
    let inner: Affine
    init() throws { inner = try Affine() }
}
