import ApusSymbolic
import ApusTensor

/// Writes a graph as text that a person reads from top to bottom:
///
///     graph(%x: float32[s0, 3]):
///         %cos: float32[s0, 3] = aten::cos(%x)    # Model.swift:41
///         return %cos
///
/// The text depends on the graph alone.
package struct GraphPrinter: Sendable {
    /// Appends each node's place in the source.
    package var showsSites = true
    /// Appends the module that each node belongs to.
    package var showsModules = false

    package init(showsSites: Bool = true, showsModules: Bool = false) {
        self.showsSites = showsSites
        self.showsModules = showsModules
    }

    /// The whole graph, with a line break at the end.
    package func text(_ graph: Graph) -> String {
        if showsSites { CallSite.resolve(graph.callSites) }
        return withStackRoom(deepStack) {
            var lines: [String] = []
            write(graph, as: "graph", indentation: 0, &lines)
            return lines.joined(separator: "\n") + "\n"
        }
    }

    /// One node in one line, without its bodies.
    package func text(_ node: Graph.Node, in graph: Graph) -> String {
        let results: String = node.outputs.map { "%\(graph.name($0)): \(graph.type($0))" }.joined(separator: ", ")
        let call: String = "\(node.operator.name)(\(node.argumentText(graph.name)))"
        var line: String = results.isEmpty ? call : "\(results) = \(call)"
        var remarks: [String] = []
        if showsSites, let site = node.site { remarks.append("\(site)") }
        if showsModules, let module = node.modulePath.last, !module.path.isEmpty { remarks.append(module.path) }
        if !remarks.isEmpty { line += "    # " + remarks.joined(separator: ", ") }
        return line
    }

    /// The lines of each node with its bodies, the results last.
    private func write(_ graph: Graph, as title: String, indentation: Int, _ lines: inout [String]) {
        let margin = String(repeating: " ", count: indentation)
        let inputs: String = graph.inputs.map { "%\(graph.name($0)): \(graph.type($0))" }.joined(separator: ", ")
        lines.append("\(margin)\(title)(\(inputs)):")
        for node in graph.nodes {
            lines.append("\(margin)    \(text(node, in: graph))")
            for (name, body) in node.namedBodies { write(body.graph, as: name, indentation: indentation + 8, &lines) }
        }
        let outputs: String = graph.outputs.map { text($0, in: graph) }.joined(separator: ", ")
        lines.append("\(margin)    return" + (outputs.isEmpty ? "" : " \(outputs)"))
    }

    package func text(_ output: GraphOutput, in graph: Graph) -> String {
        switch output {
        case .value(let value): "%\(graph.name(value))"
        case .literal(let literal): "\(literal)"
        case .int(let size): size.description(naming: \.name)
        case .float(let number): number.description(naming: \.name)
        case .bool(let condition): condition.description(naming: \.name)
        }
    }
}

extension Node {
    /// The bodies with the names of their parameters, `true_graph` and `false_graph` for a branch.
    package var namedBodies: [(name: String, body: GraphBody)] {
        arguments.enumerated().compactMap { index, argument in
            guard case .graph(let subgraph) = argument, let body = subgraph as? GraphBody else { return nil }
            let parameters = self.operator.schema.parameters
            return (index < parameters.count ? parameters[index].name : "graph", body)
        }
    }
}

extension Graph {
    /// The sites of all nodes that were traced, bodies included.
    package var callSites: [CallSite] {
        allNodes.compactMap { node in
            if case .call(let site)? = node.site { site } else { nil }
        }
    }
}

extension Graph: CustomStringConvertible {
    public var description: String { GraphPrinter().text(self) }
}
