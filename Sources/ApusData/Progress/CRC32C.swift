/// The checksum of Castagnoli's polynomial, which TensorFlow's records carry.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { value, byte in value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
    }

    /// As a record stores it: a checksum of data that holds checksums is none any more.
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let value: UInt32 = checksum(bytes)
        return (value >> 15 | value << 17) &+ 0xa282_ead8
    }
}
