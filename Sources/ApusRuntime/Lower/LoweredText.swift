import ApusGraph
import ApusTensor

extension Plan {
    /// The program as it runs for inputs like these, frozen ones among them, for a person to read: the passes, the graph after them, then the steps with
    /// what they read and write and where that lies. For a program in pieces those, and why; for one that runs node by node the
    /// reason.
    /// - Parameter isUpdating: shows the steps of a run that owns its states and may write over them
    /// - Throws: what binding throws for these sizes.
    package func loweredText(for inputs: [Tensor], isUpdating: Bool = false) throws -> String {
        var lines: [String] = ["passes: \(pipeline.names.joined(separator: ", "))"]
        func list(_ title: String, _ isListed: (Role) -> Bool) {
            let names: [String] = zip(graph.inputs, roles).compactMap { isListed($1) ? "%\(graph.name($0))" : nil }
            if !names.isEmpty { lines.append("\(title): \(names.joined(separator: ", "))") }
        }
        list("frozen") { $0 == .frozen }
        list("state") { if case .state = $0 { true } else { false } }
        let weights: FrozenWeights = try weights(among: inputs)
        let lowered: Graph = weights.graph
        lines.append(lowered.description)
        if let pieces = weights.pieces { return lines.joined(separator: "\n") + "in pieces: \(obstacle ?? "")\n\(pieces)" }
        let bound: BoundPlan
        do { bound = try bind(inputs, weights, isUpdating: isUpdating) } catch let error as NotPlannable {
            return lines.joined(separator: "\n") + "node by node: \(error.reason)\n"
        }
        let names: [String] = zip(graph.inputs, inputs).enumerated().filter { roles[$0.offset] != .frozen }.map {
            "%\(graph.name($1.0)): \($1.1.spec)"
        }
        lines.append("steps for \(names.joined(separator: ", ")):")
        lines += bound.lines(lowered, inputs + weights.computed)
        let inLoops: Int = bound.arenaByteCount - bound.placement.byteCount
        lines.append("memory: \(bound.arenaByteCount) bytes" + (inLoops > 0 ? ", \(inLoops) of them in loops" : ""))
        return lines.joined(separator: "\n") + "\n"
    }
}

extension BoundPlan {
    /// The steps, and those of loops' bodies under them.
    /// - Parameter known: a tensor for each of the graph's inputs; those of frozen ones are the steps' own
    fileprivate func lines(_ graph: Graph, _ known: [Tensor], indent: String = "    ") -> [String] {
        func text(_ tensor: Tensor) -> String { self.text(tensor, graph, known) }
        return program.steps.enumerated().flatMap { number, step in
            let reads: String = step.operands.map { $0.map(text) ?? "a number" }.joined(separator: ", ")
            let writes: String = step.outputs.map { "\(text($0)): \($0.spec)" }.joined(separator: ", ")
            var line = "\(indent)\(number): \(step.title)(\(reads))"
            if !writes.isEmpty { line += " -> \(writes)" }
            if let site = step.site { line += "    # \(site)" }
            let bodies: [BoundBody] = (step as? LoopStep)?.bodies ?? []
            return [line] + bodies.flatMap { $0.plan.lines($0.graph, $0.inputs, indent: indent + "    ") }
        }
    }

    /// A tensor by where it lies: an input, a result, a place in the arena in bytes; what it sees of it where that is not the whole.
    fileprivate func text(_ tensor: Tensor, _ graph: Graph, _ known: [Tensor]) -> String {
        guard let block = blocks.firstIndex(where: { $0.storage === tensor.storage }) else {
            let input: Int? = known.firstIndex { $0.identity == tensor.identity }
            return input.map { "%\(graph.name(graph.inputs[$0]))" } ?? "constant \(tensor.spec)"
        }
        let place: String =
            switch blocks[block].kind {
            case .input(let position): "%\(graph.name(graph.inputs[position]))"
            case .result: "result \(resultBlocks.firstIndex(of: block) ?? 0)"
            case .part(let host, let byteOffset) where placement.offsets[host] == nil:
                "result \(resultBlocks.firstIndex(of: host) ?? 0) + \(byteOffset)"
            case .temporary, .part: "@\(placement.offsets[block] ?? 0)"
            }
        let layout: Layout = tensor.layout
        if layout.isContiguous, layout.count * tensor.dtype.byteWidth == blocks[block].byteCount { return place }
        return "\(place)[\(layout.sizesArray) by \(layout.stridesArray) from \(tensor.storageOffset)]"
    }
}
