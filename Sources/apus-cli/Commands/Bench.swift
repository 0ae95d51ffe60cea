import Apus
import ArgumentParser

/// `apus bench`: how long one call takes.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Time a program on given or made-up inputs.")

    @OptionGroup var program: ProgramFile

    @Argument(help: "Inputs as for 'run'; made up from the declared shapes when omitted.")
    var inputs: [String] = []

    @OptionGroup var sizes: MadeUpInputs

    @Option(name: .long, help: "Counted calls.")
    var runs = 50

    @Flag(name: .long, help: "Time the same number of calls again with an event for each step, and sum the events up.")
    var events = false

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Timing: Encodable {
        let runs: Int
        let minimumMicroseconds: Double
        let medianMicroseconds: Double
        let maximumMicroseconds: Double
        let peakBytes: Int
        let events: ProfileSummary?
    }

    func validate() throws {
        guard (1...1_000_000).contains(runs) else { throw ValidationError("--runs must be between 1 and 1000000.") }
    }

    func run() throws {
        let program = try self.program.load()
        let tensors = try inputs.isEmpty ? sizes.inputs(for: program) : TensorFiles.inputs(inputs, for: program)
        for _ in 0..<min(runs, 5) { _ = try program.run(tensors: tensors) }
        AllocatorStatistics.resetPeak()
        let clock = ContinuousClock()
        let times: [Double] = try (0..<runs).map { _ in
            let duration = try clock.measure { _ = try program.run(tensors: tensors) }
            return Double(duration.components.seconds) * 1e6 + Double(duration.components.attoseconds) / 1e12
        }.sorted()
        let peak: Int = AllocatorStatistics.current.peakBytesInUse
        let profiler: Profiler? = events ? Profiler() : nil
        if let profiler { for _ in 0..<runs { _ = try program.run(tensors: tensors, profiler: profiler) } }
        let timing = Timing(
            runs: runs, minimumMicroseconds: times.first ?? 0, medianMicroseconds: times[times.count / 2],
            maximumMicroseconds: times.last ?? 0, peakBytes: peak, events: profiler?.summary)
        if json { return try writeJSON(timing) }
        try write("calls: \(timing.runs)")
        try write(
            "time per call: min \(timing.minimumMicroseconds) us, median \(timing.medianMicroseconds) us, max \(timing.maximumMicroseconds) us"
        )
        try write("peak tensor memory: \(timing.peakBytes) bytes")
        if let summary = timing.events { try write("\n\(summary)") }
    }
}
