import ApusTensor

/// A module's parameters, buffers and submodules as they are at one moment, by dotted name.
///
/// Made by reflection: make one before a loop, not in each step of it, where the module's structure does not change. Names come in PyTorch's
/// order: a module's own parameters, then its buffers, each in order of declaration, then its submodules.
package struct ModuleState {
    package struct Entry {
        /// Dotted, from the root: `layers.0.weight`.
        package let name: String
        package let box: StateBox
        /// The value at the time.
        package let tensor: Tensor

        package var isParameter: Bool { box.kind == .parameter }
        /// False for buffers that are not saved.
        package var isPersistent: Bool { box.kind != .buffer(isPersistent: false) }
    }

    /// One tensor with all of its names: tied parameters are one slot.
    package struct Slot {
        package let names: [String]
        package let boxes: [StateBox]
        package let tensor: Tensor

        package var isParameter: Bool { boxes.contains { $0.kind == .parameter } }
        /// True for parameters that `valueAndGradient(of:)` differentiates.
        package var requiresGradient: Bool { tensor.dtype.isDifferentiable && boxes.contains { $0.requiresGradient } }

        /// Sets the tensor under all of its names.
        package func set(_ tensor: Tensor) {
            for box in boxes { box.tensor = tensor }
        }
    }

    /// The type of the root module.
    package let moduleType: String
    /// The root, whose path is empty, and every submodule under each of its paths.
    package let modules: [(path: String, module: any Module)]
    package let entries: [Entry]
    /// The distinct tensors among the entries, in order of their first names.
    package let slots: [Slot]
    /// For each entry the position of its slot.
    package let slotOfEntry: [Int]
    private let absent: [(name: String, box: StateBox)]

    /// Walks a module. Throws `ModuleError` for properties that can't be part of a module, all of them at once.
    package init(of module: any Module) throws {
        let found = Discovery(module)
        guard found.problems.isEmpty else { throw ModuleError(moduleType: "\(type(of: module))", problems: found.problems) }
        self.init(module, found)
    }

    /// What was found of a module, problems aside.
    init(_ module: any Module, _ found: Discovery) {
        moduleType = "\(type(of: module))"
        modules = found.modules
        entries = found.entries
        absent = found.absent
        (slots, slotOfEntry) = ModuleState.group(found.entries)
    }

    /// Entries over one box, or over one tensor, are one slot.
    private static func group(_ entries: [Entry]) -> ([Slot], [Int]) {
        var groups: [[Entry]] = []
        var positions: [ObjectIdentifier: Int] = [:]
        var slotOfEntry: [Int] = []
        for entry in entries {
            let (box, tensor) = (ObjectIdentifier(entry.box), entry.tensor.identity)
            let position = positions[box] ?? positions[tensor] ?? groups.count
            if position == groups.count { groups.append([]) }
            groups[position].append(entry)
            positions[box] = position
            positions[tensor] = position
            slotOfEntry.append(position)
        }
        let slots = groups.map { group in Slot(names: group.map(\.name), boxes: group.map(\.box), tensor: group[0].tensor) }
        return (slots, slotOfEntry)
    }

    package var parameters: [Entry] { entries.filter { $0.isParameter } }
    package var buffers: [Entry] { entries.filter { !$0.isParameter } }
}

// MARK: - Running with other tensors in place

extension ModuleState {
    /// What a run with other tensors in place gave.
    package struct Replaced<Result> {
        package let result: Result
        /// What each entry held at the end of the run, in the order of `entries`; nil where an optional one was set to nil. One that is not
        /// the tensor put there is a mutation.
        package let final: [Tensor?]
    }

    /// Runs the body with parameters and buffers replaced, and puts everything back, whatever happens.
    ///
    /// - Parameter tensors: one for each of `slots`, so that tied names stay tied.
    /// - Throws: what the body throws; `ModuleError` where the body gave a value to an optional parameter or buffer that had none.
    package func withReplaced<Result>(_ tensors: [Tensor], _ body: () throws -> Result) throws -> Replaced<Result> {
        guard tensors.count == slots.count else {
            throw TensorError(
                .invalidArgument, in: "withReplaced", "\(tensors.count) tensors were given for \(slots.count) parameters and buffers")
        }
        let saved: [Tensor?] = entries.map(\.box.tensor)
        defer {
            for (entry, tensor) in zip(entries, saved) { entry.box.tensor = tensor }
            for (_, box) in absent { box.tensor = nil }
        }
        for (slot, tensor) in zip(slots, tensors) { slot.set(tensor) }
        let result = try body()
        let appeared = absent.filter { $0.box.tensor != nil }
        guard appeared.isEmpty else {
            throw ModuleError(
                moduleType: moduleType, problems: appeared.map { ModuleError.Problem(path: $0.name, reason: .appeared) })
        }
        return Replaced(result: result, final: entries.map(\.box.tensor))
    }
}
