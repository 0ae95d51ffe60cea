import ApusGraph
import ApusSymbolic
import ApusTensor

/// A digest of what something computes.
typealias Digest = [UInt8]

/// Digests of the values of a graph: each of the operator that makes it, and of the digests of what that reads.
///
/// Names, sites and the order of nodes that don't depend on each other play no part. Random draws and what acts on the world outside are numbered:
/// which comes first is seen in what they give, or do.
struct GraphDigest {
    /// By the value's index; nil for what nothing gave yet.
    private(set) var values: [Digest?]
    /// By the node's position.
    private(set) var nodes: [Digest] = []
    /// Of the nodes that must run, whether or not their results are read; each once.
    private var effects = Set<Digest>()
    private var ordered = 0
    private var symbols: [Symbol: String]

    /// - Parameters:
    ///   - inputs: one digest for each input of the graph
    ///   - symbols: what symbols are that the graph's inputs show, or graphs around it made
    init(_ graph: Graph, inputs: [Digest], symbols: [Symbol: String]) {
        self.symbols = symbols
        values = Array(repeating: nil, count: graph.values.count)
        for (input, digest) in zip(graph.inputs, inputs) where graph.contains(input) { values[input.index] = digest }
        for node in graph.nodes { add(node, of: graph) }
    }

    /// What the graph gives, and what it checks.
    func results(of graph: Graph) -> Digest {
        digest(["graph"] + graph.outputs.map(text) + ["effects"] + effects.map(hexadecimal).sorted())
    }

    func text(_ output: GraphOutput) -> String {
        let canonical = CanonicalText(name: name)
        return switch output {
        case .value(let value): text(value)
        case .literal(.float(let number)): canonical.bits(number)
        case .literal(let literal): "\(literal)"
        case .int(let size): "int " + canonical.text(size)
        case .float(let number): "float " + canonical.text(number)
        case .bool(let condition): "bool " + canonical.text(condition)
        }
    }

    private func text(_ value: Value) -> String { values.indices.contains(value.index) ? values[value.index].map(hexadecimal) ?? "?" : "?" }

    private func name(_ symbol: Symbol) -> String { symbols[symbol] ?? "?" }

    private mutating func add(_ node: Node, of graph: Graph) {
        var parts: [String] = ["node", node.computedName]
        if node.has([.random, .external]) {
            parts.append("number \(ordered)")
            ordered += 1
        }
        // The message of a check computes nothing.
        parts += node.arguments.map { argument in
            if case .string = argument, node.outputs.isEmpty { return "message" }
            return text(argument)
        }
        let own: Digest = digest(parts)
        nodes.append(own)
        if node.mustRun(graph.type) { effects.insert(own) }
        var made = 0
        for (index, output) in node.outputs.enumerated() where graph.contains(output) {
            values[output.index] = digest(["result", hexadecimal(own), "\(index)"])
            for symbol in graph.type(output).freeSymbols where symbols[symbol] == nil {
                symbols[symbol] = "u\(hexadecimal(own)).\(made)"
                made += 1
            }
        }
    }

    private func text(_ argument: GraphArgument) -> String {
        let canonical = CanonicalText(name: name)
        switch argument {
        case .none: return "none"
        case .tensor(let value): return text(value)
        case .tensors(let values): return "tensors " + values.map(text).joined(separator: ",")
        case .optionalTensors(let values): return "tensors " + values.map { $0.map(text) ?? "none" }.joined(separator: ",")
        case .scalar(let scalar): return canonical.text(scalar)
        case .symBool(let condition): return canonical.text(condition)
        case .ints(let sizes): return "ints " + sizes.map(canonical.text).joined(separator: ",")
        case .floats(let numbers): return "floats " + numbers.map(canonical.bits).joined(separator: ",")
        case .bools(let values): return "\(values)"
        case .string(let text): return "text " + text
        case .dtype(let dtype): return "\(dtype)"
        case .graph: return argument.body.map { hexadecimal(GraphDigest.body($0, symbols)) } ?? "graph"
        }
    }

    /// The digest of a body: its inputs are their positions and types, and symbols of its own are those of its inputs.
    static func body(_ graph: Graph, _ symbols: [Symbol: String]) -> Digest {
        var names: [Symbol: String] = symbols
        var inputs: [Digest] = []
        for (position, input) in graph.inputs.enumerated() {
            let own: [Symbol] = graph.type(input).freeSymbols.filter { names[$0] == nil }
            for (made, symbol) in own.enumerated() { names[symbol] = "b\(position).\(made)" }
            let canonical = CanonicalText { names[$0] ?? "?" }
            inputs.append(digest(["input", "\(position)", canonical.text(graph.type(input))]))
        }
        return GraphDigest(graph, inputs: inputs, symbols: names).results(of: graph)
    }
}

extension CanonicalText {
    func text(_ type: ValueType) -> String {
        switch type {
        case .tensor(let spec): "\(spec.dtype)" + text(spec.shape)
        case .int(let size): "int " + text(size)
        case .float(let number): "float " + text(number)
        case .bool(let condition): "bool " + text(condition)
        case .none: "none"
        }
    }
}

extension Node {
    /// The operator's name: for a number in the place of the second tensor, `aten::add.Tensor(x, 1)`, that of the form for numbers, which files have.
    fileprivate var computedName: String {
        let name: String = self.operator.name
        guard name.hasSuffix(".Tensor"), arguments.count > 1, case .scalar = arguments[1] else { return name }
        let other: String = name.dropLast("Tensor".count) + "Scalar"
        return OperatorTable.find(other) == nil ? name : other
    }
}

/// The digest of texts, each with its length: no two lists read alike.
func digest(_ parts: [String]) -> Digest {
    var hash = SHA256()
    for part in parts { hash.update("\(part.utf8.count):\(part)".utf8) }
    return hash.finish()
}

func hexadecimal(_ digest: Digest) -> String {
    digest.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
}
