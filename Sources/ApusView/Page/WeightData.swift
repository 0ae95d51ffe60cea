import ApusTensor

/// A parameter, buffer or constant as a page shows it.
package struct WeightData: Encodable {
    package let name: String
    /// `parameter`, `buffer` or `constant`.
    package let role: String
    package let type: String
    package let byteCount: Int
    /// Nil for no elements, and for what could not be read.
    package let values: ValueStatistics?
}

/// How the numbers of a tensor are spread.
package struct ValueStatistics: Encodable {
    /// More elements than this are not all looked at, but every so many.
    static let sampleSize = 1 << 16
    static let binCount = 32

    /// Of the finite ones; 0 where there are none.
    package let minimum: Double
    package let maximum: Double
    package let mean: Double
    package let deviation: Double
    /// How many are NaN or infinite.
    package let nonFinite: Int
    /// How many were looked at.
    package let count: Int
    /// How many lie in each of as many equal parts from the minimum to the maximum.
    package let bins: [Int]

    /// Nil for a tensor without elements.
    init?(_ tensor: Tensor) throws {
        let numbers: [Double] = try tensor.sample(atMost: ValueStatistics.sampleSize)
        guard !numbers.isEmpty else { return nil }
        let finite: [Double] = numbers.filter(\.isFinite)
        (count, nonFinite) = (numbers.count, numbers.count - finite.count)
        let (lowest, highest): (Double, Double) = (finite.min() ?? 0, finite.max() ?? 0)
        let total = Double(max(finite.count, 1))
        // Parts of the sum stay finite where the sum would not.
        let mean: Double = finite.reduce(0) { $0 + $1 / total }
        let deviation: Double = finite.reduce(0) { $0 + ($1 - mean) / total * ($1 - mean) }.squareRoot()
        var bins = [Int](repeating: 0, count: ValueStatistics.binCount)
        let width: Double = highest / Double(bins.count) - lowest / Double(bins.count)
        for number in finite {
            let place: Double = width > 0 ? ((number - lowest) / width).rounded(.down) : 0
            bins[place.isFinite ? min(max(Int(place), 0), bins.count - 1) : bins.count - 1] += 1
        }
        (minimum, maximum, self.mean, self.deviation, self.bins) = (lowest, highest, mean, deviation, bins)
    }
}

extension Tensor {
    /// All elements as numbers, or every so many where there are more than a limit; complex ones as both parts.
    fileprivate func sample(atMost limit: Int) throws -> [Double] {
        if dtype.isComplex { return try viewAsReal().sample(atMost: limit) }
        let count: Int = layout.count
        guard count > limit else { return try to(.float64).array(of: Double.self) }
        let width: Int = dtype.byteWidth
        let stride: Int = (count + limit - 1) / limit
        let chosen: [UInt8] = try withUnsafeBytes { bytes in
            var chosen: [UInt8] = []
            chosen.reserveCapacity(limit * width)
            for element in Swift.stride(from: 0, to: count, by: stride) {
                chosen.append(contentsOf: bytes[(element * width)..<((element + 1) * width)])
            }
            return chosen
        }
        return try Tensor(bytes: chosen, dtype: dtype, shape: [chosen.count / width]).to(.float64).array(of: Double.self)
    }
}
