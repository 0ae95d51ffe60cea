/// What was measured for one benchmark.
struct Comparison: Encodable {
    let name: String
    let title: String
    var apus = Timing()
    var peer: Timing?
    var target: Double?
    /// Why one of the sides could not run.
    var remark: String?

    /// How many times faster than the peer: the ratio of the medians. Nil where a side is missing.
    var ratio: Double? {
        guard let peer, !peer.slices.isEmpty, !apus.slices.isEmpty else { return nil }
        return peer.median / apus.median
    }

    /// Whether the target is reached; nil without a target. A side that could not run reaches nothing.
    var isReached: Bool? {
        guard let target else { return nil }
        return (ratio ?? 0) >= target
    }

    private enum CodingKeys: String, CodingKey {
        case name, title, apus, peer, target, remark, ratio
        case isReached = "target_reached"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(title, forKey: .title)
        if !apus.slices.isEmpty { try container.encode(apus, forKey: .apus) }
        try container.encodeIfPresent(peer, forKey: .peer)
        try container.encodeIfPresent(ratio, forKey: .ratio)
        try container.encodeIfPresent(target, forKey: .target)
        try container.encodeIfPresent(isReached, forKey: .isReached)
        try container.encodeIfPresent(remark, forKey: .remark)
    }
}

/// Measures both sides in turns, so that whatever else the machine does meets both alike.
func compare(_ benchmark: Benchmark, with peer: Peer, in environment: BenchmarkEnvironment, rounds: Int, slice: Double) -> Comparison {
    var comparison = Comparison(name: benchmark.name, title: benchmark.title, target: benchmark.target)
    do {
        let reason = try peer.prepare(benchmark.name)
        if let reason { comparison.remark = "peer: \(reason)" }
        let work = try benchmark.prepare(environment)
        try work()
        if reason == nil { comparison.peer = Timing() }
        for round in 0..<rounds {
            // Who goes first changes every round: the second finds warmer clocks and colder caches.
            for turn in 0..<2 {
                if (round + turn) % 2 == 0 {
                    comparison.apus.add(samples: try measure(work, seconds: slice))
                } else if reason == nil {
                    comparison.peer?.add(samples: try peer.measure(benchmark.name, seconds: slice))
                }
            }
        }
    } catch {
        comparison.remark = "\(error)"
    }
    return comparison
}
