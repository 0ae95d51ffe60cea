import ApusSymbolic

/// The shape that two operands broadcast to: sizes are aligned at the last dimension, and a size of 1 stretches.
///
/// While tracing, two sizes that are neither known to be 1 nor proved equal are *required* to be equal; where all sizes that they may have
/// broadcast, which way they do is a question.
public func broadcast(_ a: Shape, _ b: Shape, in operatorName: String) throws -> Shape {
    if let known = a.layout, let other = b.layout {
        if known.hasSameSizes(as: other) { return a }
        return try broadcast(known, other, in: operatorName)
    }
    let rank = max(a.count, b.count)
    var sizes: [SymInt] = []
    for dim in 0..<rank {
        let (i, j) = (dim - (rank - a.count), dim - (rank - b.count))
        if i < 0 {
            sizes.append(b[j])
        } else if j < 0 {
            sizes.append(a[i])
        } else {
            sizes.append(try broadcast(a[i], b[j], (a, b), dim - rank, in: operatorName))
        }
    }
    return try Shape(sizes, in: operatorName)
}

private func broadcast(_ a: SymInt, _ b: SymInt, _ shapes: (Shape, Shape), _ dim: Int, in operatorName: String) throws -> SymInt {
    switch try meeting(of: a, b, in: operatorName, mismatch(shapes.0, shapes.1, dim, in: operatorName)) {
    // Equal from here on: the plainer of the two says more.
    case .equal: a.constant != nil ? a : b
    case .firstStretches: b
    case .secondStretches: a
    }
}

/// How two sizes meet in one dimension.
enum SizeMeeting {
    case equal, firstStretches, secondStretches
}

/// Requires that two sizes are equal, or that one of them is 1, and says which; the second may not be 1 where only the first stretches.
func meeting(
    of a: SymInt, _ b: SymInt, onlyFirst: Bool = false, in name: String, _ mismatch: @autoclosure () -> TensorError
) throws -> SizeMeeting {
    if a.isIdentical(to: b) { return .equal }
    if decide(a == 1) == true { return .firstStretches }
    if !onlyFirst, decide(b == 1) == true { return .secondStretches }
    if decide(a == b) == true { return .equal }
    switch try require(anyOf: onlyFirst ? [a == b, a == 1] : [a == b, a == 1, b == 1], mismatch()) {
    case 0?: return .equal
    case 1?: return .firstStretches
    case _?: return .secondStretches
    case nil: break
    }
    if try settle(a == b, in: name) { return .equal }
    if try settle(a == 1, in: name) { return .firstStretches }
    guard try !onlyFirst && settle(b == 1, in: name) else { throw mismatch() }
    return .secondStretches
}

private func broadcast(_ a: Layout, _ b: Layout, in operatorName: String) throws -> Shape {
    let rank = max(a.rank, b.rank)
    var sizes = [Int](repeating: 1, count: rank)
    for dim in 0..<rank {
        let (i, j) = (dim - (rank - a.rank), dim - (rank - b.rank))
        let (p, q): (Int, Int) = (i < 0 ? 1 : a.size(i), j < 0 ? 1 : b.size(j))
        guard p == q || p == 1 || q == 1 else { throw mismatch(Shape(a), Shape(b), dim - rank, in: operatorName) }
        sizes[dim] = p == 1 ? q : p
    }
    return try Shape(sizes, in: operatorName)
}

private func mismatch(_ a: Shape, _ b: Shape, _ dim: Int, in operatorName: String) -> TensorError {
    TensorError(
        .shapeMismatch, in: operatorName,
        "shapes \(a) and \(b) do not broadcast: dimension \(dim) is \(a[a.count + dim]) and \(b[b.count + dim])")
}

/// A dimension counted from the front, from one that may count from the end. A zero-dimensional tensor takes 0 and -1, as in PyTorch.
package func normalize(dim: Int, rank: Int, in operatorName: String) throws -> Int {
    let bound = max(rank, 1)
    guard dim >= -bound, dim < bound else {
        throw TensorError(
            .indexOutOfRange, in: operatorName, "dimension \(dim) is out of range for a tensor of rank \(rank) (\(-bound)...\(bound - 1))")
    }
    return dim < 0 ? dim + bound : dim
}

/// Several dimensions, each once. None given means all of them.
package func normalize(dims: [Int], rank: Int, in operatorName: String) throws -> [Int] {
    if dims.isEmpty { return Array(0..<rank) }
    var seen = Set<Int>()
    for dim in dims {
        let normal = try normalize(dim: dim, rank: rank, in: operatorName)
        guard seen.insert(normal).inserted else {
            throw TensorError(.invalidArgument, in: operatorName, "dimension \(dim) appears twice in \(dims)")
        }
    }
    return seen.sorted().filter { $0 < rank }
}
