import ApusExport
import ApusProgram
import ApusTensor
import Testing

/// Programs and sessions in expressions: what nothing says the type of is a tensor, or as many as the pattern names.
@Suite struct ProgramCallTests {
    private func x() throws -> Tensor { try Tensor([1, 2] as [Float], shape: [2]) }
    private func doubling() throws -> ExportedProgram { try export({ (x: Tensor) in try x * 2 }, args: x()) }
    private func floats(_ x: Tensor) throws -> [Float] { try x.array(of: Float.self) }

    @Test func programsStandInArithmetic() throws {
        let (p, x) = (try doubling(), try x())
        let scaled = try p(x) * 2
        #expect(try floats(scaled) == [4, 8])
        let halved = try 0.5 * p(x) - 1
        #expect(try floats(halved) == [0, 1])
        let sum = try p(x) + p(x)
        #expect(try floats(sum) == [4, 8])
        let negative = try -p(x)
        #expect(try floats(negative) == [-2, -4])
        let chained = try p(p(x))[0]
        #expect(try chained.item(Float.self) == 4)
        #expect(try p(x).allclose(p(x)) && (p(x) .> 3)[1].item(Bool.self))
        let many = try [x, x].map { try p($0) }
        #expect(try floats(Tensor.stack(many).sum(dim: 0)) == [4, 8])
        let session = try p.makeSession()
        let ofSession = try session(x) / 2 + session(x)
        #expect(try floats(ofSession) == [3, 6])
    }

    @Test func tuplesArePatterns() throws {
        let x = try x()
        let two = try export({ (x: Tensor) in (try x + 1, try x * 3) }, args: x)
        let (a, b) = try two(x)
        #expect(try floats(a) == [2, 3] && floats(b) == [3, 6])
        let session = try two.makeSession()
        let (c, d) = try session(x)
        #expect(try floats(c - a) == [0, 0] && floats(d - b) == [0, 0])
        let three = try export({ (x: Tensor) in (try x + 1, try x * 3, try x.sum()) }, args: x)
        let (e, f, g) = try three(x)
        #expect(try floats(e) == [2, 3] && floats(f) == [3, 6] && g.item(Float.self) == 3)
        let error = #expect(throws: ProgramError.self) { _ = try three(x) as (Tensor, Tensor) }
        #expect(error?.code == .structureMismatch)
    }

    @Test func otherTypesAreSaid() throws {
        let x = try x()
        let p = try export({ (x: Tensor) in (try x + 1, [try x * 3, x]) }, args: x)
        let (a, rest): (Tensor, [Tensor]) = try p(x)
        #expect(try floats(a) == [2, 3] && rest.count == 2)
        let lists = try export({ (x: Tensor) in ["double": try x * 2] }, args: x)
        let named: [String: Tensor] = try lists(x)
        #expect(try floats(#require(named["double"])) == [2, 4])
        #expect(throws: ProgramError.self) { let _: Tensor = try lists(x) }
    }
}
