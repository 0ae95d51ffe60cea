import ApusGraph
import ApusProgram
import ApusTensor

/// Turns merged blocks into a graph, with each branch's sides as bodies that take what they read from around them.
struct BlockEmitter {
    let values: MergeValues
    private var places: [Value: Place] = [:]

    /// A value of a graph under construction.
    private struct Place {
        let owner: BodyBuilder
        let value: Value
    }

    init(_ values: MergeValues) { self.values = values }

    mutating func graph(inputs: [Value], _ block: Block) throws -> Graph {
        let builder = BodyBuilder(parent: nil)
        for input in inputs {
            places[input] = Place(owner: builder, value: builder.graph.addInput(values.name(input), values.type(input)))
        }
        try emit(block, into: builder)
        return builder.graph
    }

    private mutating func emit(_ block: Block, into body: BodyBuilder) throws {
        for node in block.nodes { try emit(node, into: body) }
        body.graph.outputs = try block.outputs.map { try $0.map { try resolve($0, in: body) } }
    }

    private mutating func emit(_ node: Node, into body: BodyBuilder) throws {
        let arguments: [GraphArgument]
        if let branch = node.unmergedBranch {
            let bodies = (BodyBuilder(parent: body), BodyBuilder(parent: body))
            try emit(branch.whenTrue, into: bodies.0)
            try emit(branch.whenFalse, into: bodies.1)
            // Both bodies take the same operands, so that one list serves them.
            let operands: [Value] = body.operands(for: [bodies.0, bodies.1])
            arguments = [
                .symBool(branch.condition), .graph(GraphBody(bodies.0.graph)), .graph(GraphBody(bodies.1.graph)), .tensors(operands),
            ]
        } else {
            arguments = try node.arguments.map { argument in try argument.map { try resolve($0, in: body) } }
        }
        let outputs: [Value] = body.graph.append(
            node.operator, arguments, types: node.outputs.map { values.type($0) }, names: node.outputs.map { values.name($0) },
            site: node.site, modulePath: node.modulePath, provenance: node.provenance)
        for (merged, own) in zip(node.outputs, outputs) { places[merged] = Place(owner: body, value: own) }
    }

    private func resolve(_ value: Value, in body: BodyBuilder) throws -> Value {
        guard let place = places[value] else {
            throw ProgramError(.invalidGraph, "the value '\(values.name(value))' of a path has no place in the merged graph")
        }
        return body.capture(place.value, of: place.owner)
    }
}
