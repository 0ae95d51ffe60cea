import Apus
import Synchronization
import Testing

extension PageTests {
    @Test func branchMachinery() throws {
        let x = try Tensor.randn([4], seed: 0)
        let lines = Mutex<[String]>([])
        let options = ExportOptions(log: .lines { line in lines.withLock { $0.append(line) } })
        // snippet
        func f(_ x: Tensor) throws -> Tensor {
            var y = try x.exp()
            if x.shape[0] > 3 { y = try y * 2 }
            if x.shape[0] % 2 == 0 { y = try y.sin() }
            return try y.neg()
        }
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(1...6)], options: options)
        // snippet.end
        #expect(try Self.missing(lines.withLock { $0.joined(separator: "\n") }, in: "BranchMachinery") == [])
        #expect(try Self.missing("\(program.graph)", in: "BranchMachinery") == [])
        #expect(program.paths.count == 4)
        try program.verifyPaths()
        for rows in 1...6 {
            let x = try Tensor.randn([rows], seed: 1)
            let (found, expected): (Tensor, Tensor) = (try program(x), try f(x))
            #expect(try found.allclose(expected))
        }
    }
}
