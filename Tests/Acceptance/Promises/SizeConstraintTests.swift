import Apus
import Synchronization
import Testing

/// Constraints on the sizes of inputs.
@Suite struct SizeConstraintTests {
    @Test func noSilentSpecialisation() throws {
        let program = try export(Seeds.branching, args: try Tensor.ones([4, 2]))
        #expect(program.symbolToRange.isEmpty)
        #expect(text { let _: Tensor = try program(try Tensor.ones([3, 2])) } == "x: dimension 0 must be 4, got 3")
    }

    @Test func whichDimension() throws {
        let (scalar, x) = (try number(1), try vector(4))
        func f(_ x: Tensor) throws -> Tensor { try x + 1 }
        #expect(
            text { _ = try export(f, args: scalar, constraints: [dynamicDim(scalar, 0)]) }
                == "dynamicDim(x, 0): a zero-dimensional tensor has no dimensions")
        #expect(
            text { _ = try export(f, args: x, constraints: [dynamicDim(x, 1)]) }
                == "dynamicDim(x, 1): dimension 1 is out of range for a tensor of rank 1 (-1...0)")
        #expect(
            text { _ = try export(f, args: x, constraints: [dynamicDim(x, -2)]) }
                == "dynamicDim(x, -2): dimension -2 is out of range for a tensor of rank 1 (-1...0)")
        let matrix = try Tensor.ones([2, 3])
        let last = try export(f, args: matrix, constraints: [dynamicDim(matrix, -1)])
        #expect(last.graph.spec(last.graph.inputs[0])?.description(naming: \.name) == "float32[2, s0]")
    }

    @Test func defaultRange() throws {
        let x = try vector(4)
        let program = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 1...max"])
        for count in [1, 2, 100_000] {
            let output: Tensor = try program(try vector(count))
            #expect(try output.sizes == [count])
        }
        #expect(text { let _: Tensor = try program(try vector(0)) } == "x.shape[0] must be in 1...max, got 0")
        let empty = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [dynamicDim(x, 0) >= 0])
        let none: Tensor = try empty(try vector(0))
        #expect(try none.sizes == [0])
    }

    @Test func bounds() throws {
        let x = try vector(4)
        func f(_ x: Tensor) throws -> Tensor { try x + 1 }
        #expect(
            text { _ = try export(f, args: x, constraints: [dynamicDim(x, 0) >= 7, dynamicDim(x, 0) <= 6]) }
                == "x.shape[0]: no size is at least 7 and at most 6")
        #expect(
            text { _ = try export(f, args: x, constraints: [dynamicDim(x, 0) >= 5]) }
                == "x.shape[0] is 4 in the example, outside of 5...max")
        #expect(
            text { _ = try export(f, args: x, constraints: [dynamicDim(x, 0) > .max]) }
                == "x.shape[0]: no size is at least 9223372036854775807 and at most 0")
        let bounds: [[Constraint]] = [
            [dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6], [3 <= dynamicDim(x, 0), 6 >= dynamicDim(x, 0)],
            [dynamicDim(x, 0) > 2, dynamicDim(x, 0) < 7], [2 < dynamicDim(x, 0), 7 > dynamicDim(x, 0)],
            [dynamicDim(x, 0) >= 1, dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6, dynamicDim(x, 0) <= 9],
        ]
        for constraints in bounds {
            #expect(try export(f, args: x, constraints: constraints).symbolToRange.map { "\($0.value)" } == ["3...6"])
        }
    }

    @Test func ranges() throws {
        let x = try vector(4)
        func program(_ constraints: [Constraint]) throws -> ExportedProgram {
            try export({ (x: Tensor) in try x + 1 }, args: x, constraints: constraints)
        }
        let range = try program([dynamicDim(x, 0).in(3...6)])
        let bounds = try program([dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6])
        #expect(range.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 3...6"])
        #expect(range.description == bounds.description)
    }

    @Test func whatDoesNotCompile() throws {
        func source(_ constraint: String) -> String {
            "import Apus\nfunc f(_ x: Tensor, _ y: Tensor) -> any ConstraintConvertible { \(constraint) }\n"
        }
        // The compiler is set up right: what must compile does.
        #expect(try Compiler.errors(source("dynamicDim(x, 0) == dynamicDim(y, 0)")) == "")
        #expect(try Compiler.errors(source("dynamicDim(x, 0).in(3...6)")) == "")
        #expect(
            try Compiler.errors(source("3 <= dynamicDim(x, 0) <= 6"))
                .contains("error: adjacent operators are in non-associative precedence group 'ComparisonPrecedence'"))
        #expect(try Compiler.errors(source("dynamicDim(x, 0) != dynamicDim(y, 0)")).contains("'!='"))
        #expect(try Compiler.errors(source("dynamicDim(x, 0) != 4")).contains("'!='"))
    }

    @Test func rejectedBeforeAnyKernel() throws {
        // An operator that counts how often its kernel runs.
        let runs = Mutex(0)
        let counting = Operator(
            try Operator.Schema("test::counting(Tensor self) -> Tensor"), rule: { [try $0.tensor(0).spec] },
            kernel: .host { call in
                runs.withLock { $0 += 1 }
                return [.tensor(try call.tensor(0))]
            })
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in try applySingle(counting, [.tensor(x)]).cos() }, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        runs.withLock { $0 = 0 }
        for size in [0, 2, 7] {
            #expect(text { let _: Tensor = try program(try vector(size)) } == "x.shape[0] must be in 3...6, got \(size)")
        }
        #expect(text { let _: Tensor = try program(try vector(4).to(.float64)) } == "x: expected dtype float32, got float64")
        #expect(runs.withLock { $0 } == 0)
        for size in 3...6 {
            let output: Tensor = try program(try vector(size))
            #expect(try output.floats == vector(size).cos().floats)
        }
        #expect(runs.withLock { $0 } == 4)
    }

    @Test(arguments: [3, 4, 6]) func bothBranchesFromOneArtifact(example: Int) throws {
        let x = try Tensor.ones([SymInt(example), 2])
        let program = try export(Seeds.branching, args: x, constraints: [dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6])
        for program in [program, try reloaded(program)] {
            for n in 3...6 {
                let input = try Tensor((0..<(2 * n)).map { Float($0) }, shape: [n, 2])
                let output: Tensor = try program(input)
                #expect(try output.floats == (n > 3 ? input.cos() : input.sin()).floats)
            }
        }
        for n in [2, 7] {
            #expect(text { let _: Tensor = try program(try Tensor.ones([SymInt(n), 2])) } == "x.shape[0] must be in 3...6, got \(n)")
        }
    }

    @Test func decidedBranchesLeaveNoTrace() throws {
        let x = try Tensor.ones([4, 2])
        let cos = try export(Seeds.branching, args: x, constraints: [dynamicDim(x, 0).in(4...6)])
        #expect(cos.graph.operators.map(\.name) == ["aten::cos"])
        let small = try Tensor.ones([2, 2])
        let sin = try export(Seeds.branching, args: small, constraints: [dynamicDim(small, 0).in(2...3)])
        #expect(sin.graph.operators.map(\.name) == ["aten::sin"])
    }

    @Test func equalDimensions() throws {
        let (x, y) = (try vector(4), try vector(4))
        let program = try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, y, constraints: [dynamicDim(x, 0) == dynamicDim(y, 0)])
        let specs = program.graph.inputs.map { program.graph.spec($0)?.description(naming: \.name) }
        #expect(specs == ["float32[s0]", "float32[s0]"] && program.symbolToRange.count == 1)
        let output: Tensor = try program(try vector(7), try vector(7))
        #expect(try output.floats == vector(7).floats.map { 2 * $0 })
        for (a, b) in [(5, 4), (5, 1), (1, 5)] {
            #expect(
                text { let _: Tensor = try program(try vector(a), try vector(b)) }
                    == "y: dimension 0 must be \(a), equal to x.shape[0], got \(b)")
        }
        let error = #expect(throws: ConstraintViolationError.self) {
            try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
        }
        #expect(error?.suggestedFixes.map(\.description) == ["dynamicDim(x, 0) == dynamicDim(y, 0)"])
    }

    @Test func equalitiesWithRanges() throws {
        let (x, y, z) = (try vector(5), try vector(5), try vector(5))
        func f(_ x: Tensor, _ y: Tensor, _ z: Tensor) throws -> Tensor { try x + y + z }
        let program = try export(
            f, args: x, y, z,
            constraints: [
                dynamicDim(x, 0).in(3...6), dynamicDim(y, 0).in(5...9), dynamicDim(x, 0) == dynamicDim(y, 0),
                dynamicDim(y, 0) == dynamicDim(z, 0),
            ])
        #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 5...6"])
        #expect(
            text {
                _ = try export(
                    f, args: x, y, z, constraints: [dynamicDim(x, 0) <= 5, dynamicDim(y, 0) >= 6, dynamicDim(x, 0) == dynamicDim(y, 0)])
            } == "x.shape[0]: no size is at least 6 and at most 5")
        let six = try vector(6)
        #expect(
            text { _ = try export(f, args: x, six, z, constraints: [dynamicDim(x, 0) == dynamicDim(six, 0)]) }
                == "x.shape[0] and y.shape[0] are declared equal, but are 5 and 6 in the example")
    }

    @Test func theSameTensorTwice() throws {
        let x = try vector(4)
        let program = try export({ (a: Tensor, b: Tensor) in try a + b }, args: x, x, constraints: [dynamicDim(x, 0)])
        let output: Tensor = try program(try vector(6), try vector(6))
        #expect(try output.sizes == [6])
        #expect(
            text { let _: Tensor = try program(try vector(6), try vector(5)) } == "y: dimension 0 must be 6, equal to x.shape[0], got 5")
    }
}
