import ApusGraph
import ApusSymbolic
import ApusTensor
import Synchronization

/// The parameters, buffers and constants of one or several programs, and how a run changes the buffers.
///
/// Entry points of one model share a store: weights are there once, and a buffer that one entry point changes is changed for all.
final class StateStore: Sendable {
    private let tensors: Mutex<[Tensor]>
    /// What has to be done before the tensors' values are used.
    let firstUses: [FirstUse]

    init(_ tensors: [Tensor], firstUses: [FirstUse] = []) {
        self.tensors = Mutex(tensors)
        self.firstUses = firstUses
    }

    func withLock<Result>(_ body: (inout [Tensor]) throws -> Result) rethrows -> Result {
        // The tensors are Sendable and the body runs under the lock: nothing leaves it unguarded.
        try tensors.withLock { tensors in
            nonisolated(unsafe) let result = try body(&tensors)
            return result
        }
    }
}

/// One program's view of a store.
package struct ProgramState: Sendable {
    /// One tensor of the store with all of its names.
    package struct Slot: Sendable {
        /// Dotted; more than one for a tied parameter.
        package var names: [String]
        package let isParameter: Bool
        /// False for buffers that are not saved.
        let isPersistent: Bool
        package let position: Int
    }

    let store: StateStore
    /// For each state input of the graph its position in the store; nil where they are the same.
    private let positions: [Int]?
    /// Output position -> store position, for outputs that are a buffer's new value.
    private let mutations: [(output: Int, position: Int)]
    /// The parameters and buffers, in the order of their first names.
    package let slots: [Slot]

    /// - Parameter positions: as for the property
    /// - Throws: `ProgramError` where a buffer would change its dtype or shape, or is no input.
    init(_ store: StateStore, positions: [Int]?, of parts: ProgramParts) throws {
        let graph: Graph = parts.graph
        let inputRoles: [InputRole] = parts.inputRoles
        self.store = store
        self.positions = positions
        mutations = try parts.outputRoles.enumerated().compactMap { output, role in
            guard case .bufferMutation(let name) = role else { return nil }
            let input = inputRoles.firstIndex { if case .buffer(name, _) = $0 { true } else { false } }
            guard let input else { throw ProgramError(.invalidGraph, "an output changes the buffer '\(name)', which is no input") }
            try Self.requireSameSpec(name, graph.type(graph.inputs[input]), graph.type(of: graph.outputs[output]), parts.scope)
            return (output, positions?[input] ?? input)
        }
        var slots: [Slot] = []
        for (input, role) in inputRoles.enumerated() where role != .userInput {
            let position: Int = positions?[input] ?? input
            let entry: Slot
            switch role {
            case .parameter(let name): entry = Slot(names: [name], isParameter: true, isPersistent: true, position: position)
            case .buffer(let name, let persistent):
                entry = Slot(names: [name], isParameter: false, isPersistent: persistent, position: position)
            case .constant, .userInput: continue
            }
            if let known = slots.firstIndex(where: { $0.position == position }) {
                slots[known].names += entry.names
            } else {
                slots.append(entry)
            }
        }
        self.slots = slots
    }

    /// The value that a call leaves in a buffer is what the next one takes. Sizes that may agree pass, as in the graph's own verification.
    private static func requireSameSpec(_ name: String, _ before: ValueType, _ after: ValueType, _ scope: SymbolScope) throws {
        guard let old = before.spec, let new = after.spec, new.dtype == old.dtype, new.shape.count == old.shape.count,
            zip(new.shape, old.shape).allSatisfy({ scope.known($0 == $1) != false })
        else {
            throw ProgramError(.invalidGraph, "the buffer '\(name)' changes from \(before) to \(after); a buffer keeps its dtype and shape")
        }
    }

    /// The state as it is now, in the order of the graph's inputs. Who reads the values calls `prepare()` first.
    package func snapshot() -> [Tensor] { store.withLock { select($0) } }

    /// Does what is due before the values are used for the first time.
    /// - Throws: what is wrong with them: `ArchiveError` where a file's bytes do not have their checksum.
    package func prepare() throws { for work in store.firstUses { try work.run() } }

    /// For a program that takes over the tensors before they were used.
    var firstUses: [FirstUse] { store.firstUses }

    private func select(_ tensors: [Tensor]) -> [Tensor] { positions.map { $0.map { tensors[$0] } } ?? tensors }

    /// Runs with the state as it is now. Runs that change buffers go one after another, others at the same time.
    /// - Parameter preparing: is given the store before a run that changes buffers
    func run(
        _ body: ([Tensor]) throws -> [LeafValue], preparing: (inout [Tensor]) throws -> Void = { _ in }
    ) throws -> [LeafValue] {
        try prepare()
        if mutations.isEmpty { return try body(snapshot()) }
        return try store.withLock { tensors in
            try preparing(&tensors)
            let outputs = try body(select(tensors))
            for (output, position) in mutations {
                guard case .tensor(let tensor) = outputs[output] else { continue }
                // A value of its own: no gradient that is being recorded flows on through the next call.
                tensors[position] = Interpreter.current == nil ? tensor : try Interpreter.with(nil) { try tensor.withOwnIdentity() }
            }
            return outputs
        }
    }

    /// The same view of another store.
    func over(_ store: StateStore) -> ProgramState { ProgramState(self, store) }

    private init(_ other: ProgramState, _ store: StateStore) {
        self.store = store
        (positions, mutations, slots) = (other.positions, other.mutations, other.slots)
    }

    /// Runs with a state that the body may write over: nobody else sees the memory of the buffers that it changes. Runs that change buffers go
    /// one after another.
    func update(_ body: ([Tensor]) throws -> [LeafValue]) throws -> [LeafValue] {
        try run(
            body,
            preparing: { tensors in
                for (_, position) in mutations where !tensors[position].isHeldAlone() { tensors[position] = try tensors[position].clone() }
            })
    }

    func dictionary(_ signature: ExportGraphSignature, constants: Bool) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        var tensors: [Tensor] = snapshot()
        // Nothing can be thrown here: damaged tensors throw when they are used.
        do { try prepare() } catch { tensors = tensors.map { _ in Tensor(fault: error.unplaced) } }
        for (role, tensor) in zip(signature.inputRoles, tensors) {
            switch role {
            case .parameter(let name), .buffer(let name, _): if !constants { result[name] = tensor }
            case .constant(let name): if constants { result[name] = tensor }
            case .userInput: break
            }
        }
        return result
    }
}

// MARK: - Changing

extension ProgramState {
    /// The tensors of slots, as they are now.
    package func tensors(of slots: [Slot]) -> [Tensor] { store.withLock { tensors in slots.map { tensors[$0.position] } } }

    /// Takes tensors out of the store, lets the body change them, and puts them back, whatever happens. Nobody sees the program in between.
    package func exchange(_ positions: [Int], _ body: (inout [Tensor]) throws -> Void) throws {
        try prepare()
        try store.withLock { tensors in
            let empty = Tensor(spec: TensorSpec(.float32, .scalar))
            var taken: [Tensor] = positions.map { tensors[$0] }
            let specs: [TensorSpec] = taken.map(\.spec)
            for position in positions { tensors[position] = empty }
            defer { for (position, tensor) in zip(positions, taken) { tensors[position] = tensor } }
            try body(&taken)
            assert(taken.count == specs.count && zip(taken, specs).allSatisfy { $0.dtype == $1.dtype })
        }
    }

    /// Sets parameters and buffers. Nothing is changed where the dictionary does not fit.
    func load(_ stateDict: [String: Tensor], strict: Bool) throws -> StateDictMismatch {
        try requireValues(stateDict, in: "load")
        let targets: [Slot] = slots.filter(\.isPersistent)
        var report = StateDictMismatch(moduleType: "ExportedProgram", names: targets.flatMap(\.names), in: stateDict)
        return try store.withLock { tensors in
            var changes: [(position: Int, tensor: Tensor)] = []
            for slot in targets {
                let given: [(name: String, tensor: Tensor)] = slot.names.compactMap { name in stateDict[name].map { (name, $0) } }
                let spec: TensorSpec = tensors[slot.position].spec
                for (name, tensor) in given where !tensor.spec.isIdentical(to: spec) || tensor.isTraced {
                    report.mismatched.append(.init(name: name, expected: spec, found: tensor.spec))
                }
                guard let first = given.first else { continue }
                for other in given.dropFirst() where try !other.tensor.holdsSameBytes(as: first.tensor) {
                    report.conflicting.append(.init(name: first.name, tiedName: other.name))
                }
                changes.append((slot.position, first.tensor))
            }
            try report.requireFit(strict: strict)
            for (position, tensor) in changes { tensors[position] = tensor }
            return report
        }
    }
}

// MARK: - Tied parameters

/// Where the state inputs of a program lie in a store: parameters that are one tensor lie in one place.
struct StatePlacement {
    private(set) var tensors: [Tensor] = []
    private var ofPlace: [TensorPlace: Int] = [:]
    private var ofName: [String: Int] = [:]

    /// The positions of a program's state, in input order. Names that were met before, in another program, share their place.
    mutating func add(_ roles: [InputRole], _ state: [Tensor], sharesNames: Bool) -> [Int] {
        var found: [(name: String, position: Int)] = []
        let positions: [Int] = zip(roles, state).map { role, tensor in
            switch role {
            case .parameter(let name):
                let place = TensorPlace(tensor)
                // Empty tensors have no memory to share.
                let tied: Int? = tensor.layout.count == 0 ? nil : ofPlace[place]
                let position: Int = (sharesNames ? ofName[name] : nil) ?? tied ?? append(tensor)
                ofPlace[place] = position
                found.append((name, position))
                return position
            case .buffer(let name, _):
                let position: Int = (sharesNames ? ofName[name] : nil) ?? append(tensor)
                found.append((name, position))
                return position
            case .constant, .userInput: return append(tensor)
            }
        }
        for (name, position) in found { ofName[name] = position }
        return positions
    }

    private mutating func append(_ tensor: Tensor) -> Int {
        tensors.append(tensor)
        return tensors.count - 1
    }
}
