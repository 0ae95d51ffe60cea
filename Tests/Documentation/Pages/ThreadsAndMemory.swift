import Apus
import Testing

extension PageTests {
    private func onOwnThreads(_ program: ExportedProgram, _ x: Tensor) async throws {
        // snippet
        let y: Tensor = try await CallThreads.shared.run { try program(x) }
        // snippet.end
        #expect(try y.equal(x.sin()))
    }

    @Test func threadsAndMemory() async throws {
        let x = try Tensor.randn([4], seed: 0)
        let program = try export({ (x: Tensor) in try x.sin() }, args: x)
        try await onOwnThreads(program, x)
        // snippet
        let y: Tensor = try withDeadline(in: .milliseconds(200)) { try program(x) }
        // snippet.end
        #expect(try y.equal(x.sin()))
    }
}
