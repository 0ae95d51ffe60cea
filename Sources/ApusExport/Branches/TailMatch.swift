import ApusGraph
import ApusTensor

/// How far two blocks are alike, counted from their ends, as far as can be told without looking at sizes: the same operators, reading from
/// the same places.
struct TailMatch {
    /// Where a value is made: how far from the end of its block, and as which result.
    private struct Place: Equatable {
        let distance: Int
        let slot: Int
    }

    private let placesA: [Value: Place]
    private let placesB: [Value: Place]
    /// No tail can be longer.
    private var limit: Int

    private init(_ a: ArraySlice<Node>, _ b: ArraySlice<Node>) {
        placesA = TailMatch.places(a)
        placesB = TailMatch.places(b)
        limit = min(a.count, b.count)
    }

    /// The greatest number of nodes at the ends of `a` and `b` that may be one tail.
    static func length(_ a: ArraySlice<Node>, _ b: ArraySlice<Node>, outputs: [(GraphOutput, GraphOutput)]) -> Int {
        var match = TailMatch(a, b)
        for case (.value(let p), .value(let q)) in outputs { match.note(p, q) }
        var length = 0
        while length < match.limit {
            let (x, y) = (a[a.endIndex - length - 1], b[b.endIndex - length - 1])
            var pairs: [(Value, Value)] = []
            guard TailMatch.correspond(x, y, [:], &pairs) else { break }
            for (p, q) in pairs { match.note(p, q) }
            length += 1
        }
        return min(length, match.limit)
    }

    private static func places(_ nodes: ArraySlice<Node>) -> [Value: Place] {
        var found: [Value: Place] = [:]
        for (position, node) in nodes.enumerated() {
            for (slot, output) in node.outputs.enumerated() { found[output] = Place(distance: nodes.count - position, slot: slot) }
        }
        return found
    }

    /// Two values that a common tail would read as one: both from within it, at the same place, or both from before it.
    private mutating func note(_ p: Value, _ q: Value) {
        switch (placesA[p], placesB[q]) {
        case (nil, nil): return
        case (let x?, let y?): if x != y { limit = min(limit, x.distance - 1, y.distance - 1) }
        case (let x?, nil): limit = min(limit, x.distance - 1)
        case (nil, let y?): limit = min(limit, y.distance - 1)
        }
    }

    /// True for nodes of one shape. `inner` are the values of blocks around them that correspond; references to others become pairs.
    private static func correspond(_ a: Node, _ b: Node, _ inner: [Value: Value], _ pairs: inout [(Value, Value)]) -> Bool {
        guard a.operator == b.operator, a.outputs.count == b.outputs.count, a.arguments.count == b.arguments.count else { return false }
        if let x = a.unmergedBranch {
            guard let y = b.unmergedBranch else { return false }
            return correspond(x.whenTrue, y.whenTrue, inner, &pairs) && correspond(x.whenFalse, y.whenFalse, inner, &pairs)
        }
        for (x, y) in zip(a.arguments, b.arguments) {
            var (left, right): ([Value], [Value]) = ([], [])
            x.forEachReference { left.append($0) }
            y.forEachReference { right.append($0) }
            guard left.count == right.count else { return false }
            for (p, q) in zip(left, right) { guard refer(p, q, inner, &pairs) else { return false } }
        }
        return true
    }

    private static func correspond(_ a: Block, _ b: Block, _ outer: [Value: Value], _ pairs: inout [(Value, Value)]) -> Bool {
        guard a.nodes.count == b.nodes.count, a.outputs.count == b.outputs.count else { return false }
        var inner: [Value: Value] = outer
        for (x, y) in zip(a.nodes, b.nodes) {
            guard correspond(x, y, inner, &pairs) else { return false }
            for (p, q) in zip(x.outputs, y.outputs) { inner[p] = q }
        }
        for (x, y) in zip(a.outputs, b.outputs) {
            switch (x, y) {
            case (.value(let p), .value(let q)): guard refer(p, q, inner, &pairs) else { return false }
            case (.value, _), (_, .value): return false
            default: continue
            }
        }
        return true
    }

    private static func refer(_ p: Value, _ q: Value, _ inner: [Value: Value], _ pairs: inout [(Value, Value)]) -> Bool {
        if let partner = inner[p] { return partner == q }
        pairs.append((p, q))
        return true
    }
}
