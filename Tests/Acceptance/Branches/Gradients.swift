import Apus
import Testing

/// Gradients of functions with branches, and branches on gradients, inside exported functions.
@Suite struct Gradients {
    private static let x = GalleryInput.floats(.size("n", 1...4))

    static let gallery = Gallery { g in
        g.one("a branch on a size under the gradient", x, paths: 2, nodes: 16) { x in
            try gradient(at: x) { x in x.shape[0] > 2 ? try x.sin().sum() : try (x * x).sum() }
        }
        g.one("a branch on a value under the gradient", .floats(3), paths: 2, nodes: 16) { x in
            try gradient(at: x) { x in try x.sum().item(SymFloat.self) > 0 ? try x.exp().sum() : try (x * 3).sum() }
        }
        g.one("a gradient on one side", x, paths: 2, nodes: 9) { x in
            x.shape[0] % 2 == 0 ? try gradient(at: x) { try $0.cos().sum() } : x
        }
        g.one("a loop under the gradient", .floats(.size("n", 1...3)), paths: 3, nodes: 30) { x in
            try gradient(at: x) { x in
                var y = x
                for _ in 0..<x.shape[0] { y = try y * x }
                return try y.sum()
            }
        }
        g.list("a branch on the loss", [.floats(3)], paths: 2, nodes: 11) { t in
            let (loss, gradients) = try valueAndGradient(at: t) { try ($0[0] * $0[0]).sum() }
            return try loss.item(SymFloat.self) > 1 ? [loss, try gradients[0] * 0.5] : [loss, gradients[0]]
        }
        g.one("a descent step that is kept if it helps", .floats(4), paths: 2, nodes: 22) { x in
            func loss(_ x: Tensor) throws -> Tensor { try (x.sin() * x).sum() }
            let step = try x - gradient(at: x, loss) * 0.1
            return try loss(step).item(SymFloat.self) < loss(x).item(SymFloat.self) ? step : x
        }
        g.one("the gradient of a determinant that may be zero", .floats(2, 2), paths: 2, nodes: 38) { x in
            try gradient(at: (x .> 0).to(.float32)) { try $0.det() }
        }
        g.one("gradients of determinants in the steps of a scan", .floats(.size("n", 1...3), 2, 2), paths: 1, nodes: 32) { x in
            try map((x .> 0).to(.float32)) { a in try gradient(at: a) { try $0.det() } }
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
