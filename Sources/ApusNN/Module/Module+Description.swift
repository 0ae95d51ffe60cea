import ApusSymbolic
import ApusTensor

extension Module {
    /// The tree of modules, with the names that state dictionaries have and the number of parameters in each; a tied one counts once.
    ///
    ///     Classifier: 2410 parameters
    ///       hidden: Linear, 2080
    ///       output: Linear, 330
    ///
    /// What can't be part of a module is told below the tree.
    public var description: String {
        let state: ModuleState = FoundState(self).state
        let lines: [String] = state.modules.map { path, module in
            let count: SymInt = state.parameterCount(under: path)
            guard !path.isEmpty else { return "\(type(of: module)): \(count) parameters" }
            let depth: Int = path.split(separator: ".").count
            let label: String = "\(String(repeating: "  ", count: depth))\(path.split(separator: ".").last ?? ""): \(type(of: module))"
            return count.isIdentical(to: 0) ? label : "\(label), \(count)"
        }
        let problems: [String] = Discovery(self).problems.map { "'\($0.path)' \($0.reason)" }
        return (lines + problems).joined(separator: "\n")
    }
}

extension ModuleState {
    /// The number of parameters' elements in a module at a path, which is empty for the whole.
    fileprivate func parameterCount(under path: String) -> SymInt {
        let prefix: String = path.isEmpty ? "" : path + "."
        return slots.filter { slot in slot.isParameter && slot.names.contains { $0.hasPrefix(prefix) } }
            .reduce(SymInt(0)) { $0 + $1.tensor.count }
    }
}
