/// What every node keeps of its scope: an identity, and a way back that does not keep the scope alive.
///
/// A scope owns its nodes; were the nodes to own the scope as well, no trace would ever be freed.
final class ScopeTie: Sendable {
    weak let scope: SymbolScope?

    init(_ scope: SymbolScope) { self.scope = scope }

    /// The one scope of two operands, of which a plain value has none.
    static func common(_ a: ScopeTie?, _ b: ScopeTie?) -> Result<SymbolScope, SymbolicError> {
        if let a, let b, a !== b { return .failure(mixed) }
        guard let scope = (a ?? b)?.scope else { return .failure(ended) }
        return .success(scope)
    }

    static func common(_ ties: [ScopeTie?]) -> Result<SymbolScope, SymbolicError> {
        let present: [ScopeTie] = ties.compactMap { $0 }
        if let first = present.first, present.contains(where: { $0 !== first }) { return .failure(mixed) }
        return common(present.first, nil)
    }

    private static var mixed: SymbolicError {
        SymbolicError(.mixedScopes, "sizes of two different traces cannot be combined")
    }

    static var ended: SymbolicError {
        SymbolicError(.scopeEnded, "the trace that made this size has ended; only plain values outlive a trace")
    }
}
