import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// One of two programs that are compared.
struct ComparedProgram {
    let program: ExportedProgram
    let weights: [(name: String, tensor: Tensor)]
    private let symbols: [Symbol: String]
    var graph: Graph { program.graph }

    init(_ program: ExportedProgram) throws {
        self.program = program
        symbols = program.inputSymbols
        try program.state.prepare()
        let names: [String] = program.graphSignature.inputRoles.compactMap(\.name)
        weights = zip(names, program.state.snapshot()).map { ($0, $1) }
    }

    /// For each node what it is by all that goes into it, by itself, and by its operator.
    func nodeKeys() throws -> [[String]] {
        let inputs: [Digest] = try program.inputDigests { name, tensor in digest(["weight", name, "\(tensor.spec)"]) }
        let digests: [Digest] = GraphDigest(graph, inputs: inputs, symbols: symbols).nodes
        return zip(graph.nodes, digests).map { node, digest in
            [hexadecimal(digest), ownText(node), node.operator.name]
        }
    }

    /// A node without what it reads: two that read other values of the same types are alike.
    private func ownText(_ node: Node) -> String {
        var shown: Node = node
        shown.arguments = node.arguments.map { argument in
            switch argument {
            case .tensor, .tensors, .optionalTensors: .none
            default: argument
            }
        }
        let types: String = node.operands.map { "\(graph.type($0))" }.joined(separator: ",")
        let bodies: String = node.bodies.map { hexadecimal(GraphDigest.body($0.graph, symbols)) }.joined(separator: ",")
        return types + bodies + GraphPrinter(showsSites: false).text(shown, in: graph).drop { $0 != "=" }
    }

    func line(_ node: Node) -> String { GraphPrinter().text(node, in: graph) }

    // MARK: Differences

    typealias Entry = ProgramDifference.Entry

    /// What is taken and given, and the conditions on it, by place: symbols are what they are the size of.
    func signatureDifferences(_ other: ComparedProgram) -> [Entry] {
        func compare(_ subject: String, _ own: [(String, String)], _ others: [(String, String)]) -> [Entry] {
            (0..<max(own.count, others.count)).compactMap { index in
                let (a, b) = (own.indices.contains(index) ? own[index] : nil, others.indices.contains(index) ? others[index] : nil)
                return a?.1 == b?.1 ? nil : Entry(subject: subject, name: (a ?? b)?.0 ?? "", first: a?.1, second: b?.1)
            }
        }
        func without(_ subject: String, _ own: [String], _ others: [String]) -> [Entry] {
            own.filter { !others.contains($0) }.map { Entry(subject: subject, name: $0, first: $0, second: nil) }
                + others.filter { !own.contains($0) }.map { Entry(subject: subject, name: $0, first: nil, second: $0) }
        }
        return compare("input", inputs, other.inputs) + compare("output", outputs, other.outputs)
            + without("range", ranges, other.ranges) + without("guard", guards, other.guards)
    }

    private var canonical: CanonicalText { CanonicalText { symbols[$0] ?? $0.name } }

    private var inputs: [(String, String)] {
        zip(graph.inputs, program.graphSignature.inputRoles).filter { $0.1 == .userInput }.map {
            (graph.name($0.0), canonical.text(graph.type($0.0)))
        }
    }

    private var outputs: [(String, String)] {
        zip(graph.outputs, program.graphSignature.outputRoles).filter { $0.1 == .userOutput || $0.1 == .loss }.map { output, _ in
            let type: ValueType = graph.type(of: output)
            // A size that only a run knows is a symbol of the program's own.
            let isOwn: Bool = type.freeSymbols.contains { !$0.isBacked }
            let rough: String = type.spec.map { "\($0.dtype), \($0.shape.count) dimensions" } ?? "number"
            return (output.value.map(graph.name) ?? "output", isOwn ? rough : canonical.text(type))
        }
    }

    private var ranges: [String] {
        program.symbolToRange.compactMap { symbol, range in symbols[symbol].map { "\($0) in \(range)" } }.sorted()
    }

    private var guards: [String] { program.guards.map { canonical.text($0.condition) }.sorted() }

    /// Weights by name; where none has a name in common, as after a rename of all, by place.
    func weightDifferences(_ other: ComparedProgram) throws -> [Entry] {
        let names = Set(weights.map(\.name))
        let byPlace: Bool = weights.count == other.weights.count && !other.weights.contains { names.contains($0.name) }
        var others: [String: Tensor] = Dictionary(
            other.weights.enumerated().map { (byPlace ? weights[$0].name : $1.name, $1.tensor) }, uniquingKeysWith: { first, _ in first })
        var entries: [Entry] = []
        for (name, tensor) in weights {
            guard let partner = others.removeValue(forKey: name) else {
                entries.append(Entry(subject: "weight", name: name, first: "\(tensor.spec)", second: nil))
                continue
            }
            guard try tensor.digest() != partner.digest() else { continue }
            let comparison = try ResultComparison(name, partner, tensor, relativeTolerance: 0, absoluteTolerance: 0)
            let text: String = comparison.note == nil ? ", largest difference \(comparison.largestError)" : ""
            entries.append(Entry(subject: "weight", name: name, first: "\(tensor.spec)", second: "\(partner.spec)\(text)"))
        }
        return entries
            + others.sorted { $0.key < $1.key }.map { Entry(subject: "weight", name: $0.key, first: nil, second: "\($0.value.spec)") }
    }

    /// Nodes of one that the other lacks, and those that were changed: in the order of the programs.
    func nodeDifferences(_ other: ComparedProgram, _ matching: NodeMatching) -> [Entry] {
        let partners = Dictionary(matching.pairs.map { ($0.a, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Set(matching.pairs.map(\.b))
        var entries: [Entry] = []
        for (position, node) in graph.nodes.enumerated() {
            guard let pair = partners[position] else {
                entries.append(Entry(subject: "node", name: name(node), first: line(node), second: nil))
                continue
            }
            let partner: Node = other.graph.nodes[pair.b]
            // What only reads something else is told by what it reads.
            guard !pair.isSame, ownText(node) != other.ownText(partner) else { continue }
            entries.append(Entry(subject: "node", name: name(node), first: line(node), second: other.line(partner)))
        }
        for (position, node) in other.graph.nodes.enumerated() where !known.contains(position) {
            entries.append(Entry(subject: "node", name: other.name(node), first: nil, second: other.line(node)))
        }
        return entries
    }

    func name(_ node: Node) -> String { node.outputs.first.map { "%\(graph.name($0))" } ?? node.operator.name }
}
