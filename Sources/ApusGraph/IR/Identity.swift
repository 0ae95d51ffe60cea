import ApusSymbolic
import ApusTensor

// When two parts of graphs are the same: structural identity, which asks nothing.

extension GraphArgument {
    package func isIdentical(to other: GraphArgument) -> Bool {
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
        case (.graph(let p), .graph(let q)): p === q || body.map { own in other.body.map(own.isIdentical) ?? false } ?? false
        default: false
        }
    }

    /// Equal for identical arguments; whether those with bodies are the same, the hash does not tell.
    func hash(into hasher: inout Hasher) {
        switch self {
        case .none, .graph: break
        case .tensor(let value): hasher.combine(value)
        case .tensors(let values): hasher.combine(values)
        case .optionalTensors(let values): hasher.combine(values)
        case .scalar(let number): number.hash(into: &hasher)
        case .symBool(let condition): hasher.combine(condition.expression)
        case .ints(let sizes): for size in sizes { size.hashIdentity(into: &hasher) }
        case .floats(let values): for value in values { hasher.combine(value.bitPattern) }
        case .bools(let values): hasher.combine(values)
        case .string(let text): hasher.combine(text)
        case .dtype(let dtype): hasher.combine(dtype)
        }
    }
}

extension SymInt {
    fileprivate func hashIdentity(into hasher: inout Hasher) {
        hasher.combine(constant)
        hasher.combine(expression)
    }
}

extension ValueType {
    /// Structural identity of two types.
    package func isIdentical(to other: ValueType) -> Bool {
        switch (self, other) {
        case (.tensor(let p), .tensor(let q)): p.isIdentical(to: q)
        case (.int(let p), .int(let q)): p.isIdentical(to: q)
        case (.float(let p), .float(let q)): p.isIdentical(to: q)
        case (.bool(let p), .bool(let q)): p.isIdentical(to: q)
        case (.none, .none): true
        default: false
        }
    }
}

extension Scalar {
    fileprivate func hash(into hasher: inout Hasher) {
        switch self {
        case .bool(let value): hasher.combine(value)
        case .int(let size): size.hashIdentity(into: &hasher)
        case .float(let number):
            hasher.combine(number.constant?.bitPattern)
            hasher.combine(number.expression)
        case .complex(let value): hasher.combine(value.rawStorage.x.bitPattern)
        }
    }

    fileprivate func isIdentical(to other: Scalar) -> Bool {
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
    package func isIdentical(to other: GraphOutput) -> Bool {
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
