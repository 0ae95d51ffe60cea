import ApusSymbolic

/// An error that knows where in the user's program it comes from. What it prints ends with that line, in one form for all.
package protocol PlacedError: Error {
    var site: CallSite? { get }
    /// What is wrong, without the place: for errors and conditions that say it in their own text, and have a place of their own.
    var statement: String { get }
}

extension PlacedError {
    package var placed: String { site?.location.map { "\(statement) (at \($0))" } ?? statement }
}

extension Error {
    /// What an error says, without its place where it has one.
    package var unplaced: String { (self as? any PlacedError)?.statement ?? "\(self)" }
}
