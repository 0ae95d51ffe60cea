import Foundation
import Synchronization

/// Says on standard error how far a long piece of work is: `epoch 2  1200/4000  30%  loss 0.0312  815/s  0:03 left`.
///
///     let progress = TrainingProgress("epoch 2", total: loader.count)
///     for try await (x, y) in loader.epoch(2) {
///         // ...
///         progress.advance(["loss": loss])
///     }
///     progress.finish()
///
/// On a terminal one line changes, ten times a second at most; elsewhere, as in a log file, a line is written every ten seconds, and one at the end. It may be
/// told by several tasks.
public final class TrainingProgress: Sendable {
    private struct State {
        var done = 0
        var values: [String: Double] = [:]
        var shown: Double?
        var isOver = false
        var lastWidth = 0
    }

    private let title: String
    private let total: Int?
    private let isTerminal: Bool
    private let clock: @Sendable () -> Double
    private let print: @Sendable (String) -> Void
    private let start: Double
    private let state = Mutex(State())

    /// - Parameters:
    ///   - title: what stands in front
    ///   - total: how many steps there are; nil where nobody knows
    public convenience init(_ title: String, total: Int? = nil) {
        self.init(
            title, total: total, isTerminal: isatty(STDERR_FILENO) == 1, clock: { ProcessInfo.processInfo.systemUptime },
            print: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) })
    }

    init(
        _ title: String, total: Int?, isTerminal: Bool, clock: @escaping @Sendable () -> Double, print: @escaping @Sendable (String) -> Void
    ) {
        (self.title, self.total, self.isTerminal, self.clock, self.print) = (title, total, isTerminal, clock, print)
        start = clock()
    }

    /// Says that steps were done.
    /// - Parameter values: numbers to show, such as the last loss; those of earlier calls stay where a name is not given
    public func advance(_ values: [String: Double] = [:], by count: Int = 1) {
        let time: Double = clock()
        state.withLock { state in
            state.done &+= count
            state.values.merge(values) { $1 }
            // The first line comes at once on a terminal, where somebody waits.
            let due: Double = state.shown.map { $0 + (isTerminal ? 0.1 : 10) } ?? (isTerminal ? time : start + 10)
            if time >= due, !state.isOver { show(&state, time) }
        }
    }

    /// Writes the last line. Nothing is written after it.
    public func finish() {
        let time: Double = clock()
        state.withLock { state in
            guard !state.isOver else { return }
            state.isOver = true
            show(&state, time)
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
        var parts: [String] = [title, total.map { "\(state.done)/\($0)" } ?? "\(state.done)"]
        if let total, total > 0 { parts.append("\(Int((100 * Double(state.done) / Double(total)).rounded(.down)))%") }
        parts += state.values.sorted { $0.key < $1.key }.map { "\($0.key) \(TrainingProgress.short($0.value))" }
        parts.append("\(TrainingProgress.short(rate))/s")
        if state.isOver {
            parts.append("\(TrainingProgress.time(seconds))")
        } else if let total, rate > 0 {
            parts.append("\(TrainingProgress.time(Double(max(0, total - state.done)) / rate)) left")
        }
        return parts.joined(separator: "  ")
    }

    /// Four digits.
    private static func short(_ number: Double) -> String { String(format: "%.4g", number) }

    /// `1:02:03`, `0:07`; a day and more in hours.
    private static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? String(format: "%d:%02d:%02d", hours, minutes, whole % 60) : String(format: "%d:%02d", minutes, whole % 60)
    }
}
