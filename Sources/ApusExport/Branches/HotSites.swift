import ApusSymbolic

/// The places of a function that ask most of the open questions, with what can be done about each.
struct HotSites {
    struct Entry {
        let condition: SymBool
        let site: CallSite
        var count: Int
    }

    let entries: [Entry]
    private let scope: SymbolScope

    init(_ decisions: [PathDecision], scope: SymbolScope, limit: Int = 5) {
        var counts: [String: Entry] = [:]
        for decision in decisions where decision.condition.constant == nil {
            counts["\(decision.site)", default: Entry(condition: decision.condition, site: decision.site, count: 0)].count += 1
        }
        let sorted: [(key: String, value: Entry)] = counts.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        entries = sorted.prefix(limit).map(\.value)
        self.scope = scope
    }

    private func advice(_ condition: SymBool) -> String {
        let symbols: [Symbol] = condition.freeSymbols
        let sizes: [String] = symbols.filter(\.isBacked).map { "\($0.displayName), now in \(scope.range(of: $0))" }
        if sizes.count == symbols.count, !sizes.isEmpty {
            return "declare a narrower range or a set for \(sizes.joined(separator: " and ")), or use cond, whileLoop or scan"
        }
        return "bound the value with constrainAsValue, compute with it through where, or use cond or whileLoop"
    }
}

extension HotSites: CustomStringConvertible {
    /// One line for each site, and one with what to do.
    var description: String {
        entries.map { entry in
            "    \(entry.count) times '\(entry.condition.description(naming: \.displayName))' at \(entry.site)\n        \(advice(entry.condition))"
        }.joined(separator: "\n")
    }
}
