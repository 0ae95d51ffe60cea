import ApusTensor

/// What a container holds.
enum TreeParts {
    case leaf(LeafValue)
    case one(Any)
    case list([Any])
    case dictionary([(key: String, value: Any)])
}

/// Optionals, arrays and dictionaries, whatever they hold: `ProgramValue` leaves out those that hold tuples, which can't conform to it.
protocol TreeContainer {
    var parts: TreeParts { get throws }
    /// A container like this one, with other leaves.
    func rebuilt(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Any
}

extension Optional: TreeContainer {
    var parts: TreeParts { map { .one($0) } ?? .leaf(.none) }

    func rebuilt(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Any {
        if let value = self { return Optional(try rebuild(value, from: &leaves, spec)) as Any }
        guard spec == .leaf, case .none? = leaves.popFirst() else {
            throw ProgramError(.structureMismatch, "nil can't stand for the structure \(spec)")
        }
        return self as Any
    }
}

extension Array: TreeContainer {
    var parts: TreeParts { .list(map { $0 as Any }) }

    func rebuilt(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Any {
        guard case .list(let specs) = spec, specs.count == count else {
            throw ProgramError(.structureMismatch, "an array of \(count) can't stand for the structure \(spec)")
        }
        return try zip(self, specs).map { try rebuild($0, from: &leaves, $1) }
    }
}

extension Dictionary: TreeContainer {
    /// In the order of the keys.
    private var entries: [(key: String, value: Value)] {
        get throws {
            guard let named = self as? [String: Value] else {
                throw ProgramError(.unsupportedValue, "the keys of a dictionary of type \(Self.self) must be of type String")
            }
            return named.sorted { $0.key < $1.key }
        }
    }

    var parts: TreeParts { get throws { .dictionary(try entries.map { ($0.key, $0.value as Any) }) } }

    func rebuilt(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Any {
        let entries = try entries
        guard case .dictionary(let keys, let specs) = spec, keys == entries.map(\.key) else {
            throw ProgramError(.structureMismatch, "a dictionary of type \(Self.self) can't stand for the structure \(spec)")
        }
        var result: [String: Value] = [:]
        for (entry, spec) in zip(entries, specs) { result[entry.key] = try rebuild(entry.value, from: &leaves, spec) }
        return result
    }
}
