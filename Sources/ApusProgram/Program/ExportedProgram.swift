import ApusGraph
import ApusRuntime
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
    public let callSpec: CallSpec
    /// The declared or derived range of every symbol. Static dimensions have no symbol; `SymRange.max` stands for no bound.
    public let symbolToRange: [Symbol: SymRange]
    /// Conditions on input sizes beyond ranges and equal symbols.
    public let guards: [InputGuard]
    /// One for each leaf of the caller's arguments.
    public let leafRoles: [LeafRole]
    /// The caller's names for the leaves, for messages: `x`, `state.0`.
    public let leafNames: [String]
    /// The scope that the symbols belong to.
    public let scope: SymbolScope
    /// The paths that `export` explored, in order; empty for a program that was loaded or transformed.
    public let paths: [ExploredPath]
    package let state: ProgramState
    let plan: Plan
    package let checker: InputChecker

    /// The program's graph: the same as `graphModule.graph`.
    public var graph: Graph { graphModule.graph }

    /// True where the program computes gradients too.
    public var isJoint: Bool { graphSignature.outputRoles.contains(.loss) }

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

    /// Puts a program together and verifies it. Inputs and outputs are brought into the order of `ExportGraphSignature`.
    /// - Parameters:
    ///   - state: one tensor for each graph input that is not the user's, in input order
    ///   - firstUses: what has to be done before the state's values are used
    package convenience init(
        graph: Graph, inputRoles: [InputRole], outputRoles: [OutputRole], state: [Tensor], callSpec: CallSpec, leafRoles: [LeafRole],
        leafNames: [String], scope: SymbolScope, symbolToRange: [Symbol: SymRange], guards: [InputGuard], paths: [ExploredPath] = [],
        firstUses: [FirstUse]
    ) throws {
        guard inputRoles.count(where: { $0 != .userInput }) == state.count else {
            throw ProgramError(
                .invalidGraph,
                "\(state.count) tensors for \(inputRoles.count { $0 != .userInput }) parameters, buffers and constants")
        }
        var placement = StatePlacement()
        let positions: [Int] = placement.add(inputRoles, state, sharesNames: false)
        try self.init(
            graph: graph, inputRoles: inputRoles, outputRoles: outputRoles, store: StateStore(placement.tensors, firstUses: firstUses),
            positions: placement.tensors.count == state.count ? nil : positions, callSpec: callSpec, leafRoles: leafRoles,
            leafNames: leafNames, scope: scope, symbolToRange: symbolToRange, guards: guards, paths: paths)
    }

    /// Puts a program together and verifies it. Inputs and outputs are brought into the order of `ExportGraphSignature`.
    /// - Parameter state: one tensor for each graph input that is not the user's, in input order.
    public convenience init(
        graph: Graph, inputRoles: [InputRole], outputRoles: [OutputRole], state: [Tensor], callSpec: CallSpec, leafRoles: [LeafRole],
        leafNames: [String], scope: SymbolScope, symbolToRange: [Symbol: SymRange], guards: [InputGuard], paths: [ExploredPath] = []
    ) throws {
        try self.init(
            graph: graph, inputRoles: inputRoles, outputRoles: outputRoles, state: state, callSpec: callSpec, leafRoles: leafRoles,
            leafNames: leafNames, scope: scope, symbolToRange: symbolToRange, guards: guards, paths: paths, firstUses: [])
    }

    /// A program over a store that others may share.
    init(
        graph: Graph, inputRoles: [InputRole], outputRoles: [OutputRole], store: StateStore, positions: [Int]?, callSpec: CallSpec,
        leafRoles: [LeafRole], leafNames: [String], scope: SymbolScope, symbolToRange: [Symbol: SymRange], guards: [InputGuard],
        paths: [ExploredPath] = []
    ) throws {
        guard graph.inputs.count == inputRoles.count, graph.outputs.count == outputRoles.count else {
            throw ProgramError(
                .invalidGraph,
                "\(inputRoles.count) input and \(outputRoles.count) output roles for \(graph.inputs.count) inputs and \(graph.outputs.count) outputs"
            )
        }
        let nesting: Int = graph.nesting
        if nesting > Graph.maximumNesting { throw ProgramError.tooDeep(nesting) }
        let order = SignatureOrder(graph, inputRoles, outputRoles)
        let (graph, inputRoles, outputRoles): (Graph, [InputRole], [OutputRole]) = (order.graph, order.inputRoles, order.outputRoles)
        let stateCount: Int = order.stateOrder.count
        let isOrdered: Bool = order.stateOrder == Array(0..<stateCount)
        let positions: [Int]? = isOrdered ? positions : order.stateOrder.map { positions?[$0] ?? $0 }
        graphModule = GraphModule(graph)
        graphSignature = ExportGraphSignature(
            inputRoles: inputRoles, inputNames: graph.inputs.map { graph.name($0) }, outputRoles: outputRoles,
            outputNames: graph.outputs.enumerated().map { index, output in output.value.map { graph.name($0) } ?? "output_\(index)" })
        self.callSpec = callSpec
        self.leafRoles = leafRoles
        self.leafNames = leafNames
        self.scope = scope
        self.symbolToRange = symbolToRange
        self.guards = guards
        self.paths = paths
        self.state = try ProgramState(
            store, positions: positions, graph: graph, outputRoles: outputRoles, inputRoles: inputRoles, scope: scope)
        try Verifier(undecided: .accept).verify(graph, scope: scope)
        plan = try Plan(graph, roles: planRoles(inputRoles, outputRoles))
        checker = try InputChecker(
            graph: graph, stateCount: stateCount,
            names: zip(leafRoles, leafNames).compactMap { role, name in
                if case .input = role { name } else { nil }
            }, ranges: symbolToRange, guards: guards)
    }

    /// The same program, with the same state, run by another plan.
    init(_ other: ExportedProgram, plan: Plan) {
        self.plan = plan
        (graphModule, graphSignature, callSpec) = (other.graphModule, other.graphSignature, other.callSpec)
        (symbolToRange, guards, scope, paths) = (other.symbolToRange, other.guards, other.scope, other.paths)
        (leafRoles, leafNames, state, checker) = (other.leafRoles, other.leafNames, other.state, other.checker)
    }

    /// The same program around another graph whose inputs and outputs keep their places, with state of its own.
    /// - Parameters:
    ///   - outputRoles: the outputs' roles, where they are others than before
    ///   - outSpec: the result's nesting, where it is another than before
    ///   - paths: those that `export` explored, where they still say how the graph came to be
    package func replacing(
        graph: Graph, outputRoles: [OutputRole]? = nil, outSpec: TreeSpec? = nil, paths: [ExploredPath] = []
    ) throws -> ExportedProgram {
        // Gradients name the input that they are of, which may have another name now.
        var renamed: [String: String] = [:]
        for (old, new) in zip(self.graph.inputs, graph.inputs) { renamed[self.graph.name(old)] = graph.name(new) }
        let roles: [OutputRole] = (outputRoles ?? graphSignature.outputRoles).map { role in
            guard case .gradientToUserInput(let name) = role else { return role }
            return .gradientToUserInput(renamed[name] ?? name)
        }
        return try ExportedProgram(
            graph: graph, inputRoles: graphSignature.inputRoles, outputRoles: roles, state: state.snapshot(),
            callSpec: CallSpec(inSpec: callSpec.inSpec, outSpec: outSpec ?? callSpec.outSpec), leafRoles: leafRoles, leafNames: leafNames,
            scope: scope, symbolToRange: symbolToRange, guards: guards, paths: paths, firstUses: state.firstUses)
    }

    /// The same program over a store that others share.
    func sharing(_ store: StateStore, positions: [Int]) throws -> ExportedProgram {
        try ExportedProgram(
            graph: graph, inputRoles: graphSignature.inputRoles, outputRoles: graphSignature.outputRoles, store: store,
            positions: positions, callSpec: callSpec, leafRoles: leafRoles, leafNames: leafNames, scope: scope,
            symbolToRange: symbolToRange, guards: guards, paths: paths)
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

    /// Everything that the graph gives, in the order of `graphSignature.outputRoles`.
    package func allOutputs(leaves: [LeafValue], _ profiler: Profiler? = nil) throws -> [LeafValue] {
        try allOutputs(inputs: try tensors(of: leaves), profiler)
    }

    /// Runs the program on tensors alone, in the order of `graphSignature.userInputs`.
    /// - Parameter profiler: gets an event for the run and for each of its steps.
    public func run(_ inputs: [Tensor], profiler: Profiler? = nil) throws -> [Tensor] {
        try userTensors(allOutputs(inputs: inputs, profiler))
    }

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
        return try state.run { state in try plan.run(state + inputs, profiler: profiler).map { LeafValue($0) } }
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
        return try Interpreter.with(nil) { try plan.run(state.snapshot() + inputs) }.map { LeafValue($0) }
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
