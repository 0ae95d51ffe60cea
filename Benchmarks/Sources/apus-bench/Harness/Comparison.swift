import Foundation

/// One side of a comparison.
struct Side {
    static let apus = "Apus"

    let name: String
    /// How often its work counts.
    var times = 1
    let measure: (Double) throws -> Turn
}

/// What was measured for one piece of work.
struct Comparison: Encodable {
    struct Other: Encodable {
        let name: String
        var timing: Timing
    }

    /// What Apus is compared with.
    enum Kind: String, Encodable {
        /// PyTorch's case of the same name.
        case pytorch
        /// Other work of ours.
        case own
        /// Nothing.
        case alone
        /// A model under several runtimes: the best of them counts.
        case model
    }

    let name: String
    let title: String
    let kind: Kind
    let threads: Int
    var target: Double?
    /// In nanoseconds.
    var limit: Double?
    var apus = Timing()
    var others: [Other] = []
    /// Why one of the sides could not run.
    var remark: String?
    /// What disturbed the measurement, so that its times cannot be compared.
    var unrest: String?

    /// The fastest of the other sides.
    var best: Other? {
        others.filter { !$0.timing.slices.isEmpty }.min { $0.timing.median < $1.timing.median }
    }

    /// How many times faster than the best other side: the ratio of the medians. Nil where a side is missing, or was disturbed.
    var ratio: Double? {
        guard let best, !apus.slices.isEmpty, unrest == nil else { return nil }
        return best.timing.median / apus.median
    }

    /// Whether the target is reached, or the limit kept; nil without either, or where it cannot be told. A side that could not run
    /// reaches nothing.
    var isReached: Bool? {
        // What a busy machine did in time, a quiet one does too.
        if let limit, apus.median <= limit { return true }
        guard unrest == nil, target != nil || limit != nil else { return nil }
        return target.map { (ratio ?? 0) >= $0 } ?? false
    }

    /// Measures all sides in turns, so that whatever else the machine does meets all alike.
    ///
    /// A round in which any turn was disturbed does not count, and another one is taken for it, up to three times as many. Where there
    /// are not enough quiet ones, the times are those of all rounds, and `unrest` says why they give no ratio.
    ///
    mutating func measure(_ sides: [Side], rounds: Int, slice: Double) throws {
        guard !sides.isEmpty else { return }
        var quiet = sides.map { _ in Timing() }
        var all = quiet
        var disturbance: String?
        var taken = 0
        while quiet[0].slices.count < rounds, taken < rounds || (!quiet[0].slices.isEmpty && taken < 3 * rounds) {
            var turns: [Turn?] = sides.map { _ in nil }
            var isQuiet = true
            // Who goes first changes every round: the second finds warmer clocks and colder caches.
            for step in sides.indices {
                let index = (taken + step) % sides.count
                // Threads of the turn before may still spin, waiting for more work.
                Thread.sleep(forTimeInterval: 0.02)
                let (turn, unrest) = try watched { try sides[index].measure(slice) }
                turns[index] = turn
                if let unrest {
                    isQuiet = false
                    disturbance = "\(sides[index].name): \(unrest)"
                }
            }
            for (index, turn) in turns.enumerated() {
                guard let turn else { continue }
                all[index].add(turn, times: sides[index].times)
                if isQuiet { quiet[index].add(turn, times: sides[index].times) }
            }
            taken += 1
        }
        let isEnough = quiet[0].slices.count >= rounds
        unrest = isEnough ? nil : disturbance
        let timings = isEnough ? quiet : all
        for (side, timing) in zip(sides, timings) {
            if side.name == Side.apus { apus = timing } else { others.append(Other(name: side.name, timing: timing)) }
        }
    }

    private enum CodingKeys: String, CodingKey {
        case name, title, kind, threads, apus, others, target, remark, unrest, ratio
        case limit = "limit_ns"
        case isReached = "target_reached"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(title, forKey: .title)
        try container.encode(kind, forKey: .kind)
        try container.encode(threads, forKey: .threads)
        if !apus.slices.isEmpty { try container.encode(apus, forKey: .apus) }
        try container.encode(others, forKey: .others)
        try container.encodeIfPresent(ratio, forKey: .ratio)
        try container.encodeIfPresent(target, forKey: .target)
        try container.encodeIfPresent(limit, forKey: .limit)
        try container.encodeIfPresent(isReached, forKey: .isReached)
        try container.encodeIfPresent(remark, forKey: .remark)
        try container.encodeIfPresent(unrest, forKey: .unrest)
    }
}
