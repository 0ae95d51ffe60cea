import ApusSymbolic
import CApusKernels

// Which calls values can make fail though the rule accepts their shapes and dtypes, and what tells it. Such a call must run also where nobody
// reads its results; and a function that catches its error is a branch, wherever operations of a program can tell whether it fails.

/// How a call fails by its values, as far as that can be said before they are there.
package struct ValueFailure: Sendable {
    package let code: TensorError.Code
    /// What eager code says, without the values.
    package let message: String
    /// A zero-dimensional bool, true where the call does not fail; nil where no operation tells.
    package let condition: @Sendable (Call) throws -> Tensor?

    init(_ code: TensorError.Code, _ message: String, unless condition: @escaping @Sendable (Call) throws -> Tensor? = { _ in nil }) {
        self.code = code
        self.message = message
        self.condition = condition
    }

    static let unknown = ValueFailure(.invalidArgument, "fails for some values")

    /// The error of a call that fails.
    package func error(_ call: Call) -> TensorError { call.error(code, message) }

    /// Positions that must lie in `0 ..< size`.
    static func positions(_ index: Int, _ size: @escaping @Sendable (Call) throws -> SymInt) -> ValueFailure {
        ValueFailure(.indexOutOfRange, "an index is out of range") { call in
            try call.tensor(index).lies(from: 0, below: size(call)).all()
        }
    }

    /// Positions along the dimension that argument 1 names.
    static let positionsInDimension = positions(2) { call in
        let x = try call.tensor(0)
        return x.rank == 0 ? 1 : x.shape[try normalize(dim: try call.constant(1), rank: x.rank, in: call.name)]
    }

    /// Matrices whose factorisation says by numbers that are not 0 where it fails, and throws only if it is asked to.
    static func factorization(_ message: String, check: Int, info: Int) -> ValueFailure {
        ValueFailure(.singular, message) { call in
            guard try call.bool(check) else { return nil }
            var arguments = call.arguments
            arguments[check] = .bool(false)
            return try (applyTensors(call.operator, arguments)[info] .== 0).all()
        }
    }
}

extension Tensor {
    /// Whether each integer is at least one number and below another.
    func lies(from low: SymInt, below high: SymInt) throws -> Tensor {
        let positions: Tensor = try to(.int64)
        return try (positions .>= low) & (positions .< high)
    }
}

extension Operator {
    /// Whether a call on tensors of these specs may throw for some of their values.
    ///
    /// Follows from the record: from its effects, from the kernels for elementwise operations, whose dtype decides, and from the parts for
    /// operators that are made of others. A call whose parts can't be told is one that may.
    package func mayFail(_ call: Call) -> Bool { failure(of: call) != nil }

    /// How a call on tensors of these specs may fail; nil where it does for no values.
    package func failure(of call: Call) -> ValueFailure? {
        if let failure { return failure }
        if effects.contains(.mayFail) { return .unknown }
        if let form = pointwiseForm {
            guard let pointwise = try? form(call), let dtype = try? pointwise.computeDType(call) else { return .unknown }
            return pointwise.failure(computedIn: dtype)
        }
        guard !neverFails, case .composite = kernel, let decomposition else { return nil }
        let probe = FailureProbe(outer: Interpreter.current)
        do { _ = try Interpreter.with(probe) { try decomposition(call) } } catch { return .unknown }
        return probe.failure
    }
}

extension Pointwise {
    fileprivate func failure(computedIn compute: DType) -> ValueFailure? {
        guard apus_op_may_fail(Int32(operation.rawValue), Int32(compute.rawValue)) else { return nil }
        if operation == APUS_OP_POW_SCALAR {
            let exponent: Int = promoting.first ?? 1
            return ValueFailure(.invalidArgument, "an integer can't be raised to a negative power") { call in
                try (elements(exponent, of: call, .int64) .>= 0).all()
            }
        }
        let divisor: Int = position(operation == APUS_OP_ADDCDIV ? 2 : 1)
        return ValueFailure(.invalidArgument, "division of an integer by zero") { call in
            try (elements(divisor, of: call, compute) .!= 0).all()
        }
    }

    /// An argument as often as the operation reads it: of a result without elements never.
    private func elements(_ index: Int, of call: Call, _ dtype: DType) throws -> Tensor {
        let argument: Tensor =
            if case .tensor(let tensor) = call[index] { try tensor.to(dtype) } else { try Tensor.scalar(call.scalar(index), dtype: dtype) }
        return try argument.expanded(rule(call).shape)
    }
}

/// Goes through the parts of an operator without computing any, and notes whether one may fail.
private final class FailureProbe: Interpreter, FailureObserver {
    private(set) var failure: ValueFailure?

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        let call = Call(operation, arguments)
        let specs: [TensorSpec] = try operation.rule(call)
        if failure == nil { failure = operation.failure(of: call) }
        return specs.map { .tensor(Tensor(spec: $0)) }
    }

    override func decide(_ condition: SymBool) -> Bool? { condition.constant ?? condition.scope?.known(condition) }

    /// What the operator's own rule requires has been required where the call stands.
    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {}

    override func require(anyOf conditions: [SymBool], _ failure: () -> TensorError) throws -> Int? { 0 }

    func note(_ failure: ValueFailure) {}
}

/// An interpreter that learns how a part of an operator may fail, whose rule goes through its parts.
package protocol FailureObserver: Interpreter {
    func note(_ failure: ValueFailure)
}

extension Interpreter {
    /// Tells the nearest observer on the thread's chain.
    static func note(_ failure: ValueFailure) {
        var next: Interpreter? = current
        while let interpreter = next {
            if let observer = interpreter as? any FailureObserver { return observer.note(failure) }
            next = interpreter.outer
        }
    }
}
