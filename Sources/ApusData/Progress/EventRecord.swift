/// What TensorBoard reads: a record of an event, whose message is written by hand, three kinds of fields being all that it takes.
enum EventRecord {
    /// The record that a file begins with.
    static func version(at time: Double) -> [UInt8] {
        framed(field(1, bits: time.bitPattern) + field(3, Array("brain.Event:2".utf8)))
    }

    /// Values with names, as curves are made of.
    static func scalars(_ values: [(name: String, value: Double)], step: Int, at time: Double) -> [UInt8] {
        let summary: [UInt8] = values.flatMap { name, value in
            let bits: UInt32 = Float(value).bitPattern
            // Summary.Value: a tag, and a simple value of 32 bits.
            let message: [UInt8] = field(1, Array(name.utf8)) + [2 << 3 | 5] + littleEndian(UInt64(bits), count: 4)
            return field(1, message)
        }
        return framed(field(1, bits: time.bitPattern) + field(2, number: UInt64(bitPattern: Int64(step))) + field(5, summary))
    }

    /// Length, its checksum, the message, its checksum.
    private static func framed(_ message: [UInt8]) -> [UInt8] {
        let length: [UInt8] = littleEndian(UInt64(message.count), count: 8)
        return length + littleEndian(UInt64(CRC32C.masked(length)), count: 4) + message
            + littleEndian(UInt64(CRC32C.masked(message)), count: 4)
    }

    private static func littleEndian(_ value: UInt64, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    private static func variable(_ value: UInt64) -> [UInt8] {
        var rest: UInt64 = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func field(_ number: UInt8, number value: UInt64) -> [UInt8] { [number << 3] + variable(value) }
    private static func field(_ number: UInt8, bits: UInt64) -> [UInt8] { [number << 3 | 1] + littleEndian(bits, count: 8) }
    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2] + variable(UInt64(bytes.count)) + bytes }
}
