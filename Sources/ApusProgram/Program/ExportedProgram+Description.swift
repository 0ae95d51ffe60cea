import ApusGraph
import ApusSymbolic
import ApusTensor

extension ExportedProgram: CustomStringConvertible {
    /// The program as a person reads it: signature, ranges, guards, then the graph with a line for each node.
    public var description: String { withStackRoom(deepStack) { text } }

    private var text: String {
        var lines = ["ExportedProgram"]
        let signature = graphSignature
        func list(_ title: String, _ entries: [String]) {
            if !entries.isEmpty { lines.append("    \(title): " + entries.joined(separator: ", ")) }
        }
        list("parameters", signature.parameters)
        list("buffers", signature.buffers)
        list("constants", signature.constants)
        list(
            "inputs",
            zip(leafNames, leafRoles).map { name, role in
                if case .constant(let value) = role { "\(name) = \(value)" } else { name }
            })
        list("mutates", signature.buffersToMutate.sorted { $0.key < $1.key }.map { "\($0.value) (%\($0.key))" })
        if let backward = signature.backwardSignature {
            list("loss", [backward.lossOutput])
            list("gradients", backward.gradientsToParameters.sorted { $0.key < $1.key }.map { "\($0.value) (%\($0.key))" })
            list("input gradients", backward.gradientsToUserInputs.sorted { $0.key < $1.key }.map { "\($0.value) (%\($0.key))" })
        }
        list(
            "ranges",
            symbolToRange.sorted { $0.key.index < $1.key.index }.map { symbol, range in
                symbol.origin.isEmpty ? "\(symbol.name) in \(range)" : "\(symbol.name) = \(symbol.origin) in \(range)"
            })
        list("guards", guards.map { "\($0.condition)" })
        list("call", ["\(callSpec.inSpec) -> \(callSpec.outSpec)"])
        return lines.joined(separator: "\n") + "\n" + graph.description
    }
}
