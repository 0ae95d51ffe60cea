import ApusSymbolic
import ApusTensor

/// Removes nodes whose results nobody reads, in bodies too. What checks something, may fail or draws random numbers stays, and so does what
/// gives a symbol its value.
public struct DeadCodeElimination: GraphPass {
    public let name = "dead code"

    public init() {}

    public func run(_ graph: Graph) throws -> Graph {
        try graph.requireOwnValues()
        var isLive = [Bool](repeating: false, count: graph.values.count)
        for output in graph.outputs { if let value = output.value { isLive[value.index] = true } }
        var isKept = [Bool](repeating: false, count: graph.nodes.count)
        for position in graph.nodes.indices.reversed() {
            let node: Node = graph.nodes[position]
            guard node.outputs.contains(where: { isLive[$0.index] }) || node.isNeeded(in: graph) else { continue }
            isKept[position] = true
            for operand in node.operands { isLive[operand.index] = true }
        }
        if isKept.allSatisfy({ $0 }), graph.nodes.allSatisfy({ $0.bodies.isEmpty }) { return graph }
        var copy = GraphCopy(of: graph, provenance: name)
        for (position, node) in graph.nodes.enumerated() where isKept[position] {
            copy.keep(node, try node.arguments.map { try copy.mapped($0).mapBody(run) })
        }
        return copy.finished()
    }
}
