import ApusExport
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Programs with very many dynamic sizes. APUS_SYMBOLS makes it another number, to see how time grows.
@Suite("Many symbols")
struct ManySymbolsTests {
    private static let count = ProcessInfo.processInfo.environment["APUS_SYMBOLS"].flatMap { Int($0) } ?? 1000

    /// What is saved and loaded has every symbol, each under a name of its own.
    private func roundTrip(_ program: ExportedProgram) throws {
        let folder = try TemporaryFolder()
        try program.save(to: folder.file("many.pt2"))
        let loaded: ExportedProgram = try .load(from: folder.file("many.pt2"))
        #expect(loaded.symbolToRange.count == Self.count)
        #expect(Set(loaded.symbolToRange.keys.map(\.name)).count == Self.count)
    }

    @Test func ofInputs() throws {
        let inputs: [Tensor] = try (0..<Self.count).map { try Tensor.full([2 + $0 % 3], 1.0) }
        try roundTrip(
            export(
                { (x: [Tensor]) in try x.map { try $0 * $0.shape[0] } }, args: inputs,
                constraints: inputs.map { dynamicDim($0, 0).in(2...64) }))
    }

    @Test func ofData() throws {
        let count: Int = Self.count
        let x = try Tensor.full([4], 1.0)
        try roundTrip(
            export(
                { (x: Tensor) in
                    var sum = try x.sum()
                    for i in 0..<count { sum = try sum + x.maskedSelect(x .> Float(i)).sum() }
                    return sum
                }, args: x))
    }
}
