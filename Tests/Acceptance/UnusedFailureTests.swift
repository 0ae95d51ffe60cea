import Apus
import Foundation
import Testing

/// Operations that fail by their values fail in a program as in eager code, also where nothing reads what they give.
@Suite struct UnusedFailureTests {
    private static func table() throws -> Tensor { try Tensor((0..<12).map { Float($0) }, shape: [4, 3]) }

    private static func withoutPlace(_ error: any Error) -> String { "\(error)".components(separatedBy: " (at ")[0] }

    /// Calls a program and the function: both give the same, or both throw the same text.
    private func agree(_ program: ExportedProgram, _ inputs: [Tensor], _ function: ([Tensor]) throws -> Tensor) throws -> String? {
        let expected: Tensor
        do { expected = try function(inputs) } catch {
            let found = #expect(throws: TensorError.self) { let _: Tensor = try program(inputs) }
            // The line of the call differs, what is wrong does not.
            let (text, expected): (String?, String) = (found.map(Self.withoutPlace), Self.withoutPlace(error))
            #expect(text == expected)
            return expected
        }
        let found: Tensor = try program(inputs)
        #expect(try found.array(of: Float.self) == expected.array(of: Float.self))
        return nil
    }

    private func function(_ inputs: [Tensor]) throws -> Tensor {
        let (x, table, index) = (inputs[0], inputs[1], inputs[2])
        if x.shape[0] > 3 { _ = try table.indexSelect(dim: 0, index) }
        return x
    }

    private func program() throws -> ExportedProgram {
        let x = try Tensor.ones([4])
        let index = try Tensor([0, 3] as [Int], shape: [2])
        return try export(
            function, args: [x, try Self.table(), index], constraints: [dynamicDim(x, 0).in(1...6)])
    }

    private func sweep(_ program: ExportedProgram) throws {
        for count in 1...6 {
            let x = try Tensor.ones([SymInt(count)])
            #expect(try agree(program, [x, Self.table(), Tensor([0, 3] as [Int], shape: [2])], function) == nil)
            let message = try agree(program, [x, Self.table(), Tensor([0, 4] as [Int], shape: [2])], function)
            #expect(message == (count > 3 ? "index_select: the index 4 is out of range for dimension 0 of shape [4, 3]" : nil))
        }
    }

    @Test("A position out of range in one branch of a path") func branch() throws {
        let program = try program()
        try sweep(program)
        let saved: URL = FileManager.default.temporaryDirectory.appendingPathComponent("apus-unused-\(UInt64.random(in: 0 ... .max)).pt2")
        defer { try? FileManager.default.removeItem(at: saved) }
        try program.save(to: saved.path)
        try sweep(ExportedProgram.load(from: saved.path))
        try sweep(program.transform(DeadCodeElimination(), CommonSubexpressionElimination(), SizeSimplification(), ProvedAssertions()))
    }

    @Test("Equal calls that may fail are made once, and fail still") func common() throws {
        let x = try Tensor.ones([4])
        func twice(_ inputs: [Tensor]) throws -> Tensor {
            _ = try Self.table().indexSelect(dim: 0, inputs[1])
            _ = try Self.table().indexSelect(dim: 0, inputs[1])
            return try inputs[0] + 1
        }
        let index = try Tensor([0, 3] as [Int], shape: [2])
        let program = try export(twice, args: [x, index])
            .transform(DeadCodeElimination(), CommonSubexpressionElimination())
        #expect(program.graph.nodes.map(\.operator.schema.name) == ["index_select", "add"])
        #expect(try agree(program, [x, index], twice) == nil)
        #expect(try agree(program, [x, Tensor([9, 0] as [Int], shape: [2])], twice) != nil)
    }

    @Test("What fails on constants is left to fail when it runs") func constants() throws {
        let index = try Tensor([7] as [Int], shape: [1])
        func function(_ inputs: [Tensor]) throws -> Tensor {
            if inputs[0].shape[0] > 3 { _ = try Self.table().indexSelect(dim: 0, index) }
            return try inputs[0] + 1
        }
        let x = try Tensor.ones([2])
        let program = try export(function, args: [x], constraints: [dynamicDim(x, 0).in(1...6)])
        for program in [program, try program.foldingConstants()] {
            for count in 1...6 { #expect((try agree(program, [Tensor.ones([SymInt(count)])], function) != nil) == (count > 3)) }
        }
    }

    @Test("Singular matrices, integers divided by 0, and positions in bodies") func others() throws {
        let x = try Tensor.ones([4])
        let (matrix, number) = (try Tensor.eye(2), try Tensor([3, 1] as [Int], shape: [2]))
        func function(_ inputs: [Tensor]) throws -> Tensor {
            _ = try inputs[1].inverse()
            _ = try inputs[2] % inputs[2]
            _ = try map(inputs[2]) { row in try Self.table().take(row) }
            return try inputs[0] + 1
        }
        let program = try export(function, args: [x, matrix, number])
        #expect(try agree(program, [x, matrix, number], function) == nil)
        #expect(try agree(program, [x, Tensor.zeros([2, 2]), number], function)?.contains("singular") == true)
        let zero = try Tensor([0, 1] as [Int], shape: [2])
        #expect(try agree(program, [x, matrix, zero], function)?.contains("division of an integer by zero") == true)
        let far = try Tensor([1, 99] as [Int], shape: [2])
        #expect(try agree(program, [x, matrix, far], function)?.contains("out of range") == true)
    }

    @Test("What can't fail and is not read goes") func pure() throws {
        let x = try Tensor.ones([4])
        let program = try export(
            { (x: Tensor) in
                if x.shape[0] > 3 { _ = try x % 0 }
                _ = try x.exp()
                return try x + 1
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        let plan = try Plan(program.graph)
        #expect(plan.graph.nodes.map(\.operator.schema.name) == ["add"])
        #expect(program.graph.nodes.allSatisfy { $0.operator != .cond })
    }
}
