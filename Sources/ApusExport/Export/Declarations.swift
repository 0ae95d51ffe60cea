import ApusSymbolic
import ApusTensor

/// The inputs of one entry point as declared: leaves with names, and a shape with symbols for each tensor.
struct DeclaredInputs {
    let tree: FlatTree
    /// `x`, `y.0`, `state.weights`.
    let names: [String]
    /// One for each leaf; nil for plain values.
    let specs: [TensorSpec?]
    let scope: SymbolScope
    let guards: [InputGuard]
}

/// Turns example arguments and constraints into symbols with ranges.
struct InputDeclaration {
    private let scope: SymbolScope
    private let tree: FlatTree
    private let names: [String]

    init(tree: FlatTree, names: [String], scope: SymbolScope) {
        self.tree = tree
        self.names = names
        self.scope = scope
    }

    private struct Position: Hashable {
        let leaf: Int
        let dim: Int
    }

    /// What is known of one group of equal dimensions.
    private struct Group {
        var min: Int?
        var max: Int?
        var values: Set<Int>?
        var members: [Position] = []
    }

    func declare(_ constraints: [Constraint]) throws -> DeclaredInputs {
        var groups: [Group] = []
        var groupOf: [Position: Int] = [:]
        func group(_ dimension: DynamicDimension) throws -> Int {
            let positions = try self.positions(of: dimension)
            if let known = groupOf[positions[0]] { return known }
            groups.append(Group(members: positions))
            for position in positions { groupOf[position] = groups.count - 1 }
            return groups.count - 1
        }
        for constraint in constraints {
            let index = try group(constraint.dimension)
            switch constraint.kind {
            case .free: break
            case .range(let min, let max):
                groups[index].min = [groups[index].min, min].compactMap { $0 }.max()
                groups[index].max = [groups[index].max, max].compactMap { $0 }.min()
            case .values(let values):
                groups[index].values = groups[index].values.map { $0.intersection(values) } ?? Set(values)
            case .equal(let other):
                let second = try group(other)
                if second == index { continue }
                merge(&groups, second, into: index)
                for (position, owner) in groupOf where owner == second { groupOf[position] = index }
            }
        }
        return try specify(groups, groupOf)
    }

    private func merge(_ groups: inout [Group], _ source: Int, into target: Int) {
        let other = groups[source]
        groups[target].min = [groups[target].min, other.min].compactMap { $0 }.max()
        groups[target].max = [groups[target].max, other.max].compactMap { $0 }.min()
        if let values = other.values { groups[target].values = groups[target].values.map { $0.intersection(values) } ?? values }
        groups[target].members += other.members
        groups[source].members = []
    }

    /// Every place where the example tensor of a constraint is passed.
    private func positions(of dimension: DynamicDimension) throws -> [Position] {
        let rank = dimension.tensor.rank
        guard rank > 0 else {
            throw ProgramError(
                .invalidConstraint, "dynamicDim(\(name(dimension)), \(dimension.dim)): a zero-dimensional tensor has no dimensions")
        }
        guard dimension.dim >= -rank, dimension.dim < rank else {
            throw ProgramError(
                .invalidConstraint,
                "dynamicDim(\(name(dimension)), \(dimension.dim)): dimension \(dimension.dim) is out of range for a tensor of rank \(rank) (\(-rank)...\(rank - 1))"
            )
        }
        let dim = dimension.dim < 0 ? dimension.dim + rank : dimension.dim
        let found: [Position] = tree.leaves.enumerated().compactMap { index, leaf in
            leaf.tensor?.identity == dimension.tensor.identity ? Position(leaf: index, dim: dim) : nil
        }
        guard !found.isEmpty else {
            throw ProgramError(
                .invalidConstraint,
                "dynamicDim(_, \(dimension.dim)): its tensor of \(dimension.tensor.spec) is not among the arguments; pass the same tensor to dynamicDim and to args"
            )
        }
        return found
    }

    private func name(_ dimension: DynamicDimension) -> String {
        tree.leaves.firstIndex { $0.tensor?.identity == dimension.tensor.identity }.map { names[$0] } ?? "_"
    }

    private func specify(_ groups: [Group], _ groupOf: [Position: Int]) throws -> DeclaredInputs {
        var sizes: [Int: SymInt] = [:]
        // Symbols are numbered in the order of the arguments, whatever the order of the constraints.
        let positions = groupOf.keys.sorted { ($0.leaf, $0.dim) < ($1.leaf, $1.dim) }
        for position in positions {
            guard let index = groupOf[position], sizes[index] == nil else { continue }
            sizes[index] = try makeSize(groups[index], position)
        }
        scope.freeze()
        let specs: [TensorSpec?] = try tree.leaves.enumerated().map { leaf, value in
            guard let tensor = value.tensor else { return nil }
            let shape: [SymInt] = tensor.shape.enumerated().map { dim, size in
                groupOf[Position(leaf: leaf, dim: dim)].flatMap { sizes[$0] } ?? size
            }
            return TensorSpec(tensor.dtype, try Shape(shape, in: names[leaf]))
        }
        return DeclaredInputs(tree: tree, names: names, specs: specs, scope: scope, guards: try valueGuards(groups, sizes))
    }

    private func makeSize(_ group: Group, _ position: Position) throws -> SymInt {
        let origin = "\(names[position.leaf]).shape[\(position.dim)]"
        var range = SymRange(lowerBound: Swift.max(group.min ?? 1, 0), upperBound: group.max ?? SymRange.max)
        if let values = group.values {
            let inside = values.filter { range.contains($0) }
            guard let low = inside.min(), let high = inside.max() else {
                throw ProgramError(.invalidConstraint, "\(origin): no size in \(values.sorted()) satisfies the other constraints")
            }
            range = SymRange(lowerBound: low, upperBound: high)
        }
        guard !range.isEmpty else {
            throw ProgramError(
                .invalidConstraint, "\(origin): no size is at least \(range.lowerBound) and at most \(range.upperBound)")
        }
        for member in group.members {
            guard let example = tree.leaves[member.leaf].tensor?.layout.size(member.dim) else { continue }
            guard range.contains(example), group.values?.contains(example) ?? true else {
                throw ProgramError(
                    .invalidConstraint,
                    "\(names[member.leaf]).shape[\(member.dim)] is \(example) in the example, outside of \(group.values.map { "\($0.sorted())" } ?? "\(range)")"
                )
            }
        }
        // One size only: the dimension is static.
        if let only = range.singleValue { return SymInt(only) }
        let hint = tree.leaves[position.leaf].tensor?.layout.size(position.dim)
        let symbol = scope.makeSymbol(origin: origin, range: range, kind: .backed, hint: hint)
        let size = scope.size(symbol)
        if let values = group.values, values.count <= 64 {
            let inside = values.filter { range.contains($0) }.sorted()
            let choices: [SymBool] = inside.map { (value: Int) -> SymBool in size == value }
            if let first = choices.first { try scope.declare(choices.dropFirst().reduce(first) { $0 || $1 }) }
        }
        return size
    }

    /// A finite set with gaps is checked at every call: its range alone admits too much.
    private func valueGuards(_ groups: [Group], _ sizes: [Int: SymInt]) throws -> [InputGuard] {
        try groups.enumerated().compactMap { index, group in
            guard let values = group.values, let size = sizes[index], size.isSymbolic, let position = group.members.first else {
                return nil
            }
            guard values.count <= 64 else {
                throw ProgramError(.invalidConstraint, "a dimension can be declared over at most 64 sizes, not \(values.count)")
            }
            let inside = values.sorted()
            let choices: [SymBool] = inside.map { (value: Int) -> SymBool in size == value }
            guard let first = choices.first else { return nil }
            return InputGuard(
                condition: choices.dropFirst().reduce(first) { $0 || $1 },
                message: "\(names[position.leaf]).shape[\(position.dim)] must be one of \(inside)")
        }
    }
}
