import Apus

extension RandomProgram {
    /// Judges an error of `export`: a refusal for a known reason, an error that every input gets from eager too, or a bug.
    func judge(_ error: any Error, throwsEverywhere: () throws -> Bool) rethrows -> Verdict {
        switch error {
        case let error as ConstraintViolationError: return .refused(.constraints, error.description)
        case let error as ProgramError:
            if let verdict = judge(error) { return verdict }
        case let error as TensorError:
            if error.code == .tracing { return .refused(.plainValue, error.description) }
            if isJoint, error.code == .notDifferentiable { return .refused(.notDifferentiable, error.description) }
        case let error as SymbolicError:
            if error.code == .tooComplex { return .refused(.tooComplex, "\(error)") }
        case is Refusal: break
        case let error as VerificationError: return .finding(Finding(kind: .brokenGraph, runner: "export", detail: "\(error)"))
        default: return .finding(Finding(kind: .untypedError, runner: "export", detail: "\(type(of: error)): \(error)"))
        }
        // What is left is the program's own error, which then must come of every input.
        if try throwsEverywhere() { return .pointless }
        return .finding(Finding(kind: .unexpectedRefusal, runner: "export", detail: "\(type(of: error)): \(error)"))
    }

    /// Nil where the error may be the program's own.
    private func judge(_ error: ProgramError) -> Verdict? {
        switch error.code {
        case .overBudget: return .refused(.overBudget, error.message)
        case .selfCheck: return .finding(Finding(kind: .wrongValue, runner: "self check", detail: error.message))
        case .untraceable:
            if error.message.hasPrefix("a size can't be computed") { return .refused(.invalidSize, error.message) }
            if error.message.hasPrefix("the body of") { return .refused(.questionInBody, error.message) }
            if error.message.hasSuffix("do not settle") { return .refused(.tooComplex, error.message) }
            if isJoint, error.message.hasPrefix("the loss has no gradient") {
                return .refused(.notDifferentiable, error.message)
            }
            return nil
        default: return .finding(Finding(kind: .brokenGraph, runner: "export", detail: "\(error.code.rawValue): \(error.message)"))
        }
    }
}
