import Apus
import Testing

extension PageTests {
    @Test func threadsAndMemory() throws {
        let x = try Tensor.randn([4], seed: 0)
        let program = try export({ (x: Tensor) in try x.sin() }, args: x)
        // snippet
        let y: Tensor = try withDeadline(in: .milliseconds(200)) { try program(x) }
        // snippet.end
        #expect(try y.equal(x.sin()))
    }
}
