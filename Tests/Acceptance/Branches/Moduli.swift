import Apus
import Testing

/// Remainders and quotients of sizes.
@Suite struct Moduli {
    static let gallery = Gallery { g in
        g.one("even sizes fold", .floats(.size("n", 1...8)), paths: 2, nodes: 4) { x in
            let n = x.shape[0]
            return n % 2 == 0 ? try x.reshaped([n / 2, 2]).sum(dim: 1) : try x * 3
        }
        g.one("three remainders", .floats(.size("n", 1...10)), paths: 3, nodes: 5) { x in
            let r = x.shape[0] % 3
            if r == 0 { return try x.sin() }
            if r == 1 { return try x.cos() }
            return try x.tanh()
        }
        g.one("multiples of four", .floats(.size("n", 1...13)), paths: 2, nodes: 5) { x in
            x.shape[0].isMultiple(of: 4) ? try x.reshaped([4, -1]).sum(dim: 0) : try x.sum().unsqueezed(0)
        }
        g.one("quotient", .floats(.size("n", 1...12)), paths: 3, nodes: 4) { x in
            let q = x.shape[0] / 4
            if q == 0 { return x }
            if q == 1 { return try x + 1 }
            return try x[0..<4]
        }
        g.two("sum of sizes is even", .floats(.size("n", 1...4)), .floats(.size("m", 1...4)), paths: 2, nodes: 5) { x, y in
            (x.shape[0] + y.shape[0]) % 2 == 0 ? try Tensor.cat([x, y]).reshaped([2, -1]).sum(dim: 0) : try Tensor.cat([y, x])
        }
        g.one("pad to a multiple of four", .floats(.size("n", 1...9)), paths: 2, nodes: 4) { x in
            let rest = x.shape[0] % 4
            if rest == 0 { return try x.sin() }
            return try Tensor.cat([x, Tensor.zeros([4 - rest])]).sin()
        }
        g.two("one divides the other", .floats(.size("n", 1...6)), .floats(.size("m", in: [2, 3])), paths: 3, nodes: 3) { x, y in
            Int(y.shape[0]) == 2 && x.shape[0] % 2 == 0 ? try x.sum() : try y.sum()
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
