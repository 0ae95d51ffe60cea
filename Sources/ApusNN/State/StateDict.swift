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
        var report = StateDictMismatch(moduleType: state.moduleType, names: targets.map(\.name), in: stateDict)
        for target in targets {
            guard let tensor = stateDict[target.name] else { continue }
            if !tensor.spec.isIdentical(to: target.tensor.spec) {
                report.mismatched.append(.init(name: target.name, expected: target.tensor.spec, found: tensor.spec))
            }
        }
        report.conflicting = try conflicts(in: stateDict, targets)
        try report.requireFit(strict: strict)
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
