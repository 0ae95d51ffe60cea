import Apus
import Testing

/// Branches inside modules.
@Suite struct Modules {
    final class Wide: Module {
        let small: Linear
        let large: Linear
        init() throws {
            small = try Linear(3, 2)
            large = try Linear(3, 2)
        }
        func forward(_ x: Tensor) throws -> Tensor { x.shape[0] > 2 ? try large(x) : try small(x) }
    }

    final class Normed: Module {
        let inner: Linear
        init() throws { inner = try Linear(3, 3) }
        func forward(_ x: Tensor) throws -> Tensor {
            let y = try inner(x)
            return x.shape[0] == 1 ? y : try y / y.abs().sum(dim: 0, keepDim: true)
        }
    }

    final class Gated: Module {
        @Parameter var scale: Tensor
        init() throws { scale = try Tensor.full([1], 0.5) }
        func forward(_ x: Tensor) throws -> Tensor { try x.sum().item(SymFloat.self) > 0 ? try x * scale : try x + scale }
    }

    final class Stack: Module {
        let first: Gated
        let second: Normed
        init() throws {
            first = try Gated()
            second = try Normed()
        }
        func forward(_ x: Tensor) throws -> Tensor { try second(first(x)) }
    }

    private static let x = GalleryInput.floats(.size("n", 1...5), 3)

    static let gallery = Gallery { g in
        g.model("one of two layers", [x], paths: 2, nodes: 2, { try Wide() }) { try $0($1[0]) }
        g.model("a layer and perhaps a norm", [x], paths: 2, nodes: 5, { try Normed() }) { try $0($1[0]) }
        g.model("gated by a value", [x], paths: 2, nodes: 5, { try Gated() }) { try $0($1[0]) }
        g.model("modules one after the other", [x], paths: 4, nodes: 10, { try Stack() }) { try $0($1[0]) }
        g.model("called as often as a size says", [.floats(.size("n", 1...4), 3)], paths: 4, nodes: 7, { try Normed() }) { model, t in
            var y = t[0]
            for _ in 0..<t[0].shape[0] { y = try model.inner(y) }
            return y
        }
        g.model("called on one side only", [x], paths: 2, nodes: 3, { try Wide() }) { model, t in
            t[0].shape[0] % 2 == 0 ? try model.small(t[0]).relu() : try t[0].relu()
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
