import ApusGraph
import ApusSymbolic
import ApusTensor

/// Makes one graph of all paths: what paths have in common stands once, and each open question becomes a `cond`.
///
/// Runs repeat exactly up to the question at which they part, so the nodes before it correspond by position.
struct PathMerger {
    let paths: [PathTrace]
    /// Buffers that some path changes, in signature order, and the graph input of each.
    let mutatedBuffers: [(name: String, input: Value)]
    private let builder: BodyBuilder
    /// For each path, where its values are in the merged graphs.
    private var places: [[Value: Place]]

    /// A value of a merged graph or one of its bodies.
    private struct Place {
        let owner: BodyBuilder
        let value: Value
    }

    struct Merged {
        let graph: Graph
        /// The captured tensors, for the graph inputs that follow the declared ones.
        let constants: [Tensor]
    }

    init(paths: [PathTrace], mutatedBuffers: [(name: String, input: Value)]) {
        self.paths = paths
        self.mutatedBuffers = mutatedBuffers
        builder = BodyBuilder(parent: nil)
        places = Array(repeating: [:], count: paths.count)
    }

    /// Merges everything. Constants come after the first `stateCount` inputs and before the user's.
    mutating func merge(stateCount: Int) throws -> Merged {
        let inputs: [Value] = paths[0].graph.inputs
        for input in inputs.prefix(stateCount) { makeInput(input) }
        let constants = makeConstants()
        for input in inputs.dropFirst(stateCount) { makeInput(input) }
        builder.graph.outputs = try segment(Array(paths.indices), depth: 0, start: 0, into: builder)
        return Merged(graph: builder.graph, constants: constants)
    }

    private mutating func makeInput(_ input: Value) {
        let source = paths[0].graph
        let value = builder.graph.addInput(source.name(input), source.type(input))
        for index in paths.indices { places[index][input] = Place(owner: builder, value: value) }
    }

    private mutating func makeConstants() -> [Tensor] {
        var constants: [Tensor] = []
        var known: [ObjectIdentifier: Value] = [:]
        for (index, path) in paths.enumerated() {
            for (value, tensor) in path.captured {
                let input = known[tensor.identity] ?? builder.graph.addInput("c_lifted_tensor_\(constants.count)", .tensor(tensor.spec))
                if known[tensor.identity] == nil { constants.append(tensor) }
                known[tensor.identity] = input
                places[index][value] = Place(owner: builder, value: input)
            }
        }
        return constants
    }

    /// Copies what the paths in `group` share from node `start` on, then parts them at question `depth`.
    private mutating func segment(_ group: [Int], depth: Int, start: Int, into body: BodyBuilder) throws -> [GraphOutput] {
        let first = paths[group[0]]
        guard depth < first.decisions.count else {
            try copyNodes(group, start..<first.graph.nodes.count, into: body)
            return try outputs(of: group[0], in: body)
        }
        let decision = first.decisions[depth]
        try copyNodes(group, start..<decision.nodeCount, into: body)
        let holding = group.filter { paths[$0].decisions[depth].choice }
        let failing = group.filter { !paths[$0].decisions[depth].choice }
        for (branch, other, condition) in [(holding, failing, decision.condition), (failing, holding, !decision.condition)] {
            if other.isEmpty { return try segment(branch, depth: depth + 1, start: decision.nodeCount, into: body) }
            guard other.count == 1, case .threw(let message, let site) = paths[other[0]].outcome,
                paths[other[0]].decisions.count == depth + 1
            else { continue }
            body.graph.append(
                .assertScalar, [.symBool(condition), .string(message)], types: [], site: site.map { .call($0) },
                provenance: "a path that throws")
            return try segment(branch, depth: depth + 1, start: decision.nodeCount, into: body)
        }
        return try branch(decision, holding, failing, depth: depth, into: body)
    }

    private mutating func branch(
        _ decision: PathDecision, _ holding: [Int], _ failing: [Int], depth: Int, into body: BodyBuilder
    ) throws -> [GraphOutput] {
        let bodies = (BodyBuilder(parent: body), BodyBuilder(parent: body))
        let whenTrue = try segment(holding, depth: depth + 1, start: decision.nodeCount, into: bodies.0)
        let whenFalse = try segment(failing, depth: depth + 1, start: decision.nodeCount, into: bodies.1)
        guard whenTrue.count == whenFalse.count else {
            throw ProgramError(
                .untraceable, "the branches of '\(decision.condition)' return \(whenTrue.count) and \(whenFalse.count) values",
                site: decision.site)
        }
        var results: [GraphOutput?] = []
        var types: [ValueType] = []
        for (a, b) in zip(whenTrue, whenFalse) {
            if case .value(let p) = a, case .value(let q) = b {
                let type = try joined(bodies.0.graph.type(p), bodies.1.graph.type(q), decision)
                bodies.0.graph.outputs.append(a)
                bodies.1.graph.outputs.append(b)
                types.append(type)
                results.append(nil)
            } else {
                results.append(try joined(a, b, decision))
            }
        }
        // Both bodies take the same operands, so that one list serves them.
        let operands = body.operands(for: [bodies.0, bodies.1])
        let values = body.graph.append(
            .cond,
            [.symBool(decision.condition), .graph(GraphBody(bodies.0.graph)), .graph(GraphBody(bodies.1.graph)), .tensors(operands)],
            types: types, site: .call(decision.site))
        var next = values.makeIterator()
        return results.compactMap { $0 ?? next.next().map { .value($0) } }
    }

    // MARK: Nodes and outputs

    private mutating func copyNodes(_ group: [Int], _ range: Range<Int>, into body: BodyBuilder) throws {
        let lead = group[0]
        for position in range {
            let node = paths[lead].graph.nodes[position]
            let arguments: [GraphArgument] = try node.arguments.map { try $0.map { try resolve(lead, $0, in: body) } }
            let names = node.outputs.map { paths[lead].graph.name($0) }
            let outputs = body.graph.append(
                node.operator, arguments, types: node.outputs.map { paths[lead].graph.type($0) }, names: names.map { baseName($0) },
                site: node.site, modulePath: node.modulePath, provenance: node.provenance)
            for index in group {
                for (own, merged) in zip(paths[index].graph.nodes[position].outputs, outputs) {
                    places[index][own] = Place(owner: body, value: merged)
                }
            }
        }
    }

    /// `add_3` was made unique in its own path and is made unique anew here.
    private func baseName(_ name: String) -> String {
        guard let underscore = name.lastIndex(of: "_"), name[name.index(after: underscore)...].allSatisfy(\.isNumber),
            underscore != name.startIndex
        else { return name }
        return String(name[..<underscore])
    }

    private func resolve(_ path: Int, _ value: Value, in body: BodyBuilder) throws -> Value {
        guard let place = places[path][value] else {
            throw ProgramError(.invalidGraph, "the value '\(paths[path].graph.name(value))' of a path has no place in the merged graph")
        }
        return body.capture(place.value, of: place.owner)
    }

    private func outputs(of path: Int, in body: BodyBuilder) throws -> [GraphOutput] {
        switch paths[path].outcome {
        case .threw(let message, let site): throw ProgramError(.untraceable, message, site: site)
        case .returned(let mutations, let leaves, _):
            let changed: [GraphOutput] = try mutatedBuffers.map { .value(try resolve(path, mutations[$0.name] ?? $0.input, in: body)) }
            return try changed
                + leaves.map { output in
                    guard case .value(let value) = output else { return output }
                    return .value(try resolve(path, value, in: body))
                }
        }
    }

    // MARK: Joins

    /// The type of a value that is one of two: sizes that differ depend on the question.
    private func joined(_ a: ValueType, _ b: ValueType, _ decision: PathDecision) throws -> ValueType {
        guard case .tensor(let p) = a, case .tensor(let q) = b else { return a }
        guard p.dtype == q.dtype, p.shape.count == q.shape.count else {
            throw ProgramError(
                .untraceable,
                "the branches of '\(decision.condition)' return \(p) and \(q); results must agree in dtype and rank", site: decision.site)
        }
        let sizes: [SymInt] = zip(p.shape, q.shape).map { $0.isIdentical(to: $1) ? $0 : SymInt.select(decision.condition, $0, $1) }
        return .tensor(TensorSpec(p.dtype, try Shape(sizes, in: "cond")))
    }

    private func joined(_ a: GraphOutput, _ b: GraphOutput, _ decision: PathDecision) throws -> GraphOutput {
        switch (a, b) {
        case (.literal(let p), .literal(let q)) where p == q: return a
        case (.int(let p), .int(let q)): return .int(SymInt.select(decision.condition, p, q))
        case (.literal(.int(let p)), .int(let q)): return .int(SymInt.select(decision.condition, SymInt(p), q))
        case (.int(let p), .literal(.int(let q))): return .int(SymInt.select(decision.condition, p, SymInt(q)))
        case (.literal(.int(let p)), .literal(.int(let q))): return .int(SymInt.select(decision.condition, SymInt(p), SymInt(q)))
        default:
            throw ProgramError(
                .untraceable, "the branches of '\(decision.condition)' return different plain values; return tensors or integers",
                site: decision.site)
        }
    }
}
