import ApusExport
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

@Suite("Checks of 64-bit arithmetic in files") struct OverflowFileTests {
    @Test("A program from a file rejects what the program rejects that was saved") func reloaded() throws {
        let x = try Tensor([0.5, 1, 2] as [Float], shape: [3])
        func number(_ value: Int) throws -> Tensor { try Tensor([value], shape: []) }
        let functions: [(Tensor, Tensor) throws -> Tensor] = [
            { x, y in
                let k = try y.item()
                return k * 2_654_435_761 % 8 == 3 ? try x.cos() : try x.sin()
            },
            { x, y in
                let k = try y.item()
                return k + 1 > k ? try x.cos() : try x.sin()
            },
            { x, y in try 12 / y.item() > 3 ? try x.cos() : try x.sin() },
        ]
        let folder = try TemporaryFolder()
        for (index, function) in functions.enumerated() {
            let program = try export(function, args: x, number(1))
            try program.save(to: folder.file("\(index).pt2"))
            let again = try ExportedProgram.load(from: folder.file("\(index).pt2"))
            for value in [Int.min, -(1 << 40), -1, 0, 3, (1 << 40) + 3, Int.max] {
                let y = try number(value)
                let expected = try? (program(x, y) as Tensor).array(of: Float.self)
                let actual = try? (again(x, y) as Tensor).array(of: Float.self)
                #expect(expected == actual, "program \(index) at \(value)")
            }
            let far = try number(index == 0 ? (1 << 40) + 3 : index == 1 ? .max : 0)
            #expect(throws: TensorError.self) { let _: Tensor = try again(x, far) }
        }
    }
}
