import ApusGraph
import ApusSymbolic
import ApusTensor

/// Reads the one element of a tensor, for the steps that follow.
final class ReadStep: Step {
    private let call: Call
    private let tensor: Tensor
    private let numbers: RunNumbers
    private let slot: Int
    let site: NodeSite?
    private let kernel: @Sendable (Call) throws -> [OperatorArgument]

    init(
        _ call: Call, _ numbers: RunNumbers, slot: Int, _ site: NodeSite?,
        kernel: @escaping @Sendable (Call) throws -> [OperatorArgument]
    ) throws {
        (self.call, tensor, self.numbers, self.slot, self.site) = (call, try call.tensor(0), numbers, slot, site)
        self.kernel = kernel
    }

    var operators: [Operator] { [call.operator] }
    var operands: [Tensor?] { [tensor] }
    let outputs: [Tensor] = []

    func run(_ next: inout Int) throws {
        switch tensor.dtype {
        case .int64: numbers.set(slot, .int(Int(tensor.baseAddress.load(as: Int64.self))))
        case .float32: numbers.set(slot, .float(Double(tensor.baseAddress.load(as: Float.self))))
        default:
            guard let value = try kernel(call).first else { throw call.error(.unsupported, "gave no number") }
            numbers.set(slot, try RuntimeValue(value))
        }
    }
}

/// A kernel some of whose arguments are numbers that the run has read.
final class NumberedStep: Step {
    let site: NodeSite?
    let operands: [Tensor?]
    let outputs: [Tensor]
    private let call: Call
    private let numbers: [(position: Int, number: RunNumber)]
    private let kernel: ComputeStep.Kernel

    init(
        _ call: Call, _ numbers: [(position: Int, number: RunNumber)], _ outputs: [Tensor], _ site: NodeSite?,
        kernel: @escaping ComputeStep.Kernel
    ) {
        (self.call, self.numbers, self.outputs, self.site, self.kernel) = (call, numbers, outputs, site, kernel)
        operands = call.tensors
    }

    var operators: [Operator] { [call.operator] }

    func run(_ next: inout Int) throws {
        var arguments: [OperatorArgument] = call.arguments
        for (position, number) in numbers { arguments[position] = try number.value(in: call.name) }
        let call = Call(self.call.operator, arguments)
        // What the operator asks of its numbers stands in its rule.
        let specs: [TensorSpec] = try call.operator.rule(call)
        guard specs.count == outputs.count, zip(specs, outputs).allSatisfy({ $0.isIdentical(to: $1.spec) }) else {
            throw call.error(.unsupported, "gives \(specs) where \(outputs.map(\.spec)) are planned")
        }
        do {
            try kernel(call, outputs)
        } catch let error as TensorError {
            throw numbers.first?.number.explained(error) ?? error
        }
    }
}
