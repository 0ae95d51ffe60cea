import ApusTensor

/// A module's state as far as it could be found, with a tensor for each property that can't be part of a module.
struct FoundState {
    let state: ModuleState
    /// Under the properties' names. Using one throws what is wrong with the property.
    let faults: [(name: String, tensor: Tensor)]

    init(_ module: any Module) {
        let found = Discovery(module)
        state = ModuleState(module, found)
        let type: String = state.moduleType
        faults = found.problems.map { problem in
            (problem.path, Tensor(fault: "\(ModuleError(moduleType: type, problems: [problem]))"))
        }
    }
}
