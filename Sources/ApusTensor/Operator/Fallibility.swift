import ApusSymbolic
import CApusKernels

// Which calls values can make fail though the rule accepts their shapes and dtypes. Such a call must run also where nobody reads its results.

extension Operator {
    /// Whether a call on tensors of these specs may throw for some of their values.
    ///
    /// Follows from the record: from its effects, from the kernels for elementwise operations, whose dtype decides, and from the parts for
    /// operators that are made of others. A call whose parts can't be told is one that may.
    package func mayFail(_ call: Call) -> Bool {
        if effects.contains(.mayFail) { return true }
        if let form = pointwiseForm {
            guard let pointwise = try? form(call), let dtype = try? pointwise.computeDType(call) else { return true }
            return apus_op_may_fail(Int32(pointwise.operation.rawValue), Int32(dtype.rawValue))
        }
        guard case .composite = kernel, let decomposition else { return false }
        let probe = FailureProbe(outer: Interpreter.current)
        do { _ = try Interpreter.with(probe) { try decomposition(call) } } catch { return true }
        return probe.mayFail
    }
}

/// Goes through the parts of an operator without computing any, and notes whether one may fail.
private final class FailureProbe: Interpreter {
    private(set) var mayFail = false

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        let call = Call(operation, arguments)
        let specs: [TensorSpec] = try operation.rule(call)
        mayFail = mayFail || operation.mayFail(call)
        return specs.map { .tensor(Tensor(spec: $0)) }
    }

    override func decide(_ condition: SymBool) -> Bool? { condition.constant ?? condition.scope?.known(condition) }

    /// What the operator's own rule requires has been required where the call stands.
    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {}
}
