import ApusExport
import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// Control flow of Apus as PyTorch's higher-order operators.
@Suite("Programs with control flow that Apus saves, opened by PyTorch")
struct ControlFlowFileTests {
    private func program(
        _ name: String, _ sizes: ClosedRange<Int>, _ function: @escaping (Tensor) throws -> [Tensor]
    ) throws -> JudgedProgram {
        let example = try numbers([sizes.upperBound, 3], seed: 1)
        return JudgedProgram(
            name: name, program: try export(function, args: example, constraints: [dynamicDim(example, 0).in(sizes)]),
            calls: try [sizes.lowerBound, (sizes.lowerBound + sizes.upperBound) / 2, sizes.upperBound].map {
                [try numbers([$0, 3], seed: UInt64($0 + 3))]
            })
    }

    private func samples() throws -> [JudgedProgram] {
        let w = try numbers([3, 3], seed: 2)
        return [
            try program("while_number", 2...7) { x in
                let (i, y): (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                    i < x.shape[0]
                } do: { i, y in
                    let next: Tensor = try y.matmul(w).tanh() + x.shape[0] * i
                    return (i + 1, next)
                }
                return [y, try Tensor.full([i], 1)]
            },
            try program("while_tensor", 2...7) { x in
                let (y, count) = try whileLoop((x, try Tensor(0 as Float))) { y, _ in
                    try y.abs().sum() .< 50
                } do: { y, count in
                    let next: Tensor = try y * 1.5 + 0.25
                    return (next, try count + 1)
                }
                return [y, count]
            },
            try program("while_growing", 2...7) { x in
                let y = try whileLoop(x) { y in
                    y.shape[0] < 20
                } do: { y in
                    try Tensor.cat([y, y + 1])
                }
                return [y, try y.sum(dim: 0) * y.shape[0]]
            },
            try program("cond_value", 2...7) { x in
                [
                    try cond(try x.sum() .> 0) {
                        try x.matmul(w)
                    } else: {
                        try x * x.shape[0]
                    }
                ]
            },
            try program("map", 2...7) { x in try map((x, try x * 2)) { a, b in [try (a + b).matmul(w), a] } },
            try program("scan", 2...7) { x in
                let (last, all) = try scan(try Tensor.zeros([3]), over: x) { h, x in
                    let next = try (h.matmul(w) + x).tanh()
                    return (next, try next * 2)
                }
                return [last, all]
            },
            try program("scan_reversed", 2...7) { x in
                let start: (Tensor, SymInt) = (try Tensor.zeros([3]), 1)
                let (end, all): ((Tensor, SymInt), Tensor) = try scan(start, over: x, reversed: true) { carried, row in
                    let sum: Tensor = try carried.0 * 0.5 + row
                    let count: SymInt = carried.1 + 2
                    return ((sum, count), try row * carried.1)
                }
                return [end.0, all]
            },
            try program("nested", 2...5) { x in
                let (last, all) = try scan(try Tensor.zeros([3]), over: x) { h, row in
                    let (_, inner): (SymInt, Tensor) = try whileLoop((SymInt(0), h)) { i, _ in
                        i < x.shape[0]
                    } do: { i, y in
                        let step: Tensor = try cond(try y.sum() .> 0) {
                            try y * 0.5 + i
                        } else: {
                            try map(w) { try $0 * y }.sum(dim: 0) + 1
                        }
                        let next: Tensor = try cond(i > 1) {
                            try step + row
                        } else: {
                            step
                        }
                        return (i + 1, next)
                    }
                    return (try inner.tanh(), try inner + row)
                }
                return [last, all]
            },
            try program("gradient", 2...6) { x in
                try valueAndGradient(at: [x, w]) { inputs in
                    let (last, all) = try scan(try Tensor.ones([3]), over: inputs[0]) { h, row in
                        let next: Tensor = try cond(try h.sum() .> 0) {
                            try (h.matmul(inputs[1]) + row).tanh()
                        } else: {
                            try h - row
                        }
                        return (next, try next * next)
                    }
                    return try last.sum() + all.sum()
                }.gradients
            },
        ]
    }

    @Test("PyTorch runs them with the same results") func opened() throws { try JudgedProgram.check(try samples(), []) }
    @Test("PyTorch saves and opens them once more") func resaved() throws { try JudgedProgram.check(try samples(), ["--resave"]) }
    @Test("PyTorch decomposes them to core operators")
    func decomposed() throws {
        try JudgedProgram.check(try samples().filter { $0.name != "while_growing" }, ["--decompose", "--resave"])
    }
}
