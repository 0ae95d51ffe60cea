import ApusSymbolic
import ApusTensor

/// An interpreter that makes a program which is called a part of the one that it writes. Only code that traces has one: anywhere else a call
/// of a program runs it.
package protocol InliningInterpreter: Interpreter {
    /// Everything that the program's graph gives for the inputs, which nobody has checked yet.
    func inline(_ program: ExportedProgram, _ inputs: [Tensor]) throws -> [LeafValue]
}

/// Makes sure of a condition. One on input sizes is what is left of a path that throws: the function that is traced asks, as that one did, and
/// rejects what goes that way. One on numbers that were read is required of the run.
package func requireOrAsk(_ condition: SymBool, _ error: @autoclosure () -> TensorError) throws {
    if decide(condition) == nil, condition.freeSymbols.allSatisfy(\.isBacked) {
        if condition.value { return }
        throw error()
    }
    try require(condition, error())
}

extension LeafValue {
    /// Whether a number of the function that is traced is what the program was made with: the function's question where it is open, as eager code
    /// finds out by the call. False for what is plain.
    func isKnown(as expected: LeafValue, _ mismatch: @autoclosure () -> String) throws -> Bool {
        let agrees: SymBool
        switch (self, expected) {
        case (.int(let size), .int(let known)) where size.constant == nil: agrees = size == known
        case (.float(let number), .float(let known)) where number.constant == nil:
            agrees = known.constant?.isNaN == true ? number != number : number == known
        default: return false
        }
        try requireOrAsk(agrees, TensorError(.checkFailed, mismatch()))
        return true
    }
}
