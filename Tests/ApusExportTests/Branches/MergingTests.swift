import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// How paths become one graph: what stands once, what stands within a branch, and what joins.
@Suite("Merging paths") struct MergingTests {
    private func vector(_ count: Int) throws -> Tensor { try Tensor((0..<count).map { Float($0) - 1 }, shape: [count]) }

    private func operators(_ graph: Graph) -> [String] { graph.nodes.map(\.operator.schema.name) }

    @Test("The same operators behind a branch stand once, on joined values") func sharedTail() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in
                let y: Tensor = x.shape[0] > 3 ? try x.sin() : try x.cos()
                return try (y + 1).exp()
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(operators(program.graph) == ["cond", "add", "exp"])
    }

    @Test("The same operators before what differs stand once") func sharedHead() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in x.shape[0] > 3 ? try x.sin().sum() : try x.sin().mean() }, args: x,
            constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(operators(program.graph) == ["sin", "cond"])
    }

    @Test("Sides that are alike need no branch") func noBranch() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in x.shape[0] > 3 ? try x.sin() : try x.sin() }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(operators(program.graph) == ["sin"])
        #expect(program.paths.count == 2)
    }

    @Test("A joined size is a choice by the condition, and what follows is inferred with it") func joinedSize() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in
                let y: Tensor = x.shape[0] > 3 ? try x[0..<2] : try Tensor.cat([x, x])
                return try y.exp() + Tensor.ones([y.shape[0]])
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(operators(program.graph) == ["cond", "exp", "full", "add"])
        for count in 1...6 {
            let output: Tensor = try program(try vector(count))
            #expect(try output.sizes == [count > 3 ? 2 : 2 * count])
        }
    }

    @Test("What only the branch's answer makes right stays within it") func cutTail() throws {
        let (x, y) = (try vector(3), try vector(3))
        let program = try export(
            { (x: Tensor, y: Tensor) in
                let z: Tensor = x.shape[0] == 3 ? try x.sin() : try Tensor.cat([x, x, x])[0..<3]
                return try (z + y).exp()
            }, args: x, y, constraints: [dynamicDim(x, 0).in(1...6)])
        try Verifier().verify(program.graph, scope: program.scope)
        #expect(operators(program.graph).first == "cond")
        for count in 1...6 {
            let output: Tensor = try program(try vector(count), y)
            #expect(try output.sizes == [3])
        }
    }

    @Test("Questions in a row cost nodes in proportion to their number, not to the number of paths", arguments: 1...6)
    func linear(count: Int) throws {
        let x = try Tensor.ones([SymInt(count)])
        let program = try export(
            { (x: Tensor) in
                var y = try x.sum()
                for i in 0..<count {
                    if try x[i].item(SymFloat.self) > 0 { y = try y.sin() } else { y = try y.cos() + 1 }
                }
                return y
            }, args: x)
        #expect(program.paths.count == 1 << count)
        // Two nodes read each value, one asks, three answer.
        #expect(program.graph.totalNodeCount == 1 + 6 * count)
    }

    @Test("Plain results join: integers and truth values as choices, floats through the branch") func plainResults() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) -> (SymInt, Bool, Double) in
                let n = x.shape[0]
                return n > 3 ? (n * 2, true, 0.5) : (n + 1, false, 1.5)
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        for count in 1...6 {
            let (size, isLong, factor): (Int, Bool, Double) = try program(try vector(count))
            #expect(size == (count > 3 ? count * 2 : count + 1))
            #expect(isLong == (count > 3) && factor == (count > 3 ? 0.5 : 1.5))
        }
    }

    @Test("An integer that one side read leaves through the branch") func readOnOneSide() throws {
        let x = try vector(4)
        let k = try Tensor([7] as [Int], shape: [])
        let program = try export(
            { (x: Tensor, k: Tensor) -> SymInt in x.shape[0] > 3 ? try k.item() * 2 : x.shape[0] }, args: x, k,
            constraints: [dynamicDim(x, 0).in(1...6)])
        let long: Int = try program(try vector(5), k)
        let short: Int = try program(try vector(2), k)
        #expect(long == 14 && short == 2)
    }

    @Test("Results of another rank can't join; the error says where") func otherRank() throws {
        let x = try vector(4)
        let error = #expect(throws: ProgramError.self) {
            try export({ (x: Tensor) in x.shape[0] > 3 ? try x.sum() : x }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        }
        #expect(error?.message.contains("float32[] and float32[s0]; results must agree in dtype and rank") == true)
    }

    @Test("Tensors made of plain numbers are one constant in all paths") func constants() throws {
        let x = try vector(3)
        let program = try export(
            { (x: Tensor) in
                let table = try Tensor([10, 20, 30] as [Float], shape: [3])
                return try x.sum().item(SymFloat.self) > 0 ? try x + table : try x * table
            }, args: x)
        #expect(program.constants.count == 1)
    }

    @Test("Paths are told with their conditions, in the user's terms") func paths() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in
                if x.shape[0] > 5 { throw TensorError(.checkFailed, "too long") }
                return x.shape[0] > 3 ? try x.sin() : try x.cos()
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(
            program.paths.map { "\($0)" }.sorted() == [
                "x.shape[0] <= 5, x.shape[0] <= 3", "x.shape[0] <= 5, x.shape[0] >= 4", "x.shape[0] >= 6: rejected, too long",
            ])
    }

    @Test("A body that reads a number which only the sides know is not shared") func bodyThatReadsANumber() throws {
        func function(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let (k, h): (SymInt, Tensor)
            if x.shape[0] > 3 {
                (k, h) = (try y[0].item(), try x.sin())
            } else {
                (k, h) = (try y.sum().item(), try x.cos())
            }
            return try map(h) { row in try row * k }
        }
        let x = try vector(4)
        let y = try Tensor([2, 5] as [Int], shape: [2])
        let program = try export(function, args: x, y, constraints: [dynamicDim(x, 0).in(1...6)])
        try Verifier().verify(program.graph, scope: program.scope)
        for count in 1...6 {
            let x = try vector(count)
            let (found, expected): (Tensor, Tensor) = (try program(x, y), try function(x, y))
            #expect(try found.array(of: Float.self) == expected.array(of: Float.self))
        }
    }

    @Test("A body that reads what is known before the question stands once") func bodyThatReadsWhatIsKnown() throws {
        func function(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let k: SymInt = try y[0].item()
            let h: Tensor = x.shape[0] > 3 ? try x.sin() : try x.cos()
            return try map(h) { row in try row * k }
        }
        let x = try vector(4)
        let y = try Tensor([2, 5] as [Int], shape: [2])
        let program = try export(function, args: x, y, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(operators(program.graph).suffix(2) == ["cond", "scan"])
        for count in 1...6 {
            let x = try vector(count)
            let (found, expected): (Tensor, Tensor) = (try program(x, y), try function(x, y))
            #expect(try found.array(of: Float.self) == expected.array(of: Float.self))
        }
    }

    /// What an inner question says must not become the range of what the outer one gives.
    @Test("A joined size is no narrower than where the branch stands") func rangeOfAJoin() throws {
        let function = { (x: Tensor, y: Tensor, flag: Tensor) -> Tensor in
            let holds: Bool = try flag.item(Bool.self)
            let z: Tensor =
                holds ? try Tensor.cat([x, y.maskedSelect(y .> 0)]) : try Tensor.cat([x, y.maskedSelect(y .< 0)]).abs()
            return x.shape[0] > 5 ? try z[0..<4] : try z[0..<4] * 2
        }
        let example = try vector(7)
        let program = try export(
            function, args: example, try vector(3), try Tensor([true], shape: []), constraints: [dynamicDim(example, 0).in(1...10)])
        for count in 1...10 {
            for shift in [-5, 0, 5] {
                for flag in [true, false] {
                    let inputs = (try vector(count), try vector(3) + Float(shift), try Tensor([flag], shape: []))
                    let eager: Tensor = try function(inputs.0, inputs.1, inputs.2)
                    let output: Tensor = try program(inputs.0, inputs.1, inputs.2)
                    #expect(try output.array(of: Float.self) == eager.array(of: Float.self), "\(count), \(shift), \(flag)")
                }
            }
        }
    }

    @Test("A rejection that needs a division is told apart only behind the check of its divisor") func dividingRejections() throws {
        struct Refusal: Error {}
        let function = { (x: Tensor, k: Tensor) -> Tensor in
            let n = try k.item()
            if x.shape[0] > 3 {
                if n > 0, 10 / n > 3 { return try x.sin() }
                return try x.cos()
            }
            if n == 0 { return try x.exp() }
            if 10 / n > 3 { throw Refusal() }
            throw TensorError(.invalidArgument, "a small quotient")
        }
        let example = try vector(4)
        let program = try export(function, args: example, try Tensor([1], shape: []), constraints: [dynamicDim(example, 0).in(2...5)])
        for count in 2...5 {
            for k in -3...6 {
                let (x, n) = (try vector(count), try Tensor([k], shape: []))
                let eager: Tensor? = try? function(x, n)
                let output: Tensor? = try? program(x, n)
                #expect(try output?.array(of: Float.self) == eager?.array(of: Float.self), "\(count), \(k)")
            }
        }
    }
}
