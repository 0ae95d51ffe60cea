import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// What `export` says when a function needs more than is declared, and that what it suggests makes the export succeed.
@Suite struct ConstraintViolationTests {
    private let x: Tensor
    private let y: Tensor

    init() throws {
        x = try Tensor.ones([4, 6])
        y = try Tensor.ones([4, 6])
    }

    private func violation(_ body: () throws -> ExportedProgram) throws -> ConstraintViolationError {
        try #require(#expect(throws: ConstraintViolationError.self) { _ = try body() })
    }

    @Test func aMissingEquality() throws {
        let line: Int = #line + 3
        // A call that ends a function leaves no frame in a release build, and so no line.
        @inline(never) func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let sum = try x.sin() + y
            return try sum * 1
        }
        let declared = [dynamicDim(x, 0), dynamicDim(y, 0)]
        let error = try violation { try export(f, args: x, y, constraints: declared) }
        #expect(
            error.description == """
                Constraints violated.
                x.shape[0] and y.shape[0]: more is declared than the function takes.
                    required by  x.shape[0] == y.shape[0]        ConstraintViolationTests.swift:\(line)
                    because      add: shapes [x.shape[0], 6] and [y.shape[0], 6] do not broadcast: dimension -2 is x.shape[0] and y.shape[0]
                    fails at     x.shape[0] = 2, y.shape[0] = 3
                Dimensions that can be dynamic, as constraints to pass:
                    dynamicDim(x, 0) == dynamicDim(y, 0)
                """)
        #expect(error.suggestedFixes.map(\.description) == ["dynamicDim(x, 0) == dynamicDim(y, 0)"])
        // As values, besides what was declared and in place of it; and as the text says.
        for constraints: [any ConstraintConvertible] in [
            declared + error.suggestedFixes, error.constraints, [dynamicDim(x, 0) == dynamicDim(y, 0)],
        ] {
            let program = try export(f, args: x, y, constraints: constraints)
            let sum: Tensor = try program(try Tensor.zeros([9, 6]), try Tensor.ones([9, 6]))
            #expect(try sum.sizes == [9, 6])
        }
    }

    @Test func aDimensionThatIsOneNumber() throws {
        let bias = try Tensor.zeros([6])
        let line: Int = #line + 1
        let f = { (x: Tensor) in try x + bias }
        let declared: [any ConstraintConvertible] = [dynamicDim(x, 0) <= 256, dynamicDim(x, 1)]
        let error = try violation { try export(f, args: x, constraints: declared) }
        #expect(
            error.description == """
                Constraints violated.
                Dimension 1 of x was specialised to 6: it cannot be dynamic.
                    required by  x.shape[1] == 6        ConstraintViolationTests.swift:\(line)
                    because      add: shapes [x.shape[0], x.shape[1]] and [6] do not broadcast: dimension -1 is x.shape[1] and 6
                    fails at     x.shape[1] = 2
                Dimensions that can be dynamic, as constraints to pass:
                    dynamicDim(x, 0) <= 256
                """)
        #expect(error.suggestedFixes.map(\.description) == ["dynamicDim(x, 1) == 6"])
        #expect(error.specializations.map { "\($0.argument) \($0.dim) \($0.value)" } == ["x 1 6"])
        for constraints: [any ConstraintConvertible] in [
            declared + error.suggestedFixes, error.constraints, [dynamicDim(x, 0) <= 256],
        ] {
            let program = try export(f, args: x, constraints: constraints)
            #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 1...256"])
        }
    }

    @Test func everythingThatOneRunNeeds() throws {
        let line: Int = #line + 2
        let f = { (x: Tensor, y: Tensor) in
            let pairs = try x.reshaped([-1, 2, 6])
            let both = try x + y
            return try pairs.sum() + both.narrowed(dim: 0, from: 0, length: 3).sum()
        }
        let declared: [any ConstraintConvertible] = [dynamicDim(x, 0), dynamicDim(y, 0) <= 64]
        let error = try violation { try export(f, args: x, y, constraints: declared) }
        #expect(
            error.description == """
                Constraints violated.
                x.shape[0]: more is declared than the function takes.
                    required by  x.shape[0] % 2 == 0        ConstraintViolationTests.swift:\(line)
                    because      reshape: shape [x.shape[0], 6] with 6*x.shape[0] elements can't be reshaped to [-1, 2, 6]
                    fails at     x.shape[0] = 1
                x.shape[0] and y.shape[0]: more is declared than the function takes.
                    required by  x.shape[0] == y.shape[0]        ConstraintViolationTests.swift:\(line + 1)
                    because      add: shapes [x.shape[0], 6] and [y.shape[0], 6] do not broadcast: dimension -2 is x.shape[0] and y.shape[0]
                    fails at     x.shape[0] = 2, y.shape[0] = 3
                y.shape[0]: more is declared than the function takes.
                    required by  y.shape[0] >= 3        ConstraintViolationTests.swift:\(line + 2)
                    because      narrow: 3 positions from 0 on reach outside of dimension 0 of shape [y.shape[0], 6]
                    fails at     y.shape[0] = 2
                Dimensions that can be dynamic, as constraints to pass:
                    dynamicDim(y, 0).in(3...64), dynamicDim(x, 0) % 2 == 0, dynamicDim(x, 0) == dynamicDim(y, 0)
                """)
        #expect(error.violations.compactMap { $0.site?.location?.line } == [line, line + 1, line + 2])
        for constraints in [declared + error.suggestedFixes, error.constraints] {
            let program = try export(f, args: x, y, constraints: constraints)
            let eight = try Tensor.ones([8, 6])
            let sum: Tensor = try program(eight, eight)
            #expect(try sum.array(of: Float.self) == f(eight, eight).array(of: Float.self))
            for size in [7, 2, 66] {
                let wrong = try Tensor.ones([SymInt(size), 6])
                #expect(throws: ProgramError.self) { let _: Tensor = try program(wrong, wrong) }
            }
        }
    }

    @Test func specialisationByInt() throws {
        let line: Int = #line + 1
        let f = { (x: Tensor) in try x * Double(Int(x.shape[0])) }
        let declared: [any ConstraintConvertible] = [dynamicDim(x, 0), dynamicDim(x, 1)]
        let error = try violation { try export(f, args: x, constraints: declared) }
        #expect(
            error.description == """
                Constraints violated.
                Dimension 0 of x was specialised to 4: it cannot be dynamic.
                    required by  Int(x.shape[0])        ConstraintViolationTests.swift:\(line)
                    because      Int(_:) asks for one number where any in 1...max is possible; keep a SymInt, or declare at most 16 values, each of which is then tried
                    fails at     x.shape[0] = 1
                Dimensions that can be dynamic, as constraints to pass:
                    dynamicDim(x, 1)
                """)
        for constraints in [declared + error.suggestedFixes, error.constraints] {
            let program = try export(f, args: x, constraints: constraints)
            let scaled: Tensor = try program(try Tensor.ones([4, 3]))
            #expect(try scaled.array(of: Float.self) == Array(repeating: 4, count: 12))
        }
        // What the text says of at most sixteen values.
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(1...16)])
        for size in [1, 5, 16] {
            let scaled: Tensor = try program(try Tensor.ones([SymInt(size), 6]))
            #expect(try scaled.array(of: Float.self) == Array(repeating: Float(size), count: size * 6))
        }
    }

    @Test func specialisationOfAValue() throws {
        let count = try Tensor([Int64(3)], shape: [])
        let line: Int = #line + 1
        let f = { (x: Tensor, n: Tensor) in try x * Double(Int(n.item())) }
        let error = try violation { try export(f, args: x, count) }
        #expect(
            error.description == """
                Constraints violated.
                One number is asked for where a value that is read from a tensor may be many.
                    required by  Int(y.item())        ConstraintViolationTests.swift:\(line)
                    because      Int(_:) asks for one number where any in min...max is possible; keep a SymInt, or bound what is read by constrainAsValue(_:min:max:) to at most 16 values, each of which is then tried
                """)
        #expect(error.violations.first?.isDataDependent == true)
        #expect(error.suggestedFixes.isEmpty)
        #expect(error.violations.first?.site?.location?.line == line)
        let bounded = { (x: Tensor, n: Tensor) in try x * Double(Int(constrainAsValue(n.item(), min: 0, max: 5))) }
        let program = try export(bounded, args: x, count)
        let scaled: Tensor = try program(try Tensor.ones([4, 6]), try Tensor([Int64(5)], shape: []))
        #expect(try scaled.array(of: Float.self) == Array(repeating: 5, count: 24))
    }

    @Test func checksOfTheUser() throws {
        let line: Int = #line + 2
        let f = { (x: Tensor) in
            try check(x.shape[0] % 2 == 0, "even batches only")
            return try x.sum(dim: 0)
        }
        let error = try violation { try export(f, args: x, constraints: [dynamicDim(x, 0).in(2...10)]) }
        #expect(
            error.description == """
                Constraints violated.
                x.shape[0]: more is declared than the function takes.
                    required by  x.shape[0] % 2 == 0        ConstraintViolationTests.swift:\(line)
                    because      even batches only
                    fails at     x.shape[0] = 3
                Dimensions that can be dynamic, as constraints to pass:
                    dynamicDim(x, 0).in(2...10), dynamicDim(x, 0) % 2 == 0
                """)
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(2...10), dynamicDim(x, 0) % 2 == 0])
        let sum: Tensor = try program(try Tensor.ones([10, 6]))
        #expect(try sum.array(of: Float.self) == Array(repeating: 10, count: 6))
        let odd = #expect(throws: ProgramError.self) { let _: Tensor = try program(try Tensor.ones([5, 6])) }
        #expect(odd?.unplaced == "x.shape[0] % 2 == 0 must hold, got x.shape[0] = 5")
        #expect(try export(f, args: x, constraints: error.constraints).guards.count == 1)
    }

    @Test func anExampleThatFails() throws {
        let three = try Tensor.ones([3, 6])
        let line: Int = #line + 1
        let f = { (x: Tensor, y: Tensor) in try x + y }
        let error = try violation { try export(f, args: x, three, constraints: [dynamicDim(x, 0), dynamicDim(three, 0)]) }
        #expect(
            error.description == """
                Constraints violated.
                x.shape[0] and y.shape[0]: the example is not admitted.
                    required by  x.shape[0] == y.shape[0]        ConstraintViolationTests.swift:\(line)
                    because      add: shapes [x.shape[0], 6] and [y.shape[0], 6] do not broadcast: dimension -2 is x.shape[0] and y.shape[0]
                    fails at     x.shape[0] = 4, y.shape[0] = 3, the example
                No constraint helps where the example itself fails: pass another example.
                """)
        #expect(error.suggestedFixes.isEmpty)
    }

    @Test func namesOfNestedArguments() throws {
        let f = { (state: [String: Tensor], list: [Tensor]) in try state["h"]! + list[1] }
        let error = try violation {
            try export(
                f, args: ["h": x], [y, y], constraints: [dynamicDim(x, -2), dynamicDim(y, 0)],
                options: ExportOptions(names: ["state", "list"]))
        }
        #expect(error.suggestedFixes.map(\.description) == [#"dynamicDim(state["h"]!, 0) == dynamicDim(list[0], 0)"#])
        let program = try export(
            f, args: ["h": x], [y, y], constraints: [dynamicDim(x, -2) == dynamicDim(y, 0)],
            options: ExportOptions(names: ["state", "list"]))
        #expect(program.symbolToRange.count == 1)
    }

    @Test func examplesThatCoincideAreNoEquality() throws {
        let f = { (x: Tensor, y: Tensor) in try x.sum() + y.reshaped([-1]).sum() }
        let program = try export(f, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
        #expect(program.symbolToRange.count == 2)
        let sum: Tensor = try program(try Tensor.ones([3, 6]), try Tensor.ones([8, 6]))
        #expect(try sum.array(of: Float.self) == [66])
    }

    /// Without constraints sizes are fixed, so nothing is violated: a call with others says so.
    @Test func noConstraintsNoViolation() throws {
        let program = try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, y)
        #expect(program.symbolToRange.isEmpty && program.guards.isEmpty)
    }

    @Test func conditionsOnOneOfTwoPaths() throws {
        let line: Int = #line + 2
        let f = { (x: Tensor) in
            if x.shape[0] > 5 { return try x.reshaped([4, -1]).sum() }
            return try x.sum()
        }
        let declared: [any ConstraintConvertible] = [dynamicDim(x, 0) <= 9]
        let error = try violation { try export(f, args: x, constraints: declared) }
        #expect(error.violations.map { "\($0.condition)" } == ["x.shape[0] % 2 == 0"])
        #expect(error.violations.first?.witness.map { "\($0)" } == "x.shape[0] = 7")
        #expect(error.violations.first?.site?.location?.line == line)
    }

    @Test func caughtErrorsAreBranches() throws {
        let f = { (x: Tensor, y: Tensor) in try ((try? x + y) ?? x * 5).sum() }
        let program = try export(f, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
        for (n, m) in [(1, 1), (1, 3), (3, 1), (2, 3), (3, 3)] {
            let inputs = (try Tensor.ones([SymInt(n), 6]), try Tensor.ones([SymInt(m), 6]))
            let sum: Tensor = try program(inputs.0, inputs.1)
            #expect(try sum.array(of: Float.self) == f(inputs.0, inputs.1).array(of: Float.self), "\(n), \(m)")
        }
    }
}
