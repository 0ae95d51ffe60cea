import ApusSymbolic

/// One condition on input sizes that a function needs and that the declared constraints do not imply.
public struct ConstraintViolation: Sendable {
    /// What must hold, nil where a dimension was specialised.
    public let condition: SymBool?
    /// The size that was turned into a number, nil otherwise.
    public let specialized: SymInt?
    /// Who needs it and why.
    public let message: String
    public let site: CallSite?

    init(condition: SymBool, message: String, site: CallSite?) {
        self.condition = condition
        self.specialized = nil
        self.message = message
        self.site = site
    }

    init(specialized: SymInt, message: String, site: CallSite?) {
        self.condition = nil
        self.specialized = specialized
        self.message = message
        self.site = site
    }
}

/// Thrown by `export` when a function needs more of its input sizes than the constraints declare.
public struct ConstraintViolationError: Error, Sendable {
    public let violations: [ConstraintViolation]
    /// Constraints to pass, as Swift code.
    public let suggestedFixes: [String]

    init(violations: [ConstraintViolation], scope: SymbolScope) {
        self.violations = violations
        var fixes: [String] = []
        for violation in violations {
            if let fix = suggestion(for: violation), !fixes.contains(fix) { fixes.append(fix) }
        }
        suggestedFixes = fixes
    }
}

extension ConstraintViolationError: CustomStringConvertible {
    public var description: String {
        var lines = ["Constraints violated."]
        for violation in violations {
            let site = violation.site.map { "        \($0)" } ?? ""
            if let size = violation.specialized {
                lines.append("    \(size.description(naming: \.displayName)) was specialised to a number: it cannot be dynamic.")
            }
            if let condition = violation.condition {
                lines.append("    required: \(condition.description(naming: \.displayName))\(site)")
            }
            lines.append("        by  \(violation.message)")
        }
        if !suggestedFixes.isEmpty {
            lines.append("Pass these constraints as well:")
            lines.append("    " + suggestedFixes.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }
}

/// The constraint, as Swift code, that would make a condition hold.
private func suggestion(for violation: ConstraintViolation) -> String? {
    guard let condition = violation.condition else { return nil }
    func code(_ symbol: Symbol) -> String {
        // `x.shape[0]` is written `dynamicDim(x, 0)`.
        let origin = symbol.displayName
        guard let dot = origin.firstRange(of: ".shape["), origin.hasSuffix("]") else { return origin }
        return "dynamicDim(\(origin[..<dot.lowerBound]), \(origin[dot.upperBound...].dropLast()))"
    }
    return condition.description(naming: code)
}
