import Apus
import Testing

/// Functions that refuse some of their inputs.
@Suite struct Throwing {
    struct Refused: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    static let gallery = Gallery { g in
        g.one("odd sizes are refused", .floats(.size("n", 1...8)), paths: 2, nodes: 3) { x in
            if x.shape[0] % 2 != 0 { throw Refused("odd") }
            return try x.reshaped([-1, 2]).sum(dim: 1)
        }
        g.two("negative values are refused", .floats(3), .number([-2, 0, 3]), paths: 2, nodes: 3) { x, y in
            guard try y.item() >= 0 else { throw Refused("negative") }
            return try x.sum()
        }
        g.one("refused deep inside", .floats(.size("n", 1...9)), paths: 3, nodes: 4) { x in
            if x.shape[0] > 3 {
                if x.shape[0] > 6 { throw Refused("too long") }
                return try x.sin()
            }
            return try x.cos()
        }
        g.one("both inner sides refuse", .floats(.size("n", 1...6)), paths: 3, nodes: 3) { x in
            if x.shape[0] < 3 {
                if x.shape[0] < 2 { throw Refused("one") }
                throw Refused("two")
            }
            return try x.sin()
        }
        g.two("both inner sides refuse by a value", .floats(3), .number([-1, 0, 1]), paths: 3, nodes: 4) { x, y in
            if try x.sum().item(SymFloat.self) > 0 {
                let k = try (y + 1).item()
                if k > 1 { throw Refused("positive") }
                throw Refused("not positive")
            }
            return try x.sin()
        }
        g.two("an operator refuses on one side", .floats(.size("n", 1...6)), .floats(3), paths: 3, nodes: 4) { x, y in
            if x.shape[0] > 3 { return try x * 2 }
            return x.shape[0] == 3 ? try x + y : try x[0..<4].reshaped([4])
        }
        g.two("an error that is caught", .floats(.size("n", 1...4)), .floats(3), paths: 2, nodes: 2) { x, y in
            func careful(_ x: Tensor) throws -> Tensor {
                if x.shape[0] > 2 { throw Refused("long") }
                return try x.sum()
            }
            do { return try careful(x) } catch is Refused { return try y.sum() }
        }
        g.two("a check of a value", .floats(3), .number([0, 1, 2, 3]), paths: 2, nodes: 4) { x, y in
            let k = try y.item()
            try check(k != 2, "not two")
            return k > 1 ? try x.exp() : x
        }
        g.two("a check on one side", .floats(.size("n", 1...4)), .number([-1, 0, 4]), paths: 2, nodes: 3) { x, y in
            let k = try y.item()
            if x.shape[0] > 2 { try check(k > 0, "positive for long inputs") }
            return try x * k
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
