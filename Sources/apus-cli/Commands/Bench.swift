import Apus
import ApusView
import ArgumentParser
import Dispatch
import Synchronization

/// `apus bench`: how long one call takes.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Time a program on given or made-up inputs.")

    @OptionGroup var program: ProgramFile

    @Argument(help: "Inputs as for 'run'; made up from the declared shapes when omitted.")
    var inputs: [String] = []

    @OptionGroup var sizes: MadeUpInputs

    @Option(name: .long, help: "Counted calls.")
    var runs = 50

    @Option(name: .long, help: "Threads that call at the same time, each as often as --runs says, after the calls of one alone.")
    var callers = 1

    @Option(name: .long, help: "The most threads that a call may use; all when omitted.")
    var threads: Int?

    @Flag(name: .long, help: "Time the same number of calls again with an event for each step, and sum the events up.")
    var events = false

    @Option(name: .long, help: "A file for the events of those calls, which chrome://tracing and Perfetto open.")
    var trace: String?

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Timing: Encodable {
        let runs: Int
        let minimumMicroseconds: Double
        let medianMicroseconds: Double
        let maximumMicroseconds: Double
        let peakBytes: Int
        /// Of calls that meet; nil for one caller.
        let meeting: Meeting?
        let events: ProfileSummary?
    }

    private struct Meeting: Encodable {
        let callers: Int
        let callsPerSecond: Double
        let medianMicroseconds: Double
        /// What 99 of 100 calls stay below.
        let percentile99Microseconds: Double
    }

    func validate() throws {
        guard (1...256).contains(callers) else { throw ValidationError("--callers must be between 1 and 256.") }
        if let threads, threads < 1 { throw ValidationError("--threads must be 1 or more.") }
        guard (1...1_000_000).contains(runs) else { throw ValidationError("--runs must be between 1 and 1000000.") }
    }

    func run() throws {
        let loaded = try self.program.load()
        let program = threads.map { loaded.limitingThreads(to: $0) } ?? loaded
        let tensors = try inputs.isEmpty ? sizes.inputs(for: program) : TensorFiles.inputs(inputs, for: program)
        for _ in 0..<min(runs, 5) { _ = try program.run(tensors: tensors) }
        AllocatorStatistics.resetPeak()
        let times: [Double] = try stage("calls", total: runs, isQuiet: json) { try self.times(program, tensors, $0) }
        let peak: Int = AllocatorStatistics.current.peakBytesInUse
        let profiler: Profiler? = events || trace != nil ? Profiler() : nil
        if let profiler {
            try stage("calls with events", total: runs, isQuiet: json) { line in
                for _ in 0..<runs {
                    _ = try program.run(tensors: tensors, profiler: profiler)
                    line?.advance()
                }
            }
        }
        if let trace, let profiler { try AtomicFile.write(ChromeTrace(profiler.events).json, to: trace) }
        let timing = Timing(
            runs: runs, minimumMicroseconds: times.first ?? 0, medianMicroseconds: times[times.count / 2],
            maximumMicroseconds: times.last ?? 0, peakBytes: peak,
            meeting: callers > 1
                ? try stage("calls that meet", total: runs * callers, isQuiet: json) { try meeting(program, tensors, $0) } : nil,
            events: events ? profiler?.summary : nil)
        if json { return try writeJSON(timing) }
        try write("calls: \(timing.runs)")
        try write(
            "time per call: min \(timing.minimumMicroseconds) us, median \(timing.medianMicroseconds) us, max \(timing.maximumMicroseconds) us"
        )
        try write("peak tensor memory: \(timing.peakBytes) bytes")
        if let meeting = timing.meeting {
            try write(
                "\(meeting.callers) callers: median \(meeting.medianMicroseconds) us, p99 \(meeting.percentile99Microseconds) us, \(meeting.callsPerSecond) calls a second"
            )
        }
        if let summary = timing.events { try write("\n\(summary)") }
    }

    /// What each of the calls takes, in microseconds, the quickest first.
    private func times(_ program: ExportedProgram, _ tensors: [Tensor], _ line: ProgressLine?) throws -> [Double] {
        let clock = ContinuousClock()
        return try (0..<runs).map { _ in
            defer { line?.advance() }
            return try clock.measure { _ = try program.run(tensors: tensors) }.microseconds
        }.sorted()
    }

    private func meeting(_ program: ExportedProgram, _ tensors: [Tensor], _ line: ProgressLine?) throws -> Meeting {
        let gathered = Mutex<(times: [Double], failure: (any Error)?)>(([], nil))
        let duration = ContinuousClock().measure {
            DispatchQueue.concurrentPerform(iterations: callers) { _ in
                let result = Result { try times(program, tensors, line) }
                gathered.withLock { gathered in
                    switch result {
                    case .success(let times): gathered.times += times
                    case .failure(let error): gathered.failure = error
                    }
                }
            }
        }
        let (all, failure) = gathered.withLock { ($0.times.sorted(), $0.failure) }
        if let failure { throw failure }
        return Meeting(
            callers: callers, callsPerSecond: Double(all.count) / (duration.microseconds / 1e6), medianMicroseconds: all[all.count / 2],
            percentile99Microseconds: all[min(all.count - 1, all.count * 99 / 100)])
    }
}

extension Duration {
    fileprivate var microseconds: Double { Double(components.seconds) * 1e6 + Double(components.attoseconds) / 1e12 }
}
