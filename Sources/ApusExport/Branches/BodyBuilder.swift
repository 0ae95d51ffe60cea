import ApusGraph

/// A graph being built: the whole one, or the body of a branch, which takes what it uses from around it as inputs.
final class BodyBuilder {
    var graph = Graph()
    let parent: BodyBuilder?
    /// What the body takes from around it, in input order.
    private var captures: [(value: Value, owner: BodyBuilder)] = []

    init(parent: BodyBuilder?) { self.parent = parent }

    /// This graph's name for a value of this graph or of one around it.
    func capture(_ value: Value, of owner: BodyBuilder) -> Value {
        if owner === self { return value }
        if let index = captures.firstIndex(where: { $0.value == value && $0.owner === owner }) { return graph.inputs[index] }
        captures.append((value, owner))
        return graph.addInput(owner.graph.name(value), owner.graph.type(value))
    }

    /// Gives bodies the same inputs in the same order, and returns this graph's values for them.
    func operands(for bodies: [BodyBuilder]) -> [Value] {
        var all: [(value: Value, owner: BodyBuilder)] = []
        for capture in bodies.flatMap(\.captures) where !all.contains(where: { $0.value == capture.value && $0.owner === capture.owner }) {
            all.append(capture)
        }
        for body in bodies {
            body.graph.setInputs(all.map { body.capture($0.value, of: $0.owner) })
        }
        return all.map { capture($0.value, of: $0.owner) }
    }
}
