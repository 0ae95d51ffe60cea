import Apus
import Console

/// Writes on from a beginning, one character after the other.
struct Writer {
    struct Result {
        var ids: [Int] = []
        /// For each of them what it was drawn from.
        var scores: [[Float]] = []
        /// The time that decoding took, without reading the beginning.
        var seconds = 0.0
    }

    let prefill: (Tensor) throws -> Tensor
    let decode: (Tensor, Tensor) throws -> Tensor

    /// - Parameter forced: what is written in the place of what would be drawn.
    func write(after prompt: [Int], count: Int, _ sampler: Sampler, forced: [Int]? = nil) throws -> Result {
        var sampler = sampler
        var result = Result()
        var known: [Int] = prompt
        var scores: [Float] = try prefill(Tensor([known])).array()
        var filled: Int = known.count
        let clock = ContinuousClock()
        while true {
            let drawn: Int = sampler.next(scores)
            let next: Int = forced?[result.ids.count] ?? drawn
            result.ids.append(next)
            result.scores.append(scores)
            known.append(next)
            guard result.ids.count < count else { return result }
            let start = clock.now
            if filled == CharacterModel.context {
                // The cache is full: the newer half is read again from the front.
                filled = CharacterModel.context / 2
                scores = try prefill(Tensor([Array(known.suffix(filled))])).array()
            } else {
                scores = try decode(Tensor([[next]]), Tensor([filled])).array()
                filled += 1
            }
            result.seconds += (clock.now - start).seconds
        }
    }
}
