import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Makes one graph of all paths: what paths have in common stands once, and each open question becomes a `cond`.
///
/// Runs repeat exactly up to the question at which they part, so the nodes before it correspond by position. Behind it the two sides are
/// put together from the leaves of the decision tree up, by `BranchJoin`.
final class PathMerger {
    private let paths: [PathTrace]
    /// Buffers that some path changes, in signature order, and the graph input of each.
    private let mutatedBuffers: [(name: String, input: Value)]
    private let scope: SymbolScope
    private let rules: RuleInterpreter
    private let values = MergeValues()
    /// For each path, the merged value of each of its own.
    private var places: [[Value?]]

    struct Merged {
        let graph: Graph
        /// The captured tensors, for the graph inputs that follow the declared ones.
        let constants: [Tensor]
        /// For symbols that the merge made, those of the paths that they stand for.
        let sources: [Symbol: [Symbol]]
    }

    init(paths: [PathTrace], mutatedBuffers: [(name: String, input: Value)], scope: SymbolScope) {
        self.paths = paths
        self.mutatedBuffers = mutatedBuffers
        self.scope = scope
        rules = RuleInterpreter(scope: scope, acceptsUndecided: false)
        places = paths.map { Array(repeating: nil, count: $0.graph.values.count) }
    }

    /// Merges everything. Constants come after the first `stateCount` inputs and before the user's.
    func merge(stateCount: Int) throws -> Merged {
        let declared: [Value] = paths[0].graph.inputs
        let state: [Value] = declared.prefix(stateCount).map { makeInput($0) }
        let (constants, tensors) = makeConstants()
        let inputs: [Value] = state + constants + declared.dropFirst(stateCount).map { makeInput($0) }
        switch try segment(Array(paths.indices), depth: 0, start: 0, known: []) {
        case .returns(let block):
            var emitter = BlockEmitter(values)
            return Merged(graph: try emitter.graph(inputs: inputs, block), constants: tensors, sources: values.sources)
        case .rejects(let rejections):
            let first: Rejections.Entry? = rejections.entries.first
            throw ProgramError(.untraceable, first?.message ?? "no path of the function returns", site: first?.site)
        }
    }

    private func makeInput(_ input: Value) -> Value {
        let source: Graph = paths[0].graph
        let value: Value = values.make(source.name(input), source.type(input))
        for index in paths.indices { places[index][input.index] = value }
        return value
    }

    /// One input for each tensor that paths captured. Runs make tensors of plain numbers anew: equal ones are one constant.
    private func makeConstants() -> (inputs: [Value], tensors: [Tensor]) {
        var inputs: [Value] = []
        var table = ConstantTable()
        for (index, path) in paths.enumerated() {
            for (value, tensor) in path.captured {
                let position: Int = table.position(of: tensor)
                if position == inputs.count { inputs.append(values.make("c_lifted_tensor_\(position)", .tensor(tensor.spec))) }
                places[index][value.index] = inputs[position]
            }
        }
        return (inputs, table.tensors)
    }

    // MARK: The decision tree

    /// What a part of the decision tree does: a block that gives results, or nothing but errors.
    private enum Part {
        case returns(Block)
        case rejects(Rejections)
    }

    /// The paths in `group` from node `start` and question `depth` on, as one part.
    private func segment(_ group: [Int], depth: Int, start: Int, known: Set<Symbol>) throws -> Part {
        let lead: PathTrace = paths[group[0]]
        let decision: PathDecision? = depth < lead.decisions.count ? lead.decisions[depth] : nil
        let nodes: [Node] = try copyNodes(group, start..<(decision?.nodeCount ?? lead.graph.nodes.count))
        let own: Set<Symbol> = values.newSymbols(of: nodes, beyond: known)
        return try rules.scoped {
            var bound: Set<Symbol> = known
            for node in nodes { values.assumeFacts(of: node, by: rules, &bound) }
            guard let decision else { return try leaf(group[0], nodes, own) }
            switch try branch(group, decision, depth: depth, known: known.union(own)) {
            case .returns(let block): return .returns(Block(nodes + block.nodes, block.outputs))
            case .rejects(var rejections):
                rejections.inner.formUnion(own)
                return .rejects(rejections)
            }
        }
    }

    private func leaf(_ path: Int, _ nodes: [Node], _ own: Set<Symbol>) throws -> Part {
        switch paths[path].outcome {
        case .threw(let message, let site):
            return .rejects(Rejections(entries: [.init(conditions: [], message: message, site: site)], inner: own))
        case .returned(let mutations, let leaves, _):
            let changed: [GraphOutput] = try mutatedBuffers.map { .value(try place(path, mutations[$0.name] ?? $0.input)) }
            let results: [GraphOutput] = try leaves.map { try $0.map { try place(path, $0) } }
            return .returns(Block(nodes, changed + results))
        }
    }

    private func branch(_ group: [Int], _ decision: PathDecision, depth: Int, known: Set<Symbol>) throws -> Part {
        func side(_ choice: Bool, _ fact: SymBool) throws -> Part? {
            let members: [Int] = group.filter { paths[$0].decisions[depth].choice == choice }
            if members.isEmpty { return nil }
            return try rules.scoped {
                scope.assume(fact)
                return try segment(members, depth: depth + 1, start: decision.nodeCount, known: known)
            }
        }
        let condition: SymBool = decision.condition
        switch (try side(true, condition), try side(false, !condition)) {
        case (.returns(let a)?, .returns(let b)?):
            let join = BranchJoin(values: values, scope: scope, rules: rules, decision: decision, known: known)
            return .returns(try join.join(a, b))
        case (.returns(let block)?, .rejects(let rejections)?):
            return .returns(Block(rejections.assertions(keeping: condition) + block.nodes, block.outputs))
        case (.rejects(let rejections)?, .returns(let block)?):
            return .returns(Block(rejections.assertions(keeping: !condition) + block.nodes, block.outputs))
        case (.rejects(let a)?, .rejects(let b)?): return .rejects(a.under(condition).and(b.under(!condition)))
        // Both answers of every question have been explored: one without a path is one that no input gives.
        case (let part?, nil), (nil, let part?): return part
        case (nil, nil):
            throw ProgramError(
                .invalidGraph, "no answer of '\(condition.description(naming: \.displayName))' has been explored", site: decision.site)
        }
    }

    // MARK: Nodes

    private func copyNodes(_ group: [Int], _ range: Range<Int>) throws -> [Node] {
        let lead: Int = group[0]
        let source: Graph = paths[lead].graph
        return try range.map { position in
            var node: Node = source.nodes[position]
            let own: [Value] = node.outputs
            node.arguments = try node.arguments.map { argument in try argument.map { try place(lead, $0) } }
            node.outputs = own.map { values.make(PathMerger.baseName(source.name($0)), source.type($0)) }
            for index in group {
                let other: Node = paths[index].graph.nodes[position]
                if index != lead { try requireSame(other, node, path: index) }
                for (value, merged) in zip(other.outputs, node.outputs) { places[index][value.index] = merged }
            }
            return node
        }
    }

    /// Runs must repeat each other up to the question at which they part.
    private func requireSame(_ node: Node, _ merged: Node, path: Int) throws {
        let isSame: Bool =
            try node.operator == merged.operator && node.outputs.count == merged.outputs.count
            && zip(node.arguments, merged.arguments).allSatisfy { own, shared in
                try own.map { try place(path, $0) }.isIdentical(to: shared)
            }
        guard isSame else {
            throw ProgramError(
                .untraceable,
                "the function is not deterministic: '\(node.operator.schema.name)' runs here on other arguments than in an earlier run",
                site: node.site?.callSite)
        }
    }

    private func place(_ path: Int, _ value: Value) throws -> Value {
        guard places[path].indices.contains(value.index), let place = places[path][value.index] else {
            throw ProgramError(.invalidGraph, "the value '\(paths[path].graph.name(value))' of a path has no place in the merged graph")
        }
        return place
    }

    /// `add_3` was made unique in its own path and is made unique anew here.
    private static func baseName(_ name: String) -> String {
        guard let underscore = name.lastIndex(of: "_"), name[name.index(after: underscore)...].allSatisfy(\.isNumber),
            underscore != name.startIndex
        else { return name }
        return String(name[..<underscore])
    }
}
