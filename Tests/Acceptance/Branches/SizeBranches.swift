import Apus
import Testing

/// Questions about one or two sizes.
@Suite struct SizeBranches {
    static let gallery = Gallery { g in
        g.one("size above", .floats(.size("n", 3...6), 2), paths: 2, nodes: 3) { x in
            x.shape[0] > 3 ? try x.cos() : try x.sin()
        }
        g.one("size equal", .floats(.size("n", 1...7)), paths: 2, nodes: 3) { x in
            if x.shape[0] == 4 { return try x * 2 }
            return try x + 1
        }
        g.one("size not equal", .floats(.size("n", 1...7)), paths: 2, nodes: 3) { x in
            x.shape[0] != 1 ? try x.sum() : try x.max()
        }
        g.two("two sizes compared", .floats(.size("n", 1...5)), .floats(.size("m", 1...5)), paths: 2, nodes: 4) { x, y in
            if x.shape[0] >= y.shape[0] { return try x.sum() - y.sum() }
            return try y.sum() - x.sum()
        }
        g.two("equal sizes add, others do not", .floats(.size("n", 1...5)), .floats(.size("m", 1...5)), paths: 2, nodes: 6) { x, y in
            x.shape[0] == y.shape[0] ? try (x + y).sum() : try x.sum() * y.sum()
        }
        g.one("three ranges", .floats(.size("n", 1...9)), paths: 3, nodes: 5) { x in
            let n = x.shape[0]
            if n < 3 { return try x.sin() } else if n < 6 { return try x.cos() } else { return try x.tanh() }
        }
        g.one("between, with and", .floats(.size("n", 1...9)), paths: 3, nodes: 5) { x in
            let n = x.shape[0]
            return n > 2 && n < 6 ? try x.relu() : try -x
        }
        g.two("either, with or", .floats(.size("n", 1...4)), .floats(.size("m", 1...4)), paths: 3, nodes: 3) { x, y in
            x.shape[0] > 2 || y.shape[0] > 2 ? try x.sum() : try y.sum()
        }
        g.one("not", .floats(.size("n", 1...4)), paths: 2, nodes: 3) { x in
            !(x.shape[0] > 2) ? try x.sum() : try x.mean()
        }
        g.one("declared range decides", .floats(.size("n", 4...6)), paths: 1, nodes: 1) { x in
            x.shape[0] > 3 ? try x.cos() : try x.sin()
        }
        g.one("outer branch decides the inner", .floats(.size("n", 1...8)), paths: 2, nodes: 3) { x in
            let n = x.shape[0]
            if n > 5 {
                if n > 3 { return try x.cos() }
                return try x.exp()
            }
            return n < 7 ? try x.sin() : try x.exp()
        }
        g.one("square or not", .floats(.size("n", 1...4), .size("m", 1...4)), paths: 2, nodes: 3) { x in
            x.shape[0] == x.shape[1] ? try x.matmul(x) : try x.matmul(x.transposed(0, 1))
        }
        g.one("empty or not", .floats(.size("n", 0...4)), paths: 2, nodes: 3) { x in
            x.shape[0] == 0 ? try Tensor.zeros([]) : try x.max()
        }
        g.one("size one or more", .floats(.size("n", 1...4), 3), paths: 2, nodes: 3) { x in
            x.shape[0] == 1 ? try x.squeezed(0) : try x.sum(dim: 0)
        }
        g.one("result of another size", .floats(.size("n", 1...8)), paths: 2, nodes: 2) { x in
            x.shape[0] > 3 ? try x[0..<3] : x
        }
        g.one("long range", .floats(.size("n", 1...3000)), paths: 2, nodes: 3) { x in
            x.shape[0] >= 1024 ? try x.sum() : try x.abs().sum()
        }
        g.one("negative dimension of a matrix", .floats(.size("n", 1...4), .size("m", 2...5)), paths: 2, nodes: 3) { x in
            x.shape[1] > x.shape[0] ? try x.sum(dim: 1) : try x.sum(dim: 1).exp()
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
