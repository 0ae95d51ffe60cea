import ApusGraph
import ApusTensor

extension ExportedProgram {
    /// Runs the program. A write beyond a buffer, such as one more token than a cache has room for, is told in terms of the buffer and of what
    /// its user can do.
    func namingBuffers<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as TensorError where error.code == .indexOutOfRange { throw told(error) }
    }

    private func told(_ error: TensorError) -> TensorError {
        for node in graph.nodes where node.operator.isUpdate && node.operator.schema.name == error.operatorName {
            guard let place = error.place(of: node), let name = writtenBuffer(node) else { continue }
            var told: TensorError = error
            told.message =
                String(error.message.dropLast(place.count))
                + ", the buffer '\(name)': start over (a session's reset()), or export the program with a larger buffer" + place
            return told
        }
        return error
    }

    /// The buffer whose new value a node makes a part of.
    private func writtenBuffer(_ node: Node) -> String? {
        var written: Value? = node.operands.first
        while let value = written, let maker = graph.maker(of: value), maker.operator.isUpdate { written = maker.operands.first }
        guard let position = graph.inputs.firstIndex(where: { $0 == written }) else { return nil }
        if case .buffer(let name, _) = graphSignature.inputRoles[position] { return name }
        return nil
    }
}

extension TensorError {
    /// How the message ends where the error is from this node: with its place in a file, or with nothing; nil for another's error.
    fileprivate func place(of node: Node) -> String? {
        switch node.site {
        case .call(let own)?: own == site ? "" : nil
        case .text(let text)?: message.hasSuffix(" (at \(text))") ? " (at \(text))" : nil
        case nil: ""
        }
    }
}
