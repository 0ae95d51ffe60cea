import Apus
import Testing

/// The checklist's items on constraints and on values that are read while tracing.
@Suite struct ConstraintTests {
    private func vector(_ count: Int) throws -> Tensor { try Tensor((0..<count).map { Float($0) }, shape: [count]) }
    private func number(_ value: Int64) throws -> Tensor { try Tensor([value], shape: []) }

    private static func readBranch(x: Tensor, y: Tensor) throws -> Tensor {
        let b = try y.item()
        try constrainAsValue(b, min: 3, max: 5)
        if b > 3 { return try x.cos() }
        return try x.sin()
    }

    @Test func k15BranchesOnAValue() throws {
        let x = try vector(4)
        let program = try export(Self.readBranch, args: x, try number(4))
        #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["u0: 3...5"])
        for value in 3...5 {
            let y = try number(Int64(value))
            let output: Tensor = try program(x, y)
            #expect(try output.array(of: Float.self) == Self.readBranch(x: x, y: y).array(of: Float.self))
        }
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(x, try number(6)) }
        #expect(error?.code == .checkFailed)
        let eager = #expect(throws: TensorError.self) { try Self.readBranch(x: x, y: try number(6)) }
        #expect(eager?.description == "constrainAsValue: 6 is outside of 3...5")
    }

    private static func readSize(x: Tensor, y: Tensor) throws -> Tensor {
        let b = try y.item()
        try constrainAsSize(b, min: 3, max: 5)
        let z = try Tensor.ones([b, 4])
        return try x.sum() + z.sum()
    }

    @Test func k21SizesFromValues() throws {
        let x = try vector(4)
        let program = try export(Self.readSize, args: x, try number(4))
        let five: Tensor = try program(x, try number(5))
        #expect(try five.array(of: Float.self) == [6 + 20])
        #expect(throws: TensorError.self) { let _: Tensor = try program(x, try number(6)) }
        #expect(program.graph.description.contains("float32[u0, 4]"))
    }

    @Test func k16k19WrongBounds() throws {
        let bounds = #expect(throws: TensorError.self) { try constrainAsValue(4, min: 5, max: 3) }
        #expect(bounds?.description == "constrainAsValue: min is 5, which is more than max, 3")
        #expect(try Int(constrainAsValue(-1, min: -2)) == -1)
        for min in [1, 0, -1] {
            let error = #expect(throws: TensorError.self) { try constrainAsSize(4, min: min, max: 5) }
            #expect(
                error?.description
                    == "constrainAsSize: min is \(min), but sizes of 0 and 1 may be treated apart, so it must be at least 2; to admit them use check(b >= \(min), ...) instead"
            )
        }
        #expect(try Int(constrainAsSize(2, min: 2)) == 2)
        #expect(throws: TensorError.self) { try constrainAsSize(1) }
        #expect(throws: TensorError.self) { try constrainAsSize(4, min: 4, max: 3) }
    }

    @Test func k17WrongKinds() throws {
        let many = #expect(throws: TensorError.self) { try self.vector(3).item() }
        #expect(many?.message.contains("[3]") == true)
        #expect(throws: TensorError.self) { try Tensor([1.5] as [Float], shape: []).item() }
    }

    @Test func s7StaticWithoutConstraints() throws {
        let x = try Tensor.ones([4, 8])
        let program = try export({ (x: Tensor) in try x.sin() }, args: x)
        #expect(program.symbolToRange.isEmpty)
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(try Tensor.ones([5, 8])) }
        #expect(error?.description == "x: dimension 0 must be 4, got 5")
        let rank = #expect(throws: ProgramError.self) { let _: Tensor = try program(try Tensor.ones([4])) }
        #expect(rank?.description == "x: expected 2 dimensions, got 1 (shape [4])")
        let dtype = #expect(throws: ProgramError.self) { let _: Tensor = try program(try Tensor.ones([4, 8], dtype: .int64)) }
        #expect(dtype?.description == "x: expected dtype float32, got int64")
    }

    @Test func k2k4InvalidDeclarations() throws {
        let scalar = try number(1)
        let x = try vector(4)
        func f(_ x: Tensor) throws -> Tensor { try x + 1 }
        let zero = #expect(throws: ProgramError.self) { try export(f, args: scalar, constraints: [dynamicDim(scalar, 0)]) }
        #expect(zero?.description == "dynamicDim(x, 0): a zero-dimensional tensor has no dimensions")
        let range = #expect(throws: ProgramError.self) { try export(f, args: x, constraints: [dynamicDim(x, 1)]) }
        #expect(range?.description == "dynamicDim(x, 1): dimension 1 is out of range for a tensor of rank 1 (-1...0)")
        let empty = #expect(throws: ProgramError.self) {
            try export(f, args: x, constraints: [dynamicDim(x, 0) >= 7, dynamicDim(x, 0) <= 6])
        }
        #expect(empty?.description == "x.shape[0]: no size is at least 7 and at most 6")
        let example = #expect(throws: ProgramError.self) { try export(f, args: x, constraints: [dynamicDim(x, 0) >= 5]) }
        #expect(example?.description == "x.shape[0] is 4 in the example, outside of 5...max")
        let other = try vector(4)
        let foreign = #expect(throws: ProgramError.self) { try export(f, args: x, constraints: [dynamicDim(other, 0)]) }
        #expect(foreign?.message.contains("not among the arguments") == true)
        let negative = try export(f, args: x, constraints: [dynamicDim(x, -1) > 2, 7 > dynamicDim(x, 0)])
        #expect(negative.symbolToRange.map { "\($0.value)" } == ["3...6"])
    }

    @Test func k3DefaultRange() throws {
        let x = try vector(4)
        let program = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 1...max"])
        for count in [1, 2, 100_000] {
            let output: Tensor = try program(try vector(count))
            #expect(try output.sizes == [count])
        }
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(try vector(0)) }
        #expect(error?.description == "x.shape[0] must be in 1...max, got 0")
        let empty = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [dynamicDim(x, 0) >= 0])
        let none: Tensor = try empty(try vector(0))
        #expect(try none.sizes == [0])
    }

    @Test func k11EqualitiesWithRanges() throws {
        let (x, y, z) = (try vector(5), try vector(5), try vector(5))
        func f(_ x: Tensor, _ y: Tensor, _ z: Tensor) throws -> Tensor { try x + y + z }
        let program = try export(
            f, args: x, y, z,
            constraints: [
                dynamicDim(x, 0).in(3...6), dynamicDim(y, 0).in(5...9), dynamicDim(x, 0) == dynamicDim(y, 0),
                dynamicDim(y, 0) == dynamicDim(z, 0),
            ])
        #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 5...6"])
        #expect(throws: ProgramError.self) {
            try export(f, args: x, y, z, constraints: [dynamicDim(x, 0) <= 5, dynamicDim(y, 0) >= 6, dynamicDim(x, 0) == dynamicDim(y, 0)])
        }
    }

    @Test func k12SameTensorTwice() throws {
        let x = try vector(4)
        let program = try export({ (a: Tensor, b: Tensor) in try a + b }, args: x, x, constraints: [dynamicDim(x, 0)])
        let output: Tensor = try program(try vector(6), try vector(6))
        #expect(try output.sizes == [6])
        #expect(throws: ProgramError.self) { let _: Tensor = try program(try vector(6), try vector(5)) }
    }

    @Test func k23ExampleOfSizeOne() throws {
        let x = try vector(1)
        let y = try vector(3)
        let program = try export({ (x: Tensor) in try x.unsqueezed(1) + y }, args: x, constraints: [dynamicDim(x, 0)])
        for count in [1, 2, 7] {
            let output: Tensor = try program(try vector(count))
            #expect(try output.sizes == [count, 3])
        }
    }

    @Test func finiteSetsOfSizes() throws {
        let x = try vector(8)
        let program = try export(
            { (x: Tensor) in try x * Double(Int(x.shape[0])) }, args: x, constraints: [dynamicDim(x, 0).in([8, 16, 32])])
        for count in [8, 16, 32] {
            let output: Tensor = try program(try vector(count))
            #expect(try output.array(of: Float.self) == (0..<count).map { Float($0) * Float(count) })
        }
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(try vector(9)) }
        #expect(error?.description == "x.shape[0] must be one of [8, 16, 32], got x.shape[0] = 9")
    }

    @Test func throwingPathsReject() throws {
        struct Unwanted: Error, CustomStringConvertible { var description: String { "even sizes only" } }
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in
                if x.shape[0] % 2 != 0 { throw Unwanted() }
                return try x.reshaped([-1, 2]).sum(dim: 1)
            }, args: x, constraints: [dynamicDim(x, 0) <= 10])
        let output: Tensor = try program(try vector(6))
        #expect(try output.array(of: Float.self) == [1, 5, 9])
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(try vector(5)) }
        #expect(error?.description == "even sizes only")
    }

    @Test func loopsOverSmallRanges() throws {
        let x = try vector(3)
        func f(_ x: Tensor) throws -> Tensor {
            var total = try Tensor.zeros([])
            for i in 0..<Int(x.shape[0]) { total = try total + x[i] * Double(i + 1) }
            return total
        }
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(1...5)])
        for count in 1...5 {
            let input = try vector(count)
            let output: Tensor = try program(input)
            #expect(try output.array(of: Float.self) == f(input).array(of: Float.self))
        }
    }

    /// As many alternatives as one likes are told apart from too many, and are no deeper than few.
    @Test func longListsOfSizes() throws {
        let x = try vector(8)
        func text(_ constraint: Constraint) -> String {
            do {
                let program = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [constraint])
                let output: Tensor = try program(x)
                return "\(try output.sizes)"
            } catch { return "\(error)" }
        }
        let many: [Int] = Array(1...200_000)
        #expect(
            text((dynamicDim(x, 0) + 1).in(many))
                == "dynamicDim(x, 0) + 1 == 1 || ...: a constraint can have at most 64 alternatives, not 200000")
        #expect(text(dynamicDim(x, 0).in(many)) == "x.shape[0] can be declared over at most 64 sizes, not 200000")
        let chain = many[1..<2000].reduce((dynamicDim(x, 0) % 7) == many[0]) { $0 || (dynamicDim(x, 0) % 7) == $1 }
        #expect(text(chain) == "dynamicDim(x, 0) % 7 == 1 || ...: a constraint can have at most 64 alternatives, not 2000")
        #expect(text((dynamicDim(x, 0) + 1).in([5, 9])) == "[8]")
        #expect(text((dynamicDim(x, 0) + 1).in([5, 10])) == "dynamicDim(x, 0) + 1 == 5 || dynamicDim(x, 0) + 1 == 10: the example has {x.shape[0]: 8}")
    }
}
