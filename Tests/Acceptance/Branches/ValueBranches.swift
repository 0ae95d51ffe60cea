import Apus
import Testing

/// Questions about numbers read from tensors.
@Suite struct ValueBranches {
    private static let x = GalleryInput.floats(4)

    static let gallery = Gallery { g in
        g.two("integer within declared bounds", x, .number([2, 3, 4, 5, 6]), paths: 2, nodes: 6) { x, y in
            let b = try y.item()
            try constrainAsValue(b, min: 3, max: 5)
            return b > 3 ? try x.cos() : try x.sin()
        }
        g.two("sign of an integer", x, .number([-3, -1, 0, 1, 9, Int.max / 2, Int.min / 2]), paths: 3, nodes: 5) { x, y in
            let b = try y.item()
            if b > 0 { return x }
            if b < 0 { return try -x }
            return try x * 0
        }
        g.two("float above zero, with NaN", x, .real(), paths: 2, nodes: 4) { x, y in
            try y.item(SymFloat.self) > 0 ? try x + 1 : try x - 1
        }
        g.two("float equal to zero, with -0", x, .real(), paths: 2, nodes: 4) { x, y in
            try y.item(SymFloat.self) == 0 ? try x * 2 : try x / 2
        }
        g.two("float not above and not below is NaN", x, .real(), paths: 3, nodes: 6) { x, y in
            let v = try y.item(SymFloat.self)
            if v > 1 { return try x + 1 }
            if v <= 1 { return try x - 1 }
            return try x * 0
        }
        g.two("bool", x, .flag, paths: 2, nodes: 4) { x, y in
            try y.item(Bool.self) ? try x.exp() : try x.neg()
        }
        g.one("sum against mean", x, paths: 2, nodes: 7) { x in
            try x.sum().item(SymFloat.self) > x.mean().item(SymFloat.self) ? try x.relu() : try x.abs()
        }
        g.three("two floats in order", x, .real([0, 1, 2, .nan]), .real([0, 1, 2, .nan]), paths: 3, nodes: 7) { x, a, b in
            let (p, q) = (try a.item(SymFloat.self), try b.item(SymFloat.self))
            if p < q { return try x.sin() }
            if p == q { return try x.cos() }
            return try x.tan()
        }
        g.two("any element positive", x, .flag, paths: 4, nodes: 9) { x, y in
            let base: Tensor = try (x .> 0).any().item(Bool.self) ? try x.relu() : x
            return try y.item(Bool.self) ? try base.sum() : try base.mean()
        }
        g.two("parity of a value", x, .number([-3, -2, -1, 0, 1, 2, 3]), paths: 2, nodes: 4) { x, y in
            try y.item() % 2 == 0 ? try x.sum() : try x.max()
        }
        g.two("value against a size", .floats(.size("n", 1...5)), .number([-1, 0, 1, 3, 5, 7]), paths: 2, nodes: 4) { x, y in
            try y.item() < x.shape[0] ? try x.sum() : try x.exp().sum()
        }
        g.two("int8 can't exceed 127", x, .number([-128, 0, 127], .int8), paths: 1, nodes: 2) { x, y in
            try y.item() > 127 ? try x.sum() : try x.exp()
        }
        g.two("value scales, then decides", x, .number([-2, 0, 2, 5, Int.max / 4]), paths: 2, nodes: 6) { x, y in
            let k = try y.item()
            let scaled = try x * k
            return k * 2 > 3 ? try scaled.sum() : try scaled.max()
        }
        g.two("value as an enumeration", x, .number([0, 1, 2, 3]), paths: 4, nodes: 9) { x, y in
            let kind = try y.item()
            try check(kind >= 0 && kind <= 3, "kind must be in 0...3")
            switch Int(kind) {
            case 0: return try x.sin()
            case 1: return try x.cos()
            case 2: return try x.exp()
            default: return try x.tanh()
            }
        }
        g.two("number of a bool tensor", x, .flag, paths: 2, nodes: 3) { x, y in
            try y.item(SymInt.self) == 1 ? try x + 1 : x
        }
        g.one("index of the largest", .floats(3), paths: 3, nodes: 7) { x in
            let i = try x.argmax().item()
            if i == 0 { return try x.sin() }
            return i == 1 ? try x.cos() : try x.neg()
        }
        g.two("arithmetic on a float", x, .real([-2, -0.5, 0, 0.5, 2, .nan]), paths: 2, nodes: 4) { x, y in
            let v = try y.item(SymFloat.self)
            return v * v + 1.0 > 2.0 ? try x * v : try x + v
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
