import ApusSymbolic
import ApusTensor

extension Operator {
    /// A part of a program under a name: what a partitioner sets apart for a back end, and runs as it is without one.
    public static let call: Operator = Operator(
        "apus::call(str name, Graph body, Tensor[] operands) -> Tensor[]",
        "Runs a body on the operands. The name says which part of a program it is, or which back end takes it.",
        rule: { call in
            let part = try PartArguments(call)
            return try part.body.graph.outputs.map { output in
                guard let spec = part.body.graph.spec(of: output) else {
                    throw call.error(.unsupported, "the part '\(part.name)' gives what is no tensor")
                }
                return spec
            }
        },
        kernel: .host { call in try ControlFlowRun().results(of: call) ?? [] },
        samples: {
            var graph = Graph()
            let spec = TensorSpec(.float32, try Shape([2]))
            let input = graph.addInput("x", .tensor(spec))
            graph.outputs = [.value(input)]
            return [[.string("part"), .graph(GraphBody(graph)), .tensors([try Tensor([1, 2] as [Float], shape: [2])])]]
        })
}

/// The arguments of a part of a program, by their meaning.
public struct PartArguments<Reference: Sendable>: ControlFlowArguments {
    public let name: String
    public let body: GraphBody
    public let operands: [Reference]

    public init(_ arguments: [ArgumentOf<Reference>]) throws {
        guard arguments.count == 3, case .string(let name) = arguments[0], case .graph(let graph) = arguments[1],
            let body = graph as? GraphBody, case .tensors(let operands) = arguments[2]
        else {
            throw TensorError(.invalidArgument, in: "call", "takes a name, a graph and a list of operands")
        }
        guard body.graph.inputs.count == operands.count else {
            throw TensorError(
                .invalidArgument, in: "call",
                "the part '\(name)' takes \(body.graph.inputs.count) inputs where \(operands.count) operands are given")
        }
        (self.name, self.body, self.operands) = (name, body, operands)
    }
}
