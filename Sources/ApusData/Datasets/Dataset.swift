import ApusTensor

/// Samples that are looked up by their index, from 0 to below `count`.
///
/// A loader asks for samples from several tasks at the same time, hence `Sendable`. What a sample is must depend on its index alone: whatever
/// is drawn at random takes a seed made of the index, or the order of tasks would decide.
public protocol Dataset<Element>: Sendable {
    associatedtype Element: Sendable

    /// The number of samples.
    var count: Int { get }

    /// The sample at `index`, which lies between 0 and `count`.
    subscript(index: Int) -> Element { get throws }
}

/// The elements of an array.
public struct ArrayDataset<Element: Sendable>: Dataset {
    public let elements: [Element]

    public init(_ elements: [Element]) { self.elements = elements }

    public var count: Int { elements.count }
    public subscript(index: Int) -> Element { elements[index] }
}

extension Dataset {
    /// The data set whose samples are these ones, each changed by a function when it is asked for.
    public func transformed<Result: Sendable>(
        _ transform: @escaping @Sendable (Element) throws -> Result
    ) -> TransformedDataset<Self, Result> {
        TransformedDataset(base: self, transform: transform)
    }

    /// The samples at these indices, in this order; an index may stand there twice.
    /// - Throws: `DataError` (`.invalidArgument`) for an index outside of the data set.
    public func subset(_ indices: some Sequence<Int>) throws -> DatasetSubset<Self> {
        let indices: [Int] = Array(indices)
        if let outside = indices.first(where: { $0 < 0 || $0 >= count }) {
            throw DataError(.invalidArgument, index: outside, "there are only \(count) samples")
        }
        return DatasetSubset(base: self, indices: indices)
    }

    /// Two parts drawn at random, the same ones on every machine: the first holds `fraction` of the samples, rounded, the second the others.
    /// - Throws: `DataError` (`.invalidArgument`) where `fraction` is not between 0 and 1.
    public func randomSplit(_ fraction: Double, seed: UInt64) throws -> (DatasetSubset<Self>, DatasetSubset<Self>) {
        guard fraction >= 0, fraction <= 1 else {
            throw DataError(.invalidArgument, "a part must be between 0 and 1 of the samples, not \(fraction)")
        }
        let order: [Int] = try shuffledIndices(count, seed: seed)
        let first = Int((Double(count) * fraction).rounded())
        return (DatasetSubset(base: self, indices: Array(order[..<first])), DatasetSubset(base: self, indices: Array(order[first...])))
    }

    /// The samples of two data sets beside each other.
    /// - Throws: `DataError` (`.countMismatch`) where one is longer.
    public func zipped<Other: Dataset>(with other: Other) throws -> ZippedDataset<Self, Other> {
        guard count == other.count else {
            throw DataError(.countMismatch, "data sets of \(count) and \(other.count) samples can't be zipped")
        }
        return ZippedDataset(first: self, second: other)
    }
}

/// See ``Dataset/transformed(_:)``.
public struct TransformedDataset<Base: Dataset, Element: Sendable>: Dataset {
    let base: Base
    let transform: @Sendable (Base.Element) throws -> Element

    public var count: Int { base.count }
    public subscript(index: Int) -> Element { get throws { try transform(base[index]) } }
}

/// See ``Dataset/subset(_:)``.
public struct DatasetSubset<Base: Dataset>: Dataset {
    let base: Base
    /// Where the samples stand in the whole.
    public let indices: [Int]

    public var count: Int { indices.count }
    public subscript(index: Int) -> Base.Element { get throws { try base[indices[index]] } }
}

/// See ``Dataset/zipped(with:)``.
public struct ZippedDataset<First: Dataset, Second: Dataset>: Dataset {
    let first: First
    let second: Second

    public var count: Int { first.count }
    public subscript(index: Int) -> (First.Element, Second.Element) { get throws { (try first[index], try second[index]) } }
}

/// The numbers 0 ..< count in an order that a seed decides, the same one on every machine.
func shuffledIndices(_ count: Int, seed: UInt64) throws -> [Int] {
    try Tensor.randperm(count, seed: seed).array(of: Int.self)
}
