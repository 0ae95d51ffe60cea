import ApusTensor
import Synchronization

/// The parameters, buffers and constants of one or several programs, and how a run changes the buffers.
///
/// Entry points of one model share a store: weights are there once, and a buffer that one entry point changes is changed for all.
final class StateStore: Sendable {
    private let tensors: Mutex<[Tensor]>

    init(_ tensors: [Tensor]) { self.tensors = Mutex(tensors) }

    func withLock<Result>(_ body: (inout [Tensor]) throws -> Result) rethrows -> Result {
        // The tensors are Sendable and the body runs under the lock: nothing leaves it unguarded.
        try tensors.withLock { tensors in
            nonisolated(unsafe) let result = try body(&tensors)
            return result
        }
    }
}

/// One program's view of a store.
struct ProgramState: Sendable {
    private let store: StateStore
    /// For each state input of the graph its position in the store; nil where they are the same.
    private let positions: [Int]?
    /// Output position -> store position, for outputs that are a buffer's new value.
    private let mutations: [(output: Int, position: Int)]

    init(_ store: StateStore, positions: [Int]? = nil, outputRoles: [OutputRole], inputRoles: [InputRole]) throws {
        self.store = store
        self.positions = positions
        mutations = try outputRoles.enumerated().compactMap { output, role in
            guard case .bufferMutation(let name) = role else { return nil }
            let input = inputRoles.firstIndex { if case .buffer(name, _) = $0 { true } else { false } }
            guard let input else { throw ProgramError(.invalidGraph, "an output changes the buffer '\(name)', which is no input") }
            return (output, positions?[input] ?? input)
        }
    }

    /// The state as it is now, in the order of the graph's inputs.
    func snapshot() -> [Tensor] { store.withLock { select($0) } }

    private func select(_ tensors: [Tensor]) -> [Tensor] { positions.map { $0.map { tensors[$0] } } ?? tensors }

    /// Runs with the state as it is now. Runs that change buffers go one after another, others at the same time.
    func run(_ body: ([Tensor]) throws -> [LeafValue]) throws -> [LeafValue] {
        if mutations.isEmpty { return try body(snapshot()) }
        return try store.withLock { tensors in
            let outputs = try body(select(tensors))
            for (output, position) in mutations {
                if case .tensor(let tensor) = outputs[output] { tensors[position] = tensor }
            }
            return outputs
        }
    }

    func dictionary(_ signature: ExportGraphSignature, constants: Bool) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (role, tensor) in zip(signature.inputRoles, snapshot()) {
            switch role {
            case .parameter(let name), .buffer(let name, _): if !constants { result[name] = tensor }
            case .constant(let name): if constants { result[name] = tensor }
            case .userInput: break
            }
        }
        return result
    }
}
