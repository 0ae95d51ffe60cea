import ApusGraph
import ApusTensor

/// A graph and the roles of its inputs and outputs in the order that a signature promises, whoever made the graph and in whatever order:
/// modules inside of modules, a file, a pass.
struct SignatureOrder {
    private(set) var graph: Graph
    let inputRoles: [InputRole]
    let outputRoles: [OutputRole]
    /// For each input that is not the user's, its position among those that were given.
    let stateOrder: [Int]

    /// Takes a role for each input and output of the graph.
    init(_ graph: Graph, _ inputRoles: [InputRole], _ outputRoles: [OutputRole]) {
        let inputs: [Int] = SignatureOrder.positions(inputRoles.map(\.place))
        let outputs: [Int] = SignatureOrder.positions(outputRoles.map(\.place))
        var statePositions: [Int] = []
        var stateCount = 0
        for role in inputRoles {
            statePositions.append(stateCount)
            if role != .userInput { stateCount += 1 }
        }
        self.graph = graph
        self.graph.setInputs(inputs.map { graph.inputs[$0] })
        self.graph.outputs = outputs.map { graph.outputs[$0] }
        self.inputRoles = inputs.map { inputRoles[$0] }
        self.outputRoles = outputs.map { outputRoles[$0] }
        stateOrder = inputs.filter { inputRoles[$0] != .userInput }.map { statePositions[$0] }
        separateOutputs()
    }

    /// The positions in the order of their places, equal ones as they were.
    private static func positions(_ places: [Int]) -> [Int] { places.indices.sorted { (places[$0], $0) < (places[$1], $1) } }

    /// A signature names what an output stands for by the output's name, so outputs with a meaning of their own are values of their own.
    ///
    /// A buffer's new value is a copy where something else has it too: an input, a result, or another buffer. Two gradients of one value
    /// need no copy, since neither is written to.
    private mutating func separateOutputs() {
        var taken = Set<Value>(graph.inputs)
        for (output, role) in zip(graph.outputs, outputRoles) where !role.isMutation {
            if let value = output.value { taken.insert(value) }
        }
        var parameterGradients = Set<Value>()
        var inputGradients = Set<Value>()
        for (position, role) in outputRoles.enumerated() {
            guard let value = graph.outputs[position].value else { continue }
            switch role {
            case .bufferMutation:
                if !taken.insert(value).inserted { replace(position, value, .clone, [.tensor(value), .none], "a buffer's own value") }
            case .gradientToParameter:
                if !parameterGradients.insert(value).inserted { shareGradient(position, value) }
            case .gradientToUserInput:
                if !inputGradients.insert(value).inserted { shareGradient(position, value) }
            case .userOutput, .loss: break
            }
        }
    }

    private mutating func shareGradient(_ position: Int, _ value: Value) {
        replace(position, value, .alias, [.tensor(value)], "one value for two gradients")
    }

    private mutating func replace(
        _ position: Int, _ value: Value, _ operation: Operator, _ arguments: [GraphArgument], _ provenance: String
    ) {
        let results: [Value] = graph.append(operation, arguments, types: [graph.type(value)], provenance: provenance)
        graph.outputs[position] = .value(results[0])
    }
}

extension InputRole {
    fileprivate var place: Int {
        switch self {
        case .parameter: 0
        case .buffer: 1
        case .constant: 2
        case .userInput: 3
        }
    }
}

extension OutputRole {
    fileprivate var isMutation: Bool { if case .bufferMutation = self { true } else { false } }

    fileprivate var place: Int {
        switch self {
        case .bufferMutation: 0
        case .userOutput, .loss: 1
        case .gradientToParameter, .gradientToUserInput: 2
        }
    }
}
