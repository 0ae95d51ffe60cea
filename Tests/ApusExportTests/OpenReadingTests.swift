import ApusGraph
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@testable import ApusExport

/// Operators that mean one thing or another by a size. A size that is open is no answer: both readings are traced, one is required, or the
/// export says that it can't tell.
@Suite("Readings that a size decides") struct OpenReadingTests {
    /// Exports over a size of the first input, plain and taken apart, and compares at each size: the same result, or an error from both.
    private func compare(
        _ sizes: ClosedRange<Int>, _ inputs: (Int) throws -> [Tensor], paths: Int,
        sourceLocation: SourceLocation = #_sourceLocation, _ function: @escaping ([Tensor]) throws -> Tensor
    ) throws {
        for example in sizes {
            let args = try inputs(example)
            guard (try? function(args)) != nil else { continue }
            let program = try export(function, args: args, constraints: [dynamicDim(args[0], 0).in(sizes)])
            #expect(program.paths.count == paths, "\(program.paths)", sourceLocation: sourceLocation)
            try Verifier().verify(program.graph, scope: program.scope)
            for program in [program, try program.transform(Decomposition())] {
                for size in sizes {
                    let args = try inputs(size)
                    guard let expected = try? function(args) else {
                        #expect(throws: (any Error).self, "at \(size)", sourceLocation: sourceLocation) {
                            let _: Tensor = try program(args)
                        }
                        continue
                    }
                    let found: Tensor = try program(args)
                    try expectClose(found, expected, "at \(size) from \(example)", tolerance: 1e-3, sourceLocation: sourceLocation)
                }
            }
        }
    }

    private func systems(_ n: Int) throws -> [Tensor] {
        [try Tensor.eye(3).unsqueezed(0) * 3 + numbers([n, 3, 3]) * 0.2, try numbers([3, 3], seed: 5)]
    }

    @Test("solve: as many vectors as matrices, or one matrix for all") func solve() throws {
        try compare(1...5, systems, paths: 2) { try $0[0].solve($0[1]).square().sum() }
    }

    @Test("solve in a gradient") func solveInAGradient() throws {
        try compare(1...5, systems, paths: 2) { inputs in
            try gradient(at: inputs[0]) { try $0.solve(inputs[1]).square().sum() }
        }
        for n in [2, 3] {
            let args = try systems(n)
            let joint = try exportJoint(
                { (a: Tensor, b: Tensor) in try a.solve(b).square().sum() }, args: args[0], args[1], withRespectTo: [args[0]],
                constraints: [dynamicDim(args[0], 0).in(1...5)])
            for size in 1...5 {
                let args = try systems(size)
                let eager = try valueAndGradient(at: [args[0]]) { try $0[0].solve(args[1]).square().sum() }
                let made: [Tensor] = try joint.evaluate(args).compactMap(\.tensor)
                try expectClose(made[0], eager.value, "at \(size)", tolerance: 1e-3)
                try expectClose(made[1], eager.gradients[0], "at \(size)", tolerance: 1e-3)
            }
        }
    }

    @Test("cross: the first dimension of three elements") func cross() throws {
        try compare(1...5, { [try numbers([$0, 3]), try numbers([1, 3], seed: 3)] }, paths: 1) { inputs in
            guard let cross = OperatorTable.find("aten::cross") else { throw TensorError(.unsupported, "there is no cross") }
            return try applySingle(cross, [.tensor(inputs[0]), .tensor(inputs[1]), .none])
        }
    }

    @Test("affine grid: one position stands in the middle") func affineGrid() throws {
        try compare(1...4, { [try numbers([$0]), try numbers([1, 2, 3])] }, paths: 1) { inputs in
            guard let grid = OperatorTable.find("aten::affine_grid_generator") else { throw TensorError(.unsupported, "there is no grid") }
            let sizes: [SymInt] = [1, 1, inputs[0].shape[0], 2]
            return try applySingle(grid, [.tensor(inputs[1]), .ints(sizes), .bool(true)])
        }
    }

    @Test("repeat_interleave: one count for all, or one each") func counts() throws {
        let x = try numbers([1, 2])
        let counts: (Int) throws -> [Tensor] = { [try Tensor.full([SymInt($0)], 2, dtype: .int64)] }
        try compare(1...2, counts, paths: 2) { try x.transposed(0, 1).repeatInterleave($0[0], dim: 0) }
        // Where there are as many in any case it makes no difference.
        try compare(1...4, counts, paths: 1) { try x.expanded([$0[0].shape[0], 2]).repeatInterleave($0[0], dim: 0).sum(dim: 0) }
    }

    @Test("cat leaves out an empty vector") func cat() throws {
        try compare(0...2, { [try numbers([$0]), try numbers([2, 3])] }, paths: 2) { try Tensor.cat($0, dim: 0) }
    }

    @Test("roll of a dimension that may be empty") func roll() throws {
        try compare(0...4, { [try numbers([$0, 2])] }, paths: 1) { try $0[0].rolled([2], dims: [0]) }
    }

    @Test("isin of nothing") func isin() throws {
        try compare(0...3, { [try numbers([$0]), try numbers([4])] }, paths: 2) { try $0[1].isIn($0[0]).to(.float32) }
    }

    @Test("With a beta of 0 the first operand is not read") func beta() throws {
        let (matrix, vector) = (try numbers([2, 3]), try numbers([3], seed: 2))
        try compare(1...3, { [try numbers([$0]), try Tensor.full([2], Float.nan)] }, paths: 2) { inputs in
            guard let addmv = OperatorTable.find("aten::addmv") else { throw TensorError(.unsupported, "there is no addmv") }
            let beta: SymInt = inputs[0].shape[0] - 1
            return try applySingle(addmv, [.tensor(inputs[1]), .tensor(matrix), .tensor(vector), .int(beta), .int(1)])
        }
    }

    @Test("Gradients that exist for some shapes say what to declare") func gradientOfQR() throws {
        let x = try numbers([4, 3])
        func loss(_ x: Tensor) throws -> Tensor { try gradient(at: x) { try $0.qr().r.square().sum() } }
        let error = #expect(throws: ConstraintViolationError.self) {
            try export(loss, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        }
        #expect(error?.description.contains("dynamicDim(x, 0).in(3...6)") == true, "\(String(describing: error))")
        let program = try export(loss, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        for size in 3...6 {
            let x = try numbers([size, 3], seed: 8)
            try expectClose(try program(x), try loss(x), "at \(size)", tolerance: 1e-3)
        }
    }
}
