import ApusArchive

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
    private let line: ProgressLine

    /// - Parameters:
    ///   - title: what stands in front
    ///   - total: how many steps there are; nil where nobody knows
    public init(_ title: String, total: Int? = nil) { line = ProgressLine(title, total: total) }

    /// Says that steps were done.
    /// - Parameter values: numbers to show, such as the last loss; those of earlier calls stay where a name is not given
    public func advance(_ values: [String: Double] = [:], by count: Int = 1) { line.advance(values, by: count) }

    /// Writes the last line. Nothing is written after it.
    public func finish() { line.finish() }
}
