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
        g.one("a loop over what is left", .floats(.size("n", 1...4)), paths: 4, nodes: 20) { x in
            var (left, rounds) = (x, try Tensor.zeros([]))
            while left.shape[0] > 0 {
                let rest = try left[1...]
                left = try rest.maskedSelect(rest .> 0)
                rounds = try rounds + 1
            }
            return rounds
        }
        g.one("the distinct elements one after the other", .floats(.size("n", 1...3)), paths: 3, nodes: 19) { x in
            var left = try x.relu()
            var total = try Tensor.zeros([])
            while left.shape[0] > 0 {
                let values = try left.unique().values
                total = try total * 0.5 + values[0]
                left = try values[1...]
            }
            return total
        }
        g.one("no more than there are", .floats(.size("n", 1...6)), paths: 1, nodes: 8) { x in
            let found = try x.nonzero()
            return found.shape[0] <= x.count ? try x.index([x .> 0]).sum() + found.sum() : try x.exp()
        }
        g.two("a loop that ends by a check", x, .number([0, 1, 2, 3, 4]), paths: 5, nodes: 35) { x, y in
            var (y, left) = (x, try constrainAsValue(y.item(), min: 0, max: 4))
            while left > 0 {
                let next = try (y.sum() .> 0).to(.int64).item() + left / 2
                try check(next < left, "each round has less left")
                (y, left) = (try y.sin(), next)
            }
            return y
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
