import ApusExport
import ApusGraph
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@Suite("scan and map")
struct ScanTests {
    private func recurrent(_ h: Tensor, _ x: Tensor, _ w: Tensor) throws -> (Tensor, Tensor) {
        try scan(h, over: x) { h, x in
            let next = try (h.matmul(w) + x).tanh()
            return (next, try next * 2)
        }
    }

    // MARK: Meaning

    @Test func isTheSwiftLoopInEagerCode() throws {
        let (x, w, h) = (try numbers([5, 2, 3]), try numbers([3, 3], seed: 2), try numbers([2, 3], seed: 3))
        let (last, all) = try recurrent(h, x, w)
        var (plain, rows): (Tensor, [Tensor]) = (h, [])
        for step in 0..<5 {
            plain = try (plain.matmul(w) + x[step]).tanh()
            rows.append(try plain * 2)
        }
        try expectClose(last, plain)
        try expectClose(all, try Tensor.stack(rows))
        try expectClose(try map(x) { try $0.softmax(dim: -1) }, try x.softmax(dim: -1))
    }

    @Test func carriesFromStepToStep() throws {
        let w = try numbers([3, 3], seed: 2)
        let program = try sweep(1...9) { x in
            let (last, all) = try recurrent(try Tensor.zeros([3]), x, w)
            return [last, all]
        }
        #expect(program.graph.count(.scan) == 1)
        #expect(program.graph.totalNodeCount < 12)
    }

    @Test func goesBackwards() throws {
        try sweep(1...5) { x in
            let (last, all) = try scan(try Tensor.zeros([3]), over: x, reversed: true) { sum, x in
                let next: Tensor = try sum * 0.5 + x
                return (next, try sum + 1)
            }
            return [last, all]
        }
    }

    @Test func carriesStructuresAndNumbers() throws {
        try sweep(1...5) { x in
            typealias Carried = (SymInt, [String: Tensor], SymInt)
            let start: Carried = (x.shape[0], ["a": try Tensor.zeros([3])], 1)
            let (end, outputs): (Carried, [Tensor]) = try scan(start, over: (x, try x * 2)) { carried, slices in
                let (n, sums, count) = carried
                let next: Tensor = try (sums["a"] ?? slices.0) + slices.1
                let doubled: SymInt = count * 2
                return ((n, ["a": next], doubled), [try next * count, slices.0])
            }
            return [end.1["a"] ?? x, try Tensor.full([2], end.2)] + outputs
        }
    }

    @Test func maps() throws {
        let w = try numbers([3, 4], seed: 4)
        let program = try sweep(1...7) { x in
            let pair = try map((x, try x * 2)) { a, b in [try (a + b).matmul(w), a] }
            return pair
        }
        #expect(program.graph.count(.scan) == 1)
    }

    @Test func nestsInEverything() throws {
        let w = try numbers([3, 3], seed: 2)
        let program = try sweep(1...4) { x in
            let n = x.shape[0]
            let (last, all) = try scan(try Tensor.zeros([3]), over: x) { h, row in
                let (_, inner): (SymInt, Tensor) = try whileLoop((SymInt(0), h)) { i, _ in
                    i < n
                } do: { i, y in
                    let step: Tensor = try cond(try y.sum() .> 0) {
                        try y * 0.5 + i
                    } else: {
                        try map(w) { try $0 * y }.sum(dim: 0) + 1
                    }
                    let next: Tensor = try cond(i > 1) {
                        try step + row
                    } else: {
                        step
                    }
                    return (i + 1, next)
                }
                return (try inner.tanh(), try inner + row)
            }
            return [last, all]
        }
        #expect(program.graph.count(.scan) == 2)
        #expect(program.graph.count(.whileLoop) == 1)
        #expect(program.graph.count(.cond) == 2)
    }

    @Test func asksTheFunctionsQuestions() throws {
        try sweep(1...6) { x in [try map(x) { row in x.shape[0] > 3 ? try row.cos() : try row.sin() }] }
    }

    // MARK: Mistakes

    @Test func refusesDifferentLengths() throws {
        let (x, y) = (try numbers([4, 3]), try numbers([5, 3]))
        let error = #expect(throws: TensorError.self) { try map((x, y)) { a, b in try a + b } }
        // The line of the call follows where it is known.
        let expected = "map: the tensors to go over differ in their first size: float32[4, 3] and float32[5, 3]"
        #expect("\(try #require(error))".hasPrefix(expected))
        // Sizes that may differ are to be declared equal.
        #expect(throws: ConstraintViolationError.self) {
            try export(
                { (x: Tensor, y: Tensor) in try map((x, y)) { a, b in try a + b } }, args: x, try numbers([4, 3]),
                constraints: [dynamicDim(x, 0)])
        }
    }

    @Test func refusesNoSteps() throws {
        let empty = try numbers([0, 3])
        let error = #expect(throws: TensorError.self) { try map(empty) { try $0 + 1 } }
        #expect(
            error?.message
                == "a tensor of float32[0, 3] has no elements along its first dimension, and no step leaves results without a shape")
        let x = try numbers([2, 3])
        let program = try export({ (x: Tensor) in try map(x) { try $0 + 1 } }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(throws: (any Error).self) { let _: Tensor = try program(empty) }
        #expect(throws: ConstraintViolationError.self) {
            try export({ (x: Tensor) in try map(x) { try $0 + 1 } }, args: x, constraints: [dynamicDim(x, 0) >= 0])
        }
        let scalar = #expect(throws: TensorError.self) { try map(try x.sum()) { try $0 + 1 } }
        #expect(scalar?.message == "a tensor of float32[] has no dimension to go over")
    }

    @Test func refusesToChangeWhatIsCarried() throws {
        let x = try numbers([4, 3])
        func both(_ step: @escaping (Tensor, Tensor) throws -> (Tensor, Tensor)) -> (String?, String?) {
            func run(_ x: Tensor) throws -> Tensor { try scan(try Tensor.zeros([3]), over: x, step).1 }
            func text(_ body: () throws -> Void) -> String? {
                do { try body() } catch { return error.unplaced }
                return nil
            }
            return (text { _ = try run(x) }, text { _ = try export(run, args: x, constraints: [dynamicDim(x, 0)]) })
        }
        let shape = both { h, x in (try Tensor.cat([h, x]), x) }
        #expect(shape.0 == "scan: the carried value 0 is float32[3] and becomes float32[6]: a shape stays; use whileLoop")
        #expect(shape.1 == shape.0)
        let dtype = both { h, x in (try (h + x).to(.int64), x) }
        #expect(
            dtype.0 == "scan: the carried value 0 is float32[3] and becomes int64[3]: a dtype stays; convert it with to(.float32)")
        #expect(dtype.1 == dtype.0)
    }

    @Test func refusesResultsOfDifferentSizes() throws {
        let x = try numbers([4, 3])
        let error = #expect(throws: TensorError.self) {
            try export({ (x: Tensor) in try map(x) { row in try row.maskedSelect(row .> 0) } }, args: x)
        }
        #expect(error?.message.contains("may differ from step to step") == true)
    }

    // MARK: Gradients

    @Test func hasGradients() throws {
        let w = try numbers([3, 3], seed: 2)
        let h = try numbers([3], seed: 4)
        func gradients(_ x: Tensor) throws -> [Tensor] {
            try valueAndGradient(at: [h, x, w]) { inputs in
                let (last, all) = try recurrent(inputs[0], inputs[1], inputs[2])
                return try last.sum() + (all * all).sum()
            }.gradients
        }
        let program = try sweep(1...6) { x in try gradients(x) }
        // Forward, once more with what each step was given, and backward.
        #expect(program.graph.count(.scan) == 3)
    }

    @Test func hasGradientsOfWhatIsNested() throws {
        let w = try numbers([3, 3], seed: 2)
        func gradients(_ x: Tensor) throws -> [Tensor] {
            try valueAndGradient(at: [x, w]) { inputs in
                let start: (Tensor, SymInt) = (try Tensor.ones([3]), 0)
                let (last, all): ((Tensor, SymInt), Tensor) = try scan(start, over: inputs[0]) { carried, row in
                    let (h, i) = carried
                    let next: Tensor = try cond(i > 1) {
                        try (h * row).sin()
                    } else: {
                        try map(inputs[1]) { try $0 * row }.sum(dim: 0)
                    }
                    return ((try next + h, i + 1), try next * next)
                }
                return try last.0.sum() + all.sum()
            }.gradients
        }
        try sweep(1...5) { x in try gradients(x) }
    }

    @Test func hasSecondGradients() throws {
        func second(_ x: Tensor) throws -> [Tensor] {
            [
                try gradient(at: x) { x in
                    let first = try gradient(at: x) { x in
                        let (last, all) = try scan(try Tensor.ones([3]), over: x) { h, row in (try h * row, try (h + row).sin()) }
                        return try last.sum() + all.sum()
                    }
                    return try (first * first).sum()
                }
            ]
        }
        try sweep(1...4) { x in try second(x) }
    }

    @Test func gradientsOfManyStepsInHalfPrecisionAreRoundedOnce() throws {
        // In bfloat16 a sum of ones stops at 256.
        let (x, w) = (try Tensor.ones([600], dtype: .bfloat16), try Tensor.ones([], dtype: .bfloat16))
        func loss(_ x: Tensor, _ w: Tensor) throws -> Tensor { try map(x) { try $0 * w }.sum() }
        let joint = try exportJoint(
            { (x: Tensor, w: Tensor) in try loss(x, w) }, args: x, w, withRespectTo: [w], options: ExportOptions(names: ["x", "w"]))
        #expect(joint.graph.count(.scan) == 2)
        #expect(try joint.valueAndGradients(x, w).inputGradients["w"]?.array(of: Double.self) == [600])
        #expect(try gradient(at: w) { try loss(x, $0) }.array(of: Double.self) == [600])
    }
}
