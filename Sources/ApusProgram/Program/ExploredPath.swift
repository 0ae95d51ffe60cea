import ApusSymbolic

/// One way through a function, as `export` found it: what its inputs must satisfy, and whether they are rejected.
///
/// The paths of a program are disjoint, and cover what its constraints admit.
public struct ExploredPath: Sendable {
    /// The questions that the constraints leave open, each as it was answered, in the order in which they came.
    public let conditions: [SymBool]
    /// Where each question stands in the source.
    public let sites: [CallSite]
    /// The error that the function threw on this path, nil where it returned.
    public let rejection: String?

    package init(conditions: [SymBool], sites: [CallSite], rejection: String?) {
        self.conditions = conditions
        self.sites = sites
        self.rejection = rejection
    }
}

extension ExploredPath: CustomStringConvertible {
    /// `x.shape[0] > 3, x.shape[1] <= 2`, with what was thrown behind it.
    public var description: String {
        let text = conditions.isEmpty ? "always" : conditions.map { $0.description(naming: \.displayName) }.joined(separator: ", ")
        return rejection.map { "\(text): rejected, \($0)" } ?? text
    }
}
