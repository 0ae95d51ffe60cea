import Apus
import Testing

/// Loops whose trip count depends on sizes and values.
@Suite struct Loops {
    static let gallery = Gallery { g in
        g.one("for over a small range", .floats(.size("n", 1...5)), paths: 5, nodes: 20) { x in
            var total = try Tensor.zeros([])
            for i in 0..<Int(x.shape[0]) { total = try total + x[i] * Double(i + 1) }
            return total
        }
        g.one("for over a symbolic range", .floats(.size("n", 1...5)), paths: 5, nodes: 20) { x in
            var total = try Tensor.zeros([])
            for i in 0..<x.shape[0] { total = try total + x[i] * Double(i + 1) }
            return total
        }
        g.one("for over a set of sizes", .floats(.size("n", in: [2, 4, 8])), paths: 3, nodes: 11) { x in
            var total = try x.sum()
            for i in 0..<Int(x.shape[0]) where i % 2 == 0 { total = try total + x[i] }
            return total
        }
        g.one("while a size is halved", .floats(.size("n", 1...20)), paths: 5, nodes: 8) { x in
            var m = x.shape[0]
            var y = x
            while m > 1 {
                y = try y.sin()
                m = m / 2
            }
            return y
        }
        g.one("while a tensor is halved", .floats(.size("n", 1...12)), paths: 4, nodes: 9) { x in
            var y = x
            while y.shape[0] > 1 { y = try y[0..<(y.shape[0] / 2)] + 1 }
            return y
        }
        g.two("greatest common divisor", .floats(.size("n", 1...4)), .floats(.size("m", 1...4)), paths: 3, nodes: 8) { x, y in
            var (a, b) = (x.shape[0], y.shape[0])
            while b != 0 { (a, b) = (b, a % b) }
            return try (x.sum() + y.sum()) * a
        }
        g.one("leave a loop early", .floats(.size("n", 1...6)), paths: 5, nodes: 7) { x in
            var y = try x.sum()
            for i in 1... {
                if x.shape[0] <= SymInt(i) || i == 4 { break }
                y = try y + Double(i)
            }
            return y
        }
        g.two("nested loops", .floats(.size("n", 1...2)), .floats(.size("m", 1...3)), paths: 6, nodes: 42) { x, y in
            var total = try Tensor.zeros([])
            for i in 0..<x.shape[0] {
                for j in 0..<y.shape[0] { total = try total + x[i] * y[j] }
            }
            return total
        }
        g.one("rows collected in a loop", .floats(.size("n", 1...4), 2), paths: 4, nodes: 15) { x in
            var rows: [Tensor] = []
            for i in 0..<x.shape[0] { rows.append(try x[i] * Double(i)) }
            return try Tensor.stack(rows)
        }
        g.one("skip elements by value", .floats(3), paths: 8, nodes: 16) { x in
            var total = try Tensor.zeros([])
            for i in 0..<3 {
                if try x[i].item(SymFloat.self) < 0 { continue }
                total = try total + x[i]
            }
            return total
        }
        g.one("first position above zero", .floats(4), paths: 5, nodes: 17) { x in
            for i in 0..<4 where try x[i].item(SymFloat.self) > 0 { return try x * Double(i) }
            return try x.exp()
        }
        g.two("repeat as often as a value says", .floats(3), .number([0, 1, 2, 3]), paths: 4, nodes: 9) { x, y in
            let k = try y.item()
            try constrainAsValue(k, min: 0, max: 3)
            var z = x
            for _ in 0..<k { z = try z.cos() }
            return z
        }
        g.one("scan with a carried size", .floats(.size("n", 2...6)), paths: 5, nodes: 30) { x in
            var y = try x[0..<1]
            for i in 1..<x.shape[0] { y = try Tensor.cat([y, (y[i - 1] + x[i]).unsqueezed(0)]) }
            return y
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
