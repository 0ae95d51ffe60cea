import Apus
import Testing

/// Numbers of results, readings and elements that depend on sizes of few values.
@Suite struct Parts {
    private static let x = GalleryInput.floats(.size("n", 1...4), 2)

    static let gallery = Gallery { g in
        g.one("the rows of a matrix", x, paths: 4, nodes: 16) { x in
            var total = try Tensor.zeros([2])
            for row in try x.unbind() { total = try total * 0.5 + row }
            return total
        }
        g.two("two matrices, row by row", x, .floats(.size("m", 2...3), 2), paths: 8, nodes: 23) { x, y in
            var total = try Tensor.zeros([2])
            for (a, b) in try zip(x.unbind(), y.unbind()) { total = try total + a * b }
            return total
        }
        g.one("parts of two", .floats(.size("n", 1...6)), paths: 3, nodes: 14) { x in
            try Tensor.stack(x.split(2).map { try $0.sum() })
        }
        g.one("parts of two of many", .floats(.size("n", 1...32)), paths: 16, nodes: 183) { x in
            try Tensor.stack(x.split(2).map { try $0.sum() })
        }
        g.one("three chunks, or fewer", .floats(.size("n", 1...5)), paths: 5, nodes: 25) { x in
            try Tensor.stack(x.chunk(3).map { try $0.sum() })
        }
        g.one("a dimension of one, or not", .floats(.size("n", 1...3), 3), paths: 2, nodes: 5) { x in
            let y = try x.squeezed(0)
            return y.rank == 1 ? try y.exp() : try y.sum(dim: 0)
        }
        g.two("sizes of one or three", .floats(.size("n", in: [1, 3])), .floats(3), paths: 2, nodes: 3) { x, y in try x + y }
        g.two("sizes of one or three on both sides", .floats(.size("n", in: [1, 3])), .floats(.size("m", in: [1, 3])), paths: 3, nodes: 6) {
            x, y in try (x * y).sum()
        }
        g.one("expanded from one or four", .floats(.size("n", in: [1, 4]), 2), paths: 2, nodes: 4) { x in
            try x.expanded([4, 2]).cumsum(dim: 0)
        }
        g.one("one or many written", .floats(.size("n", in: [1, 3])), paths: 2, nodes: 6) { x in
            var y = try Tensor.zeros([3])
            try y.set(0..<3, to: x)
            return y
        }
        g.one("truth values as an array", .floats(3), paths: 8, nodes: 23) { x in
            let isPositive = try (x .> 0).array(of: Bool.self)
            return try x * Double(isPositive.count { $0 })
        }
        g.one("as many truth values as there are", .floats(.size("n", 1...2)), paths: 6, nodes: 15) { x in
            let isPositive = try (x .> 0).array(of: Bool.self)
            return isPositive.allSatisfy { $0 } ? try x.exp() : x
        }
        g.two("integers as an array", .floats(4), .number([0, 1, 2]), paths: 1, nodes: 10) { x, k in
            let bounds = try Tensor.stack([k, k + 2]).array(of: SymInt.self)
            try check(bounds[0] >= 0 && bounds[1] <= 4 && bounds[0] <= bounds[1], "positions of x")
            return try x[bounds[0]..<bounds[1]].sum()
        }
        g.one("floats as an array", .floats(3), paths: 3, nodes: 11) { x in
            let values = try x.array(of: SymFloat.self)
            if values[0] > values[1] { return try x * values[0] }
            return values[1] > 2 ? try x + values[2] : x
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
