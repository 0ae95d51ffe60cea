import Foundation

/// What one turn of a side took.
struct Turn: Codable {
    /// Nanoseconds per call, the median of the samples.
    var nanoseconds: Double
    /// The same as the mean of all calls.
    var meanNanoseconds: Double
    /// The processor's nanoseconds per call, the mean of all calls; all threads together.
    var processorNanoseconds: Double
    /// The processor's nanoseconds of the whole turn, the call that sized the samples included.
    var processNanoseconds: Double

    /// The processor's time as a part of the time that passed: 1 for one busy thread, less for one that waited.
    var occupancy: Double { processorNanoseconds / meanNanoseconds }
}

/// What the process of a side holds, in bytes.
struct Memory: Codable {
    /// At most, as long as it lived.
    var peakBytes: Int
    /// Before it had a model: the libraries, and where there is one the interpreter.
    var baseBytes: Int?
}

/// Times per call in nanoseconds, one for each turn.
struct Timing: Encodable {
    private(set) var slices: [Double] = []
    private(set) var processor: [Double] = []
    var memory: Memory?

    /// - Parameter times: how often the work is to be counted.
    mutating func add(_ turn: Turn, times: Int = 1) {
        slices.append(turn.nanoseconds * Double(times))
        processor.append(turn.processorNanoseconds * Double(times))
    }

    var minimum: Double { slices.min() ?? .nan }
    var median: Double { slices.median ?? .nan }
    var processorMinimum: Double { processor.min() ?? .nan }
    var processorMedian: Double { processor.median ?? .nan }

    private enum CodingKeys: String, CodingKey {
        case minimum = "min_ns"
        case median = "median_ns"
        case slices = "slices_ns"
        case processorMinimum = "cpu_min_ns"
        case processorMedian = "cpu_median_ns"
        case processor = "cpu_slices_ns"
        case peak = "peak_bytes"
        case base = "base_bytes"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(minimum, forKey: .minimum)
        try container.encode(median, forKey: .median)
        try container.encode(slices, forKey: .slices)
        try container.encode(processorMinimum, forKey: .processorMinimum)
        try container.encode(processorMedian, forKey: .processorMedian)
        try container.encode(processor, forKey: .processor)
        try container.encodeIfPresent(memory?.peakBytes, forKey: .peak)
        try container.encodeIfPresent(memory?.baseBytes, forKey: .base)
    }
}

extension Collection where Element == Double {
    /// The middle value, or the mean of the two middle ones.
    var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// Measures work of this process for so many seconds.
///
/// A sample holds enough calls to be well above the clock's resolution, as on the peer's side. At least one sample is taken, however
/// long the work is.
func measure(_ work: () throws -> Void, seconds: Double) throws -> Turn {
    let clock = ContinuousClock()
    let beginning = processorNanoseconds()
    let first = try clock.measure(work).nanoseconds
    let calls = max(1, Int(50_000 / max(first, 1)))
    let end = clock.now + .seconds(seconds)
    var samples: [Double] = []
    let start = processorNanoseconds()
    repeat {
        let duration = try clock.measure {
            for _ in 0..<calls { try work() }
        }
        samples.append(duration.nanoseconds / Double(calls))
    } while clock.now < end
    let now = processorNanoseconds()
    return Turn(
        nanoseconds: samples.median ?? .nan, meanNanoseconds: samples.reduce(0, +) / Double(samples.count),
        processorNanoseconds: (now - start) / Double(calls * samples.count), processNanoseconds: now - beginning)
}

/// What all threads of this process took of the processor.
private func processorNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

extension Duration {
    var nanoseconds: Double {
        Double(components.seconds) * 1e9 + Double(components.attoseconds) / 1e9
    }
}
