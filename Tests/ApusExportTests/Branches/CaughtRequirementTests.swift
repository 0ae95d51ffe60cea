import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// What an operation requires of a value that a run reads is a check of the program, unless the function catches the error: then it is a branch.
@Suite("Requirements on values that the function catches") struct CaughtRequirementTests {
    private let x: Tensor

    init() throws { x = try Tensor([0.5, 1, 2] as [Float], shape: [3]) }

    private func number(_ value: Int) throws -> Tensor { try Tensor([value], shape: []) }

    private func sweep(_ function: (Tensor, Tensor) throws -> Tensor, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> ExportedProgram
    {
        let program = try export(function, args: x, number(1))
        for k in [-4, -3, -1, 0, 1, 2, 3, 4, .max, .min] {
            let eager: Tensor? = try? function(x, number(k))
            let exported: Tensor? = try? program(x, number(k))
            #expect(
                try eager.map { try $0.array(of: Float.self) } == exported.map { try $0.array(of: Float.self) }, "k = \(k)",
                sourceLocation: sourceLocation)
        }
        return program
    }

    @Test("An error that is caught is a branch") func caught() throws {
        let program = try sweep { x, k in
            do { return try x.narrowed(dim: 0, from: 0, length: k.item()).sum() } catch { return try x.amax() }
        }
        // The length is not negative, and there are so many rows: either may fail.
        #expect(program.paths.count == 3 && program.paths.allSatisfy { $0.rejection == nil })
    }

    @Test("try? and several requirements") func several() throws {
        _ = try sweep { x, k in
            let n = try k.item()
            let head = try (try? x.narrowed(dim: 0, from: 0, length: n).sum()) ?? x[0]
            let tail = try (try? x.narrowed(dim: 0, from: n, length: 1).sum()) ?? x[2]
            return try head * 10 + tail
        }
    }

    @Test("An error that leaves the function as it came is a check, and no path") func escaping() throws {
        let program = try sweep { x, k in try x.narrowed(dim: 0, from: 0, length: k.item()).sum() }
        #expect(program.paths.count == 1)
        #expect(throws: (any Error).self) { _ = try program(x, number(7)) as Tensor }
    }

    @Test("An error that is turned into another rejects with the other's text") func translated() throws {
        struct Refusal: Error, CustomStringConvertible { let description: String }
        let program = try sweep { x, k in
            do { return try x.narrowed(dim: 0, from: 0, length: k.item()).sum() } catch { throw Refusal(description: "three rows at most") }
        }
        #expect(program.paths.count { $0.rejection == nil } == 1)
        let error = #expect(throws: (any Error).self) { _ = try program(x, number(7)) as Tensor }
        #expect(error.map { "\($0)".contains("three rows at most") } == true)
    }

    @Test("A choice that the sizes leave open is kept beside it") func mixed() throws {
        let function = { (x: Tensor, k: Tensor) -> Tensor in
            let n = try k.item()
            if n > 1 {
                guard let part = try? x.narrowed(dim: 0, from: 1, length: n) else { return try x.sin() }
                return try part.cos()
            }
            return try x.narrowed(dim: 0, from: 0, length: n)
        }
        _ = try sweep { x, k in try function(x, k).sum() }
    }

    /// Found by random programs (seed 304130).
    @Test("A branch that always throws, and a body of a loop that does") func alwaysThrowing() throws {
        _ = try sweep { x, k in
            let n = try k.item()
            let part = try? cond(n > 1) {
                try x.reshaped([2, 2]).flattened()
            } else: {
                try x.sin()
            }
            return try (part ?? x).sum()
        }
        _ = try sweep { x, k in
            let part = try? cond(try k.sum() .> 1) {
                try x.sin()
            } else: {
                try x.reshaped([2, 2]).flattened()
            }
            return try (part ?? x).sum()
        }
        _ = try sweep { x, k in
            let n = try k.item()
            let end = try? whileLoop((SymInt(0), x)) { i, _ -> SymBool in
                i < n
            } do: { i, y in
                (i + 1, try y.reshaped([2, 2]).flattened())
            }
            return try (end?.1 ?? x.cos()).sum()
        }
        // Where nobody catches, it is a check and no path.
        let program = try sweep { x, k in
            let n = try k.item()
            return try cond(n > 1) {
                try x.reshaped([2, 2]).flattened()
            } else: {
                try x.sin()
            }
        }
        #expect(program.paths.count == 1)
    }

    @Test("A question without an answer, left by a run that throws, is none of the next run's") func leftBehind() throws {
        struct Refusal: Error {}
        _ = try sweep { x, k in
            if try k.item() > 1 {
                let zero = SymInt(Int(x.shape[0])) - 3
                if 2 / zero > 1 { return x }
                throw Refusal()
            }
            return try x.sum()
        }
        // Nor the caller's.
        #expect(try x.sin().sizes == [3])
    }
}
