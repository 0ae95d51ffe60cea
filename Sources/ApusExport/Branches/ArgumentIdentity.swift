import ApusGraph
import ApusSymbolic
import ApusTensor

// When two arguments of nodes are the same: structural identity, which asks nothing.

extension GraphArgument {
    func isIdentical(to other: GraphArgument) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (.tensor(let p), .tensor(let q)): p == q
        case (.tensors(let p), .tensors(let q)): p == q
        case (.optionalTensors(let p), .optionalTensors(let q)): p == q
        case (.scalar(let p), .scalar(let q)): p.isIdentical(to: q)
        case (.symBool(let p), .symBool(let q)): p.isIdentical(to: q)
        case (.ints(let p), .ints(let q)): p.count == q.count && zip(p, q).allSatisfy { $0.isIdentical(to: $1) }
        case (.floats(let p), .floats(let q)): p.count == q.count && zip(p, q).allSatisfy { $0.bitPattern == $1.bitPattern }
        case (.bools(let p), .bools(let q)): p == q
        case (.string(let p), .string(let q)): p == q
        case (.dtype(let p), .dtype(let q)): p == q
        case (.graph(let p), .graph(let q)): GraphArgument.areSame(p, q)
        default: false
        }
    }

    private static func areSame(_ a: any Subgraph, _ b: any Subgraph) -> Bool {
        if a === b { return true }
        guard let first = (a as? GraphBody)?.graph, let second = (b as? GraphBody)?.graph else { return false }
        return first.isIdentical(to: second)
    }
}

extension Scalar {
    func isIdentical(to other: Scalar) -> Bool {
        switch (self, other) {
        case (.bool(let p), .bool(let q)): p == q
        case (.int(let p), .int(let q)): p.isIdentical(to: q)
        case (.float(let p), .float(let q)): p.isIdentical(to: q)
        case (.complex(let p), .complex(let q)):
            p.rawStorage.x.bitPattern == q.rawStorage.x.bitPattern && p.rawStorage.y.bitPattern == q.rawStorage.y.bitPattern
        default: false
        }
    }
}

extension Graph {
    /// True for graphs made in the same steps: equal nodes over values of equal numbers. Names and sites may differ.
    func isIdentical(to other: Graph) -> Bool {
        guard inputs == other.inputs, nodes.count == other.nodes.count, outputs.count == other.outputs.count,
            values.count == other.values.count
        else { return false }
        for (a, b) in zip(values, other.values) where !a.type.isIdentical(to: b.type) { return false }
        for (a, b) in zip(nodes, other.nodes) {
            guard a.operator == b.operator, a.outputs == b.outputs, a.arguments.count == b.arguments.count,
                zip(a.arguments, b.arguments).allSatisfy({ $0.isIdentical(to: $1) })
            else { return false }
        }
        return zip(outputs, other.outputs).allSatisfy { $0.isIdentical(to: $1) }
    }
}

extension GraphOutput {
    func isIdentical(to other: GraphOutput) -> Bool {
        switch (self, other) {
        case (.value(let p), .value(let q)): p == q
        case (.literal(.float(let p)), .literal(.float(let q))): p.bitPattern == q.bitPattern
        case (.literal(let p), .literal(let q)): p == q
        case (.int(let p), .int(let q)): p.isIdentical(to: q)
        case (.float(let p), .float(let q)): p.isIdentical(to: q)
        case (.bool(let p), .bool(let q)): p.isIdentical(to: q)
        default: false
        }
    }
}
