import ApusTensor

/// The arguments of an operator of control flow by their meaning: of a node's, references to values; of a call's, tensors.
public protocol ControlFlowArguments<Reference> {
    associatedtype Reference: Sendable

    /// - Throws: `TensorError` for arguments that are not the operator's.
    init(_ arguments: [ArgumentOf<Reference>]) throws
}

extension ControlFlowArguments where Reference == Graph.Value {
    public init(_ node: Graph.Node) throws { try self.init(node.arguments) }
}

extension ControlFlowArguments where Reference == Tensor {
    public init(_ call: Operator.Call) throws { try self.init(call.arguments) }
}
