/// Times per call in nanoseconds, one for each slice of the measurement.
struct Timing: Encodable {
    private(set) var slices: [Double] = []

    /// - Parameter times: how often the work is to be counted.
    mutating func add(samples: [Double], times: Int = 1) {
        if let median = samples.median { slices.append(median * Double(times)) }
    }

    var minimum: Double { slices.min() ?? .nan }
    var median: Double { slices.median ?? .nan }

    private enum CodingKeys: String, CodingKey {
        case minimum = "min_ns"
        case median = "median_ns"
        case slices = "slices_ns"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(minimum, forKey: .minimum)
        try container.encode(median, forKey: .median)
        try container.encode(slices, forKey: .slices)
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

/// Samples of the time per call in nanoseconds, taken for so many seconds.
///
/// A sample holds enough calls to be well above the clock's resolution, as on the peer's side. At least one sample is taken, however
/// long the work is.
func measure(_ work: () throws -> Void, seconds: Double) throws -> [Double] {
    let clock = ContinuousClock()
    let first = try clock.measure(work).nanoseconds
    let calls = max(1, Int(50_000 / max(first, 1)))
    let end = clock.now + .seconds(seconds)
    var samples: [Double] = []
    repeat {
        let duration = try clock.measure {
            for _ in 0..<calls { try work() }
        }
        samples.append(duration.nanoseconds / Double(calls))
    } while clock.now < end
    return samples
}

extension Duration {
    var nanoseconds: Double {
        Double(components.seconds) * 1e9 + Double(components.attoseconds) / 1e9
    }
}
