import ApusNN
import ApusProgram
import ApusTensor

/// What a run of a joint program gives.
public struct JointResults: Sendable {
    /// One element: what the gradients are of.
    public let loss: Tensor
    /// The gradients of the parameters, as optimizers take them; a tied parameter once, under all of its names.
    public let gradients: ModuleGradients
    /// The gradients of user inputs that were asked for, by the input's name.
    public let inputGradients: [String: Tensor]
    /// The function's result, flattened; the loss is among it.
    public let leaves: [LeafValue]
    private let outSpec: TreeSpec

    init(
        loss: Tensor, gradients: ModuleGradients, inputGradients: [String: Tensor], leaves: [LeafValue], outSpec: TreeSpec
    ) {
        self.loss = loss
        self.gradients = gradients
        self.inputGradients = inputGradients
        self.leaves = leaves
        self.outSpec = outSpec
    }

    /// The function's result, as `callAsFunction` gives it.
    public func result<Output: ProgramValue>(as type: Output.Type = Output.self) throws -> Output {
        try NestedValue(leaves, outSpec).unpacked()
    }

    /// The function's result where it is a tuple.
    public func result<First: ProgramValue, Second: ProgramValue, each Rest: ProgramValue>() throws -> (First, Second, repeat each Rest) {
        try NestedValue(leaves, outSpec).unpacked()
    }
}

extension ExportedProgram {
    /// Runs a joint program, and gives the loss with its gradients. Buffers change as in every run.
    ///
    /// - Throws: as `callAsFunction`; `ProgramError` for a program without a backward part.
    public func valueAndGradients<each Input>(_ arguments: repeat each Input) throws -> JointResults {
        try valueAndGradients(leaves: try callLeaves(repeat each arguments))
    }

    /// Runs a joint program on flattened arguments.
    public func valueAndGradients(leaves: [LeafValue]) throws -> JointResults {
        guard isJoint else {
            throw ProgramError(.notJoint, "the program computes no gradients; make it with exportJoint, or EntryPoint.joint")
        }
        let outputs: [LeafValue] = try allOutputs(leaves: leaves)
        var loss: Tensor?
        var gradients: [String: Tensor] = [:]
        var inputGradients: [String: Tensor] = [:]
        var results: [LeafValue] = []
        for (role, output) in zip(graphSignature.outputRoles, outputs) {
            switch role {
            case .userOutput: results.append(output)
            case .loss:
                results.append(output)
                loss = output.tensor
            case .gradientToParameter(let name): gradients[name] = output.tensor
            case .gradientToUserInput(let name): inputGradients[name] = output.tensor
            case .bufferMutation: break
            }
        }
        guard let loss else { throw ProgramError(.invalidGraph, "the program's loss is no tensor") }
        let entries: [ModuleGradients.Entry] = state.slots.filter(\.isParameter).map { slot in
            ModuleGradients.Entry(names: slot.names, gradient: slot.names.lazy.compactMap { gradients[$0] }.first)
        }
        return JointResults(
            loss: loss, gradients: ModuleGradients(entries: entries), inputGradients: inputGradients, leaves: results,
            outSpec: callSpec.outSpec)
    }
}
