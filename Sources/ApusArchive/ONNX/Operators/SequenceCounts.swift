import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    /// How often each sequence of a pool stands in the input, with gaps or without.
    static func countedSequences(_ call: ONNXCall) throws -> Tensor {
        guard let pool = try call.ints("pool_int64s"), let starts = try call.ints("ngram_counts"),
            let columns = try call.ints("ngram_indexes")
        else {
            throw call.error("counts sequences of integers only; of texts it is not read")
        }
        let (least, most, gaps) = (
            try call.int("min_gram_length", 1), try call.int("max_gram_length", 1), try call.int("max_skip_count", 0)
        )
        let mode: String = try call.choice("mode", "TF", of: ["TF", "IDF", "TFIDF"])
        let given: Tensor = try call.tensor(0).to(.int64)
        let x: Tensor = given.rank == 1 ? try given.unsqueezed(0) : given
        guard x.rank == 2, let length = x.shape[1].constant else {
            throw call.error("counts in sequences whose length is known, not in \(given.spec)")
        }
        let width: Int = Swift.min(columns.max() ?? -1, 1 << 20) + 1
        guard width > 0, width <= 1 << 20, gaps >= 0, gaps < 1 << 10, starts.allSatisfy({ $0 >= 0 && $0 <= pool.count }),
            columns.allSatisfy({ $0 >= 0 })
        else {
            throw call.error(.invalidProgram, "has a pool that does not fit its tables")
        }
        var counts: Tensor = try Tensor.zeros([x.shape[0], SymInt(width)])
        var place = 0
        for (index, start) in starts.enumerated() {
            let size: Int = index + 1
            let end: Int = index + 1 < starts.count ? starts[index + 1] : pool.count
            guard end >= start, (end - start) % size == 0 else {
                throw call.error(.invalidProgram, "has a pool that does not fit its tables")
            }
            let number: Int = (end - start) / size
            guard place + number <= columns.count else {
                throw call.error(.invalidProgram, "has \(columns.count) columns for more sequences")
            }
            let targets: [Int] = Array(columns[place..<place + number])
            place += number
            guard number > 0, size >= least, size <= most else { continue }
            let wanted: Tensor = try Tensor(Array(pool[start..<end]), shape: [1, 1, number, size])
            for gap in 0...(size == 1 ? 0 : gaps) {
                let positions: Int = length - (size - 1) * (gap + 1)
                guard positions > 0 else { continue }
                let parts: [Tensor] = try (0..<size).map { try x.narrowed(dim: 1, from: $0 * (gap + 1), length: positions) }
                let isThere: Tensor = try (Tensor.stack(parts, dim: 2).unsqueezed(2) .== wanted).all(dim: 3)
                counts = try counts.indexAdd(dim: 1, Tensor(targets, shape: [number]), isThere.to(.float32).sum(dim: 1))
            }
        }
        if mode == "IDF" { counts = try (counts .> 0).to(.float32) }
        if mode != "TF", let weights = try call.floats("weights") {
            guard weights.count == columns.count else {
                throw call.error(.invalidProgram, "has \(weights.count) weights for \(columns.count) sequences")
            }
            var row: [Float] = Array(repeating: 1, count: width)
            for (column, weight) in zip(columns, weights) { row[column] = Float(weight) }
            counts = try counts * Tensor(row, shape: [1, width])
        }
        return given.rank == 1 ? try counts.squeezed(0) : counts
    }
}
