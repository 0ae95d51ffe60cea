import Foundation
import Synchronization

/// A line that says how far a long piece of work is: `epoch 2  1200/4000  30%  loss 0.0312  815/s  0:03 left`.
///
/// On a terminal one line changes, ten times a second at most; elsewhere, as in a log file, a line is written every ten seconds, and one at the end. It may be
/// told by several tasks.
package final class ProgressLine: Sendable {
    /// What is counted.
    package enum Unit: Sendable { case steps, bytes }

    /// Is told of bytes that are written to files, and read for their checksums alone.
    @TaskLocal package static var current: ProgressLine?

    private struct State {
        var done = 0
        var values: [String: Double] = [:]
        var shown: Double?
        var isOver = false
        var lastWidth = 0
    }

    private let title: String
    private let total: Int?
    private let unit: Unit
    private let isTerminal: Bool
    private let delay: Double?
    private let clock: @Sendable () -> Double
    private let print: @Sendable (String) -> Void
    private let start: Double
    private let state = Mutex(State())

    /// - Parameters:
    ///   - title: what stands in front
    ///   - total: how much there is to do; nil where nobody knows
    ///   - delay: for so many seconds nothing is written, and nothing at all of work that is over by then; nil for work of which everybody wants to know
    package convenience init(_ title: String, total: Int? = nil, in unit: Unit = .steps, after delay: Double? = nil) {
        self.init(
            title, total: total, in: unit, after: delay, isTerminal: ProgressLine.isSeen, clock: { ProcessInfo.processInfo.systemUptime },
            print: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) })
    }

    package init(
        _ title: String, total: Int?, in unit: Unit = .steps, after delay: Double? = nil, isTerminal: Bool,
        clock: @escaping @Sendable () -> Double, print: @escaping @Sendable (String) -> Void
    ) {
        (self.title, self.total, self.unit, self.delay) = (title, total, unit, delay)
        (self.isTerminal, self.clock, self.print) = (isTerminal, clock, print)
        start = clock()
    }

    /// Whether standard error is a terminal, at which somebody may look.
    package static var isSeen: Bool { isatty(STDERR_FILENO) == 1 }

    /// Says that work was done.
    /// - Parameter values: numbers to show, such as the last loss; those of earlier calls stay where a name is not given
    package func advance(_ values: [String: Double] = [:], by count: Int = 1) {
        let time: Double = clock()
        state.withLock { state in
            state.done &+= count
            state.values.merge(values) { $1 }
            // The first line comes at once on a terminal, where somebody waits.
            let first: Double = start + (delay ?? (isTerminal ? 0 : 10))
            let due: Double = state.shown.map { $0 + (isTerminal ? 0.1 : 10) } ?? first
            if time >= due, !state.isOver { show(&state, time) }
        }
    }

    /// Writes the last line. Nothing is written after it.
    package func finish() {
        let time: Double = clock()
        state.withLock { state in
            guard !state.isOver else { return }
            state.isOver = true
            if state.shown != nil || delay == nil { show(&state, time) }
        }
    }

    private func show(_ state: inout State, _ time: Double) {
        state.shown = time
        let line: String = text(state, time)
        // On a terminal the line before is written over, and what of it was longer.
        let blanks = String(repeating: " ", count: max(0, state.lastWidth - line.count))
        state.lastWidth = line.count
        print(isTerminal ? "\r\(line)\(blanks)\(state.isOver ? "\n" : "")" : line + "\n")
    }

    private func text(_ state: State, _ time: Double) -> String {
        let seconds: Double = max(time - start, 1e-9)
        let rate: Double = Double(state.done) / seconds
        // How large a file becomes is known nearly.
        let done: Int = unit == .bytes ? min(state.done, total ?? .max) : state.done
        var parts: [String] = [title, total.map { "\(amount(done))/\(amount($0))" } ?? amount(done)]
        if unit == .bytes { parts[1] += " MB" }
        // Counts are the caller's: any number, and not always one that goes with the total.
        if let total, total > 0 { parts.append("\(Int(min(max(100 * Double(done) / Double(total), 0), 1e6).rounded(.down)))%") }
        parts += state.values.sorted { $0.key < $1.key }.map { "\($0.key) \(ProgressLine.short($0.value))" }
        parts.append(unit == .bytes ? "\(ProgressLine.short(rate / 1e6)) MB/s" : "\(ProgressLine.short(rate))/s")
        if state.isOver {
            parts.append("\(ProgressLine.time(seconds))")
        } else if let total, rate > 0 {
            parts.append("\(ProgressLine.time(max(0, Double(total) - Double(state.done)) / rate)) left")
        }
        return parts.joined(separator: "  ")
    }

    /// Steps, or whole megabytes.
    private func amount(_ count: Int) -> String { unit == .bytes ? "\(Int((Double(count) / 1e6).rounded(.up)))" : "\(count)" }

    private static func short(_ number: Double) -> String { String(format: "%.4g", number) }

    /// `1:02:03`, `0:07`; a day and more in hours.
    private static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? String(format: "%d:%02d:%02d", hours, minutes, whole % 60) : String(format: "%d:%02d", minutes, whole % 60)
    }
}
