import Apus
import Testing

/// Functions with several ways out.
@Suite struct EarlyReturns {
    static let gallery = Gallery { g in
        g.one("early return", .floats(.size("n", 1...6)), paths: 2, nodes: 4) { x in
            if x.shape[0] < 3 { return x }
            let y = try x.exp()
            return try y / y.sum()
        }
        g.one("guard", .floats(.size("n", 1...6)), paths: 2, nodes: 3) { x in
            guard x.shape[0] > 2 else { return try Tensor.zeros([2]) }
            return try x[0..<2]
        }
        g.one("return from within a loop", .floats(.size("n", 1...4)), paths: 4, nodes: 7) { x in
            var y = x
            for i in 0... {
                if x.shape[0] == SymInt(i + 1) || i == 3 { return try y.sum() }
                y = try y.sin()
            }
            return y
        }
        g.one("optional from a helper", .floats(.size("n", 1...6)), paths: 2, nodes: 4) { x in
            func half(_ x: Tensor) throws -> Tensor? {
                x.shape[0] % 2 == 0 ? try x[0..<(x.shape[0] / 2)] : nil
            }
            return try half(x)?.sum() ?? x.max()
        }
        g.one("several early returns", .floats(.size("n", 1...9)), paths: 4, nodes: 7) { x in
            let n = x.shape[0]
            if n == 1 { return try x.sin() }
            if n == 2 { return try x.cos() }
            if n % 2 == 0 { return try x.tanh() }
            return try x.exp()
        }
        g.list("results in another order", [.floats(.size("n", 1...4)), .floats(3)], paths: 2, nodes: 5) { t in
            t[0].shape[0] > 2 ? [try t[0].sum(), try t[1].max()] : [try t[1].max(), try t[0].sum()]
        }
        g.list("one result depends, one does not", [.floats(.size("n", 1...4))], paths: 2, nodes: 5) { t in
            let y = try t[0].sin()
            return [t[0].shape[0] > 2 ? try y.sum() : try y.mean(), try y + 1]
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
