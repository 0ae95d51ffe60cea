import Apus
import Testing

extension PageTests {
    @Test func controlFlow() throws {
        let x = try Tensor.randn([4], seed: 0)
        // snippet
        let program = try export(
            { (x: Tensor) in
                let n = x.shape[0]
                let (_, y): (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                    i < n
                } do: { i, y in
                    let next = try cond(y.sum() .> 0) {
                        try y * 0.5
                    } else: {
                        try y + 1
                    }
                    return (i + 1, next)
                }
                return y
            }, args: x, constraints: [dynamicDim(x, 0).in(1...64)])
        // snippet.end
        for rows in [1, 7, 64] {
            let x = try Tensor.randn([rows], seed: 1)
            var expected = x
            for _ in 0..<rows { expected = try expected.sum().item(Float.self) > 0 ? try expected * 0.5 : try expected + 1 }
            let y = try program(x)
            #expect(try y.equal(expected))
        }

        let (state, inputs) = (try Tensor.zeros([2, 3]), try Tensor.randn([5, 2, 4], seed: 1))
        let (recurrent, weight) = (try Tensor.randn([3, 3], seed: 2), try Tensor.randn([4, 3], seed: 3))
        // snippet
        let (last, outputs) = try scan(state, over: inputs) { state, x in
            let next = try (state.matmul(recurrent) + x.matmul(weight)).tanh()
            return (next, next)
        }
        // snippet.end
        #expect(try outputs[-1].equal(last) && outputs.sizes == [5, 2, 3])
    }
}
