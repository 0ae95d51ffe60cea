import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@Suite("whileLoop")
struct WhileLoopTests {
    // MARK: Meaning

    @Test func isTheSwiftLoopInEagerCode() throws {
        let x = try numbers([3])
        let (steps, y): (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
            i < 4
        } do: { i, y in
            let next: Tensor = try y * 0.5 + i
            return (i + 1, next)
        }
        var plain = x
        for i in 0..<4 { plain = try plain * 0.5 + i }
        #expect(steps.constant == 4)
        try expectClose(y, plain)
        let z = try whileLoop(x) { z in
            try z.sum() .< 100
        } do: { z in
            try z + 10
        }
        var w = x
        while try w.sum().item(Float.self) < 100 { w = try w + 10 }
        try expectClose(z, w)
    }

    @Test func carriesANumberAndATensor() throws {
        let program = try sweep(1...9) { x in
            let n = x.shape[0]
            let (i, y): (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < n
            } do: { i, y in
                let next: Tensor = try y * 0.5 + x * i
                return (i + 1, next)
            }
            return [y, try Tensor.full([i], 1)]
        }
        #expect(program.graph.count(.whileLoop) == 1)
        // What the loop leaves is known to be a size that fills no more than a check would allow: no assertion is needed.
        #expect(program.graph.count(.assertScalar) == 0)
    }

    /// Found by random programs (seeds 202533 and 403439).
    @Test func isLeftOutWhereItsBodysQuestionTellsThatItMakesNoPass() throws {
        try sweep(3...4) { x in
            let y = try whileLoop((SymInt(0), x)) { i, _ in
                i < x.shape[0] / 4
            } do: { i, y in
                x.shape[0] % 2 == 0 ? (i + 1, try y * x.reshaped([-1, 2]).sum()) : (i + 1, y)
            }
            return [y.1]
        }
    }

    @Test func makesNoPassWhereTheConditionNeverHolds() throws {
        try sweep(1...3) { x in
            let y = try whileLoop((SymInt(5), x)) { i, _ in
                i < x.shape[0]
            } do: { i, y in
                (i + 1, try y * 2)
            }
            return [y.1, try Tensor.full([2], y.0)]
        }
    }

    @Test func asksATensor() throws {
        let program = try sweep(1...6) { x in
            let (y, count) = try whileLoop((x, try Tensor(0 as Float))) { y, _ in
                try y.abs().sum() .< 50
            } do: { y, count in
                let next: Tensor = try y * 1.5 + 0.25
                return (next, try count + 1)
            }
            return [y, count]
        }
        #expect(program.graph.count(.whileLoop) == 1)
    }

    @Test func usesWhatIsAround() throws {
        let weight = try numbers([3, 3], seed: 5)
        try sweep(1...5) { x in
            let scale = try x.sum()
            let y = try whileLoop((SymInt(0), x)) { i, _ in
                i < 3
            } do: { i, y in
                let next: Tensor = try y.matmul(weight).tanh() + scale * x.shape[0]
                return (i + 1, next)
            }
            return [y.1]
        }
    }

    @Test func carriesStructures() throws {
        try sweep(1...5) { x in
            let state: [String: [Tensor]] = ["a": [x], "b": [try x * 2, try x.sum(dim: 0)]]
            let end = try whileLoop(state) { state in
                try (state["b"] ?? [])[1].abs().max() .< 100
            } do: { state in
                guard let a = state["a"]?.first, let b = state["b"], b.count == 2 else { return state }
                let sum: Tensor = try b[1] * 2 + 1
                return ["a": [b[0]], "b": [try a + 1, sum]]
            }
            return (end["a"] ?? []) + (end["b"] ?? [])
        }
    }

    // MARK: Sizes that vary

    @Test func widensASizeThatGrows() throws {
        let program = try sweep(1...9) { x in
            let y = try whileLoop(x) { y in
                y.shape[0] < 20
            } do: { y in
                try Tensor.cat([y, y + 1])
            }
            return [y, try y.sum(dim: 0) * y.shape[0]]
        }
        let loop = try #require(program.graph.nodes.first { $0.operator == .whileLoop })
        let arguments = try WhileArguments(loop)
        let body = arguments.body.graph
        let size = try #require(body.spec(body.inputs[0])?.shape[0].expression?.symbol)
        // The body runs for sizes below 20 and doubles them: at most 38.
        #expect(size.declaredRange == SymRange(1...38))
        #expect(body.spec(body.inputs[0])?.shape[1].constant == 3)
        let after = try #require(program.graph.spec(loop.outputs[0])?.shape[0].expression?.symbol)
        #expect(after != size)
    }

    @Test func keepsSizesTogetherThatStartTogether() throws {
        let program = try sweep(2...9) { x in
            let pair = try whileLoop((x, try x * 2)) { a, _ in
                a.shape[0] > 2
            } do: { a, b in
                let sum: Tensor = try (a + b)[1...]
                let product: Tensor = try (a * b)[1...]
                return (sum, product)
            }
            return [pair.0, pair.1, try pair.0 + pair.1]
        }
        // a + b needs no check: both have one size in every pass.
        #expect(program.graph.count(.assertScalar) == 0)
    }

    @Test func partsSizesThatGoTheirOwnWays() throws {
        try sweep(2...6) { x in
            let end = try whileLoop((x, x, SymInt(0))) { _, _, i in
                i < 3
            } do: { a, b, i in
                (try Tensor.cat([a, a]), try Tensor.cat([b, x]), i + 1)
            }
            return [end.0, end.1]
        }
    }

    @Test func narrowsARangeByTheCondition() throws {
        // Reading x at i needs 0 <= i < n, which start, condition and body imply.
        let program = try sweep(1...9) { x in
            let n = x.shape[0]
            let (_, sum): (SymInt, Tensor) = try whileLoop((SymInt(0), try Tensor.zeros([3]))) { i, _ in
                i < n
            } do: { i, sum in
                let next: Tensor = try sum * 0.5 + x.select(dim: 0, index: i)
                return (i + 1, next)
            }
            return [sum]
        }
        #expect(program.graph.count(.assertScalar) == 0)
    }

    @Test func countsDown() throws {
        let program = try sweep(1...7) { x in
            let (_, y): (SymInt, Tensor) = try whileLoop((x.shape[0] - 1, x)) { i, _ in
                i >= 0
            } do: { i, y in
                let next: Tensor = try y + x.select(dim: 0, index: i)
                return (i - 1, next)
            }
            return [y]
        }
        // Bounds are numbers: that i stays below the dynamic n, where it started, is checked in each pass.
        #expect(program.graph.count(.assertScalar) == 1)
    }

    @Test func knowsAfterwardsThatTheConditionFails() throws {
        let program = try sweep(1...7) { x in
            let n = x.shape[0]
            let (i, _): (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < n
            } do: { i, y in
                (i + 2, try y + 1)
            }
            try check(i >= n, "the loop ends at n or above")
            return [try Tensor.full([i - n + 1], 2)]
        }
        #expect(program.graph.count(.assertScalar) == 0)
    }

    // MARK: Questions

    @Test func asksTheFunctionsQuestionsOnce() throws {
        let program = try sweep(1...8) { x in
            let n = x.shape[0]
            let (_, y): (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < 3
            } do: { i, y in
                let next: Tensor = n > 4 ? try y * 2 : try y - 1
                return (i + 1, next)
            }
            return [n > 4 ? try y + 100 : y]
        }
        #expect(program.graph.count(.cond) == 1)
        #expect(program.graph.count(.whileLoop) == 2)
    }

    @Test func refusesAQuestionAboutWhatVaries() throws {
        func asking(_ x: Tensor) throws -> Tensor {
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < 5
            } do: { i, y in
                let next: Tensor = i > 2 ? try y * 2 : y
                return (i + 1, next)
            }
            return end.1
        }
        let x = try numbers([4])
        let error = #expect(throws: ProgramError.self) { try export(asking, args: x) }
        #expect(error?.code == .untraceable)
        #expect(error?.message.contains("the body of whileLoop asks whether") == true)
        #expect(error?.message.contains("Use cond(") == true)
        #expect(error?.site?.location?.file == "WhileLoopTests.swift")
    }

    @Test func takesACondForSuchAQuestion() throws {
        let program = try sweep(1...4) { x in
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < 5
            } do: { i, y in
                let next: Tensor = try cond(i > 2) {
                    try y * 2
                } else: {
                    try y - i
                }
                return (i + 1, next)
            }
            return [end.1]
        }
        #expect(program.graph.count(.cond) == 1)
    }

    // MARK: Mistakes

    private func message(_ function: @escaping (Tensor) throws -> Tensor) throws -> (traced: String?, eager: String?) {
        let x = try numbers([4, 3])
        func text(_ body: () throws -> Void) -> String? {
            do { try body() } catch { return error.unplaced }
            return nil
        }
        return (
            text { _ = try export(function, args: x, constraints: [dynamicDim(x, 0)]) }, text { _ = try function(x) }
        )
    }

    @Test func refusesToChangeADType() throws {
        let (traced, eager) = try message { x in
            try whileLoop(x) { y in
                try y.sum() .< 10
            } do: { y in
                try (y + 10).to(.float64)
            }
        }
        #expect(
            eager
                == "whileLoop: the carried value 0 is float32[4, 3] and becomes float64[4, 3]: a dtype stays; convert it with to(.float32)")
        #expect(
            traced
                == "whileLoop: the carried value 0 is float32[x.shape[0], 3] and becomes float64[x.shape[0], 3]: a dtype stays; convert it with to(.float32)"
        )
    }

    @Test func refusesToChangeARank() throws {
        let (traced, eager) = try message { x in
            try whileLoop(x) { y in
                try y.sum() .< 10
            } do: { y in
                try (y + 10).sum(dim: 0)
            }
        }
        #expect(eager == "whileLoop: the carried value 0 is float32[4, 3] and becomes float32[3]: the number of dimensions stays")
        #expect(traced == "whileLoop: the carried value 0 is float32[x.shape[0], 3] and becomes float32[3]: the number of dimensions stays")
    }

    @Test func refusesToChangeTheStructure() throws {
        let (traced, eager) = try message { x in
            try whileLoop([x]) { y in
                try y[0].sum() .< 10
            } do: { y in
                [try y[0] + 10, y[0]]
            }[0]
        }
        #expect(eager == "whileLoop: the body gives [*, *] where [*] is carried: the structure must stay the same")
        #expect(traced == eager)
    }

    @Test func refusesAConditionThatIsNotOneBool() throws {
        let (traced, eager) = try message { x in
            try whileLoop(x) { y in
                try y.sum(dim: 0) .< 10
            } do: { y in
                try y + 10
            }
        }
        #expect(eager == "whileLoop: the condition must be a tensor of one bool, not bool[3]; use all() or any()")
        #expect(traced == eager)
        let number = try message { x in
            try whileLoop(x) { y in
                try y.sum()
            } do: { y in
                try y + 10
            }
        }
        #expect(
            number.eager == "whileLoop: the condition must be a tensor of one bool, not float32[]; compare it first, as in x > 0")
        #expect(number.traced == number.eager)
    }

    // MARK: Gradients

    @Test func hasNoGradient() throws {
        let x = try numbers([3])
        func loss(_ x: Tensor) throws -> Tensor {
            try whileLoop(x) { y in
                try y.sum() .< 10
            } do: { y in
                try y * y + 1
            }.sum()
        }
        let eager = #expect(throws: TensorError.self) { try gradient(at: x, loss) }
        #expect(eager?.code == .notDifferentiable)
        #expect(eager?.message.contains("use scan") == true)
        let traced = #expect(throws: TensorError.self) { try export({ (x: Tensor) in try gradient(at: x, loss) }, args: x) }
        #expect(traced?.message == eager?.message)
        // What does not flow through the loop has its gradient.
        try expectClose(
            try gradient(at: x) { x in
                _ = try whileLoop(x) { y in
                    try y.sum() .< 10
                } do: { y in
                    try y * y + 1
                }
                return try (x * x).sum()
            }, try x * 2)
    }

    @Test("A body that always throws becomes a check that the loop makes no pass") func throwingBody() throws {
        let x = try numbers([4])
        let function = { (x: Tensor) in
            try whileLoop(x) { y in
                try y.sum() .> 100
            } do: { y in
                _ = try y.reshaped([3])
                return y
            }
        }
        let program = try export(function, args: x)
        try expectClose(try program(x), try function(x))
        let large = try Tensor([100, 1, 2, 3] as [Float], shape: [4])
        let error = #expect(throws: TensorError.self) { try function(large) }
        let rejected = #expect(throws: (any Error).self) { _ = try program(large) as Tensor }
        let (text, reason) = ("\(try #require(rejected))", "\(try #require(error))")
        #expect(text.contains(reason))
    }

    @Test("A body that always throws, under a condition on sizes") func throwingBodyBySizes() throws {
        let x = try numbers([4, 3])
        let function = { (x: Tensor) in
            try whileLoop((SymInt(2), x)) { i, _ in
                i < x.shape[0]
            } do: { i, y in
                _ = try y.matmul(y.reshaped([-1]))
                return (i + 1, y)
            }.1
        }
        let program = try export(function, args: x, constraints: [dynamicDim(x, 0).in(1...4)])
        for size in 1...4 {
            let input = try numbers([size, 3])
            let (eager, found): (Tensor?, Tensor?) = (try? function(input), try? program(input))
            #expect((eager == nil) == (found == nil), "at size \(size)")
        }
    }
}
