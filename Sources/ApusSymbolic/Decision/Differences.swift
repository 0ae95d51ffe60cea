/// Bounds of differences between variables, closed under transitivity: from a <= b and b <= c follows a <= c at once.
///
/// A matrix of the least known upper bounds of x - y. Adding a bound costs the square of the number of variables, asking
/// costs nothing.
struct Differences: Sendable {
    private static let capacity = 160
    private static let none = Int.max

    private var position: [Int: Int] = [:]
    private var count = 0
    private var stride = 8
    private var bounds = [Int](repeating: Differences.none, count: 64)

    /// The least known upper bound of x - y, by monomial id.
    func upperBound(_ x: Int, _ y: Int) -> Int? {
        guard let i = position[x], let j = position[y] else { return nil }
        let bound: Int = bounds[i * stride + j]
        return bound == Differences.none ? nil : bound
    }

    /// Learns x - y <= c; says whether the bounds now contradict each other.
    mutating func add(_ x: Int, _ y: Int, _ c: Int) -> Bool {
        // Bounds beyond this are of no use, and sums of a few of them must not overflow.
        guard c.magnitude < 1 << 60, let i = index(x), let j = index(y) else { return false }
        if i == j { return c < 0 }
        if bounds[i * stride + j] <= c { return false }
        if let back = bounds[j * stride + i] == Differences.none ? nil : bounds[j * stride + i], back + c < 0 { return true }
        // Every path p -> x, x -> y, y -> q may now be shorter.
        var toX: [(Int, Int)] = [(i, 0)]
        var fromY: [(Int, Int)] = [(j, 0)]
        for k in 0..<count {
            if k != i, bounds[k * stride + i] != Differences.none { toX.append((k, bounds[k * stride + i])) }
            if k != j, bounds[j * stride + k] != Differences.none { fromY.append((k, bounds[j * stride + k])) }
        }
        bounds.withUnsafeMutableBufferPointer { table in
            for (p, left) in toX {
                for (q, right) in fromY where p != q {
                    let candidate: Int = left + c + right
                    if candidate.magnitude < 1 << 60, candidate < table[p * stride + q] { table[p * stride + q] = candidate }
                }
            }
        }
        return false
    }

    private mutating func index(_ variable: Int) -> Int? {
        if let known = position[variable] { return known }
        guard count < Differences.capacity else { return nil }
        if count == stride {
            var larger = [Int](repeating: Differences.none, count: 4 * stride * stride)
            for i in 0..<count {
                for j in 0..<count { larger[i * 2 * stride + j] = bounds[i * stride + j] }
            }
            bounds = larger
            stride *= 2
        }
        position[variable] = count
        count += 1
        return count - 1
    }
}
