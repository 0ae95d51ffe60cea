import ApusExport
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// What a program from a file checks while it runs is not known beforehand.
@Suite("What is known of a loaded program's values") struct LoadedFactsTests {
    private let x: Tensor

    init() throws { x = try Tensor([0.5, 1, 2] as [Float], shape: [3]) }

    private func number(_ value: Int) throws -> Tensor { try Tensor([value], shape: []) }

    private func loaded(_ function: (Tensor, Tensor) throws -> Tensor) throws -> ExportedProgram {
        let folder = try TemporaryFolder()
        let program = try export(function, args: x, number(1))
        try program.save(to: folder.file("program.pt2"))
        return try ExportedProgram.load(from: folder.file("program.pt2"))
    }

    @Test("Passes keep the checks that a run has to make") func checksStay() throws {
        let program = try loaded { x, k in
            let n = try k.item()
            try check(n > 1, "more than one")
            return try x * n
        }
        #expect(program.graph.nodes.contains { $0.operator == .assertScalar })
        let plain = try program.transform(SizeSimplification(), ProvedAssertions())
        for program in [program, plain] {
            #expect(throws: TensorError.self) { let _: Tensor = try program(x, number(1)) }
            let result: Tensor = try program(x, number(2))
            #expect(try result.array(of: Float.self) == [1, 2, 4])
        }
    }

    /// Found by random programs (seed 200476): what is checked of the slice's size behind it made the slice itself another size.
    @Test("A size is checked by what is known before it") func sizesBeforeChecks() throws {
        let function = { (x: Tensor, k: Tensor) in
            try map(try x.sliced(dim: 0, from: x.shape[0] / 2, to: k.item(), step: 2)) { row in try row * 2 }
        }
        let y = try Tensor.arange(6, dtype: .float32)
        let folder = try TemporaryFolder()
        let program = try export(function, args: y, number(5), constraints: [dynamicDim(y, 0) >= 3])
        try program.save(to: folder.file("program.pt2"))
        let again = try ExportedProgram.load(from: folder.file("program.pt2"))
        for k in [-3, -1, 0, 3, 4, 5, 6, 9] {
            let eager: Tensor? = try? function(y, number(k))
            let result: Tensor? = try? again(y, number(k))
            #expect(try eager?.array(of: Float.self) == result?.array(of: Float.self), "to \(k)")
        }
    }
}
