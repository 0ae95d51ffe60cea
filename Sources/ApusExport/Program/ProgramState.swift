import ApusTensor
import Synchronization

/// A program's parameters, buffers and constants, and how a run changes the buffers.
final class ProgramState: Sendable {
    private let tensors: Mutex<[Tensor]>
    /// Output position -> state position, for outputs that are a buffer's new value.
    private let mutations: [(output: Int, state: Int)]

    init(_ tensors: [Tensor], outputRoles: [OutputRole], inputRoles: [InputRole]) throws {
        self.tensors = Mutex(tensors)
        mutations = try outputRoles.enumerated().compactMap { output, role in
            guard case .bufferMutation(let name) = role else { return nil }
            let position = inputRoles.firstIndex { if case .buffer(name, _) = $0 { true } else { false } }
            guard let position else { throw ProgramError(.invalidGraph, "an output changes the buffer '\(name)', which is no input") }
            return (output, position)
        }
    }

    func snapshot() -> [Tensor] { tensors.withLock { $0 } }

    /// Runs with the state as it is now. Runs that change buffers go one after another, others at the same time.
    func run(_ body: ([Tensor]) throws -> [LeafValue]) throws -> [LeafValue] {
        if mutations.isEmpty { return try body(snapshot()) }
        return try tensors.withLock { tensors in
            let outputs = try body(tensors)
            for (output, state) in mutations {
                if case .tensor(let tensor) = outputs[output] { tensors[state] = tensor }
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
