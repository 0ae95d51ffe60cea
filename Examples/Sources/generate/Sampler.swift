import Foundation

/// Draws the next token from its scores, the same ones for the same seed.
struct Sampler {
    /// Divides the scores: below 1 the likely becomes likelier; 0 always takes the likeliest.
    var temperature: Float = 0.8
    /// Only so many of the likeliest are drawn from; nil: all.
    var topK: Int?
    /// Only the likeliest are drawn from, as many as have this share together.
    var topP: Float = 1
    private var state: UInt64

    init(temperature: Float, topK: Int?, topP: Float, seed: UInt64) {
        (self.temperature, self.topK, self.topP, state) = (temperature, topK, topP, seed)
    }

    mutating func next(_ scores: [Float]) -> Int {
        let order: [Int] = scores.indices.sorted { scores[$0] > scores[$1] }
        guard let best = order.first, temperature > 0 else { return order.first ?? 0 }
        let candidates: ArraySlice<Int> = order.prefix(max(topK ?? order.count, 1))
        let weights: [Float] = candidates.map { exp((scores[$0] - scores[best]) / temperature) }
        // The last one that is needed to reach the share is drawn from as well.
        let total: Float = weights.reduce(0, +)
        var kept = 0
        var share: Float = 0
        while kept < weights.count, kept == 0 || share < topP * total {
            share += weights[kept]
            kept += 1
        }
        var rest: Float = share * uniform()
        for (candidate, weight) in zip(candidates, weights.prefix(kept)) {
            rest -= weight
            if rest < 0 { return candidate }
        }
        return candidates[candidates.startIndex + kept - 1]
    }

    /// From 0 to below 1 (SplitMix64).
    private mutating func uniform() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Float((z ^ (z >> 31)) >> 40) / Float(1 << 24)
    }
}
