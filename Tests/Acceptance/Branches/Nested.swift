import Apus
import Testing

/// Branches in branches, and branches one after the other.
@Suite struct Nested {
    static let gallery = Gallery { g in
        g.one("three deep", .floats(.size("n", 1...8), .size("m", 1...3), .size("k", 1...3)), paths: 4, nodes: 7) { x in
            if x.shape[0] > 4 {
                if x.shape[1] > 1 {
                    return x.shape[2] > 2 ? try x.sin() : try x.cos()
                }
                return try x.tanh()
            }
            return try x.exp()
        }
        g.one("a grid of four", .floats(.size("n", 1...4), .size("m", 1...4)), paths: 4, nodes: 7) { x in
            if x.shape[0] > 2 {
                return x.shape[1] > 2 ? try x.sin() : try x.cos()
            } else {
                return x.shape[1] > 2 ? try x.tanh() : try x.exp()
            }
        }
        g.one("two in a row", .floats(.size("n", 1...4), .size("m", 1...4)), paths: 4, nodes: 5) { x in
            var y = x
            if x.shape[0] > 2 { y = try y.sin() }
            if x.shape[1] > 2 { y = try y.cos() }
            return try y + 1
        }
        g.one("thresholds in a row", .floats(.size("n", 1...9)), paths: 4, nodes: 9) { x in
            var y = x
            for limit in [2, 4, 6] where x.shape[0] > SymInt(limit) { y = try y.sin() + 1 }
            return y
        }
        g.one("six in a row", .floats(2, 6), paths: 64, nodes: 44) { x in
            var y = try x.sum(dim: 1)
            for i in 0..<6 {
                if try x[0, i].item(SymFloat.self) > 0 { y = try y.sin() } else { y = try y.cos() + 1 }
            }
            return try y * 2
        }
        g.one("size of the first decides the second", .floats(.size("n", 1...9)), paths: 3, nodes: 6) { x in
            let y: Tensor = x.shape[0] > 4 ? try x[0..<2] : x
            return y.shape[0] == 2 ? try y.sum() : try y.max()
        }
        g.one("a switch", .floats(.size("n", 1...5)), paths: 3, nodes: 6) { x in
            switch x.shape[0] {
            case 1: return try x.sin()
            case 2: return try x.cos()
            default: return try x.sum().unsqueezed(0)
            }
        }
        g.one("a switch with conditions", .floats(.size("n", 1...9)), paths: 3, nodes: 5) { x in
            switch x.shape[0] {
            case let n where n < 3: return try x.sin()
            case let n where n % 2 == 0: return try x.cos()
            default: return try x.tanh()
            }
        }
        g.one("ternaries in a chain", .floats(.size("n", 1...9)), paths: 4, nodes: 1) { x in
            let n = x.shape[0]
            let factor: SymInt = n < 3 ? 1 : n < 5 ? 2 : n < 7 ? n : n * 2
            return try x * factor
        }
        g.one("a set of sizes, each its own variant", .floats(.size("n", in: [8, 16, 32])), paths: 3, nodes: 7) { x in
            switch Int(x.shape[0]) {
            case 8: return try x.sin()
            case 16: return try x.reshaped([4, 4]).sum(dim: 0)
            default: return try x.reshaped([2, 16]).sum(dim: 1)
            }
        }
        g.one("a set of sizes, halved at one", .floats(.size("n", in: [3, 5, 9])), paths: 2, nodes: 4) { x in
            x.shape[0] > 4 ? try x.sum() : try x.exp().max()
        }
        g.one("the same question twice", .floats(.size("n", 1...6)), paths: 2, nodes: 5) { x in
            let y: Tensor = x.shape[0] > 3 ? try x.sin() : try x.cos()
            return x.shape[0] > 3 ? try y.exp() : try y.tanh()
        }
        g.two("value within size within value", .floats(.size("n", 1...4)), .number([-1, 0, 1, 2]), paths: 4, nodes: 8) { x, y in
            let k = try y.item()
            if k > 0 {
                if x.shape[0] > 2 { return k > 1 ? try x.sin() : try x.cos() }
                return try x.tanh()
            }
            return try x.exp()
        }
        g.one("a closure asks", .floats(.size("n", 1...6)), paths: 2, nodes: 3) { x in
            let pick: (SymInt) throws -> Tensor = { n in n > 3 ? try x.sin() : try x.cos() }
            return try [x.shape[0]].map(pick)[0]
        }
        g.one("residual around a branch", .floats(.size("n", 1...6), 4), paths: 2, nodes: 7) { x in
            var y = try x.tanh()
            if x.shape[0] > 3 { y = try y.exp() + x }
            let z = try y * x
            return try (z + y).sum(dim: 0)
        }
        g.one("sizes differ, tails agree", .floats(.size("n", 1...7)), paths: 2, nodes: 7) { x in
            let y: Tensor = x.shape[0] > 3 ? try x[0..<3] : try Tensor.cat([x, x])
            let z = try y.exp() + y
            return try z.reshaped([1, -1]) * 2
        }
        g.one("fold even sizes, tails agree", .floats(.size("n", 1...8)), paths: 2, nodes: 6) { x in
            let n = x.shape[0]
            let y: Tensor = n % 2 == 0 ? try x.reshaped([n / 2, 2]).sum(dim: 1) : x
            return try y.sin() + Tensor.ones([y.shape[0]])
        }
        g.one("tails that need the branch", .floats(.size("n", 1...6)), paths: 2, nodes: 7) { x in
            let y: Tensor
            if x.shape[0] == 3 { y = try x.sin() } else { y = try Tensor.cat([x, Tensor.zeros([3])])[0..<3] }
            return try y.reshaped([3]).exp()
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
