import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// All that a page knows of a program.
package struct PageData: Encodable {
    package struct Named: Encodable {
        package let name: String
        package let type: String
    }

    package struct Range: Encodable {
        package let symbol: String
        /// What it is the size of, `x.shape[0]`.
        package let origin: String
        package let range: String
    }

    package struct Guard: Encodable {
        package let condition: String
        package let message: String
        package let site: String?
    }

    package let title: String
    package let inputs: [Named]
    package let outputs: [Named]
    package let ranges: [Range]
    package let guards: [Guard]
    package let mutatedBuffers: [String]
    package let weights: [WeightData]
    package let graph: GraphData
    package let lowered: LoweredData?
    /// Why there is no lowered form, or what the times are of.
    package let note: String

    init(_ program: ExportedProgram, title: String, inputs tensors: [Tensor]?, isProfiled: Bool) throws {
        let (graph, signature): (Graph, ExportGraphSignature) = (program.graph, program.graphSignature)
        self.title = title
        CallSite.resolve(graph.callSites + program.guards.compactMap(\.site))
        try program.state.prepare()
        var state = program.state.snapshot().makeIterator()
        var weights: [WeightData] = []
        var positions: [Int?] = []
        for role in signature.inputRoles {
            guard let (name, kind) = role.nameAndKind, let tensor = state.next() else {
                positions.append(nil)
                continue
            }
            positions.append(weights.count)
            weights.append(
                WeightData(
                    name: name, role: kind, type: "\(tensor.spec)", byteCount: tensor.layout.count * tensor.dtype.byteWidth,
                    values: try ValueStatistics(tensor)))
        }
        self.weights = weights
        var userInputs = zip(graph.inputs, signature.inputRoles).filter { $0.1 == .userInput }.map { $0.0 }.makeIterator()
        inputs = zip(program.leafNames, program.leafRoles).map { name, role in
            switch role {
            case .input: Named(name: name, type: userInputs.next().map { "\(graph.type($0))" } ?? "?")
            case .constant(let value): Named(name: name, type: "always \(value)")
            }
        }
        ranges = program.symbolToRange.sorted { $0.key.index < $1.key.index }.map {
            Range(symbol: $0.key.name, origin: $0.key.origin, range: "\($0.value)")
        }
        guards = program.guards.map { Guard(condition: "\($0.condition)", message: $0.message, site: $0.site.map { "\($0)" }) }
        mutatedBuffers = signature.buffersToMutate.values.sorted()
        let lowered: LoweredData? = try tensors.map { try LoweredData(program, $0, isProfiled: isProfiled) }
        let times: [Double] = try isProfiled ? tensors.map { try program.nodeTimes($0) } ?? [] : []
        self.lowered = lowered
        note = tensors.map { "for " + zip(signature.userInputs, $0).map { "\($0): \($1.spec)" }.joined(separator: ", ") } ?? ""
        self.graph = GraphData(graph, weights: positions, microseconds: times)
        outputs = zip(self.graph.outputs, signature.outputRoles).map { Named(name: $1.title($0.text), type: $0.type) }
    }
}

extension InputRole {
    fileprivate var nameAndKind: (name: String, kind: String)? {
        switch self {
        case .parameter(let name): (name, "parameter")
        case .buffer(let name, _): (name, "buffer")
        case .constant(let name): (name, "constant")
        case .userInput: nil
        }
    }
}

extension OutputRole {
    /// What a reader calls the output that the graph has under a name.
    fileprivate func title(_ name: String) -> String {
        switch self {
        case .userOutput: name
        case .loss: "\(name), the loss"
        case .bufferMutation(let buffer): "\(name), the new \(buffer)"
        case .gradientToParameter(let parameter): "\(name), the gradient of \(parameter)"
        case .gradientToUserInput(let input): "\(name), the gradient of \(input)"
        }
    }
}

extension ExportedProgram {
    /// How long each node of the graph takes by itself, in microseconds: the quickest of some runs, node by node, which leave buffers as they are.
    fileprivate func nodeTimes(_ inputs: [Tensor]) throws -> [Double] {
        let executor = GraphExecutor(graph)
        let arguments: [Tensor] = state.snapshot() + inputs
        var best = [Double](repeating: .infinity, count: graph.nodes.count)
        let deadline = ContinuousClock.now + .seconds(1)
        for run in 0..<10 where run < 2 || ContinuousClock.now < deadline {
            var (position, last) = (0, ContinuousClock.now)
            _ = try executor.run(arguments) { _, _ in
                let now = ContinuousClock.now
                let (seconds, attoseconds) = (now - last).components
                best[position] = min(best[position], Double(seconds) * 1e6 + Double(attoseconds) / 1e12)
                (position, last) = (position + 1, ContinuousClock.now)
            }
        }
        return best
    }
}
