import ApusTensor

extension Graph {
    /// The graph in the DOT language of Graphviz, bodies as clusters. Deterministic.
    public func dot(title: String = "graph") -> String {
        var writer = DotWriter()
        writer.write(self, prefix: "n", indentation: 1)
        return "digraph \"\(title.escapedForText)\" {\n    rankdir=TB;\n    node [shape=box, fontname=\"monospace\", fontsize=10];\n"
            + writer.lines.joined(separator: "\n") + "\n}\n"
    }
}

private struct DotWriter {
    var lines: [String] = []

    mutating func write(_ graph: Graph, prefix: String, indentation: Int) {
        let margin = String(repeating: " ", count: indentation * 4)
        // The name of the DOT node that makes each value.
        var makers: [Int: String] = [:]
        for input in graph.inputs {
            let id = "\(prefix)_in\(input.index)"
            makers[input.index] = id
            lines.append("\(margin)\(id) [label=\(label("%\(graph.name(input))", "\(graph.type(input))")), style=rounded];")
        }
        for (position, node) in graph.nodes.enumerated() {
            let id = "\(prefix)_\(position)"
            let types: String = node.outputs.map { "\(graph.type($0))" }.joined(separator: ", ")
            lines.append("\(margin)\(id) [label=\(label(node.operator.name, types))];")
            for output in node.outputs { makers[output.index] = id }
            var seen = Set<String>()
            for operand in node.operands {
                guard let maker = makers[operand.index], seen.insert(maker).inserted else { continue }
                lines.append("\(margin)\(maker) -> \(id) [label=\"%\(graph.name(operand).escapedForText)\", fontsize=8];")
            }
            for (name, body) in node.namedBodies {
                let inner = "\(id)_\(name)"
                lines.append("\(margin)subgraph \"cluster_\(inner)\" {")
                lines.append("\(margin)    label=\"\(name.escapedForText)\";")
                write(body.graph, prefix: inner, indentation: indentation + 1)
                lines.append("\(margin)}")
                if !body.graph.inputs.isEmpty, let first = body.graph.inputs.first {
                    lines.append("\(margin)\(id) -> \(inner)_in\(first.index) [style=dashed];")
                }
            }
        }
        for (position, output) in graph.outputs.enumerated() {
            guard let value = output.value, let maker = makers[value.index] else { continue }
            let id = "\(prefix)_out\(position)"
            lines.append("\(margin)\(id) [label=\(label("result \(position)", "%\(graph.name(value))")), style=rounded];")
            lines.append("\(margin)\(maker) -> \(id);")
        }
    }

    private func label(_ first: String, _ second: String) -> String {
        second.isEmpty ? "\"\(first.escapedForText)\"" : "\"\(first.escapedForText)\\n\(second.escapedForText)\""
    }
}
