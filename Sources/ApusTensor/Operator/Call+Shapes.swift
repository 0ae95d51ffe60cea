import ApusSymbolic

extension Call {
    /// The dimension that an argument names, counted from the front, of argument 0.
    func dim(_ index: Int) throws -> Int { try normalize(dim: constant(index), rank: tensor(0).rank, in: name) }

    /// Whether a number is 0, where that decides what is computed.
    func isZero(_ index: Int) throws -> Bool {
        switch try scalar(index) {
        case .int(let value): try settle(value == 0, in: name)
        case .float(let value): try settle(value == 0, in: name)
        case let known: known.isKnown(0)
        }
    }

    /// Requires that two tensor arguments have the same shape.
    func requireSameShape(_ first: Int, _ second: Int) throws {
        let (a, b) = (try tensor(first).shape, try tensor(second).shape)
        if a.isIdentical(to: b) { return }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "the shapes \(a) and \(b) differ")
        }
        guard a.count == b.count else { throw mismatch() }
        for (p, q) in zip(a, b) { try require(p == q, mismatch()) }
    }
}
