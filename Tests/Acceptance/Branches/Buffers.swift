import Apus
import Testing

/// Buffers that change on some paths only.
@Suite struct Buffers {
    final class Counters: Module {
        @Buffer var first: Tensor
        @Buffer var second: Tensor
        init() throws {
            first = try Tensor.zeros([1])
            second = try Tensor.zeros([1])
        }
    }

    private static let x = GalleryInput.floats(.size("n", 1...4))

    static let gallery = Gallery { g in
        g.model("counted on one side", [x], paths: 2, nodes: 3, { try Counters() }) { model, t in
            if t[0].shape[0] > 2 { model.first = try model.first + 1 }
            return try t[0] + model.first
        }
        g.model("another buffer on each side", [x], paths: 2, nodes: 4, { try Counters() }) { model, t in
            if t[0].shape[0] > 2 { model.first = try model.first + 1 } else { model.second = try model.second - 1 }
            return try t[0] * 2
        }
        g.model("counted by a value", [.floats(3)], paths: 2, nodes: 6, { try Counters() }) { model, t in
            if try t[0].sum().item(SymFloat.self) > 0 { model.first = try model.first + t[0].sum() }
            return try t[0].exp()
        }
        g.model("the buffer itself decides", [.floats(3)], paths: 2, nodes: 5, { try Counters() }) { model, t in
            model.first = try model.first + 1
            if try model.first.item(SymFloat.self) > 2 { model.first = try Tensor.zeros([1]) }
            return try t[0] + model.first
        }
        g.model("changed in a loop", [x], paths: 4, nodes: 16, { try Counters() }) { model, t in
            for i in 0..<t[0].shape[0] { model.first = try model.first * 0.5 + t[0][i] }
            return try t[0].sum()
        }
        g.model("changed, then refused", [.floats(.size("n", 1...4))], paths: 2, nodes: 3, { try Counters() }) { model, t in
            model.first = try model.first + 1
            if t[0].shape[0] == 2 { throw Throwing.Refused("two") }
            return try t[0] + model.first
        }
        g.model("batch statistics for large batches", [.floats(.size("n", 2...5), 3)], paths: 2, nodes: 3, { try BatchNorm1d(3) }) {
            model, t in
            t[0].shape[0] > 3 ? try model(t[0]) : t[0]
        }
    }.programs

    @Test(arguments: gallery) func program(_ program: GalleryProgram) throws { try program.check() }
}
