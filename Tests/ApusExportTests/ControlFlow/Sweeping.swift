import ApusExport
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

/// Numbers that repeat from run to run.
func numbers(_ sizes: [Int], seed: UInt64 = 1) throws -> Tensor {
    var state: UInt64 = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    let values: [Float] = (0..<sizes.reduce(1, *)).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 23) - 1
    }
    return try Tensor(values, shape: sizes)
}

/// Expects two tensors of the same dtype, sizes and nearly the same elements.
func expectClose(
    _ a: Tensor, _ b: Tensor, _ note: String = "", tolerance: Double = 1e-5, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(a.dtype == b.dtype, "\(note)", sourceLocation: sourceLocation)
    #expect(try a.sizes == b.sizes, "\(note)", sourceLocation: sourceLocation)
    let (p, q) = (try a.to(.float64).array(of: Double.self), try b.to(.float64).array(of: Double.self))
    guard p.count == q.count else { return }
    for (x, y) in zip(p, q) where !(abs(x - y) <= tolerance * max(1, abs(y)) || (x.isNaN && y.isNaN) || x == y) {
        Issue.record("\(x) is not \(y) \(note)", sourceLocation: sourceLocation)
        return
    }
}

/// Exports a function of one tensor with a dynamic first dimension, verifies the program and compares it with the function at every size.
@discardableResult
func sweep(
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
    func count(_ operation: Operator) -> Int {
        nodes.reduce(0) { total, node in
            total + (node.operator == operation ? 1 : 0) + node.bodies.reduce(0) { $0 + $1.graph.count(operation) }
        }
    }
}
