import ApusTensor

extension Tensor {
    /// A tensor over a record's bytes, in place where the processor can read them there.
    ///
    /// Bytes that are not aligned to their element (archives made by other tools may place them anywhere) are copied once. So are the
    /// rare bool bytes other than 0 and 1, which would not be truth values.
    init(_ record: ArrayRecord) throws {
        let bytes = try record.bytes.usable(as: record.dtype)
        let layout: Layout?
        if record.isColumnMajor {
            var strides = [Int](repeating: 1, count: record.shape.count)
            for dim in record.shape.indices.dropFirst() { strides[dim] = strides[dim - 1] * Swift.max(record.shape[dim - 1], 1) }
            layout = Layout.strided(record.shape, strides: strides)
        } else {
            layout = Layout.contiguous(record.shape)
        }
        guard let layout else { throw ArchiveError(.outOfBounds, "the sizes \(record.shape) overflow") }
        try self.init(storage: bytes.storage, dtype: record.dtype, layout: layout, offset: 0)
    }

    /// The elements in row-major order as bytes to write: the tensor's own memory where it is laid out so.
    /// - Throws: `ArchiveError` for a traced tensor, which has no elements.
    func bytesToWrite() throws -> ByteSource {
        if let tracedValue {
            throw ArchiveError(.notRepresentable, tracedValue.fault ?? "a tensor that is being traced has no elements to save")
        }
        let rowMajor = isContiguous ? self : try contiguous()
        let sizes = try rowMajor.sizes
        let count = try ArrayRecord.byteCount(dtype, sizes)
        return ByteSource(UnsafeRawBufferPointer(start: UnsafeRawPointer(rowMajor.baseAddress), count: count), owner: TensorOwner(rowMajor))
    }
}

/// Keeps a tensor's memory while it is written.
final class TensorOwner: Sendable {
    let tensor: Tensor
    init(_ tensor: Tensor) { self.tensor = tensor }
}

extension MemberBytes {
    /// The bytes as a tensor's memory: read-only, kept alive by the tensor.
    var storage: Storage {
        withUnsafeBytes { bytes in
            // An empty range may have no address; any aligned one will do, since nothing is ever read there.
            let pointer = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)
            guard let pointer else {
                return Storage(pointer: .allocate(byteCount: 64, alignment: 64), byteCount: 0, isWritable: false, owner: owner)
            }
            return Storage(pointer: UnsafeMutableRawPointer(mutating: pointer), byteCount: bytes.count, isWritable: false, owner: owner)
        }
    }

    /// The same bytes where elements of this type may lie, copied only if they must be.
    func usable(as dtype: DType) throws -> MemberBytes {
        try withUnsafeBytes { bytes in
            let alignment = Swift.min(dtype.byteWidth, 8)
            let isAligned = UInt(bitPattern: bytes.baseAddress) % UInt(alignment) == 0
            let isNormal = dtype != .bool || bytes.allSatisfy { $0 <= 1 }
            if isAligned && isNormal { return self }
            let copy = try OwnedBytes(count: bytes.count) { target in
                target.copyMemory(from: bytes)
                if dtype == .bool { for index in target.indices where target[index] > 1 { target[index] = 1 } }
            }
            return .memory(MemoryBytes(copy))
        }
    }
}
