import ApusGraph
import ApusTensor

/// Products with weights that are stored in fewer bits read them so, and embeddings gather rows of what is stored: the whole weight is never
/// widened. Products add and multiply in another order than the operators one by one; gathered rows have the same bits.
struct ReducedWeights: FreezingPass {
    let name: String
    let `operator`: Operator

    static let products = ReducedWeights(name: "reduced weights", operator: .linear)
    static let embeddings = ReducedWeights(name: "reduced embeddings", operator: .embedding)

    func run(_ graph: Graph, frozenInputs: Set<Int>) throws -> Graph {
        let weights = DequantizedWeights(graph, frozen: graph.values(followingInputs: frozenInputs))
        let position: Int = self.operator == .linear ? 1 : 0
        var copy = GraphCopy(of: graph, provenance: name)
        var hasChanged = false
        for node in graph.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try copy.mapped($0) }
            guard node.operator == self.operator, case .tensor(let value) = node.arguments[position], let weight = weights.stored(value),
                let (operands, part) = try replacement(node, weight, in: graph)
            else {
                copy.keep(node, arguments)
                continue
            }
            hasChanged = true
            let before: Int = copy.graph.nodes.count
            let results: [Value] = try copy.insert(part, operands: operands.map { try copy.mapped($0) }, infersTypes: true)
            copy.finish(from: before, inPlaceOf: node)
            for (old, new) in zip(node.outputs, results) { copy.map(old, to: new) }
        }
        return hasChanged ? try DeadCodeElimination().run(copy.finished()) : graph
    }

    /// What takes a node's place, and what it reads; nil where the weight's form does not suit it.
    private func replacement(_ node: Node, _ weight: DequantizedWeight, in graph: Graph) throws -> (operands: [Value], part: Graph)? {
        var operands: [Value] = node.operands.filter { $0 != node.operands[self.operator == .linear ? 1 : 0] }
        guard operands.count == node.operands.count - 1, let levels = graph.spec(weight.levels)?.shape.constants else { return nil }
        let (rows, columns): (Int, Int) = weight.isTransposed ? (levels[1], levels[0]) : (levels[0], levels[1])
        let own: Int = operands.count
        operands.append(weight.levels)
        var groups: [Int] = []
        /// Whether the numbers belong to whole rows, or to groups of columns.
        func suits(_ numbers: DequantizedWeight.Numbers?) -> Bool {
            guard case .matrix(let value, let repeats)? = numbers else { return true }
            operands.append(value)
            guard var sizes = graph.spec(value)?.shape.constants else { return false }
            if sizes.count < 2 { sizes = Array(repeating: 1, count: 2 - sizes.count) + sizes }
            if weight.isTransposed { sizes.reverse() }
            if let repeats, (repeats.dim == 1) == weight.isTransposed { return false }
            if let repeats {
                groups.append(repeats.count)
                return (sizes[0] == 1 || sizes[0] == rows) && sizes[1] == (columns - 1) / repeats.count + 1
            }
            if sizes[1] > 1 { groups.append(1) }
            return (sizes[0] == 1 || sizes[0] == rows) && (sizes[1] == 1 || sizes[1] == columns)
        }
        guard rows > 0, columns > 0, suits(weight.scales), suits(weight.zeroPoints), Set(groups).count <= 1 else { return nil }
        let group: Int = groups.first ?? 0
        let specs: [TensorSpec] = operands.compactMap { graph.spec($0) }
        guard specs.count == operands.count else { return nil }
        let part: Graph = try Graph.recording(specs) { x in
            let matrices: [Tensor] = try x[own...].map { tensor in
                let matrix: Tensor = tensor.rank == 2 ? tensor : try tensor.reshaped([1, -1])
                return weight.isTransposed ? try matrix.t() : matrix
            }
            var next = 1
            func argument(_ numbers: DequantizedWeight.Numbers?) -> OperatorArgument {
                switch numbers {
                case nil: return .none
                case .one(let number)?: return .scalar(number)
                case .matrix?:
                    next += 1
                    return .tensor(matrices[next - 1])
                }
            }
            let (scales, zeros): (OperatorArgument, OperatorArgument) = (argument(weight.scales), argument(weight.zeroPoints))
            if self.operator == .linear {
                return try applyTensors(
                    .reducedLinear, [.tensor(x[0]), .tensor(matrices[0]), scales, zeros, .optional(own > 1 ? x[1] : nil), .int(group)])
            }
            let rest: [OperatorArgument] = try node.plainArguments(from: 2)
            return [
                try ReducedWeight(levels: matrices[0], scales: scales, zeroPoints: zeros, groupSize: group).widened { matrix in
                    try applyTensors(.embedding, [.tensor(matrix), .tensor(x[0])] + rest)[0]
                }
            ]
        }
        return (operands, part)
    }
}

extension Decomposition {
    /// Levels of quantised programs as plain operations on them: the weights among them are found then, and activations fused.
    static let quantization = Decomposition(
        to: Dialect("plain numbers") { !["quantized_decomposed", "torchao"].contains($0.schema.namespace) })
}
