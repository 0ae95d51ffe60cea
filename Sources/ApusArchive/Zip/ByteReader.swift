/// Little-endian fields at checked positions of a byte buffer.
///
/// Every read says whether it stayed inside: `nil` means that the position reaches outside, whatever the arithmetic.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer

    /// Whether `length` bytes at `offset` lie inside the buffer.
    func contains(_ offset: Int, _ length: Int) -> Bool {
        let (end, overflow) = offset.addingReportingOverflow(length)
        return offset >= 0 && length >= 0 && !overflow && end <= bytes.count
    }

    func integer<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
        guard contains(offset, MemoryLayout<Value>.size) else { return nil }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    func uint16(at offset: Int) -> UInt16? { integer(UInt16.self, at: offset) }
    func uint32(at offset: Int) -> UInt32? { integer(UInt32.self, at: offset) }
    func uint64(at offset: Int) -> UInt64? { integer(UInt64.self, at: offset) }

    func slice(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer? {
        guard contains(offset, length) else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
    }
}
