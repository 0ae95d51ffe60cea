import ApusProgram
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
    /// What was declared of each symbol.
    let dimensions: [DeclaredDimension]
    /// Declared conditions that are neither bounds nor equalities of two dimensions.
    let relations: [Constraint]
}

/// One dynamic size: its symbol, every dimension that has it, and what was declared of it.
struct DeclaredDimension {
    let symbol: Symbol
    let axes: [DynamicDimension.Axis]
    let min: Int?
    let max: Int?
    let values: [Int]?
}

extension DeclaredInputs {
    /// The argument of a dimension, as the user names it.
    func name(_ axis: DynamicDimension.Axis) -> String { leaf(axis).map { names[$0] } ?? "_" }

    /// The argument of a dimension as Swift code: `x`, `state["h"]!`, `list[0]`.
    func code(_ axis: DynamicDimension.Axis) -> String {
        guard let leaf = leaf(axis), case .tuple(let arguments) = tree.spec else { return "_" }
        let argument = names[leaf].prefix { $0 != "." && $0 != "[" }
        var position = leaf
        for spec in arguments {
            if position < spec.leafCount { return argument + spec.access(position) }
            position -= spec.leafCount
        }
        return names[leaf]
    }

    private func leaf(_ axis: DynamicDimension.Axis) -> Int? {
        tree.leaves.firstIndex { $0.tensor?.identity == axis.tensor.identity }
    }

    /// The first dimension that has a symbol's size.
    func axis(of symbol: Symbol) -> DynamicDimension.Axis? { dimensions.first { $0.symbol == symbol }?.axes.first }
}

/// Turns example arguments and constraints into symbols with ranges.
struct InputDeclaration {
    private let scope: SymbolScope
    private let tree: FlatTree
    private let names: [String]
    /// Where each tensor is passed.
    private let leavesOf: [ObjectIdentifier: [Int]]

    init(tree: FlatTree, names: [String], scope: SymbolScope) {
        self.tree = tree
        var leavesOf: [ObjectIdentifier: [Int]] = [:]
        for (index, leaf) in tree.leaves.enumerated() {
            if let tensor = leaf.tensor { leavesOf[tensor.identity, default: []].append(index) }
        }
        self.leavesOf = leavesOf
        self.names = names
        self.scope = scope
    }

    /// How many sizes, or alternatives, one constraint may list: each is weighed in every question about it.
    private static let maximumChoices = 64

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
        func group(_ axis: DynamicDimension.Axis) throws -> Int {
            let positions = try self.positions(of: axis)
            if let known = groupOf[positions[0]] { return known }
            groups.append(Group(members: positions))
            for position in positions { groupOf[position] = groups.count - 1 }
            return groups.count - 1
        }
        var relations: [Constraint] = []
        for constraint in constraints {
            switch constraint.kind {
            case .free(let axis): _ = try group(axis)
            case .range(let axis, let min, let max):
                let index = try group(axis)
                groups[index].min = [groups[index].min, min].compactMap { $0 }.max()
                groups[index].max = [groups[index].max, max].compactMap { $0 }.min()
            case .values(let axis, let values):
                let index = try group(axis)
                groups[index].values = groups[index].values.map { $0.intersection(values) } ?? Set(values)
            case .equal(let first, let second):
                let (target, source) = (try group(first), try group(second))
                if target == source { continue }
                for position in groups[source].members { groupOf[position] = target }
                merge(&groups, source, into: target)
            case .relation, .any, .all:
                if case .any(let choices) = constraint.kind, choices.count > InputDeclaration.maximumChoices {
                    throw ProgramError(
                        .invalidConstraint,
                        "\(choices[0].code(name)) || ...: a constraint can have at most \(InputDeclaration.maximumChoices) alternatives, not \(choices.count)"
                    )
                }
                for axis in constraint.kind.axes { _ = try group(axis) }
                relations.append(constraint)
            }
        }
        return try specify(groups, groupOf, relations)
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
    private func positions(of axis: DynamicDimension.Axis) throws -> [Position] {
        let rank = axis.tensor.rank
        guard rank > 0 else {
            throw ProgramError(.invalidConstraint, "dynamicDim(\(name(axis)), \(axis.dim)): a zero-dimensional tensor has no dimensions")
        }
        guard axis.dim >= -rank, axis.dim < rank else {
            throw ProgramError(
                .invalidConstraint,
                "dynamicDim(\(name(axis)), \(axis.dim)): dimension \(axis.dim) is out of range for a tensor of rank \(rank) (\(-rank)...\(rank - 1))"
            )
        }
        let dim = axis.dim < 0 ? axis.dim + rank : axis.dim
        guard let leaves = leavesOf[axis.tensor.identity] else {
            throw ProgramError(
                .invalidConstraint,
                "dynamicDim(_, \(axis.dim)): its tensor of \(axis.tensor.spec) is not among the arguments; pass the same tensor to dynamicDim and to args"
            )
        }
        return leaves.map { Position(leaf: $0, dim: dim) }
    }

    private func name(_ axis: DynamicDimension.Axis) -> String { leavesOf[axis.tensor.identity].map { names[$0[0]] } ?? "_" }

    private func specify(_ groups: [Group], _ groupOf: [Position: Int], _ relations: [Constraint]) throws -> DeclaredInputs {
        var sizes: [Int: SymInt] = [:]
        var dimensions: [DeclaredDimension] = []
        // Symbols are numbered in the order of the arguments, whatever the order of the constraints.
        let positions = groupOf.keys.sorted { ($0.leaf, $0.dim) < ($1.leaf, $1.dim) }
        let members = Dictionary(grouping: positions) { groupOf[$0] }
        for position in positions {
            guard let index = groupOf[position], sizes[index] == nil else { continue }
            let size = try makeSize(groups[index], position)
            sizes[index] = size
            guard let symbol = size.expression?.symbol else { continue }
            dimensions.append(
                DeclaredDimension(
                    symbol: symbol, axes: (members[index] ?? []).compactMap { axis($0) }, min: groups[index].min,
                    max: groups[index].max, values: groups[index].values?.sorted()))
        }
        var guards = try valueGuards(groups, sizes)
        for relation in relations {
            let condition = try relation.kind.condition { axis in
                let position = try self.positions(of: axis)[0]
                return groupOf[position].flatMap { sizes[$0] } ?? SymInt(0)
            }
            if let guarding = try declare(relation, condition) { guards.append(guarding) }
        }
        scope.freeze()
        let specs: [TensorSpec?] = try tree.leaves.enumerated().map { leaf, value in
            guard let tensor = value.tensor else { return nil }
            let shape: [SymInt] = tensor.shape.enumerated().map { dim, size in
                groupOf[Position(leaf: leaf, dim: dim)].flatMap { sizes[$0] } ?? size
            }
            return TensorSpec(tensor.dtype, try Shape(shape, in: names[leaf]))
        }
        return DeclaredInputs(
            tree: tree, names: names, specs: specs, scope: scope, guards: guards, dimensions: dimensions, relations: relations)
    }

    private func axis(_ position: Position) -> DynamicDimension.Axis? {
        tree.leaves[position.leaf].tensor.map { DynamicDimension.Axis(tensor: $0, dim: position.dim) }
    }

    /// Makes a relation a fact, and a guard that every call checks; nil where bounds imply it already.
    private func declare(_ relation: Constraint, _ condition: SymBool) throws -> InputGuard? {
        let code = relation.kind.code(name)
        do throws(SymbolicError) { try condition.requireValid() } catch {
            throw ProgramError(.invalidConstraint, "\(code): \(error.message)")
        }
        if scope.known(condition) == true { return nil }
        guard scope.evaluate(condition, at: scope.hints) ?? condition.constant ?? true else {
            throw ProgramError(.invalidConstraint, "\(code): the example has \(scope.hints.restricted(to: condition.freeSymbols))")
        }
        do throws(SymbolicError) { try scope.declare(condition) } catch {
            throw ProgramError(.invalidConstraint, "\(code): \(error.message)")
        }
        return InputGuard(condition: condition, message: "\(condition) must hold")
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
        try requireEqualExamples(group)
        // One size only: the dimension is static.
        if let only = range.singleValue { return SymInt(only) }
        let hint = tree.leaves[position.leaf].tensor?.layout.size(position.dim)
        let symbol = scope.makeSymbol(origin: origin, range: range, kind: .backed, hint: hint)
        let size = scope.size(symbol)
        if let values = group.values, values.count <= InputDeclaration.maximumChoices {
            let inside = values.filter { range.contains($0) }.sorted()
            try scope.declare(.any(inside.map { (value: Int) -> SymBool in size == value }))
        }
        return size
    }

    private func requireEqualExamples(_ group: Group) throws {
        let examples = group.members.map { ($0, tree.leaves[$0.leaf].tensor?.layout.size($0.dim) ?? 0) }
        guard let (first, size) = examples.first, let (other, otherSize) = examples.first(where: { $0.1 != size }) else { return }
        throw ProgramError(
            .invalidConstraint,
            "\(names[first.leaf]).shape[\(first.dim)] and \(names[other.leaf]).shape[\(other.dim)] are declared equal, but are \(size) and \(otherSize) in the example"
        )
    }

    /// A finite set with gaps is checked at every call: its range alone admits too much.
    private func valueGuards(_ groups: [Group], _ sizes: [Int: SymInt]) throws -> [InputGuard] {
        try groups.enumerated().compactMap { index, group in
            guard let values = group.values, let size = sizes[index], size.isSymbolic, let position = group.members.first else {
                return nil
            }
            guard values.count <= InputDeclaration.maximumChoices else {
                throw ProgramError(
                    .invalidConstraint,
                    "\(names[position.leaf]).shape[\(position.dim)]: a dimension can be declared over at most \(InputDeclaration.maximumChoices) sizes, not \(values.count)"
                )
            }
            let inside = values.sorted()
            return InputGuard(
                condition: .any(inside.map { (value: Int) -> SymBool in size == value }),
                message: "\(names[position.leaf]).shape[\(position.dim)] must be one of \(inside)")
        }
    }
}

extension TreeSpec {
    /// The Swift code behind a value that reads its leaf at a position.
    fileprivate func access(_ position: Int) -> String {
        let children: [(TreeSpec, String)]
        switch self {
        case .leaf: return ""
        case .tuple(let specs): children = specs.enumerated().map { ($1, ".\($0)") }
        case .list(let specs): children = specs.enumerated().map { ($1, "[\($0)]") }
        case .dictionary(let keys, let specs): children = zip(keys, specs).map { ($1, "[\"\($0)\"]!") }
        }
        var rest = position
        for (spec, text) in children {
            if rest < spec.leafCount { return text + spec.access(rest) }
            rest -= spec.leafCount
        }
        return ""
    }
}
