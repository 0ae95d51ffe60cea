/// What was measured for one benchmark.
struct Comparison: Encodable {
    let name: String
    let title: String
    var apus = Timing()
    var peer: Timing?
    var target: Double?
    /// In nanoseconds.
    var limit: Double?
    /// Whether the other side is PyTorch; else it is work of ours, or nothing.
    let isAgainstPyTorch: Bool
    /// Why one of the sides could not run.
    var remark: String?

    /// How many times faster than the peer: the ratio of the medians. Nil where a side is missing.
    var ratio: Double? {
        guard let peer, !peer.slices.isEmpty, !apus.slices.isEmpty else { return nil }
        return peer.median / apus.median
    }

    /// Whether the target is reached, or the limit kept; nil without either. A side that could not run reaches nothing.
    var isReached: Bool? {
        if let limit { return apus.median <= limit }
        guard let target else { return nil }
        return (ratio ?? 0) >= target
    }

    private enum CodingKeys: String, CodingKey {
        case name, title, apus, peer, target, remark, ratio
        case limit = "limit_ns"
        case isAgainstPyTorch = "against_pytorch"
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
        try container.encodeIfPresent(limit, forKey: .limit)
        try container.encode(isAgainstPyTorch, forKey: .isAgainstPyTorch)
        try container.encodeIfPresent(isReached, forKey: .isReached)
        try container.encodeIfPresent(remark, forKey: .remark)
    }
}

/// Measures both sides in turns, so that whatever else the machine does meets both alike.
func compare(_ benchmark: Benchmark, with peer: Peer, in environment: BenchmarkEnvironment, rounds: Int, slice: Double) -> Comparison {
    let isAgainstPyTorch: Bool = if case .pytorch = benchmark.other { true } else { false }
    var comparison = Comparison(
        name: benchmark.name, title: benchmark.title, target: benchmark.target, limit: benchmark.limit, isAgainstPyTorch: isAgainstPyTorch)
    do {
        let other = try otherSide(of: benchmark, peer, &comparison)
        let work = try benchmark.prepare(environment)
        try work()
        if other != nil { comparison.peer = Timing() }
        for round in 0..<rounds {
            // Who goes first changes every round: the second finds warmer clocks and colder caches.
            for turn in 0..<2 {
                if (round + turn) % 2 == 0 {
                    comparison.apus.add(samples: try measure(work, seconds: slice))
                } else if let other {
                    comparison.peer?.add(samples: try other.measure(slice), times: other.times)
                }
            }
        }
    } catch {
        comparison.remark = "\(error)"
    }
    return comparison
}

/// How the other side is measured, and how often its work counts; nil where there is none.
private func otherSide(
    of benchmark: Benchmark, _ peer: Peer, _ comparison: inout Comparison
) throws -> (times: Int, measure: (Double) throws -> [Double])? {
    switch benchmark.other {
    case .pytorch:
        if let reason = try peer.prepare(benchmark.name) {
            comparison.remark = "peer: \(reason)"
            return nil
        }
        return (1, { try peer.measure(benchmark.name, seconds: $0) })
    case .own(let times, let prepare):
        let work = try prepare()
        try work()
        return (times, { try measure(work, seconds: $0) })
    case .nothing: return nil
    }
}
