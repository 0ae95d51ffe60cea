import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Puts the two sides of a question together: what both do first stands before the branch, what both do last after it, and only the rest
/// within. Where nothing can be shared soundly, the sides stay whole.
struct BranchJoin {
    let values: MergeValues
    let scope: SymbolScope
    let rules: RuleInterpreter
    let decision: PathDecision
    /// Symbols that have a value before the question.
    let known: Set<Symbol>

    func join(_ whenTrue: Block, _ whenFalse: Block) throws -> Block {
        guard whenTrue.outputs.count == whenFalse.outputs.count else {
            throw untraceable("return \(whenTrue.outputs.count) and \(whenFalse.outputs.count) values")
        }
        let (head, a, b) = sharedHead(whenTrue, whenFalse)
        let known: Set<Symbol> = known.union(values.newSymbols(of: head, beyond: known))
        return try rules.scoped {
            var bound: Set<Symbol> = self.known
            for node in head { values.assumeFacts(of: node, by: rules, &bound) }
            let rest: Block = try sharedTail(a, b, known)
            return Block(head + rest.nodes, rest.outputs)
        }
    }

    private func untraceable(_ what: String) -> ProgramError {
        ProgramError(
            .untraceable, "the branches of '\(decision.condition.description(naming: \.displayName))' \(what)", site: decision.site)
    }

    // MARK: Head

    /// Nodes with which both sides start: the same operators on the same values. They run in any case.
    private func sharedHead(_ a: Block, _ b: Block) -> (head: [Node], a: Block, b: Block) {
        var names: [Value: Value] = [:]
        var length = 0
        var bound: Set<Symbol> = known
        rules.scoped {
            while length < min(a.nodes.count, b.nodes.count) {
                let (x, y) = (a.nodes[length], b.nodes[length])
                guard x.operator == y.operator, x.unmergedBranch == nil, x.outputs.count == y.outputs.count,
                    x.arguments.count == y.arguments.count,
                    zip(x.arguments, y.arguments).allSatisfy({ p, q in p.isIdentical(to: q.map { names[$0] ?? $0 }) }),
                    zip(x.outputs, y.outputs).allSatisfy({ values.type($0).isIdentical(to: values.type($1)) }), holdsAnyway(x, bound)
                else { return }
                for (p, q) in zip(x.outputs, y.outputs) { names[q] = p }
                values.assumeFacts(of: x, by: rules, &bound)
                length += 1
            }
        }
        if length == 0 { return ([], a, b) }
        let rest = Block(Array(b.nodes[length...]), b.outputs).renamed(names)
        return (Array(a.nodes[..<length]), Block(Array(a.nodes[length...]), a.outputs), rest)
    }

    /// True where the node's results have the same types without the question's answer.
    private func holdsAnyway(_ node: Node, _ known: Set<Symbol>) -> Bool {
        let types: [ValueType] = node.outputs.map { values.type($0) }
        if node.operator.effects.contains(.dataDependent) { rules.unbackedSizes = values.newSizes(of: node, beyond: known) }
        guard let specs = try? rules.specs(node.operator, node.arguments, values.type) else { return false }
        let tensors: [TensorSpec] = types.compactMap(\.spec)
        if tensors.count < types.count { return tensors.isEmpty }
        return tensors.count == specs.count && zip(tensors, specs).allSatisfy { $0.isIdentical(to: $1) }
    }

    // MARK: Tail

    private func sharedTail(_ a: Block, _ b: Block, _ known: Set<Symbol>) throws -> Block {
        let pairs = Array(zip(a.outputs, b.outputs))
        var length: Int = TailMatch.length(a.nodes[...], b.nodes[...], outputs: pairs)
        while true {
            // The sides' own parts, and the tail's.
            let (partA, partB) = (a.nodes.dropLast(length), b.nodes.dropLast(length))
            let inner: Set<Symbol> = values.newSymbols(of: partA, beyond: known).union(values.newSymbols(of: partB, beyond: known))
            let sharing = TailSharing(values, scope, rules, condition: decision.condition, inner: inner, known: known)
            var tail: [Node] = []
            do {
                let outputs: [GraphOutput] = try rules.scoped {
                    for (x, y) in zip(a.nodes.suffix(length), b.nodes.suffix(length)) { tail.append(try sharing.share(x, y)) }
                    return try pairs.map { try sharing.share($0, $1) }
                }
                return Block(branch(Array(partA), Array(partB), sharing.joined, inner) + tail, outputs)
            } catch let error as NotShared {
                if length == 0 { throw untraceable("return \(error.reason)") }
                // Nothing up to the node that can't be shared; all of it where the results can't be joined.
                length = tail.count < length ? length - tail.count - 1 : 0
            }
        }
    }

    private func branch(_ a: [Node], _ b: [Node], _ joined: [JoinedValue], _ inner: Set<Symbol>) -> [Node] {
        if joined.isEmpty {
            if !(a + b).contains(where: { values.mustRun($0) }) { return [] }
            if let assertions = assertions(a, b, inner) { return assertions }
        }
        let node: Node = .branch(
            decision.condition, Block(a, joined.map(\.whenTrue)), Block(b, joined.map(\.whenFalse)), outputs: joined.map(\.value),
            site: .call(decision.site), modulePath: decision.modulePath)
        return [node]
    }

    /// Sides that only check something, as checks that depend on the question; nil where they need what a side computes.
    private func assertions(_ a: [Node], _ b: [Node], _ inner: Set<Symbol>) -> [Node]? {
        var found: [Node] = []
        for (nodes, other) in [(a, !decision.condition), (b, decision.condition)] {
            for var node in nodes where values.mustRun(node) {
                guard let fact = node.assertedCondition, fact.alwaysHasValue, !fact.freeSymbols.contains(where: { inner.contains($0) })
                else {
                    return nil
                }
                node.arguments[0] = .symBool(other || fact)
                found.append(node)
            }
        }
        return found
    }
}
