import Apus
import Testing

extension PageTests {
    /// Counts, in place of a decoder's cache.
    private final class Counter: Module {
        @Buffer var counts: Tensor
        init() throws { counts = try Tensor.zeros([16]) }
        func forward(_ ids: Tensor, _ position: Tensor) throws -> Tensor {
            counts = try counts.indexAdd(dim: 0, position, ids)
            return try counts.sum()
        }
    }

    @Test func sessions() throws {
        let ids = try Tensor.ones([1])
        let program = try export(Counter(), args: ids, Tensor([0], shape: [1]))
        var last: Float = 0
        // snippet
        let session = try program.makeSession()
        for position in 0..<8 {
            let token: Tensor = try session(ids, Tensor([position], shape: [1]))
            // snippet.hide
            last = try token.item(Float.self)
            // snippet.show
        }
        // snippet.hide
        #expect(last == 8)
        // snippet.show
        session.reset()
        // snippet.end
        #expect(try session.stateDict["counts"]?.sum().item(Float.self) == 0)
        #expect(try program.stateDict["counts"]?.sum().item(Float.self) == 0)
    }
}
