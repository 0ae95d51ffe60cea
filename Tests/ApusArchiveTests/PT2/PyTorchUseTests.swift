import ApusExport
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// What is saved though PyTorch has another form for it, or none.
@Suite("Saving what PyTorch takes in another form, or does not open")
struct PyTorchUseTests {
    @Test("A text among the results: announced, or an error before anything is written; our own load has it")
    func text() throws {
        let folder = try TemporaryFolder()
        let x = try numbers([3], seed: 1)
        let program = try export({ (x: Tensor) in (try x.sin(), "fixed") }, args: x)
        #expect(program.refusedByPyTorch == ["a text is among the results"])
        let path = folder.file("text.pt2")
        let error = archiveError(.notRepresentable) { try program.save(to: path, pyTorch: .required) }
        #expect(
            error?.description
                == "\(path): models/model.json: PyTorch does not open the program: a text is among the results")
        #expect(throws: (any Error).self) { try folder.read("text.pt2") }
        try program.save(to: path, pyTorch: .notNeeded)
        let loaded: ExportedProgram = try .load(from: path)
        let (y, text): (Tensor, String) = try loaded(x)
        #expect(text == "fixed")
        #expect(try difference(y, try x.sin(), rtol: 0, atol: 0) == nil)
        let output: String = try Python.run(
            "import sys, logging; logging.disable(logging.CRITICAL); import torch\ntry: torch.export.load(sys.argv[1]); print('opened')\nexcept Exception as e: print(type(e).__name__)",
            [path])
        #expect(output.trimmingCharacters(in: .whitespacesAndNewlines) == "RuntimeError")
    }

    @Test("Answers of shape [1] and answers known beforehand are what PyTorch takes for a condition")
    func answers() throws {
        let example = try numbers([4], seed: 1)
        func program(_ name: String, _ function: @escaping (Tensor) throws -> [Tensor]) throws -> JudgedProgram {
            JudgedProgram(
                name: name, program: try export(function, args: example, constraints: [dynamicDim(example, 0).in(2...8)]),
                calls: try [2, 5, 8].map { [try numbers([$0], seed: UInt64($0))] })
        }
        try JudgedProgram.check(
            [
                try program("while_one") { x in
                    [
                        try whileLoop(x) { y in
                            try y.abs().sum(dim: 0, keepDim: true) .< 50
                        } do: { y in
                            try y * 1.5 + 0.25
                        }
                    ]
                },
                try program("while_never") { x in
                    let (i, y) = try whileLoop((SymInt(0), x)) { _, _ in
                        x.shape[0] < 0
                    } do: { i, y in
                        (i + 1, try y * 2.0)
                    }
                    return [try y + i]
                },
                try program("cond_one") { x in
                    [
                        try cond(try x.sum(dim: 0, keepDim: true) .> 0) {
                            try x.sin()
                        } else: {
                            try x.cos()
                        }
                    ]
                },
                try program("cond_one_inner") { x in
                    [
                        try cond(try x.max() .> 0) {
                            try cond(try x.sum(dim: 0, keepDim: true) .> 0) {
                                try x.sin()
                            } else: {
                                try x.exp()
                            }
                        } else: {
                            try x.cos()
                        }
                    ]
                },
            ], [])
    }

    @Test func aProgramWithoutResults() throws {
        let folder = try TemporaryFolder()
        let x = try numbers([3], seed: 1)
        let program = try export({ (x: Tensor) in [String: Tensor]() }, args: x)
        try program.save(to: folder.file("none.pt2"), pyTorch: .required)
        let loaded: ExportedProgram = try .load(from: folder.file("none.pt2"))
        let nothing: [String: Tensor] = try loaded(x)
        #expect(nothing.isEmpty)
    }
}
