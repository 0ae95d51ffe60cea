import ApusTensor

extension WeightFormat {
    /// A matrix in this format, and how it is read.
    struct Rounded {
        /// What is stored: the numbers, and scales.
        let stored: [Tensor]
        /// The matrix in float32 of what is stored.
        let widened: ([Tensor]) throws -> Tensor
    }

    /// Rows that are rounded at a time have so many numbers.
    private static let rounding = 1 << 20

    /// Rounds a float32 matrix.
    /// - Parameter axis: the dimension of a product's outputs
    /// - Returns: nil where it has numbers that the format can't hold.
    func round(_ matrix: Tensor, axis: Int) throws -> Rounded? {
        switch kind {
        case .asStored: return nil
        case .bfloat16:
            let stored: Tensor = try matrix.to(.bfloat16)
            // NaN and infinity stay what they are, and nothing else becomes one of them.
            guard try (stored.isfinite() .== matrix.isfinite()).all().item(Bool.self) else { return nil }
            return Rounded(stored: [stored]) { try $0[0].to(.float32) }
        case .int8(let groupSize):
            guard try matrix.isfinite().all().item(Bool.self) else { return nil }
            let rows: Tensor = axis == 0 ? matrix : try matrix.t()
            let (count, columns): (Int, Int) = (rows.layout.size(0), rows.layout.size(1))
            let group: Int = min(groupSize ?? columns, columns)
            var (levels, scales): ([Tensor], [Tensor]) = ([], [])
            let step: Int = max(1, Self.rounding / columns)
            for first in stride(from: 0, to: count, by: step) {
                let part: Tensor = try rows.narrowed(dim: 0, from: first, length: min(step, count - first)).contiguous()
                let (level, scale): (Tensor, Tensor) = try Self.multiples(part, columns, group)
                levels.append(level)
                scales.append(scale)
            }
            var stored: [Tensor] = [try Tensor.cat(levels, dim: 0), try Tensor.cat(scales, dim: 0)]
            if axis == 1 { stored = try stored.map { try $0.t().contiguous() } }
            return Rounded(stored: stored) { stored in
                var scales: Tensor = stored[1]
                if group < columns {
                    scales = try scales.repeatInterleave(group, dim: 1 - axis)
                    if columns % group != 0 { scales = try scales.narrowed(dim: 1 - axis, from: 0, length: columns) }
                }
                return try stored[0].to(.float32) * scales
            }
        }
    }

    /// Rows as whole multiples of a scale for each group of columns.
    private static func multiples(_ rows: Tensor, _ columns: Int, _ group: Int) throws -> (levels: Tensor, scales: Tensor) {
        let (count, groups): (Int, Int) = (rows.layout.size(0), (columns - 1) / group + 1)
        var padded: Tensor = rows
        if groups * group > columns { padded = try Tensor.cat([rows, Tensor.zeros([count, groups * group - columns])], dim: 1) }
        let parts: Tensor = try padded.reshaped([count, groups, group])
        let scales: Tensor = try parts.abs().amax(dim: 2, keepDim: true) / 127
        // Of zeros alone, or of numbers too small for a scale, all multiples are zero.
        let divisors: Tensor = try Tensor.where(scales .== 0, 1, scales)
        let levels: Tensor = try (parts / divisors).round().clamp(min: -127, max: 127).to(.int8)
        return (
            try levels.reshaped([count, groups * group]).narrowed(dim: 1, from: 0, length: columns).contiguous(),
            try scales.reshaped([count, groups])
        )
    }
}
