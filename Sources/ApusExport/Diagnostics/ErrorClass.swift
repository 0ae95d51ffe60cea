import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

// What an error means that a function ends in while it is traced, said in one place.
//
// One that only tracing has says nothing of what eager code does: it ends the export (or the trace of a body), whether or not the function
// catches it, and no input may be refused for it. Any other is the function's own: the inputs that go its way are rejected with its text, by
// a path of the program or a check of a body; on a function's only path it ends the export, too.

extension Error {
    /// True for an error that says what a trace can't do. Eager code would not throw it.
    var isOfTrace: Bool {
        switch self {
        case let error as TensorError: error.code == .tracing
        case let error as SymbolicError: !error.isOfNumbers
        default: self is ProgramError || self is ConstraintViolationError || self is BodyQuestionError
        }
    }

    /// The error's place in the source, where it knows one.
    var callSite: CallSite? {
        switch self {
        case let error as TensorError: error.site
        case let error as ProgramError: error.site
        case let error as ConstraintViolationError: error.violations.first?.site
        case let error as BodyQuestionError: error.site
        default: nil
        }
    }

    /// What kind of failure of an export the error is.
    var failureKind: ExportFailure.Kind {
        switch self {
        case let error as ProgramError:
            switch error.code {
            case .notDeterministic: .notDeterministic
            case .overBudget: .overBudget
            case .leakedValue: .leakedValue
            default: .error
            }
        case let error as TensorError:
            switch error.code {
            case .tracing: .dataDependent
            case .unsupported: .unsupported
            default: .error
            }
        default: .error
        }
    }
}
