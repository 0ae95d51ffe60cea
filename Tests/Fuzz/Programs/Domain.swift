import Apus

/// The sizes that a program is declared for.
public struct Domain: Sendable {
    public indirect enum Size: Sendable {
        case fixed(Int)
        case range(ClosedRange<Int>)
        case atLeast(Int)
        case oneOf([Int])
        /// Equal to a dimension further left, counted over both inputs.
        case same(Int)
    }

    /// The dimensions of the two inputs.
    public var first: [Size]
    public var second: [Size]

    public init(first: [Size], second: [Size]) {
        self.first = first
        self.second = second
    }

    var sizes: [Size] { first + second }

    /// Values of one dimension to try: its ends, and a few between.
    private func values(_ size: Size) -> [Int] {
        switch size {
        case .fixed(let value): return [value]
        case .range(let range): return range.count <= 5 ? Array(range) : [range.lowerBound, range.lowerBound + 1, range.upperBound]
        case .atLeast(let low): return [low, low + 1, low + 6, 17]
        case .oneOf(let values): return values
        case .same: return []
        }
    }

    private func drawn(_ size: Size, _ random: inout SplitMix) -> Int {
        switch size {
        case .fixed(let value): return value
        case .range(let range): return random.within(range)
        case .atLeast(let low): return low + random.below(24)
        case .oneOf(let values): return values[random.below(values.count)]
        case .same: return 0
        }
    }

    private func resolved(_ choice: [Int]) -> [Int] {
        var result: [Int] = choice
        for (index, size) in sizes.enumerated() {
            if case .same(let other) = size { result[index] = result[other % max(index, 1)] }
        }
        return result
    }

    /// One point: the example.
    func example(_ random: inout SplitMix) -> [Int] { resolved(sizes.map { drawn($0, &random) }) }

    /// All corners, or some of them, and drawn points.
    func points(_ random: inout SplitMix) -> [[Int]] {
        var corners: [[Int]] = [[]]
        for size in sizes {
            let values: [Int] = self.values(size)
            corners = corners.flatMap { corner in (values.isEmpty ? [0] : values).map { corner + [$0] } }
        }
        while corners.count > 28 { corners.remove(at: random.below(corners.count)) }
        for _ in 0..<8 { corners.append(sizes.map { drawn($0, &random) }) }
        return corners.map(resolved)
    }

    /// The constraints that say so of two example tensors.
    func constraints(_ x: Tensor, _ y: Tensor) -> [any ConstraintConvertible] {
        var result: [any ConstraintConvertible] = []
        func dimension(_ index: Int) -> DynamicDimension {
            index < first.count ? dynamicDim(x, index) : dynamicDim(y, index - first.count)
        }
        for (index, size) in sizes.enumerated() {
            switch size {
            case .fixed: break
            case .range(let range): result.append(dimension(index).in(range))
            case .atLeast(let low): result.append(dimension(index) >= low)
            case .oneOf(let values): result.append(dimension(index).in(values))
            case .same(let other):
                let target: Int = other % max(index, 1)
                // Equal to a static size: nothing is dynamic.
                if case .fixed = sizes[root(target)] { continue }
                result.append(dimension(index) == dimension(target))
            }
        }
        return result
    }

    private func root(_ index: Int) -> Int {
        if case .same(let other) = sizes[index], index > 0 { return root(other % index) }
        return index
    }
}

/// A fixed sequence of pseudo-random numbers, the same in every run.
public struct SplitMix: Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed &* 0x2545_f491_4f6c_dd1d &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    public mutating func below(_ n: Int) -> Int { n <= 0 ? 0 : Int(next() % UInt64(n)) }
    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
    mutating func element<T>(_ values: [T]) -> T { values[below(values.count)] }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}
