import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

extension ExportedProgram {
    /// A digest of what the program computes, 64 hexadecimal digits: of its operations, weights by their bits, and what inputs it takes.
    ///
    /// Programs with the same digest compute the same. Names, places in the source, the order of nodes that don't depend on each other, nodes that
    /// nothing needs, and how the file is written play no part. That two programs with different digests differ in a result, it does not say.
    /// Reads all weights.
    /// - Throws: what is wrong with the weights: `ArchiveError` where a file's bytes do not have their checksum.
    public func digest() throws -> String {
        try state.prepare()
        return try withStackRoom(deepStack) {
            let names = inputSymbols
            let graphDigest = try GraphDigest(graph, inputs: inputDigests(weight: { _, tensor in try tensor.digest() }), symbols: names)
            let canonical = CanonicalText { names[$0] ?? "?" }
            var parts: [String] = ["program", hexadecimal(graphDigest.results(of: graph))]
            parts += graphSignature.outputRoles.map(\.kind)
            parts += symbolToRange.compactMap { symbol, range in names[symbol].map { "\($0) in \(range)" } }.sorted()
            parts += guards.map { canonical.text($0.condition) }.sorted()
            return hexadecimal(ApusView.digest(parts))
        }
    }

    /// What the symbols of the inputs are: the first place that shows each.
    var inputSymbols: [Symbol: String] {
        var names: [Symbol: String] = [:]
        var rest: [Symbol] = []
        let userInputs = zip(graph.inputs, graphSignature.inputRoles).filter { $0.1 == .userInput }.map { $0.0 }
        for (position, input) in userInputs.enumerated() {
            guard let shape = graph.spec(input)?.shape else { continue }
            for (dim, size) in shape.enumerated() {
                if let symbol = size.expression?.symbol {
                    if names[symbol] == nil { names[symbol] = "d\(position).\(dim)" }
                } else {
                    rest += size.freeSymbols
                }
            }
        }
        for symbol in rest where names[symbol] == nil { names[symbol] = "e\(names.count)" }
        return names
    }

    /// A digest for each input of the graph: of its place among the caller's tensors and its type, or of a weight.
    /// - Parameter weight: the digest of a weight with its name
    func inputDigests(weight: (String, Tensor) throws -> Digest) throws -> [Digest] {
        let names = inputSymbols
        let canonical = CanonicalText { names[$0] ?? "?" }
        let changed: [String: Int] = graphSignature.outputRoles.changedBuffers
        var state = state.snapshot().makeIterator()
        var position = 0
        return try zip(graph.inputs, graphSignature.inputRoles).map { input, role in
            switch role {
            case .userInput:
                position += 1
                return ApusView.digest(["input", "\(position - 1)", canonical.text(graph.type(input))])
            case .parameter(let name), .buffer(let name, _), .constant(let name):
                guard let tensor = state.next() else { return [] }
                let own: Digest = try weight(name, tensor)
                // Two buffers that calls change are two, though they start alike.
                return changed[name].map { ApusView.digest(["state", "\($0)", hexadecimal(own)]) } ?? own
            }
        }
    }
}

extension OutputRole {
    /// The role without a name.
    fileprivate var kind: String {
        switch self {
        case .userOutput: "result"
        case .loss: "loss"
        case .bufferMutation: "state"
        case .gradientToParameter, .gradientToUserInput: "gradient"
        }
    }
}

extension Tensor {
    /// The digest of dtype, sizes and bits.
    func digest() throws -> Digest {
        var hash = SHA256()
        hash.update("weight \(spec)".utf8)
        try withUnsafeBytes { hash.update($0) }
        return hash.finish()
    }
}
