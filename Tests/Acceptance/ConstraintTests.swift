import Apus
import Testing

/// Constraints beyond the seeds' own: sets of sizes, relations, paths that throw.
@Suite struct ConstraintTests {
    @Test func setsAndRelationsThatExclude() throws {
        let (x, y) = (try vector(5), try vector(5))
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x + y }
        #expect(
            text { _ = try export(f, args: x, try vector(6), constraints: [dynamicDim(x, 0).in([4, 8])]) }
                == "x.shape[0] is 5 in the example, outside of [4, 8]")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0).in([5, 8]), dynamicDim(x, 0) > 8]) }
                == "x.shape[0]: no size in [5, 8] satisfies the other constraints")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0) % 2 == 0, dynamicDim(x, 0) == dynamicDim(y, 0)]) }
                == "dynamicDim(x, 0) % 2 == 0: the example has x.shape[0] = 5")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0) / 0 == 1]) }
                == "dynamicDim(x, 0) / 0 == 1: division by zero in x.shape[0] / 0")
    }

    @Test func setsOfManySizes() throws {
        let (x, y) = (try vector(5), try vector(5))
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x + y.sum() }
        let most = try export(f, args: x, y, constraints: [dynamicDim(y, 0).in(Array(1...64).filter { $0 != 3 })])
        #expect(text { let _: Tensor = try most(x, try vector(65)) } == "y.shape[0] must be in 1...64, got 65")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(y, 0).in(Array(1...66).filter { $0 != 3 })]) }
                == "y.shape[0]: a dimension can be declared over at most 64 sizes, not 65")
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
        #expect(error?.description == "x.shape[0] must be one of [8, 16, 32], got x.shape[0] = 9 (at ConstraintTests.swift:\(#line - 1))")
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
        #expect(error?.description == "even sizes only (at ConstraintTests.swift:\(#line - 1))")
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
            } catch { return error.unplaced }
        }
        let many: [Int] = Array(1...200_000)
        #expect(
            text((dynamicDim(x, 0) + 1).in(many))
                == "dynamicDim(x, 0) + 1 == 1 || ...: a constraint can have at most 64 alternatives, not 200000")
        #expect(text(dynamicDim(x, 0).in(many)) == "x.shape[0]: a dimension can be declared over at most 64 sizes, not 200000")
        let chain = many[1..<2000].reduce((dynamicDim(x, 0) % 7) == many[0]) { $0 || (dynamicDim(x, 0) % 7) == $1 }
        #expect(text(chain) == "dynamicDim(x, 0) % 7 == 1 || ...: a constraint can have at most 64 alternatives, not 2000")
        #expect(text((dynamicDim(x, 0) + 1).in([5, 9])) == "[8]")
        #expect(
            text((dynamicDim(x, 0) + 1).in([5, 10]))
                == "dynamicDim(x, 0) + 1 == 5 || dynamicDim(x, 0) + 1 == 10: the example has x.shape[0] = 8")
    }
}
