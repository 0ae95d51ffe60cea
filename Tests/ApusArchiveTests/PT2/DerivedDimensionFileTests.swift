import ApusProgram
import ApusTensor
import Testing

@testable import ApusArchive

/// `Dim` expressions of PyTorch whose `Dim` is no dimension itself.
@Suite("Derived dimensions in files of PyTorch")
struct DerivedDimensionFileTests {
    @Test func runAndRefuse() throws {
        let programs = try TorchSnippets([
            TorchSnippet(
                name: "even", forward: "return x.reshape(2, -1).sum(0) * x.shape[0]", input: "torch.arange(8.0)",
                dynamic: "({0: 2 * Dim('h', min=1, max=32)},)"),
            TorchSnippet(
                name: "odd", forward: "return x * 2.0", input: "torch.arange(7.0)",
                dynamic: "({0: 2 * Dim('h', min=1, max=32) + 1},)"),
        ])
        for name in ["even", "odd"] { try programs.check(name) }
        let even: ExportedProgram = try .load(from: programs.path("even"))
        #expect(even.symbolToRange.values.map(\.description) == ["2...64"])
        for size in [2, 6, 64] {
            let x = try numbers([size], seed: 3)
            let y: Tensor = try even(x)
            #expect(try difference(y, try x.reshaped([2, -1]).sum(dim: 0) * size) == nil)
        }
        for size in [0, 1, 7, 63, 66] {
            #expect(throws: ProgramError.self, "\(size)") { let _: Tensor = try even(numbers([size], seed: 3)) }
        }
        let odd: ExportedProgram = try .load(from: programs.path("odd"))
        #expect(odd.symbolToRange.values.map(\.description) == ["3...65"])
        #expect(throws: ProgramError.self) { let _: Tensor = try odd(numbers([8], seed: 3)) }
        // What was loaded is saved, and PyTorch opens that.
        try JudgedProgram.check(
            [
                JudgedProgram(name: "even_again", program: even, calls: try [2, 6, 64].map { [try numbers([$0], seed: 3)] }),
                JudgedProgram(name: "odd_again", program: odd, calls: try [3, 9, 65].map { [try numbers([$0], seed: 3)] }),
            ], [])
    }
}
