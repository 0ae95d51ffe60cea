import ApusTensor
import Testing

/// Numbers that repeat from run to run.
public func numbers(_ sizes: [Int], seed: UInt64 = 1) throws -> Tensor {
    var state: UInt64 = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    let values: [Float] = (0..<sizes.reduce(1, *)).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 23) - 1
    }
    return try Tensor(values, shape: sizes)
}

/// Expects two tensors of the same dtype, sizes and nearly the same elements.
public func expectClose(
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
