import Apus
import Foundation
import Testing

/// A user's mistakes, one after the other: each is answered, none ends the process.
@Suite struct MisuseTests {
    @Test func memoryThatIsNotThere() throws {
        #expect(
            text { _ = try Tensor.zeros([SymInt(1 << 50)]) }
                == "zeros: no memory for a tensor of float32[1125899906842624], 4503599627370496 bytes")
        #expect(
            text { _ = try Tensor.zeros([SymInt(1 << 59)], dtype: .float64) }
                == "zeros: a tensor of shape [576460752303423488] has too many elements")
        #expect(text { _ = try Tensor.ones([SymInt(Int.max)]) } == "ones: a tensor of shape [9223372036854775807] has too many elements")
        #expect(
            text { _ = try Tensor.ones([SymInt(Int.max), 0]) } == "ones: a tensor of shape [9223372036854775807, 0] has too many elements")
        #expect(try Tensor.ones([SymInt(1 << 40), 0, 1024]).array(of: Float.self) == [])
        #expect(
            text { _ = try Tensor.randn([SymInt(1 << 48)]) }
                == "randn: no memory for a tensor of float32[281474976710656], 1125899906842624 bytes")
        #expect(
            text { _ = try Tensor.arange(0, 1e18) }
                == "arange: a tensor of shape [1000000000000000000] has too many elements")
        let x = try Tensor.ones([1]).expanded([SymInt(1 << 50)])
        #expect(
            text { _ = try x + 1 } == "add: no memory for a tensor of float32[1125899906842624], 4503599627370496 bytes")
        #expect(
            text { _ = try x.contiguous() } == "clone: no memory for a tensor of float32[1125899906842624], 4503599627370496 bytes")
        #expect(
            text { _ = try x.array(of: Float.self) } == "clone: no memory for a tensor of float32[1125899906842624], 4503599627370496 bytes"
        )
        #expect(text { _ = "\(x)" } == "no error")
    }

    @Test func aProgramThatNeedsTooMuchMemory() throws {
        let n = try Tensor([Int64(3)], shape: [])
        let program = try export({ (n: Tensor) in try Tensor.ones([n.item()]).sum() }, args: n)
        let three: Tensor = try program(n)
        #expect(try three.array(of: Float.self) == [3])
        for value in [1 << 50, 1 << 61, Int64.max, Int64.min, -1] as [Int64] {
            #expect(throws: (any Error).self) { let _: Tensor = try program(try Tensor([value], shape: [])) }
        }
        // And it still works.
        let again: Tensor = try program(n)
        #expect(try again.array(of: Float.self) == [3])
    }

    @Test func emptyAndSingleSizes() throws {
        let x = try Tensor.ones([3, 4])
        func f(_ x: Tensor) throws -> Tensor {
            let y = try (x * 2 + x.sum(dim: 1, keepDim: true)).softmax(dim: -1)
            return try y.matmul(y.transposed(0, 1)).sum(dim: 0)
        }
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0) >= 0])
        for size in [0, 1, 2, 5] {
            let input = try Tensor.rand([SymInt(size), 4], seed: 1)
            let output: Tensor = try program(input)
            #expect(try output.array(of: Float.self) == f(input).array(of: Float.self))
        }
    }

    @Test func valuesThatAreNoNumbers() throws {
        let x = try Tensor([1, .nan, .infinity, -.infinity] as [Float], shape: [4])
        let program = try export({ (x: Tensor) in (try x.argmax(), try x.amax(), try x.sum(), try x.relu()) }, args: x)
        let (position, largest, sum, positive): (Tensor, Tensor, Tensor, Tensor) = try program(x)
        #expect(try position.array(of: Int.self) == [1])
        #expect(try largest.array(of: Float.self)[0].isNaN && sum.array(of: Float.self)[0].isNaN)
        #expect(try positive.array(of: Float.self).map { $0.isNaN ? -1 : $0 } == [1, -1, .infinity, 0])
        // A number that is none can't become an integer.
        let read = try export({ (x: Tensor) in try x[0].item(SymFloat.self) > 0.0 ? try x + 1 : x }, args: x)
        let negative: Tensor = try read(try Tensor([.nan, 1, 1, 1] as [Float], shape: [4]))
        #expect(try negative.array(of: Float.self)[1] == 1)
    }

    @Test func wrongInputs() throws {
        let x = try Tensor.ones([3])
        let program = try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, try Tensor.ones([3]))
        #expect(text { _ = try program.run([]) } == "0 tensors where the program takes 2")
        #expect(text { _ = try program.run([x, x, x]) } == "3 tensors where the program takes 2")
        #expect(text { _ = try program.run([x, try x.to(.float64)]) } == "y: expected dtype float32, got float64")
        #expect(text { _ = try program.run([x, try x.reshaped([1, 3])]) } == "y: expected 1 dimensions, got 2 (shape [1, 3])")
        #expect(text { let _: Tensor = try program(x, 3) } == "y: a tensor is expected, got 3")
        let strided = try Tensor.rand([3, 5], seed: 1)[.all, 2]
        let sum: Tensor = try program(strided, strided)
        #expect(try sum.array(of: Float.self) == (strided * 2).array(of: Float.self))
    }

    @Test func constraintsOfManyKinds() throws {
        let (x, y) = (try Tensor.ones([4, 6]), try Tensor.ones([8, 6]))
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor { try Tensor.cat([x, x], dim: 0) + y }
        let program = try export(f, args: x, y, constraints: [dynamicDim(x, 0) <= 100, dynamicDim(x, 0) * 2 == dynamicDim(y, 0)])
        let output: Tensor = try program(try Tensor.ones([50, 6]), try Tensor.ones([100, 6]))
        #expect(try output.sizes == [100, 6])
        #expect(
            text { let _: Tensor = try program(try Tensor.ones([50, 6]), try Tensor.ones([99, 6])) }
                == "2*x.shape[0] == y.shape[0] must hold, got x.shape[0] = 50, y.shape[0] = 99")
        let either = try export(
            { (x: Tensor) in try x * 2 }, args: x, constraints: [dynamicDim(x, 0) % 4 == 0 || dynamicDim(x, 0) <= 2])
        for size in [1, 2, 4, 8] { let _: Tensor = try either(try Tensor.ones([SymInt(size), 6])) }
        #expect(throws: ProgramError.self) { let _: Tensor = try either(try Tensor.ones([3, 6])) }
        let ranged = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [(dynamicDim(x, 0) + dynamicDim(x, 1)).in(8...12)])
        for (a, b) in [(4, 4), (6, 6)] { let _: Tensor = try ranged(try Tensor.ones([SymInt(a), SymInt(b)])) }
        for (a, b) in [(3, 4), (7, 6)] {
            #expect(throws: ProgramError.self) { let _: Tensor = try ranged(try Tensor.ones([SymInt(a), SymInt(b)])) }
        }
    }

    @Test func declaredRelationsSurviveSaving() throws {
        let path = "\(FileManager.default.temporaryDirectory.path)/apus-misuse-\(UInt64.random(in: 0 ... .max)).pt2"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let x = try Tensor.ones([4, 6])
        let program = try export({ (x: Tensor) in try x.reshaped([-1, 2]) }, args: x, constraints: [dynamicDim(x, 0) % 4 == 0])
        try program.save(to: path)
        let loaded = try ExportedProgram.load(from: path)
        let output: Tensor = try loaded(try Tensor.ones([8, 6]))
        #expect(try output.sizes == [24, 2])
        #expect(throws: (any Error).self) { let _: Tensor = try loaded(try Tensor.ones([6, 6])) }
    }

    @Test func manyTasksShareOneProgramThatCounts() async throws {
        let x = try Tensor.ones([3])
        let program = try export(try Counter(), args: x)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask { for _ in 0..<4 { let _: Tensor = try program(x) } }
                // Mistakes in between leave the state alone.
                group.addTask { #expect(throws: ProgramError.self) { let _: Tensor = try program(try Tensor.ones([4])) } }
            }
            try await group.waitForAll()
        }
        #expect(try program.stateDict["count"]?.array(of: Float.self) == [256])
    }

    @Test func exportsInManyTasks() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for size in 3...18 {
                group.addTask {
                    let x = try Tensor.ones([SymInt(size), 2])
                    let program = try export(Seeds.branching, args: x, constraints: [dynamicDim(x, 0)])
                    let output: Tensor = try program(x)
                    return try output.array(of: Float.self) == Seeds.branching(x: x).array(of: Float.self)
                }
            }
            for try await same in group { #expect(same) }
        }
    }
}
