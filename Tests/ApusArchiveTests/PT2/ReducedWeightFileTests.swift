import ApusExport
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Programs with weights in fewer bits as files: PyTorch opens and runs them, and they are smaller.
@Suite struct ReducedWeightFileTests {
    private final class Model: Module {
        let table: Embedding
        let layer: Linear

        init() throws {
            table = try Embedding(50, 70)
            layer = try Linear(70, 120)
            table.weight = try Tensor.randn([50, 70], seed: 1) * 0.1
            layer.weight = try Tensor.randn([120, 70], seed: 2) * 0.1
        }

        func forward(_ x: Tensor) throws -> Tensor { try layer(table(x)).relu() }
    }

    private static let formats: [WeightFormat] = [.bfloat16, .int8, .int8(groupSize: 35), .int8(groupSize: 32)]

    private func program() throws -> ExportedProgram {
        let tokens = try Tensor([1, 2, 49] as [Int], shape: [3])
        return try export(try Model(), args: tokens, constraints: [dynamicDim(tokens, 0)])
    }

    @Test func pyTorchOpensAndRunsThem() throws {
        let calls = [[try Tensor([1, 2, 49] as [Int], shape: [3])], [try Tensor([7] as [Int], shape: [1])]]
        let samples = try Self.formats.enumerated().map { index, format in
            JudgedProgram(name: "reduced\(index)", program: try program().reducingWeights(to: format).program, calls: calls)
        }
        try JudgedProgram.check(samples, ["--resave"])
        try JudgedProgram.check(samples, ["--decompose"])
    }

    @Test func loadingReducesWhatTheFileHasInFull() throws {
        let folder = try TemporaryFolder()
        let program = try program()
        try program.save(to: folder.file("full.pt2"))
        let tokens = try Tensor([1, 2, 49] as [Int], shape: [3])
        for format in Self.formats {
            let reduced = try program.reducingWeights(to: format).program
            let (a, b): (Tensor, Tensor) = (
                try reduced(tokens),
                try ExportedProgram.load(from: folder.file("full.pt2"), options: ProgramOptions(weights: format))(tokens)
            )
            #expect(try a.holdsSameBytes(as: b), "\(format)")
            let several = try ExportedPrograms.load(from: folder.file("full.pt2"), options: ProgramOptions(weights: format))
            let c: Tensor = try several.program(named: "model")(tokens)
            #expect(try a.holdsSameBytes(as: c), "\(format)")
            try reduced.save(to: folder.file("reduced.pt2"))
            let size = try Data(contentsOf: URL(fileURLWithPath: folder.file("reduced.pt2"))).count
            #expect(size < 50_000, "\(format): \(size) bytes")
            // What is reduced already stays as it is.
            let twice = try ExportedProgram.load(from: folder.file("reduced.pt2"), options: ProgramOptions(weights: format))
            let d: Tensor = try twice(tokens)
            #expect(try a.holdsSameBytes(as: d), "\(format)")
        }
        #expect(throws: ProgramError.self) {
            try ExportedProgram.load(from: folder.file("full.pt2"), options: ProgramOptions(weights: .int8(groupSize: 0)))
        }
    }
}
