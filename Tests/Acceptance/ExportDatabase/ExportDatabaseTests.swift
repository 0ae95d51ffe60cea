import Apus
import Testing

/// The cases of PyTorch's export case database (`torch._export.db.examples`, PyTorch 2.13), written in Swift, each swept over a domain.
///
/// PyTorch exports 35 of its 36 cases, all but `dynamic_shape_round`; it does so at the example's sizes except where it says otherwise below,
/// and needs `cond` wherever a branch is to stay. Here branches are plain `if`, and sizes are dynamic. One case has no counterpart:
/// `tensor_setattr`, since a Swift tensor has no attributes to set.
@Suite struct ExportDatabaseTests {
    struct Refused: Error {}

    private static let matrix = GalleryInput.floats(.size("n", 1...6), 2)

    static let branches = Gallery { g in
        // PyTorch: through cond, at the example's size. Ours: every size.
        g.one("cond_branch_class_method", .floats(.size("n", 1...5)), paths: 2, nodes: 3) { x in
            struct Cosine { func foo(_ x: Tensor) throws -> Tensor { try x.cos() } }
            func bar(_ x: Tensor) throws -> Tensor { try x.sin() }
            return x.shape[0] <= 2 ? try Cosine().foo(x) : try bar(x)
        }
        g.one("cond_branch_nested_function", .floats(.size("n", 1...12)), paths: 2, nodes: 3) { x in
            func whenShort(_ x: Tensor) throws -> Tensor {
                func inner(_ y: Tensor) throws -> Tensor { try x + y }
                return try inner(x)
            }
            func whenLong(_ x: Tensor) throws -> Tensor {
                func inner(_ y: Tensor) throws -> Tensor { try x - y }
                return try inner(x)
            }
            return x.shape[0] < 10 ? try whenShort(x) : try whenLong(x)
        }
        // PyTorch: captured variables must become operands of cond. Ours: captured as they are.
        g.one("cond_branch_nonlocal_variables", .floats(.size("n", 1...8)), paths: 2, nodes: 6) { x in
            let other = try x + 100
            let number = 3.14
            return x.shape[0] > 5 ? try x + other + number : try x - other - number
        }
        g.two("cond_closed_over_variable", .flag, .floats(3, 2), paths: 2, nodes: 4) { flag, x in
            try flag.item(Bool.self) ? try x * 2 : try x - 2
        }
        g.two("cond_operands", matrix, .floats(2), paths: 2, nodes: 3) { x, y in
            x.shape[0] > 2 ? try x + y : try x - y
        }
        g.one("cond_predicate", .floats(2, 3, .size("n", 8...12)), paths: 2, nodes: 3) { x in
            x.rank > 2 && x.shape[2] > 10 ? try x.cos() : try x.sin()
        }
        // PyTorch: a dynamic size would be refused; the case is exported at size 3.
        g.one("dynamic_shape_if_guard", .floats(.size("n", 1...5), 2, 2), paths: 2, nodes: 3) { x in
            x.shape[0] == 3 ? try x.cos() : try x.sin()
        }
        // PyTorch: exported at size 3, the assertions gone. Ours: sizes that break them are refused at run time.
        g.one("dynamic_shape_assert", matrix, paths: 2, nodes: 1) { x in
            guard x.shape[0] > 2 else { throw Refused() }
            guard x.shape[0] > 1 else { throw Refused() }
            return x
        }
        g.one("list_contains", .floats(.size("n", 1...7), .size("m", in: [2, 3, 6])), paths: 9, nodes: 5) { x in
            guard [6, 2].contains(x.shape[1]), ![4, 5, 6].contains(x.shape[0]), !["cow", "pig"].contains("monkey") else { throw Refused() }
            return try x + x
        }
        g.one("static_if", .floats(3, 2, 2), paths: 1, nodes: 2) { x in
            x.rank == 3 ? try x + Tensor.ones([1, 1, 1]) : x
        }
        g.list("static_for_loop", [.floats(3, 2)], paths: 1, nodes: 10) { t in try (0..<10).map { try t[0] + $0 } }
    }.programs

    static let sizes = Gallery { g in
        // PyTorch: the number is burned in by a decorator. Ours: it stays a number that each run reads.
        g.two("assume_constant_result", .floats(3, 2), .number([-1, 0, 1, 2, 3, 4]), paths: 1, nodes: 3) { x, y in
            let k = try y.item()
            try check(k >= 0 && k <= 3, "k must be a position of x")
            return try x[0..<k]
        }
        g.one("constrain_as_size_example", .number([-1, 0, 1, 4, 5, 6]), paths: 1, nodes: 4) { x in
            let a = try x.item()
            try check(a >= 0, "at least 0")
            try check(a <= 5, "at most 5")
            return try Tensor.zeros([a, 5])
        }
        g.two("constrain_as_value_example", .number([-1, 0, 4, 5, 6]), .floats(5, 5), paths: 1, nodes: 4) { x, y in
            let a = try x.item()
            try check(a >= 0, "at least 0")
            try check(a <= 5, "at most 5")
            return a < 6 ? try y.sin() : try y.cos()
        }
        g.one("dynamic_shape_constructor", matrix, paths: 1, nodes: 1) { x in try Tensor.zeros([x.shape[0] * 2]) }
        g.two("dynamic_shape_map", matrix, .floats(2), paths: 6, nodes: 23) { xs, y in
            var rows: [Tensor] = []
            for i in 0..<xs.shape[0] { rows.append(try xs[i] + y) }
            return try Tensor.stack(rows)
        }
        // PyTorch: not supported.
        g.one("dynamic_shape_round", matrix, paths: 1, nodes: 1) { x in
            try x[0..<SymInt(SymFloat(x.shape[0]) / 2, rounding: .toNearest)]
        }
        g.one("dynamic_shape_slicing", .floats(.size("n", 2...6), .size("m", 1...4)), paths: 1, nodes: 2) { x in
            try x[0..<(x.shape[0] - 2), .slice(x.shape[1] - 1, step: 2)]
        }
        g.one("dynamic_shape_view", .floats(.size("n", 1...4), 10), paths: 1, nodes: 2) { x in
            try x.reshaped([x.shape[0], 2, 5]).permuted([0, 2, 1])
        }
        // Named for an operator that PyTorch once lacked, sym_min.
        g.one("unsupported_operator", matrix, paths: 1, nodes: 2) { x in try x.sum() + min(x.shape[0], 100) }
    }.programs

    static let functions = Gallery { g in
        g.two("decorator", .floats(3, 2), .floats(3, 2), paths: 1, nodes: 2) { x, y in
            func decorated(_ f: @escaping (Tensor, Tensor) throws -> Tensor) -> (Tensor, Tensor) throws -> Tensor { { try f($0, $1) + 1 } }
            return try decorated { try $0 + $1 }(x, y)
        }
        g.two("nested_function", .floats(3, 2), .floats(2), paths: 1, nodes: 5) { a, b in
            var x = try a + b
            let z = try a - b
            func closure(_ y: Tensor) throws -> Tensor {
                x = try x + 1
                return try x * y + z
            }
            return try closure(x)
        }
        g.one("null_context_manager", .floats(3, 2), paths: 1, nodes: 3) { x in
            func within<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }
            return try within { try x.sin() + x.cos() }
        }
        g.list("list_unpack", [.floats(3, 2), .number([4]), .number([5])], paths: 1, nodes: 1) { t in [try t[0] + t[1]] }
        g.one("type_reflection_method", .floats(3, 4), paths: 1, nodes: 1) { x in
            struct A { static func function(_ x: Tensor) throws -> Tensor { try 1 + x } }
            return try type(of: A()).function(x)
        }
        // PyTorch: the mutation is made explicit. Ours: a tensor is a value, so that the caller's stays as it is.
        g.one("user_input_mutation", .floats(3, 2), paths: 1, nodes: 2) { x in
            var x = x
            x = try x * 2
            return try x.cos()
        }
    }.programs

    @Test(arguments: branches) func branch(_ program: GalleryProgram) throws { try program.check() }
    @Test(arguments: sizes) func size(_ program: GalleryProgram) throws { try program.check() }
    @Test(arguments: functions) func function(_ program: GalleryProgram) throws { try program.check() }
}
