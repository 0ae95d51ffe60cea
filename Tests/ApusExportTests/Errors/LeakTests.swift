import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Tensors of a trace that get out of it, and tensors from outside that a trace changes.
@Suite struct LeakTests {
    private let x: Tensor

    init() throws { x = try Tensor.ones([3]) }

    private func leak(_ body: () throws -> ExportedProgram) throws -> ProgramError {
        try #require(#expect(throws: ProgramError.self) { _ = try body() })
    }

    @Test func anArgumentThatIsKept() throws {
        var kept: Tensor?
        let error = try leak {
            try export(
                { (x: Tensor) in
                    kept = x
                    return try x + 1
                }, args: x)
        }
        #expect(error.code == .leakedValue)
        #expect(
            error.unplaced
                == "the argument x, float32[3], is kept outside of the function, where a program can't keep it: return it, or make it a @Buffer of a module"
        )
        let leaked = try #require(kept)
        let line: Int = #line + 1
        let use = #expect(throws: TensorError.self) { _ = try leaked.cos() }
        #expect(
            use?.unplaced
                == "cos: the argument x, float32[3], is used after its trace, or on another thread; values of a trace can't be kept, return them instead"
        )
        #expect(use?.code == .tracing)
        #expect(use?.site?.description == "LeakTests.swift:\(line)")
    }

    @Test func aCapturedTensorThatChanges() throws {
        var total = try Tensor.zeros([3])
        let line: Int = #line + 4
        let error = try leak {
            try export(
                { (x: Tensor) in
                    total = try total + x
                    return try total * 2
                }, args: x)
        }
        #expect(
            error.description
                == "the result of add, float32[3], is kept outside of the function, where a program can't keep it: return it, or make it a @Buffer of a module (at LeakTests.swift:\(line))"
        )
    }

    @Test func aCapturedTensorThatIsWrittenTo() throws {
        var total = try Tensor.zeros([3])
        let before = total
        let error = try leak {
            try export(
                { (x: Tensor) in
                    try total.set(0, to: 7.0)
                    return total
                }, args: x)
        }
        #expect(error.code == .leakedValue)
        #expect(try before.array(of: Float.self) == [0, 0, 0])
    }

    /// What the error says to do.
    private final class Total: Module {
        @Buffer var total: Tensor
        init() throws { total = try Tensor.zeros([3]) }
        func forward(_ x: Tensor) throws -> Tensor {
            total = try total + x
            return try total * 2
        }
    }

    @Test func aBufferInsteadOfACapture() throws {
        let program = try export(try Total(), args: x)
        let first: Tensor = try program(x)
        let second: Tensor = try program(x)
        #expect(try first.array(of: Float.self) == [2, 2, 2] && second.array(of: Float.self) == [4, 4, 4])
    }

    @Test func aTensorOfAnotherTrace() throws {
        var kept: Tensor?
        _ = try? export(
            { (x: Tensor) in
                kept = x
                return try x + 1
            }, args: x)
        let leaked = try #require(kept)
        let error = #expect(throws: TensorError.self) { _ = try export({ (x: Tensor) in try x * leaked }, args: x) }
        #expect(
            error?.unplaced
                == "mul: the argument x, float32[3], belongs to another trace; values of a trace can't be kept, return them instead")
        let example = #expect(throws: ProgramError.self) { _ = try export({ (x: Tensor) in try x + 1 }, args: leaked) }
        #expect(example?.message == "an example argument is a traced tensor; pass tensors with data")
    }

    @Test func localVariablesAreNoLeak() throws {
        let program = try export(
            { (x: Tensor) in
                var all: [Tensor] = []
                for _ in 0..<3 { all.append(try (all.last ?? x) + 1) }
                return try Tensor.stack(all)
            }, args: x)
        let stacked: Tensor = try program(x)
        #expect(try stacked.array(of: Float.self) == [2, 2, 2, 3, 3, 3, 4, 4, 4])
    }
}
