/// Where a state dictionary and a module, program or optimizer don't fit: everything at once.
public struct StateDictMismatch: Error, Sendable {
    public struct Mismatch: Sendable {
        public let name: String
        public let expected: TensorSpec
        public let found: TensorSpec

        package init(name: String, expected: TensorSpec, found: TensorSpec) {
            (self.name, self.expected, self.found) = (name, expected, found)
        }
    }

    /// Two names of one tied parameter with different values.
    public struct Conflict: Sendable {
        public let name: String
        public let tiedName: String

        package init(name: String, tiedName: String) {
            (self.name, self.tiedName) = (name, tiedName)
        }
    }

    public let moduleType: String
    /// Names that the module has and the dictionary lacks, in the module's order.
    public var missing: [String] = []
    /// Names that only the dictionary has, sorted.
    public var unexpected: [String] = []
    /// Names whose shape or dtype differs, in the module's order.
    public var mismatched: [Mismatch] = []
    /// Tied names with different values, in the module's order.
    public var conflicting: [Conflict] = []

    public init(moduleType: String) { self.moduleType = moduleType }

    /// What the dictionary lacks of these names, and what it has beside them.
    package init(moduleType: String, names: [String], in stateDict: [String: Tensor]) {
        self.init(moduleType: moduleType)
        let known = Set(names)
        missing = names.filter { stateDict[$0] == nil }
        unexpected = stateDict.keys.filter { !known.contains($0) }.sorted()
    }

    /// Throws the report unless the dictionary fits: missing and unexpected names matter, and are told of, only where it must be exact.
    package func requireFit(strict: Bool) throws {
        if mismatched.isEmpty, conflicting.isEmpty, !strict || missing.isEmpty && unexpected.isEmpty { return }
        var report: StateDictMismatch = self
        if !strict { (report.missing, report.unexpected) = ([], []) }
        throw report
    }

    /// Whether nothing is wrong.
    public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && conflicting.isEmpty }
}

extension StateDictMismatch: CustomStringConvertible {
    public var description: String {
        if isEmpty { return "\(moduleType): the state dictionary fits" }
        var lines: [String] = ["\(moduleType): the state dictionary does not fit"]
        if !missing.isEmpty { lines.append("  missing: " + missing.joined(separator: ", ")) }
        if !unexpected.isEmpty { lines.append("  unexpected: " + unexpected.joined(separator: ", ")) }
        for item in mismatched { lines.append("  \(item.name): expected \(item.expected), found \(item.found)") }
        for item in conflicting { lines.append("  \(item.tiedName): differs from \(item.name), to which it is tied") }
        return lines.joined(separator: "\n")
    }
}

/// Throws what is wrong with the first name, in order, that stands for a property which can't be part of a module.
package func requireValues(_ stateDict: [String: Tensor], in operation: String) throws {
    for (_, tensor) in stateDict.sorted(by: { $0.key < $1.key }) {
        if let fault = tensor.tracedValue?.fault { throw TensorError(.invalidArgument, in: operation, fault) }
    }
}

extension Tensor {
    /// True for two tensors of the same bytes. True as well where shapes or dtypes differ, which is reported as such, and for traced ones.
    package func holdsSameBytes(as other: Tensor) throws -> Bool {
        if identity == other.identity { return true }
        guard spec.isIdentical(to: other.spec), !isTraced, !other.isTraced else { return true }
        let (left, right) = (try contiguous(), try other.contiguous())
        let count = left.layout.count * left.dtype.byteWidth
        return withExtendedLifetime((left, right)) {
            UnsafeRawBufferPointer(start: left.baseAddress, count: count)
                .elementsEqual(UnsafeRawBufferPointer(start: right.baseAddress, count: count))
        }
    }
}
