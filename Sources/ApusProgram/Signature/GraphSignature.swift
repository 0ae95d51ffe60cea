import ApusGraph

/// The role of one graph input.
public enum InputRole: Sendable, Hashable {
    /// A module's parameter, by its dotted name.
    case parameter(String)
    /// A module's buffer, by its dotted name.
    case buffer(String, persistent: Bool)
    /// A tensor that the function captured, or made of plain numbers while it was traced.
    case constant(String)
    /// A leaf of the caller's arguments.
    case userInput
}

/// The role of one graph output.
public enum OutputRole: Sendable, Hashable {
    /// The new value of a buffer, by its dotted name.
    case bufferMutation(String)
    /// A leaf of the caller's result.
    case userOutput
    /// The loss of a joint graph, which is a leaf of the caller's result too.
    case loss
    case gradientToParameter(String)
    /// The gradient with respect to a user input, by the input's name.
    case gradientToUserInput(String)
}

extension InputRole {
    /// The name of a parameter, buffer or constant; nil for what is the caller's.
    package var name: String? {
        switch self {
        case .parameter(let name), .buffer(let name, _), .constant(let name): name
        case .userInput: nil
        }
    }
}

extension [OutputRole] {
    /// The buffers that calls change, with the positions of their new values.
    package var changedBuffers: [String: Int] {
        Dictionary(
            enumerated().compactMap { position, role in if case .bufferMutation(let name) = role { (name, position) } else { nil } },
            uniquingKeysWith: { first, _ in first })
    }
}

/// Which graph inputs and outputs are what, by name.
///
/// Inputs come in the order parameters, buffers, constants, user inputs; outputs in the order mutations, user outputs, gradients. Every
/// input and output has exactly one role, and what a dictionary below names by an output has an output to itself.
public struct ExportGraphSignature: Sendable {
    /// Roles by position: what everything below is derived from.
    public let inputRoles: [InputRole]
    public let outputRoles: [OutputRole]
    private let inputNames: [String]
    private let outputNames: [String]

    /// - Parameter parts: in the order of a signature
    init(_ parts: ProgramParts) {
        let graph: Graph = parts.graph
        inputRoles = parts.inputRoles
        outputRoles = parts.outputRoles
        inputNames = graph.inputs.map { graph.name($0) }
        outputNames = graph.outputs.enumerated().map { index, output in output.value.map { graph.name($0) } ?? "output_\(index)" }
    }

    /// Dotted names in registration order.
    public var parameters: [String] { inputRoles.compactMap { if case .parameter(let name) = $0 { name } else { nil } } }
    /// Dotted names in registration order.
    public var buffers: [String] { inputRoles.compactMap { if case .buffer(let name, _) = $0 { name } else { nil } } }
    /// Names of the tensors that were captured.
    public var constants: [String] { inputRoles.compactMap { if case .constant(let name) = $0 { name } else { nil } } }

    /// Graph names of the tensors that the caller passes, after flattening.
    public var userInputs: [String] { zip(inputRoles, inputNames).compactMap { $0 == .userInput ? $1 : nil } }
    /// Graph names of what the caller gets, after flattening.
    public var userOutputs: [String] {
        zip(outputRoles, outputNames).compactMap { $0 == .userOutput || $0 == .loss ? $1 : nil }
    }

    /// Graph input -> parameter.
    public var inputsToParameters: [String: String] {
        pairs(inputRoles, inputNames) { if case .parameter(let name) = $0 { name } else { nil } }
    }
    /// Graph input -> buffer.
    public var inputsToBuffers: [String: String] {
        pairs(inputRoles, inputNames) { if case .buffer(let name, _) = $0 { name } else { nil } }
    }
    /// Graph output -> the buffer it is the new value of.
    public var buffersToMutate: [String: String] {
        pairs(outputRoles, outputNames) { if case .bufferMutation(let name) = $0 { name } else { nil } }
    }

    /// Set for joint graphs only.
    public var backwardSignature: ExportBackwardSignature? {
        guard let position = outputRoles.firstIndex(of: .loss) else { return nil }
        return ExportBackwardSignature(
            gradientsToParameters: pairs(outputRoles, outputNames) { if case .gradientToParameter(let name) = $0 { name } else { nil } },
            gradientsToUserInputs: pairs(outputRoles, outputNames) { if case .gradientToUserInput(let name) = $0 { name } else { nil } },
            lossOutput: outputNames[position])
    }

    private func pairs<Role>(_ roles: [Role], _ names: [String], _ target: (Role) -> String?) -> [String: String] {
        var result: [String: String] = [:]
        for (role, name) in zip(roles, names) {
            if let target = target(role) { result[name] = target }
        }
        return result
    }
}

/// What the outputs of a joint (forward and backward) graph stand for.
public struct ExportBackwardSignature: Sendable, Hashable {
    /// Gradient output -> parameter.
    public let gradientsToParameters: [String: String]
    /// Gradient output -> user input.
    public let gradientsToUserInputs: [String: String]
    /// The output that the gradients are of.
    public let lossOutput: String
}

/// How the caller passes arguments and gets results.
public struct CallSpec: Sendable, Hashable {
    /// A tuple of the arguments.
    public let inSpec: TreeSpec
    public let outSpec: TreeSpec

    public init(inSpec: TreeSpec, outSpec: TreeSpec) {
        self.inSpec = inSpec
        self.outSpec = outSpec
    }
}
