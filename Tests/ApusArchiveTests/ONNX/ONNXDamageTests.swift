import ApusProgram
import ApusTensor
import Foundation
import SwiftProtobuf
import Testing

@testable import ApusArchive

/// Damaged models: a program or an `ArchiveError`, and results or a typed error from what opens; never a trap.
@Suite("Damaged ONNX models")
struct ONNXDamageTests {
    private let folder: TemporaryFolder
    private let bytes: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        bytes = [UInt8](try ONNXReadingTests.small.serializedData())
    }

    private func open(_ damaged: [UInt8]) throws -> Bool {
        let path: String = try folder.write(damaged, to: "damaged.onnx")
        let program: ExportedProgram
        do { program = try ExportedProgram.load(from: path) } catch let error as ArchiveError {
            #expect(error.file == path)
            #expect(!error.reason.isEmpty)
            return false
        }
        do { _ = try program.run([Tensor.randn([2, 3], seed: 1)]) } catch is TensorError {} catch is ProgramError {}
        return true
    }

    @Test("Cut at every length")
    func cuts() throws {
        // Fields may come in any order: cut between two of them, what is left is a model of less. The last is the set of operators.
        var opened: [Int] = []
        for length in 0..<bytes.count where try open(Array(bytes[..<length])) { opened.append(length) }
        #expect(opened.count <= 1, "\(opened)")
        #expect(try open(bytes))
    }

    @Test("Bits flipped anywhere")
    func flips() throws {
        var random = SplitMix(seed: 3)
        var opened = 0
        for _ in 0..<1500 {
            var damaged: [UInt8] = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            if try open(damaged) { opened += 1 }
        }
        #expect(opened > 0)
    }
}
