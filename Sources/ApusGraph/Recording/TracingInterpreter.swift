import ApusSymbolic
import ApusTensor

/// A recorder of what a function does: what control flow needs of it to trace bodies.
package protocol TracingInterpreter: Recorder {
    /// Whether what is traced only serves to learn types from, and is thrown away.
    var isTrial: Bool { get }
    /// Throws why the trace can't become a program, once it can't: what is traced from there on is of no use.
    func requireGoing() throws
    /// Makes sure that a predicate has an answer, where the function's other way throws: the program checks it, and rejects with the error's
    /// text. False in a run that goes on in the error, which the function may catch.
    func demand(_ predicate: Predicate, is answer: Bool, orThrow error: any Error, site: CallSite) throws -> Bool
}

extension Interpreter {
    /// The interpreter on the thread's chain that writes a program; nil in eager code.
    package static var tracing: (any TracingInterpreter)? {
        var next: Interpreter? = current
        while let interpreter = next {
            if let tracing = interpreter as? any TracingInterpreter { return tracing }
            next = interpreter.outer
        }
        return nil
    }
}
