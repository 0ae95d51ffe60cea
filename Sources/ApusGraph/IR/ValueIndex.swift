/// The makers and readers of a graph's values.
package struct ValueIndex: Sendable {
    /// The node that makes each value and the result's position in it.
    let makers: [Int: (node: Int, result: Int)]
    /// The positions that read each value, in order and each once; the node count for the graph's own results.
    let readers: [Int: [Int]]

    package init(_ graph: Graph) {
        var makers: [Int: (node: Int, result: Int)] = [:]
        var readers: [Int: [Int]] = [:]
        func note(_ value: Value, readAt position: Int) {
            if readers[value.index]?.last != position { readers[value.index, default: []].append(position) }
        }
        for (position, node) in graph.nodes.enumerated() {
            for (index, output) in node.outputs.enumerated() { makers[output.index] = (position, index) }
            for operand in node.operands { note(operand, readAt: position) }
        }
        for output in graph.outputs { if let value = output.value { note(value, readAt: graph.nodes.count) } }
        (self.makers, self.readers) = (makers, readers)
    }

    /// The positions that read a value, in order and each once; the node count last where the graph returns it.
    package func readers(of value: Value) -> [Int] { readers[value.index] ?? [] }
}
