import Apus
import Testing

/// Questions about the smaller and the larger of sizes.
@Suite struct MinMax {
    private static let x = GalleryInput.floats(.size("n", 1...5))
    private static let y = GalleryInput.floats(.size("m", 1...5))

    static let gallery = Gallery { g in
        g.two("smaller above", x, y, paths: 2, nodes: 2) { x, y in
            min(x.shape[0], y.shape[0]) > 2 ? try x.sum() : try y.sum()
        }
        g.two("larger equal", x, y, paths: 2, nodes: 2) { x, y in
            max(x.shape[0], y.shape[0]) == 4 ? try x.sum() : try y.sum()
        }
        g.two("cut to the smaller, no question", x, y, paths: 1, nodes: 3) { x, y in
            let k = min(x.shape[0], y.shape[0])
            return try x[0..<k] + y[0..<k]
        }
        g.two("cut to the smaller, then branch", x, y, paths: 2, nodes: 6) { x, y in
            let k = min(x.shape[0], y.shape[0])
            let both = try x[0..<k] * y[0..<k]
            return k > 3 ? try both.sum() : try both.max()
        }
        g.two("sizes far apart", x, y, paths: 2, nodes: 5) { x, y in
            abs(x.shape[0] - y.shape[0]) > 1 ? try x.sum() * y.sum() : try x.sum() + y.sum()
        }
        g.two("pad to the larger", x, y, paths: 1, nodes: 5) { x, y in
            let k = max(x.shape[0], y.shape[0])
            return try Tensor.cat([x, Tensor.zeros([k - x.shape[0]])]) + Tensor.cat([y, Tensor.zeros([k - y.shape[0]])])
        }
        g.two("pad the shorter one", x, y, paths: 3, nodes: 7) { x, y in
            let (n, m) = (x.shape[0], y.shape[0])
            if n < m { return try Tensor.cat([x, Tensor.zeros([m - n])]) + y }
            if n > m { return try x + Tensor.cat([y, Tensor.zeros([n - m])]) }
            return try x + y
        }
        g.one("loop to a clamped size", .floats(.size("n", 1...9)), paths: 3, nodes: 11) { x in
            var total = try x.sum()
            for i in 0..<Int(min(max(x.shape[0], 2), 4)) { total = try total * 0.5 + Double(i) }
            return total
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
