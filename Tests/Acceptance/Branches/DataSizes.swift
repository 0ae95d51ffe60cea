import Apus
import Testing

/// Sizes that only values tell.
@Suite struct DataSizes {
    private static let x = GalleryInput.floats(5)

    static let gallery = Gallery { g in
        g.one("nothing but zeros", x, paths: 2, nodes: 5) { x in
            let found = try x.nonzero()
            return found.shape[0] == 0 ? try x.exp().sum() : try x.max()
        }
        g.one("the nonzero elements", x, paths: 2, nodes: 6) { x in
            let found = try x.nonzero()
            if found.shape[0] < 1 { return try Tensor.zeros([]) }
            return try x.index([found.squeezed(1)]).sum()
        }
        g.one("many positives", x, paths: 2, nodes: 5) { x in
            let positive = try x.maskedSelect(x .> 0)
            return positive.shape[0] > 2 ? try positive.sum() : try x.abs().sum()
        }
        g.one("result of a size from values", x, paths: 2, nodes: 4) { x in
            let positive = try x.maskedSelect(x .> 0)
            return positive.shape[0] > 2 ? positive : try positive + 1
        }
        g.one("one side of a size from values", x, paths: 2, nodes: 5) { x in
            if try x.sum().item(SymFloat.self) > 0 { return try x.maskedSelect(x .> 0) }
            return x
        }
        g.two("a value as a slice bound", .floats(.size("n", 1...4)), .number([-1, 0, 1, 3, 5]), paths: 1, nodes: 4) { x, y in
            let k = try y.item()
            try check(k >= 0 && k <= x.shape[0], "k must be a position of x")
            return try x[0..<k].sum()
        }
        g.two("a value as a size", .floats(3), .number([1, 2, 4, 6]), paths: 2, nodes: 8) { x, y in
            let k = try y.item()
            try constrainAsSize(k, min: 2, max: 5)
            let z = try Tensor.ones([k, 3]) * x
            return k > 3 ? try z.sum(dim: 0) : try z.amax(dims: [0])
        }
        g.one("loop over what was found", .floats(3), paths: 4, nodes: 15) { x in
            let found = try x.maskedSelect(x .> 0)
            var total = try Tensor.zeros([])
            for i in 0..<found.shape[0] { total = try total * 0.5 + found[i] }
            return total
        }
        g.two("two selections of equal size", x, x, paths: 2, nodes: 10) { x, y in
            let (a, b) = (try x.maskedSelect(x .> 0), try y.maskedSelect(y .> 0))
            return a.shape[0] == b.shape[0] ? try (a + b).sum() : try a.sum() - b.sum()
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
