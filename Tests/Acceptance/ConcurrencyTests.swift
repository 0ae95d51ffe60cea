import Apus
import Testing

/// One program, called from many tasks.
@Suite struct ConcurrencyTests {
    @Test func manyTasksAtOnce() async throws {
        let x = try Tensor.ones([4])
        let program = try export({ (x: Tensor) in try (x * 2 + 1).sin().sum() }, args: x, constraints: [dynamicDim(x, 0)])
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 1...64 {
                group.addTask {
                    let input = try Tensor.full([SymInt(task)], Double(task))
                    let output: Tensor = try program(input)
                    let expected = try (input * 2 + 1).sin().sum()
                    return try output.array(of: Float.self) == expected.array(of: Float.self)
                }
            }
            for try await same in group { #expect(same) }
        }
    }
}
