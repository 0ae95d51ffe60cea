/// Bytes to be written, with whatever keeps them alive and in place.
struct ByteSource: Sendable {
    private let address: UInt
    private let owner: any Sendable & AnyObject
    let count: Int

    /// - Parameter owner: keeps `bytes` valid and unchanged until the writing is done.
    init(_ bytes: UnsafeRawBufferPointer, owner: any Sendable & AnyObject) {
        address = UInt(bitPattern: bytes.baseAddress)
        count = bytes.baseAddress == nil ? 0 : bytes.count
        self.owner = owner
    }

    /// The bytes, in memory that does not move as an array's may.
    init(_ bytes: [UInt8]) {
        let copy = Copy(bytes)
        self.init(UnsafeRawBufferPointer(copy.bytes), owner: copy)
    }

    private final class Copy: Sendable {
        nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer
        init(_ array: [UInt8]) {
            bytes = .allocate(byteCount: array.count, alignment: 64)
            bytes.copyBytes(from: array)
        }
        deinit { bytes.deallocate() }
    }

    init(_ text: String) { self.init(Array(text.utf8)) }

    /// The address stays the same from call to call while this value lives.
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(owner) {
            try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count))
        }
    }
}
