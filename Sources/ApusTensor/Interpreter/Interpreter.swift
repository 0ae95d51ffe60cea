import ApusSymbolic
import CApusKernels

package typealias Interpreter = Operator.Interpreter

extension Operator {
    /// What `apply` asks to carry out an operation: a tracer, a gradient recorder, or nobody, which means eager execution.
    ///
    /// Interpreters nest: one hands what it has seen to the one around it. The current one belongs to the thread.
    open class Interpreter {
        /// The interpreter that was current when this one was made; nil for eager execution.
        public let outer: Interpreter?

        public init(outer: Interpreter? = Interpreter.current) {
            self.outer = outer
        }

        /// Carries out one operation. The base class hands it to the interpreter around it.
        open func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
            try Interpreter.with(outer) { try ApusTensor.apply(operation, arguments) }
        }

        /// Handles a condition that a rule or the user requires and that is not decided by constants.
        open func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
            guard let outer else {
                throw TensorError(.tracing, "the condition \(condition) belongs to a trace that has ended")
            }
            try outer.require(condition, failure)
        }

        /// Handles a requirement that several conditions meet, the one that is meant first: the position of the one that holds from here on; nil
        /// where one of them does, but which is open.
        open func require(anyOf conditions: [SymBool], _ failure: () -> TensorError) throws -> Int? {
            if let outer { return try outer.require(anyOf: conditions, failure) }
            try conditions.first.map { try require($0, failure) }
            return 0
        }

        /// A fresh size that only a run can tell, such as the number of non-zero elements, within a range.
        open func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
            guard let outer else {
                throw TensorError(.tracing, "the size of \(origin) depends on values that are not there")
            }
            return try outer.unbackedSize(for: origin, in: range)
        }

        /// Takes a fact about a size that only a run can tell, known to the rule that asked for it.
        open func assume(_ fact: SymBool) {
            guard let outer else {
                fact.scope?.assume(fact)
                return
            }
            outer.assume(fact)
        }

        /// What drawings without a seed draw from, where that is not the process's own generator.
        open var randomGenerator: RandomGenerator? { outer?.randomGenerator }

        /// Learns of an error that only tracing has: the trace can't become a program, whatever the function does with the error.
        open func fail(_ error: any Error) { outer?.fail(error) }

        /// Whether tensors that are no trace's hold their values while operations are carried out: not where a plan is laid out, whose memory is
        /// filled when it runs.
        open var hasValues: Bool { outer?.hasValues ?? true }

        /// Whether a question about values may be put: eager code and the paths of an export answer it, a body that stands for all its runs doesn't.
        open var takesQuestions: Bool { outer?.takesQuestions ?? true }

        /// Learns that values are read that are not there.
        /// - Throws: what ends whatever asked for them.
        open func readWithoutValues() throws { try outer?.readWithoutValues() }

        /// What is known of a condition: true, false, or nil for undecided.
        open func decide(_ condition: SymBool) -> Bool? {
            outer?.decide(condition) ?? condition.constant
        }
    }
}

extension Interpreter {
    /// The thread's current interpreter.
    @inline(__always)
    public static var current: Operator.Interpreter? {
        guard let pointer = apus_current_interpreter() else { return nil }
        return Unmanaged<Interpreter>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The interpreter on the thread's chain that is of a kind, the innermost one; nil where there is none.
    package static func innermost<Kind>(as kind: Kind.Type) -> Kind? {
        var next: Interpreter? = current
        while let interpreter = next {
            if let found = interpreter as? Kind { return found }
            next = interpreter.outer
        }
        return nil
    }

    /// Whether values of tensors that are no trace's can be read; an operation that would like to look first goes another way where not.
    static var hasValues: Bool { current?.hasValues ?? true }

    /// Whether questions about values have an answer; an operation that would like to ask goes a way that fits both answers where not.
    static var takesQuestions: Bool { hasValues && current?.takesQuestions ?? true }

    /// Runs the closure with the given interpreter current; nil means eager execution.
    public static func with<Result>(_ interpreter: Operator.Interpreter?, _ body: () throws -> Result) rethrows -> Result {
        let previous = apus_current_interpreter()
        apus_set_current_interpreter(interpreter.map { Unmanaged.passUnretained($0).toOpaque() })
        defer { apus_set_current_interpreter(previous) }
        return try withExtendedLifetime(interpreter, body)
    }
}

/// Requires a condition in a result rule or in a user's check.
///
/// Known conditions are settled here. While tracing, the tracer proves the condition, defers it to run time, or throws an error that says
/// what to declare; 'undecided' is never read as yes or no.
@inline(__always)
public func require(_ condition: SymBool, _ failure: @autoclosure () -> TensorError) throws {
    if condition.constant == true { return }
    try requireOpen(condition, failure)
}

/// Requires that one of several conditions holds, the one that is meant first. The position of the one that may be relied on from here on; nil
/// where one of them holds, but which is for `settle` to say.
func require(anyOf conditions: [SymBool], _ failure: @autoclosure () -> TensorError) throws -> Int? {
    if let known = conditions.firstIndex(where: { $0.constant == true }) { return known }
    let any: SymBool = .any(conditions)
    guard any.constant == nil, any.fault == nil, let interpreter = Interpreter.current else {
        try require(any.constant == false ? any : conditions.first ?? any, failure())
        return 0
    }
    return try interpreter.require(anyOf: conditions, failure)
}

@inline(never)
private func requireOpen(_ condition: SymBool, _ failure: () -> TensorError) throws {
    // Of a closure that may escape the compiler makes no copy of this function for each place that calls it, hundreds of them.
    try withoutActuallyEscaping(failure) { try settleRequirement(condition, $0) }
}

@inline(never)
private func settleRequirement(_ condition: SymBool, _ failure: @escaping () -> TensorError) throws {
    if condition.constant == false { throw failure() }
    if let fault = condition.fault {
        // A size of a trace that can't be written down says nothing of the sizes of a call: that ends the trace, not the path.
        throw TensorError(fault, ofTrace: condition.scope != nil, in: failure().operatorName, "the sizes can't be computed: ")
    }
    guard let interpreter = Interpreter.current else {
        throw TensorError(.tracing, "the condition \(condition) belongs to a trace that has ended")
    }
    try interpreter.require(condition, failure)
}

/// A fresh size that depends on values, from the current trace: `least...limit`, whatever sizes these are.
func unbackedSize(for origin: String, atLeast least: SymInt = 0, atMost limit: SymInt = SymInt(Int.max)) throws -> SymInt {
    guard let interpreter = Interpreter.current else {
        throw TensorError(.tracing, "the number of \(origin) depends on values, which a bare shape does not have")
    }
    let low: Int = Swift.max(least.constant ?? 0, 0)
    let size: SymInt = try interpreter.unbackedSize(for: origin, in: low...Swift.max(limit.constant ?? Int.max, low))
    if least.isSymbolic { interpreter.assume(size >= least) }
    if limit.isSymbolic { interpreter.assume(size <= limit) }
    return size
}

/// What is known of a condition without asking the user's branch to be decided: true, false, or nil for undecided.
@inline(__always)
public func decide(_ condition: SymBool) -> Bool? {
    condition.constant ?? Interpreter.current?.decide(condition)
}

/// Settles a condition that decides what a call means, such as whether an operand is read as vectors or as matrices.
///
/// What is known is the answer. What is open is a question of the program, as a branch on it is: both answers are traced. Where nobody can
/// follow both, the call has no one meaning: `TensorError` with code `tracing`.
func settle(_ condition: SymBool, in name: String) throws -> Bool {
    if let known = decide(condition) { return known }
    if let fault = condition.fault {
        throw TensorError(condition.scope == nil ? .overflow : .tracing, in: name, "the sizes can't be computed: \(fault)")
    }
    guard Interpreter.current != nil, condition.scope?.oracle != nil else {
        throw TensorError(.tracing, in: name, "what it computes depends on whether \(condition), which is open here")
    }
    return condition.value
}

/// Settles a number of results. One that is open is a question, as `Int(n)` is, where the values that it may have are few enough to trace each
/// of them; else the call has no one meaning: `TensorError` with code `tracing`, which gives the advice.
func settle(count: SymInt, of what: String, in name: String, _ advice: String) throws -> Int {
    if let known = count.constant { return known }
    if let fault = count.fault {
        throw TensorError(count.scope == nil ? .overflow : .tracing, in: name, "the sizes can't be computed: \(fault)")
    }
    if let known = count.scope?.range(of: count).singleValue { return known }
    guard Interpreter.current != nil, let oracle = count.scope?.oracle, oracle.canSpecialize(count) else {
        throw TensorError(
            .tracing, in: name,
            "the number of \(what) is open while tracing; declare at most 16 sizes, each of which is then traced, or \(advice)")
    }
    return Int(count)
}
