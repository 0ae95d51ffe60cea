import ApusArchive
import ApusTensor

/// The parts of a tensor along its first dimension: a sample of `[N, ...]` is `[...]`, without a copy.
public struct TensorDataset: Dataset {
    private let tensor: Tensor
    public let count: Int

    /// - Throws: `DataError` (`.invalidArgument`) for a scalar; `TensorError` while sizes are traced.
    public init(_ tensor: Tensor) throws {
        guard let count = try tensor.sizes.first else {
            throw DataError(.invalidArgument, "a scalar has no first dimension to take samples from")
        }
        (self.tensor, self.count) = (tensor, count)
    }

    /// The array of an npy file, which is mapped: samples are read from the disk when they are asked for.
    /// - Throws: `ArchiveError` where the file can't be read.
    public init(npy path: String) throws { try self.init(try Tensor.load(npy: path)) }

    public subscript(index: Int) -> Tensor { get throws { try tensor[index] } }
}

/// Tensors that are equally long in their first dimension, by name: a sample holds the part at its index of each.
public struct ColumnDataset: Dataset {
    /// The tensors, `[N, ...]` each.
    public let columns: [String: Tensor]
    public let count: Int

    /// - Throws: `DataError`: `.invalidArgument` where there is no column, or one is a scalar, `.countMismatch` where they differ in length.
    public init(_ columns: [String: Tensor]) throws {
        var lengths: [(name: String, count: Int)] = []
        for (name, tensor) in columns.sorted(by: { $0.key < $1.key }) {
            guard let count = try tensor.sizes.first else {
                throw DataError(.invalidArgument, column: name, "a scalar has no first dimension to take samples from")
            }
            lengths.append((name, count))
        }
        guard let first = lengths.first else { throw DataError(.invalidArgument, "there are no columns") }
        if let other = lengths.first(where: { $0.count != first.count }) {
            throw DataError(.countMismatch, column: other.name, "has \(other.count) samples, but '\(first.name)' has \(first.count)")
        }
        (self.columns, count) = (columns, first.count)
    }

    /// The arrays of an npz file; those that are not compressed are mapped.
    ///
    /// - Parameter names: which ones; all of them where it is nil.
    /// - Throws: `ArchiveError` where the file can't be read, `DataError` (`.missing`) for a name that it does not have, and as above.
    public init(npz path: String, names: [String]? = nil) throws {
        let arrays: [String: Tensor] = try .load(npz: path)
        do {
            guard let names else {
                try self.init(arrays)
                return
            }
            var columns: [String: Tensor] = [:]
            for name in names {
                guard let array = arrays[name] else {
                    let known: String = arrays.keys.sorted().joined(separator: ", ")
                    throw DataError(.missing, column: name, "is not there; there are \(known)")
                }
                columns[name] = array
            }
            try self.init(columns)
        } catch var error as DataError {
            error.file = path
            throw error
        }
    }

    public subscript(index: Int) -> [String: Tensor] { get throws { try columns.mapValues { try $0[index] } } }
}
