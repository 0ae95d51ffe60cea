import ApusTensor

/// An array as a file describes it: its type, its sizes, and where its bytes are. What every array format is read into and written from.
struct ArrayRecord: Sendable {
    let dtype: DType
    let shape: [Int]
    /// Little-endian elements without gaps.
    let bytes: MemberBytes
    /// True where the first dimension varies fastest (Fortran's order).
    let isColumnMajor: Bool

    /// - Throws: `ArchiveError` (`.outOfBounds`) when the sizes are negative, overflow, or need another number of bytes.
    init(dtype: DType, shape: [Int], bytes: MemberBytes, isColumnMajor: Bool = false) throws {
        let needed = try Self.byteCount(dtype, shape)
        guard needed == bytes.count else {
            throw ArchiveError(.outOfBounds, "an array of \(dtype) \(shape) takes \(needed) bytes, \(bytes.count) are there")
        }
        self.dtype = dtype
        self.shape = shape
        self.bytes = bytes
        self.isColumnMajor = isColumnMajor
    }

    /// The number of bytes of an array, checked.
    static func byteCount(_ dtype: DType, _ shape: [Int]) throws -> Int {
        var count = dtype.byteWidth
        var isEmpty = false
        for size in shape {
            guard size >= 0 else { throw ArchiveError(.outOfBounds, "the sizes \(shape) have a negative one") }
            if size == 0 {
                isEmpty = true
                continue
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= Int.max / 16 else { throw ArchiveError(.outOfBounds, "the sizes \(shape) overflow") }
            count = product
        }
        return isEmpty ? 0 : count
    }
}
