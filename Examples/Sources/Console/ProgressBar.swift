import Foundation

/// A bar that is redrawn in place on a terminal; elsewhere (a file, a log) it prints a line at each tenth, so that a log stays readable.
public struct ProgressBar {
    private let title: String
    private let total: Int
    private let width = 30
    private let isTerminal: Bool
    private var tenths = 0

    /// A bar that is full at `total` steps.
    public init(_ title: String, total: Int) {
        self.title = title
        self.total = max(total, 1)
        isTerminal = isatty(1) == 1
    }

    /// Shows that `done` steps are behind us; `note` follows the bar, for instance the loss.
    public mutating func update(_ done: Int, note: String = "") {
        let done = min(max(done, 0), total)
        if isTerminal {
            let filled = width * done / total
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
            // Clearing to the end of the line wipes what a longer note left behind.
            print("\r\(title) \(bar) \(done)/\(total)  \(note)\u{1B}[K", terminator: done == total ? "\n" : "")
        } else {
            let reached = 10 * done / total
            guard reached > tenths else { return }
            tenths = reached
            print("\(title) \(done)/\(total)  \(note)")
        }
        fflush(nil)
    }
}
