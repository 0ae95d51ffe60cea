import Apus
import Testing

/// Numbers that are read from tensors, and the smallest sizes.
@Suite struct ValueConstraintTests {
    /// The range that a program has for the number that its function reads.
    private func range(_ constrain: @escaping (SymInt) throws -> SymInt) throws -> [String] {
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x * constrain(y.item()) }
        return try export(f, args: try vector(2), try number(4)).symbolToRange.map { "\($0.key): \($0.value)" }
    }

    @Test func rangesOfValues() throws {
        #expect(try range { try constrainAsValue($0, min: 3, max: 5) } == ["u0: 3...5"])
        #expect(try range { try constrainAsValue($0) } == ["u0: min...max"])
        #expect(try range { try constrainAsValue($0, min: nil, max: nil) } == ["u0: min...max"])
        // Without bounds every number passes.
        let free = try export({ (x: Tensor, y: Tensor) in try x * constrainAsValue(y.item()) }, args: try vector(2), try number(4))
        for value in [.min, -1, 0, 7, .max] as [Int64] {
            let output: Tensor = try free(try vector(2), try number(value))
            #expect(try output.floats == [0, Float(value)])
            #expect(try Int(constrainAsValue(number(value).item())) == Int(value))
        }
    }

    @Test func valuesOutside() throws {
        let x = try vector(4)
        let program = try export(Seeds.readBranch, args: x, try number(4))
        for value in [2, 6] as [Int64] {
            #expect(text { _ = try Seeds.readBranch(x: x, y: try number(value)) } == "constrainAsValue: \(value) is outside of 3...5")
            #expect(
                text { let _: Tensor = try program(x, try number(value)) }
                    == "constrainAsValue: y.item() is outside of 3...5, where y.item() = \(value)")
        }
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(x, try number(6)) }
        #expect(error?.code == .checkFailed)
    }

    @Test(arguments: [3, 4] as [Int64]) func branchesOnAValue(example: Int64) throws {
        let x = try vector(4)
        let program = try export(Seeds.readBranch, args: x, try number(example))
        #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["u0: 3...5"])
        for program in [program, try reloaded(program)] {
            for value in 3...5 as ClosedRange<Int64> {
                let output: Tensor = try program(x, try number(value))
                #expect(try output.floats == (value > 3 ? x.cos() : x.sin()).floats)
            }
            #expect(throws: TensorError.self) { let _: Tensor = try program(x, try number(6)) }
        }
    }

    @Test func oneSidedAndNegative() throws {
        #expect(try range { try constrainAsValue($0, min: -2) } == ["u0: -2...max"])
        #expect(try range { try constrainAsValue($0, max: -2) } == ["u0: min...-2"])
        // Both ends are included.
        let program = try export(
            { (x: Tensor, y: Tensor) in try x * constrainAsValue(y.item(), min: -2, max: 3) }, args: try vector(2), try number(0))
        for value in [-2, 3] as [Int64] {
            let output: Tensor = try program(try vector(2), try number(value))
            #expect(try output.floats == [0, Float(value)])
            #expect(try Int(constrainAsValue(Int(value), min: -2, max: 3)) == Int(value))
        }
        for value in [-3, 4] as [Int64] {
            #expect(
                text { let _: Tensor = try program(try vector(2), try number(value)) }
                    == "constrainAsValue: y.item() is outside of -2...3, where y.item() = \(value)")
        }
        #expect(text { try constrainAsValue(-3, min: -2) } == "constrainAsValue: -3 is outside of -2...")
        #expect(text { try constrainAsValue(9, max: 5) } == "constrainAsValue: 9 is outside of ...5")
        #expect(text { try constrainAsValue(4, min: 5, max: 3) } == "constrainAsValue: min is 5, which is more than max, 3")
        #expect(
            text { _ = try range { try constrainAsValue($0, min: 5, max: 3) } }
                == "constrainAsValue: min is 5, which is more than max, 3")
    }

    @Test func wrongKinds() throws {
        let many = try vector(3)
        #expect(text { _ = try many.item() } == "item: a tensor of shape [3] has 3 elements; only one element can become a number")
        #expect(
            text { _ = try many[0].item() }
                == "item: the element is of float32, no integer: ask for item(SymFloat.self) or item(Float.self), or convert with to(.int64) first"
        )
        for (name, constrain) in [
            ("constrainAsValue", { try constrainAsValue($0, min: 0) }), ("constrainAsSize", { try constrainAsSize($0) }),
        ] as [(String, (SymFloat) throws -> SymInt)] {
            #expect(
                text { _ = try constrain(try many[0].item(SymFloat.self)) }
                    == "\(name): 0.0 is a floating-point number; only integers can be constrained")
        }
        // A plain number is checked, not ignored.
        #expect(text { try constrainAsValue(7, min: 3, max: 5) } == "constrainAsValue: 7 is outside of 3...5")
        #expect(text { try constrainAsSize(7, min: 3, max: 5) } == "constrainAsSize: 7 is outside of 3...5")
    }

    @Test func theLeastSizeIsTwo() throws {
        #expect(try range { try constrainAsSize($0) } == ["u0: 2...max"])
        #expect(try range { try constrainAsSize($0, max: 9) } == ["u0: 2...9"])
        #expect(text { try constrainAsSize(1) } == "constrainAsSize: 1 is outside of 2...")
        #expect(try Int(constrainAsSize(2)) == 2)
    }

    @Test func smallerLeastSizesAreErrors() throws {
        for min in [1, 0, -1] {
            let message =
                "constrainAsSize: min is \(min), but sizes of 0 and 1 may be treated apart, so it must be at least 2; to admit them use check(b >= \(min), ...) instead"
            #expect(text { try constrainAsSize(4, min: min, max: 5) } == message)
            #expect(text { _ = try range { try constrainAsSize($0, min: min) } } == message)
        }
        #expect(try range { try constrainAsSize($0, min: 2, max: 5) } == ["u0: 2...5"])
    }

    @Test func noGreatestSize() throws {
        #expect(try range { try constrainAsSize($0, min: 3) } == ["u0: 3...max"])
        #expect(try range { try constrainAsSize($0, min: 3, max: nil) } == ["u0: 3...max"])
        #expect(text { try constrainAsSize(4, min: 4, max: 3) } == "constrainAsSize: min is 4, which is more than max, 3")
        #expect(text { try constrainAsSize(4, max: 1) } == "constrainAsSize: min is 2, which is more than max, 1")
    }

    @Test(arguments: [3, 4] as [Int64]) func sizesFromValues(example: Int64) throws {
        let x = try vector(4)
        let program = try export(Seeds.readSize, args: x, try number(example))
        #expect(program.graph.description.contains("float32[u0, 4]"))
        for program in [program, try reloaded(program)] {
            for value in 3...5 as ClosedRange<Int64> {
                let output: Tensor = try program(x, try number(value))
                #expect(try output.floats == [6 + 4 * Float(value)])
            }
            #expect(throws: TensorError.self) { let _: Tensor = try program(x, try number(6)) }
        }
        #expect(
            text { let _: Tensor = try program(x, try number(6)) } == "constrainAsSize: y.item() is outside of 3...5, where y.item() = 6")
    }

    @Test func unconstrainedSizes() throws {
        let x = try vector(4)
        let free = try export({ (x: Tensor, y: Tensor) in try x.sum() + Tensor.ones([y.item(), 4]).sum() }, args: x, try number(4))
        // Zero and up, checked when the program runs.
        for value in [0, 1, 6] as [Int64] {
            let output: Tensor = try free(x, try number(value))
            #expect(try output.floats == [6 + 4 * Float(value)])
        }
        #expect(text { let _: Tensor = try free(x, try number(-1)) } == "full: the size of dimension 0 is negative: -1")
    }

    @Test func exampleOfSizeOne() throws {
        let (x, y) = (try vector(1), try vector(3))
        let program = try export({ (x: Tensor) in try x.unsqueezed(1) + y }, args: x, constraints: [dynamicDim(x, 0)])
        for count in [1, 2, 7] {
            let output: Tensor = try program(try vector(count))
            #expect(try output.sizes == [count, 3])
        }
    }
}
