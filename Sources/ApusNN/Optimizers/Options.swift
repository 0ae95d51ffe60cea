import ApusSymbolic
import ApusTensor

// What options of optimizers, schedulers and initialisers are asked for. Errors name the option and what takes it.

extension ScalarConvertible {
    /// The plain number of an option, at least `minimum` and, where a limit is given, below that.
    func option(_ name: String, in user: String, from minimum: Double = 0, below limit: Double = .infinity) throws -> Double {
        let value: Double = try plainNumber(name, in: user)
        guard value >= minimum, value < limit || limit == .infinity else {
            let range: String = limit == .infinity ? "at least \(minimum)" : "at least \(minimum) and below \(limit)"
            throw TensorError(.invalidArgument, in: user, "\(name) must be \(range), not \(value)")
        }
        return value
    }

    /// The plain number of an option of something that does not throw. As `Int(size)` does, a value that is none leaves its fault for the next
    /// operation that can throw, and gives 0.
    func settledOption(_ name: String, in user: String, from minimum: Double = -.infinity) -> Double {
        do {
            return try option(name, in: user, from: minimum)
        } catch {
            return Double(Int(SymInt.invalid(SymbolicError(.symbolic, error.unplaced))))
        }
    }
}
