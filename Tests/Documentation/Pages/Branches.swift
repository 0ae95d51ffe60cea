import Apus
import Testing

extension PageTests {
    @Test func branches() throws {
        let x = try Tensor.randn([4], seed: 0)
        var paths: [String] = []
        // snippet
        func normalise(_ x: Tensor) throws -> Tensor {
            var y = try x.exp()
            if x.shape[0] > 1 { y = try y / y.sum(dim: 0, keepDim: true) }
            return try y.log()
        }

        let program = try export(normalise, args: x, constraints: [dynamicDim(x, 0).in(1...64)])
        for path in program.paths { print(path) }
        // x.shape[0] >= 2
        // x.shape[0] <= 1
        // snippet.end
        paths = program.paths.map(\.description)
        #expect(paths == ["x.shape[0] >= 2", "x.shape[0] <= 1"])
        let decided = try export(normalise, args: x, constraints: [dynamicDim(x, 0).in(2...64)])
        #expect(decided.paths.count == 1 && decided.graph.operators.allSatisfy { $0 != .cond })
        try loops()
        try numbers()
        try caughtErrors()
        try limits()
    }

    private func loops() throws {
        func f(_ x: Tensor) throws -> Tensor {
            var total = try x[0] * 0
            var y = x
            var m = x.shape[0]
            // snippet
            for i in 0..<x.shape[0] { total = try total + x[i] * Double(i) }  // one path for each size
            while m > 1 {
                y = try y.sin()
                m = m / 2
            }
            // snippet.end
            return try y + total
        }
        let x = try Tensor.randn([4], seed: 0)
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(1...5)])
        for rows in 1...5 {
            let x = try Tensor.randn([rows], seed: 1)
            let (y, expected): (Tensor, Tensor) = (try program(x), try f(x))
            #expect(try y.allclose(expected))
        }
    }

    private func numbers() throws {
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            // snippet
            let k = try y.item()  // any number
            return k * 2_654_435_761 % 8 == 3 ? try x.cos() : try x.sin()
            // for too large a number: integer overflow: '2654435761*y.item()' does not fit in 64 bits
            // snippet.end
        }
        let (x, y) = (try Tensor.randn([4], seed: 0), try Tensor(3))
        let program = try export(f, args: x, y)
        let found = try program(x, y)
        #expect(try found.equal(f(x, y)))
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(x, Tensor(Int.max / 2)) }
        #expect(error?.description.contains("integer overflow: '2654435761*y.item()' does not fit in 64 bits") == true)
    }

    private func caughtErrors() throws {
        func f(_ a: Tensor, _ x: Tensor, _ k: Tensor, _ fallback: Tensor) throws -> [Tensor] {
            // snippet
            let inverse = (try? a.inverse()) ?? a  // whether the factorisation met a pivot of 0
            let chosen = (try? x.indexSelect(dim: 0, k)) ?? fallback  // whether all positions of k lie within x
            let second = try (try? x.select(dim: 0, index: 1)) ?? x[0]  // whether x has two rows
            // snippet.end
            return [inverse, chosen, second]
        }
        let (a, x, fallback) = (try Tensor.eye(2), try Tensor.randn([3, 2], seed: 0), try Tensor.zeros([1, 2]))
        let program = try export(f, args: a, x, Tensor([1], shape: [1]), fallback, constraints: [dynamicDim(x, 0).in(1...4)])
        for (a, rows, k) in [(a, 3, 1), (try Tensor.zeros([2, 2]), 1, 7)] {
            let x = try Tensor.randn([rows, 2], seed: 1)
            let k = try Tensor([k], shape: [1])
            let (found, expected): ([Tensor], [Tensor]) = (try program(a, x, k, fallback), try f(a, x, k, fallback))
            for (p, q) in zip(found, expected) { #expect(try p.allclose(q)) }
        }
    }

    private struct Refused: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private func limits() throws {
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            // snippet
            let k = try y.item()
            // snippet.hide
            if !x.isTraced {
                // snippet.show
                precondition(k > 0)  // exporting traps: k <= 0 is followed too
                // snippet.hide
            }
            // snippet.show
            try check(k > 0, "y must be positive")  // an assertion of the program, with this text
            guard k > 0 else { throw Refused("y must be positive") }  // the same, with an error of your own
            // snippet.end
            return try x.sin()
        }
        let (x, y) = (try Tensor.randn([4], seed: 0), try Tensor(3))
        let program = try export(f, args: x, y, options: ExportOptions(selfCheck: false))
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(x, Tensor(0)) }
        #expect(error?.description.contains("y must be positive") == true)

        try manyPaths()
    }

    private func manyPaths() throws {
        /// Seven questions, none of which answers another.
        func f(_ x: Tensor) throws -> Tensor {
            try [2, 3, 5, 7, 11, 13, 17].reduce(x) { y, prime in x.shape[0] % prime == 0 ? try y.sin() : try y.cos() }
        }
        let x = try Tensor.randn([4], seed: 0)
        let constraints = [dynamicDim(x, 0)]
        #expect(throws: ProgramError.self) { try export(f, args: x, constraints: constraints) }
        do {
            // snippet
            let program = try export(f, args: x, constraints: constraints, options: ExportOptions(branches: .explore(limit: 256)))
            // snippet.end
            #expect(program.paths.count == 128)
        }
    }
}
