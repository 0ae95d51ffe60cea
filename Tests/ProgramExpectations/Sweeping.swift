import ApusExport
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

/// Exports a function of one tensor with a dynamic first dimension, verifies the program and compares it with the function at every size.
@discardableResult
public func sweep(
    _ sizes: ClosedRange<Int>, _ rest: [Int] = [3], sourceLocation: SourceLocation = #_sourceLocation,
    _ function: @escaping (Tensor) throws -> [Tensor]
) throws -> ExportedProgram {
    let example = try numbers([sizes.upperBound] + rest)
    let program = try export(function, args: example, constraints: [dynamicDim(example, 0).in(sizes)])
    try verify(program.graph, scope: program.scope)
    for size in sizes {
        let x = try numbers([size] + rest, seed: UInt64(size + 7))
        let (found, expected): ([Tensor], [Tensor]) = (try program(x), try function(x))
        #expect(found.count == expected.count, sourceLocation: sourceLocation)
        for (a, b) in zip(found, expected) { try expectClose(a, b, "at size \(size)", sourceLocation: sourceLocation) }
    }
    return program
}

extension Graph {
    /// How often an operator stands in the graph and its bodies.
    public func count(_ operation: Operator) -> Int {
        nodes.reduce(0) { total, node in
            total + (node.operator == operation ? 1 : 0) + node.bodies.reduce(0) { $0 + $1.graph.count(operation) }
        }
    }
}
