import ApusGraph
import ApusTensor

extension ExportedProgram {
    /// A new program in which everything that depends on constants alone is computed already, and stored as further constants.
    ///
    /// Folding is no `GraphPass`: those keep a program's inputs as they are, and results of folding become new ones. Constants that nothing
    /// reads afterwards are left out.
    ///
    /// - Parameters:
    ///   - freezing: takes parameters, and buffers that the program does not change, for constants as well. What is computed from them
    ///     does not follow later changes, so do this to programs that are no longer trained; frozen ones that nothing reads are left out.
    ///   - byteLimit: results above this many bytes are left to be computed, unless they are no larger than what they are made of
    /// - Throws: `ProgramError` where `freezing` is asked of a joint program, whose parameters are there to be changed.
    public func foldingConstants(freezing: Bool = false, byteLimit: Int = 1 << 20) throws -> ExportedProgram {
        guard !freezing || !isJoint else {
            throw ProgramError(.untraceable, "a joint program trains its parameters; only a program without a backward part can be frozen")
        }
        let roles: [InputRole] = graphSignature.inputRoles
        try state.prepare()
        let tensors: [Tensor] = state.snapshot()
        let changed: Set<String> = Set(graphSignature.buffersToMutate.values)
        var constants: [Value: Tensor] = [:]
        for (position, (role, tensor)) in zip(roles, tensors).enumerated() where role.isConstant(freezing: freezing, changed) {
            constants[graph.inputs[position]] = tensor
        }
        let folding = ConstantFolding(byteLimit: byteLimit)
        let folded = try folding.fold(graph, insertingAt: tensors.count) { constants[$0] }
        var result: Graph = try DeadCodeElimination().run(folded.graph)
        var used = Set<String>(graphSignature.constants)
        let added: [InputRole] = folded.constants.indices.map { index in
            var name = "folded_tensor_\(index)"
            while !used.insert(name).inserted { name += "_" }
            return .constant(name)
        }
        var newRoles: [InputRole] = roles[..<tensors.count] + added + roles[tensors.count...]
        var newState: [Tensor] = tensors + folded.constants
        // What was folded away is not stored any more.
        let lastUses: [Int] = result.lastUses()
        let removed = Set(
            newRoles.indices.filter { position in
                newRoles[position].isConstant(freezing: freezing, changed) && lastUses[result.inputs[position].index] < 0
            })
        result.removeInputs { removed.contains($0) }
        newState = newState.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
        newRoles = newRoles.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
        return try ExportedProgram(
            graph: result, inputRoles: newRoles, outputRoles: graphSignature.outputRoles, state: newState, callSpec: callSpec,
            leafRoles: leafRoles, leafNames: leafNames, scope: scope, symbolToRange: symbolToRange, guards: guards)
    }
}

extension InputRole {
    /// Whether an input has the same tensor on every run.
    fileprivate func isConstant(freezing: Bool, _ changed: Set<String>) -> Bool {
        switch self {
        case .constant: true
        case .parameter: freezing
        case .buffer(let name, _): freezing && !changed.contains(name)
        case .userInput: false
        }
    }
}
