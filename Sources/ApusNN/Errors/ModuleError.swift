import ApusTensor

/// A module that can't be walked: it stores something that Apus can't see, save or train.
public struct ModuleError: Error, Sendable, Hashable {
    public enum Reason: Sendable, Hashable {
        /// A stored tensor that is neither parameter nor buffer.
        case plainTensor
        /// A tensor, parameter or module inside a value of the named type, where reflection does not look for state.
        case hidden(what: String, inside: String)
        /// A type that describes itself to reflection and may leave something out.
        case opaque(type: String)
        /// A parameter or buffer that was declared without a value and never set.
        case unset
        /// A module that is its own part.
        case cycle(type: String)
        /// A module that lies too deep inside of others.
        case tooDeep(limit: Int)
        /// A second property that leads to the same dotted name.
        case duplicateName
        /// A dictionary key that can't be part of a dotted name.
        case badKey(String)
        /// An optional parameter or buffer that was absent when the module was looked at and got a value while it ran.
        case appeared
    }

    public struct Problem: Sendable, Hashable {
        /// The property's dotted path from the module.
        public let path: String
        public let reason: Reason

        public init(path: String, reason: Reason) {
            self.path = path
            self.reason = reason
        }
    }

    /// The type of the module that was walked.
    public let moduleType: String
    /// Everything that is wrong, in order of discovery.
    public let problems: [Problem]

    public init(moduleType: String, problems: [Problem]) {
        self.moduleType = moduleType
        self.problems = problems
    }
}

extension ModuleError: CustomStringConvertible {
    public var description: String {
        let lines: [String] = problems.map { "'\($0.path)' \($0.reason)" }
        if lines.count == 1 { return "\(moduleType): property \(lines[0])" }
        return "\(moduleType): \(lines.count) properties can't be used:\n" + lines.map { "  \($0)" }.joined(separator: "\n")
    }
}

extension ModuleError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .plainTensor:
            "stores a tensor that is neither parameter nor buffer; declare it as @Parameter or @Buffer"
        case .hidden(let what, let type):
            "hides a \(what) inside \(type); keep it in the module itself, or make \(type) a module"
        case .opaque(let type):
            "is a \(type), whose custom mirror may hide tensors; wrap it in a closure or drop the custom mirror"
        case .unset:
            "was declared without a value and never set; set it in the initialiser, or declare it as Tensor?"
        case .cycle(let type):
            "is the \(type) that it is part of; a module can't contain itself"
        case .tooDeep(let limit):
            "lies inside of more than \(limit) modules; make the nesting flatter, with an array of modules"
        case .duplicateName:
            "has the same name as another property; rename one of them"
        case .badKey(let key):
            "has the key '\(key)'; keys of submodules must not be empty or contain a dot"
        case .appeared:
            "was nil before the module ran and has a value after it; set it in the initialiser"
        }
    }
}
