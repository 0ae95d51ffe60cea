import ApusGraph
import ApusSymbolic
import ApusTensor

/// A condition on the inputs that every call must meet.
public struct InputGuard: Sendable {
    public let condition: SymBool
    /// What the caller reads when it does not hold.
    public let message: String
    public let site: CallSite?

    public init(condition: SymBool, message: String, site: CallSite? = nil) {
        self.condition = condition
        self.message = message
        self.site = site
    }
}

/// How one leaf of the caller's arguments is used.
public enum LeafRole: Sendable {
    /// A tensor: the next user input of the graph.
    case input
    /// Fixed when the program was made: the caller must pass the same value.
    case constant(LeafValue)
}

/// What a program is made of, whoever made it: tracing, a file, passes over another program. `ExportedProgram(parts)` checks it.
public struct ProgramParts: Sendable {
    public var graph: Graph
    /// One for each input of the graph.
    public var inputRoles: [InputRole]
    /// One for each output of the graph.
    public var outputRoles: [OutputRole]
    /// One tensor for each input of the graph that is not the user's, in the order of the inputs.
    public var state: [Tensor]
    public var callSpec: CallSpec
    /// One for each leaf of the caller's arguments.
    public var leafRoles: [LeafRole]
    /// The caller's names for the leaves, for messages: `x`, `state.0`.
    public var leafNames: [String]
    /// The scope that the symbols belong to.
    public var scope: SymbolScope
    /// The declared or derived range of every symbol.
    public var symbolToRange: [SymInt.Symbol: SymRange]
    /// Conditions on input sizes beyond ranges and equal symbols.
    public var guards: [InputGuard]
    /// The paths that tracing explored, in order, where they say how the graph came to be.
    public var paths: [ExploredPath]
    /// What has to be done before the values of the state are used.
    package var firstUses: [FirstUse] = []

    public init(
        graph: Graph, inputRoles: [InputRole], outputRoles: [OutputRole], state: [Tensor], callSpec: CallSpec, leafRoles: [LeafRole],
        leafNames: [String], scope: SymbolScope, symbolToRange: [SymInt.Symbol: SymRange], guards: [InputGuard], paths: [ExploredPath] = []
    ) {
        self.graph = graph
        self.inputRoles = inputRoles
        self.outputRoles = outputRoles
        self.state = state
        self.callSpec = callSpec
        self.leafRoles = leafRoles
        self.leafNames = leafNames
        self.scope = scope
        self.symbolToRange = symbolToRange
        self.guards = guards
        self.paths = paths
    }

    /// Puts another graph in place of this one, whose inputs and outputs keep their places.
    mutating func replace(graph other: Graph) {
        // Gradients name the input that they are of, which may have another name now.
        var renamed: [String: String] = [:]
        for (old, new) in zip(graph.inputs, other.inputs) { renamed[graph.name(old)] = other.name(new) }
        outputRoles = outputRoles.map { role in
            guard case .gradientToUserInput(let name) = role else { return role }
            return .gradientToUserInput(renamed[name] ?? name)
        }
        graph = other
        paths = []
    }

    /// Throws where the parts do not belong together.
    func requireComplete() throws {
        let stateCount: Int = inputRoles.count { $0 != .userInput }
        guard stateCount == state.count else {
            throw ProgramError(.invalidGraph, "\(state.count) tensors for \(stateCount) parameters, buffers and constants")
        }
        guard graph.inputs.count == inputRoles.count, graph.outputs.count == outputRoles.count else {
            throw ProgramError(
                .invalidGraph,
                "\(inputRoles.count) input and \(outputRoles.count) output roles for \(graph.inputs.count) inputs and \(graph.outputs.count) outputs"
            )
        }
        let nesting: Int = graph.nesting
        if nesting > Graph.maximumNesting { throw ProgramError.tooDeep(nesting) }
    }
}
