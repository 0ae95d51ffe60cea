import ApusGraph
import ApusSymbolic
import ApusTensor

/// The paths behind one answer, where all of them throw: the inputs that the program rejects.
struct Rejections {
    struct Entry {
        /// What holds on the path, from the question on.
        var conditions: [SymBool]
        let message: String
        let site: CallSite?
    }

    var entries: [Entry]
    /// Symbols that get their values on these paths only.
    var inner: Set<Symbol>

    /// The same paths, seen from before an answer.
    func under(_ condition: SymBool) -> Rejections {
        var copy: Rejections = self
        for index in copy.entries.indices { copy.entries[index].conditions.insert(condition, at: 0) }
        return copy
    }

    func and(_ other: Rejections) -> Rejections { Rejections(entries: entries + other.entries, inner: inner.union(other.inner)) }

    /// Assertions after which a condition holds, where these are the paths on which it does not. Each path has its own text, as far as it can
    /// be told before the path is taken.
    func assertions(keeping condition: SymBool) -> [Node] {
        guard let first = entries.first, let last = entries.last else { return [] }
        let canTell: Bool = entries.allSatisfy { entry in
            // A condition that has a value only behind another one can't be told either.
            entry.conditions.allSatisfy { condition in
                condition.alwaysHasValue && condition.freeSymbols.allSatisfy { !inner.contains($0) }
            }
        }
        guard canTell, entries.count > 1 else { return [Rejections.assertion(condition, first)] }
        let parts: [Node] = entries.dropLast().map { entry in
            Rejections.assertion(!SymBool.all([!condition] + entry.conditions), entry)
        }
        return parts + [Rejections.assertion(condition, last)]
    }

    private static func assertion(_ condition: SymBool, _ entry: Entry) -> Node {
        Node(
            .assertScalar, [.symBool(condition), .string(entry.message)], outputs: [], site: entry.site.map { .call($0) },
            provenance: "a path that throws")
    }
}
