import ApusTensor
import Testing

@testable import ApusGraph

/// The two options of the matcher that say which matches there are at all. The others: `ProgramPassTests.patternOptions`.
@Suite struct PatternOptionTests {
    private func record(_ sizes: [[Int]], _ function: ([Tensor]) throws -> [Tensor]) throws -> Graph {
        try Graph.recording(sizes.map { TensorSpec(.float32, try Shape($0)) }, function)
    }

    private func count(_ pattern: Graph, in graph: Graph, _ change: (inout PatternReplacement.Options) -> Void = { _ in }) throws -> Int {
        var options = PatternReplacement.Options()
        change(&options)
        return try PatternReplacement("p", pattern: pattern, replacement: pattern, options: options).matches(in: graph).count
    }

    @Test func inputsStandForInputsOnly() throws {
        let graph = try record([[2]]) { x in
            let first = try x[0].cos()
            return [first, try first.cos()]
        }
        let pattern = try record([[2]]) { [try $0[0].cos()] }
        #expect(try count(pattern, in: graph) == 2)
        #expect(try count(pattern, in: graph) { $0.takesInputsOnly = true } == 1)
    }

    @Test func overlappingMatches() throws {
        let graph = try record([[2]]) { [try $0[0].cos().cos().cos()] }
        let pattern = try record([[2]]) { [try $0[0].cos().cos()] }
        let shorter = try record([[2]]) { [try $0[0].sin()] }
        #expect(try count(pattern, in: graph) == 1)
        #expect(try count(pattern, in: graph) { $0.keepsOverlapping = true } == 2)
        // A node is replaced once, whatever the option.
        var options = PatternReplacement.Options()
        options.keepsOverlapping = true
        let pass = try PatternReplacement("p", pattern: pattern, replacement: shorter, options: options)
        #expect(try PassManager([pass]).run(graph).nodes.map(\.operator.name) == ["aten::sin", "aten::cos"])
    }
}
