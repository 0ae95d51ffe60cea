import ApusProgram
import ApusSymbolic
import ApusTensor

/// One thing that keeps a function from being exported as it is declared, or inputs that the program will reject.
public struct ExportFailure: Sendable {
    public enum Kind: String, Sendable, Hashable {
        /// A condition on input sizes that the constraints do not imply.
        case constraint
        /// `Int(n)` of a size that may be many.
        case specialization
        /// A plain number or size was asked for where it depends on values.
        case dataDependent
        /// An operator, or a case of it, that Apus does not have.
        case unsupported
        /// A question or an operation that was not there in another run.
        case notDeterministic
        /// More paths or questions than were allowed for.
        case overBudget
        /// A tensor of the trace that the function kept.
        case leakedValue
        /// An error that ends the only path of the function.
        case error
        /// An error that ends one of several paths: the program rejects the inputs of that path with its text.
        case rejectedInputs
    }

    public let kind: Kind
    /// The error's text, or who needs a condition and why.
    public let message: String
    public let site: CallSite?
    /// What must hold, for `constraint` and `specialization`.
    public let condition: SymBool?
    /// Inputs on which it goes wrong.
    public let witness: SymbolScope.Assignment?
    /// What was thrown.
    public let error: any Error

    /// False where a program can be made nevertheless, one that rejects inputs.
    public var isFatal: Bool { kind != .rejectedInputs }
}

extension ExportFailure: CustomStringConvertible {
    /// A headline with the kind, then the message, the condition, the witness and the place, a line each.
    public var description: String {
        var lines = [headline]
        if let condition { lines.append("    required by  \(condition)") }
        lines.append("    because      \(message)")
        if let witness, !witness.integers.isEmpty { lines.append("    fails at     \(witness)") }
        if let site { lines.append("    in           \(site)") }
        return lines.joined(separator: "\n")
    }

    private var headline: String {
        switch kind {
        case .constraint: "A condition that the constraints do not imply."
        case .specialization: "A size turned into one number."
        case .dataDependent: "A number that depends on values."
        case .unsupported: "An unsupported operation."
        case .notDeterministic: "A function that is not deterministic."
        case .overBudget: "Too many paths."
        case .leakedValue: "A traced tensor that is kept."
        case .error: "An error on the only path."
        case .rejectedInputs: "Inputs that the program rejects."
        }
    }
}

/// Takes the failures of one tracing, so that it can go on.
final class FailureCollector {
    private(set) var failures: [ExportFailure] = []
    private(set) var violations: [ConstraintViolation] = []

    /// Thrown in place of failures that are in the collector.
    struct Collected: Error {}

    func record(_ error: any Error) {
        if let error = error as? ConstraintViolationError {
            for violation in error.violations where !isKnown(violation) {
                violations.append(violation)
                // Whether the function catches the error is known only when all has been tried.
                let end: Int = failures.firstIndex { $0.kind == .rejectedInputs } ?? failures.count
                failures.insert(ExportFailure(violation, error), at: end)
            }
        } else if !(error is Collected) {
            add(ExportFailure(error, kind: error.failureKind, witness: nil))
        }
    }

    /// A path that throws. Inputs that take it are the witness.
    func recordRejection(_ error: any Error, on path: PathRecorder) {
        var symbols: [Symbol] = []
        for decision in path.decisions where decision.requirement == nil { symbols += decision.condition.freeSymbols }
        let witness = path.scope.witness().map { path.scope.smallest(near: $0, breaking: false, in: symbols) }
        add(ExportFailure(error, kind: .rejectedInputs, witness: witness))
    }

    /// Ends an export that can't give a program.
    func stopIfFailed(_ declared: DeclaredInputs) throws {
        if !violations.isEmpty { throw ConstraintViolationError(violations: violations).advised(by: declared) }
        if failures.contains(where: \.isFatal) { throw Collected() }
    }

    private func add(_ failure: ExportFailure) {
        let isKnown = failures.contains { $0.kind == failure.kind && $0.message == failure.message && $0.site == failure.site }
        if !isKnown { failures.append(failure) }
    }

    /// The same condition of the same line, on another path.
    private func isKnown(_ violation: ConstraintViolation) -> Bool {
        violations.contains { known in
            known.condition.isIdentical(to: violation.condition) && known.message == violation.message
                && known.site?.description == violation.site?.description
        }
    }
}

extension ExportFailure {
    init(_ violation: ConstraintViolation, _ error: ConstraintViolationError) {
        kind = violation.isDataDependent ? .dataDependent : violation.specialized != nil ? .specialization : .constraint
        message = violation.message
        site = violation.site
        condition = violation.condition
        witness = violation.witness
        self.error = error
    }

    init(_ error: any Error, kind: Kind, witness: Assignment?) {
        self.kind = kind
        message = (error as? ProgramError)?.message ?? error.unplaced
        site = error.callSite
        condition = nil
        self.witness = witness
        self.error = error
    }
}
