import Apus
import Testing

/// Questions about products of sizes.
@Suite struct Products {
    static let gallery = Gallery { g in
        g.one("area above", .floats(.size("n", 1...5), .size("m", 1...5)), paths: 2, nodes: 3) { x in
            x.shape[0] * x.shape[1] > 12 ? try x.cos() : try x.sin()
        }
        g.one("area equal", .floats(.size("n", 1...6), .size("m", 1...6)), paths: 2, nodes: 3) { x in
            x.shape[0] * x.shape[1] == 12 ? try x.flattened().reshaped([12]) : try x.flattened()
        }
        g.one("square of a size", .floats(.size("n", 1...6)), paths: 2, nodes: 3) { x in
            let n = x.shape[0]
            return n * n < 10 ? try x.exp() : try x.abs()
        }
        g.one("element count", .floats(.size("n", 1...4), .size("m", 1...4), 2), paths: 2, nodes: 3) { x in
            x.count > 16 ? try x.sum() : try x.mean()
        }
        g.three(
            "product against a size", .floats(.size("n", 1...3)), .floats(.size("m", 1...3)), .floats(.size("k", 1...6)), paths: 2, nodes: 5
        ) { x, y, z in
            x.shape[0] * y.shape[0] >= z.shape[0] ? try x.sum() + y.sum() : try z.sum()
        }
        g.one("product decided by ranges", .floats(.size("n", 3...6), .size("m", 4...6)), paths: 1, nodes: 1) { x in
            x.shape[0] * x.shape[1] >= x.shape[0] ? try x.sum() : try x.exp()
        }
        g.one("twice a size", .floats(.size("n", 1...8)), paths: 2, nodes: 3) { x in
            2 * x.shape[0] + 3 > 11 ? try x.sum(dim: 0, keepDim: true) : try x * 2
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
