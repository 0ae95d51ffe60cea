import ApusSymbolic

extension ConstraintViolationError: CustomStringConvertible {
    /// What can't be as declared and why, each with its place in the source and sizes for which it fails; then the constraints to pass.
    ///
    ///     Constraints violated.
    ///     Dimension 2 of x was specialised to 32: it cannot be dynamic.
    ///         required by  x.shape[2] == 32        Model.swift:41
    ///         because      add: shapes [x.shape[2]] and [32] do not broadcast: dimension -1 is x.shape[2] and 32
    ///         fails at     x.shape[2] = 1
    ///     Dimensions that can be dynamic, as constraints to pass:
    ///         dynamicDim(x, 0), dynamicDim(x, 1) <= 256
    public var description: String {
        var lines = ["Constraints violated."]
        var lastHeadline = ""
        for violation in violations {
            let headline = headline(of: violation)
            if headline != lastHeadline { lines.append(headline) }
            lastHeadline = headline
            lines += violation.reasons
        }
        if violations.contains(where: \.isBrokenByExample) {
            lines.append("No constraint helps where the example itself fails: pass another example.")
        } else if !constraints.isEmpty {
            lines.append("Dimensions that can be dynamic, as constraints to pass:")
            lines.append("    " + constraints.map(\.description).joined(separator: ", "))
        } else if !suggestedFixes.isEmpty {
            lines.append("No dimension can be dynamic: pass no constraints.")
        }
        return lines.joined(separator: "\n")
    }

    private func headline(of violation: ConstraintViolation) -> String {
        let symbols = violation.condition.freeSymbols
        if let only = specializations.first(where: { symbols.contains($0.symbol) }) {
            return "Dimension \(only.dim) of \(only.argument) was specialised to \(only.value): it cannot be dynamic."
        }
        if violation.isDataDependent {
            return "One number is asked for where a value that is read from a tensor may be many."
        }
        let names = symbols.map(\.displayName).joined(separator: " and ")
        return violation.isBrokenByExample
            ? "\(names): the example is not admitted." : "\(names): more is declared than the function takes."
    }
}

extension ConstraintViolation {
    /// The lines below the headline.
    fileprivate var reasons: [String] {
        let place = "        \(site.map { "\($0)" } ?? "unknown location")"
        var lines: [String]
        if let specialized {
            lines = ["    required by  Int(\(specialized))" + place]
        } else {
            lines = ["    required by  \(condition)" + place]
        }
        lines.append("    because      \(message)")
        if let witness, !isDataDependent {
            lines.append("    fails at     \(witness)" + (isBrokenByExample ? ", the example" : ""))
        }
        return lines
    }
}
