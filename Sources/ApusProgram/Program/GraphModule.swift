import ApusGraph

/// A program's graph together with its subgraphs.
public final class GraphModule: Sendable {
    /// The top-level graph; branch and loop bodies are arguments of its nodes.
    public let graph: Graph

    public init(_ graph: Graph) { self.graph = graph }

    /// Every branch and loop body, by a path of node names: `cond.0`, `cond.1`, `cond.0/while_loop.1`.
    public var subgraphs: [(path: String, graph: Graph)] {
        var found: [(String, Graph)] = []
        func visit(_ graph: Graph, _ prefix: String) {
            for node in graph.nodes {
                let name = node.outputs.first.map { graph.name($0) } ?? node.operator.schema.name
                for (index, body) in node.bodies.enumerated() {
                    let path = "\(prefix)\(name).\(index)"
                    found.append((path, body.graph))
                    visit(body.graph, path + "/")
                }
            }
        }
        visit(graph, "")
        return found
    }
}
