import ApusTensor

/// Finds everything in a program that this library cannot run, before anything is built.
enum UnknownTargets {
    /// - Throws: `ArchiveError` (`.unknownOperators`) that lists all of them at once, with the number of nodes that call each.
    static func check(_ graph: ProgramSchema.Graph, _ operators: OperatorTable) throws {
        var counts: [String: Int] = [:]
        count(graph, operators, &counts)
        guard !counts.isEmpty else { return }
        let list = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
        let what = counts.count == 1 ? "1 operator that is" : "\(counts.count) operators that are"
        let advice: String =
            counts.keys.contains(where: isPacked)
            ? "; packed sequences are not there: export the network with sequences of one length, padded"
            : counts.keys.contains("torch.ops.aten.chalf.default")
                ? "; complex numbers of half precision are not there: use torch.complex64"
                : counts.keys.contains("torch.ops.aten.hash_tensor.default")
                    ? "; numbers of 64 bits without a sign, which hashes are, are not there"
                    : "; load it with operators: OperatorTable.standard.adding([...]) where they are your own"
        throw ArchiveError(
            .unknownOperators, at: "graph_module.graph", "the program calls \(what) not known, with the number of calls: \(list)\(advice)")
    }

    /// Whether an operator is one of recurrent networks over packed sequences, or packs them.
    private static func isPacked(_ target: String) -> Bool {
        ["lstm.data", "gru.data", "rnn_tanh.data", "rnn_relu.data", "_pack_padded_sequence.default"].contains {
            target == "torch.ops.aten." + $0
        }
    }

    private static func count(_ graph: ProgramSchema.Graph, _ operators: OperatorTable, _ counts: inout [String: Int]) {
        for node in graph.nodes {
            if ImportTarget(node.target, operators) == nil { counts[node.target, default: 0] += 1 }
            for input in node.inputs {
                if case .graph(let body) = input.argument { count(body.graph, operators, &counts) }
            }
        }
    }
}
