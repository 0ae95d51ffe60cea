import ApusSymbolic
import ApusTensor

extension GraphImporter {
    /// `tensor_split` at positions that a tensor holds: the positions are read, and the parts have the sizes between them.
    func importTensorSplit(_ node: ProgramSchema.Node) throws {
        let source = try firstCell(node)
        let x: Tensor = try aliases.read(source)
        guard node.inputs.count > 1, case .tensor(let reference) = node.inputs[1].argument else {
            throw ArchiveError(.invalidProgram, "the second argument is not a tensor")
        }
        let positions: Tensor = try tensor(reference.name)
        guard positions.dtype == .int64, positions.rank == 1, let count = positions.shape[0].constant else {
            throw ArchiveError(.unsupported, "splits at a number of positions that only a run knows, in a tensor of \(positions.spec)")
        }
        var given = 0
        if case .int(let value)? = argument(node, "dim") { given = value }
        let dim: Int = try normalize(dim: given, rank: x.rank, in: node.target)
        let names: [String?] = try outputNames(node)
        guard names.count == count + 1 else { throw ArchiveError(.invalidProgram, "\(names.count) parts at \(count) positions") }
        // The names that the file has are those of the parts' sizes, not of the positions.
        symbols.upcoming = []
        let ends: [SymInt] = try (0..<count).map { try positions.select(dim: 0, index: $0).item() } + [x.shape[dim]]
        var start: SymInt = 0
        var slots: [Slot] = []
        for (end, name) in zip(ends, names) {
            let length: SymInt = end - start
            try interpreter.check(length >= 0, "the positions \(ends.dropLast()) must be in order, and within \(x.shape[dim])")
            let part: Tensor = try x.narrowed(dim: dim, from: start, length: length)
            slots.append(.tensor(aliases.uncertain(of: source, part)))
            if let name, let sizes = tables.tensorValues[name]?.sizes, dim < sizes.count, case .expression(let expression) = sizes[dim],
                let symbol = expression.loneSymbol
            {
                symbols.define(symbol, .int(length))
            }
            start = end
        }
        try defineOutputs(node, slots)
    }
}
