import Apus
import Testing

/// Functions that catch an operation's error and go on another way.
@Suite struct Catching {
    private static let x = GalleryInput.floats(4)

    /// Matrices of zeros and ones, some of which are singular.
    private static func matrix(_ x: Tensor) throws -> Tensor { try (x .> 0).to(.float32).reshaped([2, 2]) }

    static let gallery = Gallery { g in
        g.one("the inverse, or the matrix", x, paths: 2, nodes: 10) { x in
            let a = try matrix(x)
            return try (try? a.inverse()) ?? a * 5
        }
        g.one("a factor, or none", x, paths: 2, nodes: 12) { x in
            let a = try matrix(x)
            return try (try? (a + a.transposed(0, 1)).cholesky()) ?? a.neg()
        }
        g.two("a solution, or the right side", x, .floats(2), paths: 2, nodes: 16) { x, b in
            let b = try (b .> 0).to(.float32)
            do { return try matrix(x).solve(b.reshaped([2, 1])) } catch { return try b.reshaped([2, 1]).neg() }
        }
        g.two("a position that may be outside", .floats(3), .number([-4, -1, 0, 2, 3]), paths: 2, nodes: 9) { x, k in
            try (try? x.indexSelect(dim: 0, k.reshaped([1]))) ?? Tensor.full([1], Float(7))
        }
        g.two("a position in an open dimension", .floats(.size("n", 1...4)), .number([-5, -1, 0, 2, 3]), paths: 2, nodes: 10) { x, k in
            try (try? x.index([k.reshaped([1])])) ?? x.sum().reshaped([1])
        }
        g.two("a row of a table, or zeros", .floats(3), .number([-1, 0, 1, 2]), paths: 2, nodes: 9) { x, k in
            let table = try Tensor((0..<6).map { Float($0) }, shape: [2, 3])
            return try x + ((try? table.embedding(k)) ?? x.zerosLike())
        }
        g.two("written where there is room", .floats(3), .number([-1, 0, 2, 3]), paths: 2, nodes: 8) { x, k in
            (try? x.scatter(dim: 0, k.reshaped([1]), 9.5)) ?? x
        }
        g.two("a quotient, or none", .number([-7, 0, 5]), .number([-2, 0, 3]), paths: 2, nodes: 6) { n, k in
            (try? n.floorDivide(k)) ?? n
        }
        g.two("elements of the flattened tensor", .floats(2, 2), .number([-5, -4, 0, 3, 4]), paths: 2, nodes: 11) { x, k in
            try (try? x.take(k)) ?? x.sum()
        }
        g.two("an error told in other words", x, .number([0, 1]), paths: 1, nodes: 4) { x, k in
            do { return try matrix(x).inverse() } catch { throw Throwing.Refused("no inverse") }
        }
        g.two("two in a row", .floats(3), .number([-1, 0, 1, 2, 3]), paths: 4, nodes: 21) { x, k in
            let first = try (try? x.indexSelect(dim: 0, k.reshaped([1]))) ?? x[0..<1]
            let second = try (try? x.indexSelect(dim: 0, (k + 1).reshaped([1]))) ?? x[2..<3]
            return try first * 10 + second
        }
        g.one("the second row, where there is one", .floats(.size("n", 1...3), 2), paths: 2, nodes: 1) { x in
            try (try? x.select(dim: 0, index: 1)) ?? x[0]
        }
        g.one("pairs, where the size is even", .floats(.size("n", 1...6)), paths: 2, nodes: 3) { x in
            (try? x.reshaped([-1, 2]).sum(dim: 1)) ?? x
        }
        g.two("a sum, where shapes broadcast", .floats(.size("n", 1...3)), .floats(.size("m", 1...3)), paths: 4, nodes: 8) { x, y in
            try ((try? x + y) ?? x.neg()).sum()
        }
        g.two("a product, where the matrices fit", .floats(2, .size("n", 1...3)), .floats(.size("m", 1...3), 2), paths: 2, nodes: 2) {
            x, y in
            (try? x.matmul(y)) ?? x
        }
        g.two("a gradient, where there is a position", .floats(3), .number([-1, 0, 2, 3]), paths: 3, nodes: 23) { x, k in
            (try? gradient(at: x) { try $0.square().indexSelect(dim: 0, k.reshaped([1])).sum() }) ?? x
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
