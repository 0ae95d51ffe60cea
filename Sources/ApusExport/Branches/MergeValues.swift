import ApusGraph
import ApusSymbolic
import ApusTensor

/// The values of all paths under one numbering, so that parts of different paths can be compared and put together before there is a graph.
final class MergeValues {
    private var entries: [(name: String, type: ValueType)] = []
    /// For symbols that a merge made, those of the paths that they stand for.
    private(set) var sources: [Symbol: [Symbol]] = [:]

    func make(_ name: String, _ type: ValueType) -> Value {
        entries.append((name, type))
        return Value(index: entries.count - 1)
    }

    func note(_ symbol: Symbol, standsFor others: [Symbol]) { sources[symbol] = others.flatMap { sources[$0] ?? [$0] } }

    func name(_ value: Value) -> String { entries.indices.contains(value.index) ? entries[value.index].name : "?" }
    func type(_ value: Value) -> ValueType { entries.indices.contains(value.index) ? entries[value.index].type : .none }
}

/// A part of a program while paths are merged: what one side of a question computes, and what it gives.
///
/// Its nodes read values of the parts around it directly; what a body takes as inputs is settled when the graph is made.
final class Block: Subgraph {
    let nodes: [Node]
    let outputs: [GraphOutput]

    init(_ nodes: [Node], _ outputs: [GraphOutput]) {
        self.nodes = nodes
        self.outputs = outputs
    }

    /// The same block with other names for some values.
    func renamed(_ names: [Value: Value]) -> Block {
        if names.isEmpty { return self }
        return Block(
            nodes.map { $0.renamed(names) },
            outputs.map { $0.map { names[$0] ?? $0 } })
    }
}

extension Node {
    /// A branch whose sides are still blocks.
    static func branch(
        _ condition: SymBool, _ whenTrue: Block, _ whenFalse: Block, outputs: [Value], site: NodeSite?, modulePath: [ModuleFrame]
    ) -> Node {
        Node(
            .cond, [.symBool(condition), .graph(whenTrue), .graph(whenFalse), .tensors([])], outputs: outputs, site: site,
            modulePath: modulePath)
    }

    /// The condition and the sides of a branch that is still being merged; nil for every other node.
    var unmergedBranch: (condition: SymBool, whenTrue: Block, whenFalse: Block)? {
        guard self.operator == .cond, arguments.count == 4, case .symBool(let condition) = arguments[0],
            case .graph(let first) = arguments[1], let whenTrue = first as? Block, case .graph(let second) = arguments[2],
            let whenFalse = second as? Block
        else { return nil }
        return (condition, whenTrue, whenFalse)
    }

    fileprivate func renamed(_ names: [Value: Value]) -> Node {
        var copy: Node = self
        copy.arguments = arguments.map { argument in
            if case .graph(let body) = argument, let block = body as? Block { return .graph(block.renamed(names)) }
            return argument.map { names[$0] ?? $0 }
        }
        return copy
    }

    /// The condition that holds after an assertion.
    var assertedCondition: SymBool? {
        guard self.operator == .assertScalar, case .symBool(let condition)? = arguments.first else { return nil }
        return condition
    }
}

extension MergeValues {
    /// True where the node, or one in its blocks, must run though nobody reads its results.
    func mustRun(_ node: Node) -> Bool {
        if let branch = node.unmergedBranch { return (branch.whenTrue.nodes + branch.whenFalse.nodes).contains { mustRun($0) } }
        return node.mustRun(type)
    }

    /// Symbols that get their values in these nodes.
    func newSymbols(of nodes: some Sequence<Node>, beyond known: Set<Symbol>) -> Set<Symbol> {
        var found = Set<Symbol>()
        for node in nodes {
            for output in node.outputs {
                for symbol in type(output).freeSymbols where !symbol.isBacked && !known.contains(symbol) { found.insert(symbol) }
            }
        }
        return found
    }

    /// Sizes of a node's results that only its values tell, each symbol once, in the order in which its rule asks for them.
    func newSizes(of node: Node, beyond known: Set<Symbol>) -> [SymInt] {
        node.outputs.map(type).newSizes { $0.isBacked || known.contains($0) }
    }

    /// Assumes what holds behind a node: what it asserts, and what its rule knows of the sizes that its values tell.
    func assumeFacts(of node: Node, by rules: RuleInterpreter, _ known: inout Set<Symbol>) {
        if let fact = node.assertedCondition { rules.scope?.assume(fact) }
        if node.effects.contains(.dataDependent) {
            rules.unbackedSizes = newSizes(of: node, beyond: known)
            _ = try? rules.specs(node.operator, node.arguments, type)
        }
        known.formUnion(newSymbols(of: [node], beyond: known))
    }
}
