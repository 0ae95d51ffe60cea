import ApusTensor

extension Module {
    /// Parameters and persistent buffers by dotted name. The tensors are values: what happens to the module later does not change them.
    ///
    /// A property that can't be part of a module stands in it as a tensor without values: saving or loading the dictionary throws what is
    /// wrong with the property.
    public func stateDict() -> [String: Tensor] {
        // What is wrong with a name that stands twice goes before what stands there.
        Dictionary(namedState().map { ($0.name, $0.tensor) }, uniquingKeysWith: { _, last in last })
    }

    /// The state dictionary's entries in PyTorch's order.
    public func namedState() -> [(name: String, tensor: Tensor)] {
        let found = FoundState(self)
        return found.state.entries.filter(\.isPersistent).map { ($0.name, $0.tensor) } + found.faults
    }

    /// Sets parameters and buffers from a state dictionary. Nothing is changed when it fails.
    ///
    /// - Parameter strict: requires exactly the module's names. Without it, missing and unexpected ones are returned rather than thrown;
    ///   shapes and dtypes must fit in any case.
    /// - Returns: the names that were missing or not expected.
    /// - Throws: `StateDictMismatch` with everything that does not fit.
    @discardableResult
    public func load(_ stateDict: [String: Tensor], strict: Bool = true) throws -> StateDictMismatch {
        let state = try ModuleState(of: self)
        try requireValues(stateDict, in: "load")
        let targets = state.entries.filter(\.isPersistent)
        let known = Set(targets.map(\.name))
        var report = StateDictMismatch(moduleType: state.moduleType)
        report.missing = targets.map(\.name).filter { stateDict[$0] == nil }
        report.unexpected = stateDict.keys.filter { !known.contains($0) }.sorted()
        for target in targets {
            guard let tensor = stateDict[target.name] else { continue }
            if tensor.dtype != target.tensor.dtype || !tensor.shape.isIdentical(to: target.tensor.shape) {
                report.mismatched.append(.init(name: target.name, expected: target.tensor.spec, found: tensor.spec))
            }
        }
        report.conflicting = try conflicts(in: stateDict, targets)
        let fits =
            report.mismatched.isEmpty && report.conflicting.isEmpty && (!strict || report.missing.isEmpty && report.unexpected.isEmpty)
        guard fits else {
            if !strict { (report.missing, report.unexpected) = ([], []) }
            throw report
        }
        try assign(stateDict, to: targets)
        return report
    }

    /// Names of one tied parameter for which the dictionary has different values.
    private func conflicts(in stateDict: [String: Tensor], _ targets: [ModuleState.Entry]) throws -> [StateDictMismatch.Conflict] {
        var first: [ObjectIdentifier: (name: String, tensor: Tensor)] = [:]
        var found: [StateDictMismatch.Conflict] = []
        for target in targets {
            guard let given = stateDict[target.name] else { continue }
            guard let other = first[target.tensor.identity] else {
                first[target.tensor.identity] = (target.name, given)
                continue
            }
            if try !given.holdsSameBytes(as: other.tensor) { found.append(.init(name: other.name, tiedName: target.name)) }
        }
        return found
    }

    private func assign(_ stateDict: [String: Tensor], to targets: [ModuleState.Entry]) throws {
        // Parameters with separate boxes must not become tied because a file stores equal ones once, and tied ones must stay so.
        var owners: [ObjectIdentifier: StateBox] = [:]
        var values: [(box: StateBox, tensor: Tensor)] = []
        var loaded: [ObjectIdentifier: Tensor] = [:]
        for target in targets {
            guard let given = stateDict[target.name] else { continue }
            if let tied = loaded[target.tensor.identity] {
                values.append((target.box, tied))
                continue
            }
            let isTaken = owners[given.identity].map { $0 !== target.box } ?? false
            let tensor = isTaken ? try given.clone() : given
            owners[given.identity] = target.box
            loaded[target.tensor.identity] = tensor
            values.append((target.box, tensor))
        }
        for (box, tensor) in values { box.tensor = tensor }
    }
}

/// Throws what is wrong with the first name, in order, that stands for a property which can't be part of a module.
package func requireValues(_ stateDict: [String: Tensor], in operation: String) throws {
    for (_, tensor) in stateDict.sorted(by: { $0.key < $1.key }) {
        if let fault = tensor.trace?.fault { throw TensorError(.invalidArgument, in: operation, fault) }
    }
}

extension Tensor {
    /// True for two tensors of the same bytes. True as well where shapes or dtypes differ, which is reported as such, and for traced ones.
    package func holdsSameBytes(as other: Tensor) throws -> Bool {
        if identity == other.identity { return true }
        guard dtype == other.dtype, shape.isIdentical(to: other.shape), !isTraced, !other.isTraced else { return true }
        let (left, right) = (try contiguous(), try other.contiguous())
        let count = left.layout.count * left.dtype.byteWidth
        return withExtendedLifetime((left, right)) {
            UnsafeRawBufferPointer(start: left.baseAddress, count: count)
                .elementsEqual(UnsafeRawBufferPointer(start: right.baseAddress, count: count))
        }
    }
}

/// Where a state dictionary and a module don't fit: everything at once.
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
