import ApusGraph

/// Which nodes of two graphs are the same one.
struct NodeMatching {
    /// Positions in both, ascending in the second graph.
    private(set) var pairs: [(a: Int, b: Int, isSame: Bool)] = []

    /// First those that compute the same of the same, then, in what is left between them, nodes alike in operator, arguments and types, then those
    /// alike in the operator alone: these were changed. Linear but for sorting.
    /// - Parameters:
    ///   - a: for each node of the first graph its keys, the strongest first
    ///   - b: the same of the second
    init(_ a: [[String]], _ b: [[String]]) {
        var partnerOfB = [Int?](repeating: nil, count: b.count)
        var isTaken = [Bool](repeating: false, count: a.count)
        // The same by all that goes into them: wherever they stand, the first with the first.
        var places: [String: ArraySlice<Int>] = [:]
        for (position, keys) in a.enumerated() { places[keys[0], default: []].append(position) }
        var same = Set<Int>()
        for (position, keys) in b.enumerated() {
            guard let partner = places[keys[0]]?.popFirst() else { continue }
            (partnerOfB[position], isTaken[partner]) = (partner, true)
            same.insert(position)
        }
        let levels: Int = min(a.first?.count ?? 0, b.first?.count ?? 0)
        for level in stride(from: 1, to: levels, by: 1) {
            let restA: [Int] = a.indices.filter { !isTaken[$0] }
            let restB: [Int] = b.indices.filter { partnerOfB[$0] == nil }
            for (x, y) in NodeMatching.inOrder(restA.map { a[$0][level] }, restB.map { b[$0][level] }) {
                (partnerOfB[restB[y]], isTaken[restA[x]]) = (restA[x], true)
            }
        }
        pairs = partnerOfB.enumerated().compactMap { position, partner in partner.map { ($0, position, same.contains(position)) } }
    }

    /// Pairs of equal keys that stand in the same order in both lists: those that are there once in each hold the rest in place.
    private static func inOrder(_ a: [String], _ b: [String]) -> [(Int, Int)] {
        func single(_ keys: [String]) -> [String: Int] {
            let positions = Dictionary(grouping: keys.indices) { keys[$0] }
            return positions.compactMapValues { $0.count == 1 ? $0[0] : nil }
        }
        let (once, others) = (single(a), single(b))
        let anchors: [(Int, Int)] = ascending(others.compactMap { key, position in once[key].map { ($0, position) } })
        var result: [(Int, Int)] = []
        var (x, y) = (0, 0)
        for (nextX, nextY) in anchors + [(a.count, b.count)] {
            // Between two anchors each takes the first of its kind that is left.
            var places: [String: ArraySlice<Int>] = [:]
            for position in x..<nextX { places[a[position], default: []].append(position) }
            var last = x - 1
            for position in y..<nextY {
                while let first = places[b[position]]?.first, first <= last { places[b[position]]?.removeFirst() }
                guard let partner = places[b[position]]?.popFirst() else { continue }
                result.append((partner, position))
                last = partner
            }
            if nextX < a.count { result.append((nextX, nextY)) }
            (x, y) = (nextX + 1, nextY + 1)
        }
        return result
    }

    /// The longest of the pairs whose both numbers ascend.
    private static func ascending(_ pairs: [(Int, Int)]) -> [(Int, Int)] {
        let sorted: [(Int, Int)] = pairs.sorted { $0 < $1 }
        // For each length the pair that ends such a list the lowest, and for each pair the one before it.
        var ends: [Int] = []
        var before = [Int?](repeating: nil, count: sorted.count)
        for (index, pair) in sorted.enumerated() {
            var (low, high) = (0, ends.count)
            while low < high {
                let middle: Int = (low + high) / 2
                if sorted[ends[middle]].1 < pair.1 { low = middle + 1 } else { high = middle }
            }
            before[index] = low > 0 ? ends[low - 1] : nil
            if low < ends.count { ends[low] = index } else { ends.append(index) }
        }
        var result: [(Int, Int)] = []
        var at: Int? = ends.last
        while let index = at {
            result.append(sorted[index])
            at = before[index]
        }
        return result.reversed()
    }
}
