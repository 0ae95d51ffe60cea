import ApusSymbolic
import ApusTensor

/// Decision trees as tables over all of their nodes: a row goes from node to node, all trees at once, until it is at a leaf of each.
struct ONNXTrees {
    enum Comparison: Int {
        case lessOrEqual, less, greaterOrEqual, greater, equal, notEqual

        func holds(_ value: Tensor, _ split: Tensor) throws -> Tensor {
            switch self {
            case .lessOrEqual: try value .<= split
            case .less: try value .< split
            case .greaterOrEqual: try value .>= split
            case .greater: try value .> split
            case .equal: try value .== split
            case .notEqual: try value .!= split
            }
        }
    }

    struct Node {
        var feature = 0
        /// Nil for a leaf.
        var comparison: Comparison?
        var split = 0.0
        /// Where to go on; a leaf stays where it is.
        var yes: Int, no: Int
        /// Whether NaN goes on as if the comparison held.
        var takesMissing = false
    }

    enum Aggregate: String, CaseIterable {
        case sum = "SUM"
        case average = "AVERAGE"
        case minimum = "MIN"
        case maximum = "MAX"
    }

    var nodes: [Node]
    var roots: [Int]
    /// What a leaf gives to a target.
    var votes: [(leaf: Int, target: Int, weight: Double)]
    let targets: Int

    /// The targets that a leaf votes for.
    var votedTargets: Set<Int> { Set(votes.map(\.target)) }

    // MARK: Running

    /// Trees deeper than this would be programs of too many nodes.
    private static let deepest = 256
    /// The most elements of the table of what leaves give: fewer where a file says that there are more targets than it has votes.
    private var largestTable: Int { targets <= votes.count ? 1 << 26 : 1 << 22 }

    /// A score for each row of [rows, features] and each target.
    func scores(_ x: Tensor, _ aggregate: Aggregate, _ call: ONNXCall) throws -> Tensor {
        guard x.rank == 2, x.dtype.isFloatingPoint else { throw call.error("takes rows of features, not \(x.spec)") }
        let largest: Int = nodes.map { $0.comparison == nil ? 0 : $0.feature }.max() ?? 0
        if let features = x.shape[1].constant, largest >= features {
            throw call.error(.invalidProgram, "compares feature \(largest) of \(x.spec)")
        }
        let depth: Int = try depth(call)
        let (rows, trees) = (x.shape[0], SymInt(roots.count))
        let places: Tensor = try leaves(x, Tensor(roots, shape: [1, roots.count]).expanded([rows, trees]), depth)
        let empty: Double = aggregate == .minimum ? .infinity : aggregate == .maximum ? -.infinity : 0
        guard nodes.count <= largestTable / targets else { throw call.error("has \(nodes.count) nodes for \(targets) targets") }
        var table = [Double](repeating: empty, count: nodes.count * targets)
        for vote in votes {
            let index: Int = vote.leaf * targets + vote.target
            switch aggregate {
            case .sum, .average: table[index] += vote.weight
            case .minimum: table[index] = Swift.min(table[index], vote.weight)
            case .maximum: table[index] = Swift.max(table[index], vote.weight)
            }
        }
        let given: Tensor = try Tensor(table, shape: [nodes.count, targets]).to(x.dtype).index([places])
        switch aggregate {
        case .sum: return try given.sum(dim: 1)
        case .average: return try given.sum(dim: 1) / Double(roots.count)
        case .minimum, .maximum:
            let found: Tensor = try aggregate == .minimum ? given.amin(dim: 1) : given.amax(dim: 1)
            // A target that no tree votes for gets nothing.
            return try Tensor.where(found .== empty, 0.0, found)
        }
    }

    private func leaves(_ x: Tensor, _ start: Tensor, _ depth: Int) throws -> Tensor {
        func table(_ numbers: [Int]) throws -> Tensor { try Tensor(numbers, shape: [numbers.count]) }
        let (features, splits) = (try table(nodes.map(\.feature)), try Tensor(nodes.map(\.split), shape: [nodes.count]).to(x.dtype))
        let (yes, no) = (try table(nodes.map(\.yes)), try table(nodes.map(\.no)))
        let comparisons: [Comparison] = Set(nodes.compactMap(\.comparison)).sorted { $0.rawValue < $1.rawValue }
        let kinds: Tensor = try table(nodes.map { $0.comparison?.rawValue ?? 0 })
        let missing: Tensor? =
            nodes.contains(where: \.takesMissing) ? try Tensor(nodes.map(\.takesMissing), shape: [nodes.count]) : nil
        var place: Tensor = start
        for _ in 0..<depth {
            let value: Tensor = try x.gather(dim: 1, features.index([place]))
            let split: Tensor = try splits.index([place])
            var holds: Tensor = try comparisons[0].holds(value, split)
            for comparison in comparisons.dropFirst() {
                holds = try Tensor.where(kinds.index([place]) .== comparison.rawValue, comparison.holds(value, split), holds)
            }
            if let missing { holds = try holds.logicalOr(value.isnan().logicalAnd(missing.index([place]))) }
            place = try Tensor.where(holds, yes.index([place]), no.index([place]))
        }
        return place
    }

    /// The most comparisons on a way from a root to a leaf.
    private func depth(_ call: ONNXCall) throws -> Int {
        var entries = [Int](repeating: 0, count: nodes.count)
        for node in nodes where node.comparison != nil {
            entries[node.yes] += 1
            entries[node.no] += 1
        }
        var levels = [Int](repeating: 0, count: nodes.count)
        var ready: [Int] = nodes.indices.filter { entries[$0] == 0 }
        var done = 0
        while let index = ready.popLast() {
            done += 1
            guard nodes[index].comparison != nil else { continue }
            for child in [nodes[index].yes, nodes[index].no] {
                levels[child] = Swift.max(levels[child], levels[index] + 1)
                entries[child] -= 1
                if entries[child] == 0 { ready.append(child) }
            }
        }
        guard done == nodes.count else { throw call.error(.invalidProgram, "has nodes that are among their own descendants") }
        let depth: Int = levels.max() ?? 0
        guard depth <= Self.deepest else { throw call.error("has trees of \(depth) levels; up to \(Self.deepest) are read") }
        return depth
    }
}

// MARK: - Reading

extension ONNXTrees {
    /// Trees by the ids of trees and nodes, as `TreeEnsembleRegressor` and `TreeEnsembleClassifier` have them.
    /// - Parameter prefix: of the attributes of votes
    init(_ call: ONNXCall, votes prefix: String, targets: Int) throws {
        let treeIds: [Int] = try call.ints("nodes_treeids") ?? []
        let count: Int = treeIds.count
        func column<Item>(_ name: String, _ values: [Item]?, _ expected: Int, or standard: Item? = nil) throws -> [Item] {
            let values: [Item] = values ?? standard.map { Array(repeating: $0, count: expected) } ?? []
            guard values.count == expected else {
                throw call.error(.invalidProgram, "has \(values.count) elements in '\(name)', \(expected) are expected")
            }
            return values
        }
        func ints(_ name: String, _ expected: Int, or standard: Int? = nil) throws -> [Int] {
            try column(name, call.ints(name), expected, or: standard)
        }
        func numbers(_ name: String, _ expected: Int) throws -> [Double] {
            try column(name, call.floats(name) ?? call.value(ofAttribute: name + "_as_tensor")?.tensor().knownNumbers(), expected)
        }
        let (nodeIds, features) = (try ints("nodes_nodeids", count), try ints("nodes_featureids", count))
        let (yes, no) = (try ints("nodes_truenodeids", count), try ints("nodes_falsenodeids", count))
        let (splits, missing) = (try numbers("nodes_values", count), try ints("nodes_missing_value_tracks_true", count, or: 0))
        let modes: [String] = try column("nodes_modes", call.texts("nodes_modes"), count)
        struct Key: Hashable { let tree: Int, node: Int }
        var places: [Key: Int] = [:]
        for index in 0..<count where places.updateValue(index, forKey: Key(tree: treeIds[index], node: nodeIds[index])) != nil {
            throw call.error(.invalidProgram, "has node \(nodeIds[index]) of tree \(treeIds[index]) twice")
        }
        func place(_ tree: Int, _ node: Int) throws -> Int {
            guard let place = places[Key(tree: tree, node: node)] else {
                throw call.error(.invalidProgram, "names node \(node) of tree \(tree), which is not there")
            }
            return place
        }
        let comparisons: [String: Comparison] = [
            "BRANCH_LEQ": .lessOrEqual, "BRANCH_LT": .less, "BRANCH_GTE": .greaterOrEqual, "BRANCH_GT": .greater, "BRANCH_EQ": .equal,
            "BRANCH_NEQ": .notEqual,
        ]
        var isChild = [Bool](repeating: false, count: count)
        let nodes: [Node] = try (0..<count).map { index in
            if modes[index] == "LEAF" { return Node(yes: index, no: index) }
            guard let comparison = comparisons[modes[index]] else { throw call.error("has nodes of the mode '\(modes[index])'") }
            guard features[index] >= 0 else { throw call.error(.invalidProgram, "compares feature \(features[index])") }
            let (yes, no) = (try place(treeIds[index], yes[index]), try place(treeIds[index], no[index]))
            (isChild[yes], isChild[no]) = (true, true)
            return Node(
                feature: features[index], comparison: comparison, split: splits[index], yes: yes, no: no, takesMissing: missing[index] != 0)
        }
        let voted: [Int] = try call.ints(prefix + "_ids") ?? []
        let (trees, leaves) = (try ints(prefix + "_treeids", voted.count), try ints(prefix + "_nodeids", voted.count))
        let weights: [Double] = try numbers(prefix + "_weights", voted.count)
        let votes: [(leaf: Int, target: Int, weight: Double)] = try voted.indices.map { index in
            (try place(trees[index], leaves[index]), voted[index], weights[index])
        }
        try self.init(nodes, (0..<count).filter { !isChild[$0] }, votes, targets, call)
    }

    /// Trees by the positions of inner nodes and leaves, as `TreeEnsemble` has them.
    init(positions call: ONNXCall, targets: Int) throws {
        func ints(_ name: String) throws -> [Int] { try call.ints(name) ?? [] }
        func numbers(_ name: String) throws -> [Double] { try call.value(ofAttribute: name)?.tensor().knownNumbers() ?? [] }
        let (features, modes, splits) = (try ints("nodes_featureids"), try numbers("nodes_modes"), try numbers("nodes_splits"))
        let (yes, no) = (try ints("nodes_truenodeids"), try ints("nodes_falsenodeids"))
        let (yesIsLeaf, noIsLeaf) = (try ints("nodes_trueleafs"), try ints("nodes_falseleafs"))
        let (weights, voted) = (try numbers("leaf_weights"), try ints("leaf_targetids"))
        let count: Int = features.count
        let missing: [Int] = try call.ints("nodes_missing_value_tracks_true") ?? Array(repeating: 0, count: count)
        guard [modes.count, splits.count, yes.count, no.count, yesIsLeaf.count, noIsLeaf.count, missing.count].allSatisfy({ $0 == count }),
            weights.count == voted.count
        else { throw call.error(.invalidProgram, "has columns of nodes, or of leaves, of different lengths") }
        func place(_ index: Int, isLeaf: Bool) throws -> Int {
            guard index >= 0, index < (isLeaf ? weights.count : count) else {
                throw call.error(.invalidProgram, "names \(isLeaf ? "leaf" : "node") \(index), which is not there")
            }
            return isLeaf ? count + index : index
        }
        var members: [[Double]] = try numbers("membership_values").split(omittingEmptySubsequences: false) { $0.isNaN }.map { Array($0) }
        members.reverse()
        var nodes: [Node] = try (0..<count).map { index in
            guard features[index] >= 0 else { throw call.error(.invalidProgram, "compares feature \(features[index])") }
            return Node(
                feature: features[index], comparison: Int(exactly: modes[index]).flatMap { Comparison(rawValue: $0) }, split: splits[index],
                yes: try place(yes[index], isLeaf: yesIsLeaf[index] != 0), no: try place(no[index], isLeaf: noIsLeaf[index] != 0),
                takesMissing: missing[index] != 0)
        }
        nodes += weights.indices.map { Node(yes: count + $0, no: count + $0) }
        for index in 0..<count where nodes[index].comparison == nil {
            guard modes[index] == 6, let values = members.popLast(), let first = values.first else {
                throw call.error(.invalidProgram, "has a node of mode \(modes[index]) without members")
            }
            // One comparison for each member: who is none of the others is asked the next.
            (nodes[index].comparison, nodes[index].split) = (.equal, first)
            var last: Int = index
            for value in values.dropFirst() {
                var next: Node = nodes[last]
                next.split = value
                nodes.append(next)
                nodes[last].no = nodes.count - 1
                last = nodes.count - 1
            }
        }
        let roots: [Int] = try ints("tree_roots").map { try place($0, isLeaf: false) }
        try self.init(nodes, roots, weights.indices.map { (count + $0, voted[$0], weights[$0]) }, targets, call)
    }

    private init(
        _ nodes: [Node], _ roots: [Int], _ votes: [(leaf: Int, target: Int, weight: Double)], _ targets: Int, _ call: ONNXCall
    ) throws {
        guard !roots.isEmpty, targets > 0 else { throw call.error(.invalidProgram, "has \(roots.count) trees for \(targets) targets") }
        for vote in votes {
            guard vote.target >= 0, vote.target < targets else {
                throw call.error(.invalidProgram, "votes for \(vote.target) of \(targets) targets")
            }
            guard nodes[vote.leaf].comparison == nil else { throw call.error(.invalidProgram, "has votes at nodes that are no leaves") }
        }
        (self.nodes, self.roots, self.votes, self.targets) = (nodes, roots, votes, targets)
    }
}
