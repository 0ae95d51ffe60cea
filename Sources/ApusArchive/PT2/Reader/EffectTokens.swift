import ApusTensor

extension ProgramSchema.GraphModule {
    /// The program without the tokens that PyTorch threads through what acts besides giving results: `with_effects` carries out one operator and hands its
    /// token on, which says nothing but the nodes' order. Here nodes run in their order anyway.
    func withoutEffects(_ operators: OperatorTable) throws -> Self {
        let acting = "torch.ops.higher_order.with_effects"
        var module = self
        let places: [Bool] = signature.inputSpecs.map { if case .token = $0 { true } else { false } }
        let results: [Bool] = signature.outputSpecs.map { if case .token = $0 { true } else { false } }
        guard graph.inputs.count == places.count, graph.outputs.count == results.count else { return self }
        // Most programs act in no way.
        if !places.contains(true), !results.contains(true), !graph.nodes.contains(where: { $0.target == acting }) { return self }
        func kept<Item>(_ items: [Item], _ isToken: [Bool]) -> [Item] { zip(items, isToken).compactMap { $1 ? nil : $0 } }
        module.signature.inputSpecs = kept(signature.inputSpecs, places)
        module.signature.outputSpecs = kept(signature.outputSpecs, results)
        module.graph.inputs = kept(graph.inputs, places)
        module.graph.outputs = kept(graph.outputs, results)
        module.graph.nodes = try graph.nodes.enumerated().map { index, node in
            guard node.target == acting else { return node }
            guard node.inputs.count >= 2, case .operator(let target) = node.inputs[1].argument, !node.outputs.isEmpty else {
                throw ArchiveError(.invalidProgram, at: "graph_module.graph.nodes[\(index)] (\(node.target))", "has no token and operator")
            }
            var inner: ProgramSchema.Node = node
            inner.target = target
            inner.inputs = Array(node.inputs.dropFirst(2))
            // Positional arguments have no names in the file.
            let name: OperatorName? = target.dropping(prefix: "torch.ops.").flatMap { OperatorName($0) }
            let schema: Schema? = name.flatMap { operators.find($0.qualified)?.schema }
            for (place, parameter) in (schema?.parameters ?? []).enumerated()
            where place < inner.inputs.count && inner.inputs[place].name.isEmpty {
                inner.inputs[place].name = parameter.name
            }
            inner.outputs = Array(node.outputs.dropFirst())
            if inner.outputs == [.none] { inner.outputs = [] }
            return inner
        }
        return module
    }
}
