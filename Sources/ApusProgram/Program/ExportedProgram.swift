import ApusGraph
import ApusRuntime
import ApusSymbolic
import ApusTensor

/// A traced function as a program of its own: graph, signature, weights, and the conditions under which it is right.
///
/// Running it equals running the function on every input that its constraints admit; other inputs are rejected before any kernel runs.
/// It may be called from many tasks at once. Its buffers are its own: calls that change them never touch the module it was made of, nor
/// another program. Calls of a program that changes buffers go one after another, in whatever order the tasks come, and each takes what the one
/// before left: for a state that is one user's alone, as a cache is, ``makeSession()`` gives buffers of their own over the same weights.
///
/// A call in a task that is cancelled ends with `CancellationError`, between two operations or two passes of a loop, and leaves the buffers as
/// they were.
///
/// It is a function of tensors like any other: gradients flow through it, to its inputs, and to those of its parameters that a recorder
/// watches (those of `stateDict`). What a call leaves in a buffer has no gradient. A function that calls it can be exported: it becomes a part of the other
/// program, with its tensors as constants; a program that changes a buffer can't, since the other one has no place for it.
public final class ExportedProgram: Sendable {
    public let graphModule: GraphModule
    public let graphSignature: ExportGraphSignature
    /// What the program was made of, in the signature's order. The state is in `state`, where it changes.
    private let made: ProgramParts
    package let state: ProgramState
    package let checker: InputChecker
    let plan: LazyPlan

    /// Puts a program together and verifies it. Inputs and outputs are brought into the order of `ExportGraphSignature`.
    /// - Throws: `ProgramError` where the parts don't belong together, `VerificationError` for the graph's first offence.
    public convenience init(_ parts: ProgramParts) throws { try self.init(parts, isVerified: false) }

    /// - Parameter isVerified: whether the graph has been verified as it is
    init(_ parts: ProgramParts, isVerified: Bool) throws {
        try parts.requireComplete()
        var parts: ProgramParts = parts
        parts.sort()
        var placement = StatePlacement()
        let positions: [Int] = placement.add(parts.inputRoles, parts.state, sharesNames: false)
        let store = StateStore(placement.tensors, firstUses: parts.firstUses)
        (parts.state, parts.firstUses) = ([], [])
        made = parts
        graphModule = GraphModule(parts.graph)
        graphSignature = ExportGraphSignature(parts)
        state = try ProgramState(store, positions: placement.tensors.count == positions.count ? nil : positions, of: parts)
        if !isVerified { try Verifier(undecided: .accept).verify(parts.graph, scope: parts.scope) }
        checker = try InputChecker(parts)
        plan = LazyPlan(parts)
    }

    /// The same program, with the same state, run by another plan.
    init(_ program: ExportedProgram, plan: LazyPlan) {
        (made, graphModule, graphSignature) = (program.made, program.graphModule, program.graphSignature)
        (state, checker) = (program.state, program.checker)
        self.plan = plan
    }

    /// The same program over a store that others share.
    init(_ program: ExportedProgram, sharing store: StateStore, at positions: [Int]) throws {
        made = program.made
        graphModule = program.graphModule
        graphSignature = program.graphSignature
        state = try ProgramState(store, positions: positions, of: program.made)
        checker = program.checker
        plan = program.plan
    }
}

// MARK: - Parts

extension ExportedProgram {
    /// What the program is made of, with its state as it is now: to make another program of.
    public var parts: ProgramParts {
        var parts: ProgramParts = made
        (parts.state, parts.firstUses) = (state.snapshot(), state.firstUses)
        return parts
    }

    /// The program's graph: the same as `graphModule.graph`.
    public var graph: Graph { made.graph }

    /// True where the program computes gradients too.
    public var isJoint: Bool { graphSignature.outputRoles.contains(.loss) }

    public var callSpec: CallSpec { made.callSpec }

    /// The declared or derived range of every symbol. Static dimensions have no symbol; `SymRange.max` stands for no bound.
    public var symbolToRange: [SymInt.Symbol: SymRange] { made.symbolToRange }

    /// Conditions on input sizes beyond ranges and equal symbols.
    public var guards: [InputGuard] { made.guards }

    /// One for each leaf of the caller's arguments.
    public var leafRoles: [LeafRole] { made.leafRoles }

    /// The caller's names for the leaves, for messages: `x`, `state.0`.
    public var leafNames: [String] { made.leafNames }

    /// The scope that the symbols belong to.
    public var scope: SymbolScope { made.scope }

    /// The paths that `export` explored, in order; empty for a program that was loaded or transformed.
    public var paths: [ExploredPath] { made.paths }

    /// Parameters, buffers and constants by name, as they are now.
    public var stateDict: [String: Tensor] { state.dictionary(graphSignature, constants: false) }

    /// Tensors that the function captured.
    public var constants: [String: Tensor] { state.dictionary(graphSignature, constants: true) }

    /// Sets parameters and buffers, for this program and for the entry points that share them. Nothing is changed when it fails.
    ///
    /// - Parameter strict: requires exactly the program's names. Without it, missing and unexpected ones are returned rather than thrown;
    ///   shapes and dtypes must fit in any case.
    /// - Throws: `StateDictMismatch` with everything that does not fit.
    @discardableResult
    public func load(_ stateDict: [String: Tensor], strict: Bool = true) throws -> StateDictMismatch {
        try state.load(stateDict, strict: strict)
    }
}

// MARK: - Running

extension ExportedProgram {
    /// Runs the program on the flattened arguments and gives the flattened result. Throws before any kernel runs when an input is not
    /// what the program takes.
    /// - Parameter profiler: gets an event for the run and for each of its steps.
    public func run(leaves: [LeafValue], profiler: Profiler? = nil) throws -> [LeafValue] {
        userResults(try allOutputs(leaves: leaves, profiler))
    }

    /// The flattened result for tensors alone, which may hold numbers.
    package func leaves(of inputs: [Tensor]) throws -> [LeafValue] { userResults(try allOutputs(inputs: inputs, nil)) }

    /// Everything that the graph gives, in the order of `graphSignature.outputRoles`.
    package func allOutputs(leaves: [LeafValue], _ profiler: Profiler? = nil) throws -> [LeafValue] {
        try allOutputs(inputs: try tensors(of: leaves), profiler)
    }

    /// Runs the program on tensors alone, in the order of `graphSignature.userInputs`.
    /// - Parameter profiler: gets an event for the run and for each of its steps.
    public func run(_ inputs: [Tensor], profiler: Profiler? = nil) throws -> [Tensor] {
        try userTensors(allOutputs(inputs: inputs, profiler))
    }

    /// Throws what a call with these tensors, in the order of `graphSignature.userInputs`, would throw before any kernel runs; runs nothing. For callers
    /// who want to know before a call has its turn.
    /// - Throws: `ProgramError` for a wrong number of tensors, a dtype, rank or size that the program doesn't take, and broken ranges and guards.
    public func requireAdmitted(_ inputs: [Tensor]) throws { try checker.check(inputs) }

    /// A program is a function of its inputs and its state. While a function that calls it is traced, it becomes a part of that function's
    /// program; while a gradient is recorded, its operations are.
    private func allOutputs(inputs: [Tensor], _ profiler: Profiler?) throws -> [LeafValue] {
        if let tracer = Interpreter.innermost(as: (any InliningInterpreter).self) {
            try state.prepare()
            return try tracer.inline(self, inputs)
        }
        return try run(inputs, on: state, profiler)
    }

    /// All that the graph gives for a state, whose buffers get their new values.
    func run(_ inputs: [Tensor], on state: ProgramState, _ profiler: Profiler?) throws -> [LeafValue] {
        try checker.check(inputs)
        return try plan.run { plan in
            try namingBuffers { try state.run { state in try plan.run(state + inputs, profiler: profiler).map { LeafValue($0) } } }
        }
    }

    /// What the caller gets of all that the graph gives.
    func userResults(_ outputs: [LeafValue]) -> [LeafValue] {
        zip(graphSignature.outputRoles, outputs).compactMap { role, leaf in
            role == .userOutput || role == .loss ? leaf : nil
        }
    }

    /// The same, where all of it is tensors.
    func userTensors(_ outputs: [LeafValue]) throws -> [Tensor] {
        try userResults(outputs).enumerated().map { index, leaf in
            guard case .tensor(let tensor) = leaf else {
                throw ProgramError(.structureMismatch, "result \(index) is \(leaf), not a tensor; use run(leaves:)")
            }
            return tensor
        }
    }

    /// All that the graph gives, new values of buffers among it, which are not kept.
    package func evaluate(_ inputs: [Tensor]) throws -> [LeafValue] {
        try TensorError.throwPendingFault()
        try checker.check(inputs)
        try state.prepare()
        return try Interpreter.with(nil) { try plan.run { try $0.run(state.snapshot() + inputs) } }.map { LeafValue($0) }
    }

    /// Checks plain values and counts, and keeps the tensors.
    func tensors(of leaves: [LeafValue]) throws -> [Tensor] {
        guard leaves.count == leafRoles.count else {
            throw ProgramError(.structureMismatch, "\(leaves.count) values where the program takes \(leafRoles.count)")
        }
        var tensors: [Tensor] = []
        for (index, (leaf, role)) in zip(leaves, leafRoles).enumerated() {
            switch role {
            case .input:
                guard case .tensor(let tensor) = leaf else {
                    throw ProgramError(.inputMismatch, "\(leafNames[index]): a tensor is expected, got \(leaf)")
                }
                tensors.append(tensor)
            case .constant(let expected):
                let mismatch = "\(leafNames[index]): the program was made with \(expected) and takes no other value, got \(leaf)"
                guard try leaf.isKnown(as: expected, mismatch) || leaf.isSame(as: expected) else {
                    throw ProgramError(.constantMismatch, mismatch)
                }
            }
        }
        return tensors
    }
}

extension LeafValue {
    init(_ result: RuntimeValue) {
        switch result {
        case .none: self = .none
        case .tensor(let tensor): self = .tensor(tensor)
        case .int(let value): self = .int(SymInt(value))
        case .float(let value): self = .float(SymFloat(value))
        case .bool(let value): self = .bool(value)
        case .string(let value): self = .string(value)
        }
    }

    /// The same plain values, zeros of either sign apart. Tensors are never the same: they are inputs.
    package func isSame(as other: LeafValue) -> Bool {
        switch (self, other) {
        case (.int(let a), .int(let b)): a.isIdentical(to: b)
        case (.float(let a), .float(let b)): a.isIdentical(to: b) || (a.constant?.isNaN == true && b.constant?.isNaN == true)
        case (.bool(let a), .bool(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.none, .none): true
        default: false
        }
    }
}
