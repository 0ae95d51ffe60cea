import ApusServing

/// What a message becomes in memory, told from its bytes: fields of a number, a kind and a value.
struct MessageSize {
    private static let mostParts = 16_384

    /// Where lists of numbers, and parts, stand in a message.
    private enum Place {
        case message, input, contents, output

        /// What a field holds in which there are more.
        func inside(_ field: UInt64) -> Place? {
            switch (self, field) {
            case (.message, 5): .input
            case (.message, 6): .output
            case (.input, 5): .contents
            default: nil
            }
        }

        /// The bytes of a number in memory, where the field is a list of numbers; otherwise 0.
        func width(_ field: UInt64) -> Int {
            switch (self, field) {
            case (.contents, 1): 1
            case (.contents, 2), (.contents, 4), (.contents, 6): 4
            case (.input, 3), (.contents, 3), (.contents, 5), (.contents, 7): 8
            default: 0
            }
        }

        /// The bytes of a list in memory that came in one piece.
        func memory(_ field: UInt64, _ list: UnsafeRawBufferPointer) -> Int {
            // Floating-point numbers come as they are; of integers each ends with a byte below 128.
            if self == .contents, 6...7 ~= field { return list.count }
            let width: Int = width(field)
            return width == 0 ? 0 : width * list.reduce(0) { $0 + ($1 < 0x80 ? 1 : 0) }
        }
    }

    let maxBytes: Int
    private var parts = 0
    private var numbers = 0

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// Counts the texts, bytes and messages in a message, and the memory that its numbers take.
    /// - Throws: `ServingError` for too many, and for what is no message.
    mutating func add(_ bytes: UnsafeRawBufferPointer) throws { try add(bytes, .message) }

    private mutating func add(_ bytes: UnsafeRawBufferPointer, _ place: Place) throws {
        var position = 0
        while position < bytes.count {
            let key: UInt64 = try MessageSize.number(bytes, &position)
            let field: UInt64 = key >> 3
            let length: UInt64
            switch key & 7 {
            case 0:
                _ = try MessageSize.number(bytes, &position)
                try take(place.width(field))
                continue
            case 1: length = 8
            case 2: length = try MessageSize.number(bytes, &position)
            case 5: length = 4
            // Groups, which nobody writes any more.
            default: throw MessageSize.malformed
            }
            guard length <= UInt64(bytes.count - position) else { throw MessageSize.malformed }
            let value = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)])
            position += Int(length)
            guard key & 7 == 2 else {
                try take(place.width(field))
                continue
            }
            parts += 1
            guard parts <= MessageSize.mostParts else {
                throw ServingError(.invalidRequest, "the message has more than \(MessageSize.mostParts) parts")
            }
            if let inside = place.inside(field) {
                try add(value, inside)
            } else {
                try take(place.memory(field, value))
            }
        }
    }

    private mutating func take(_ byteCount: Int) throws {
        numbers += byteCount
        guard numbers <= maxBytes else {
            throw ServingError(
                .tooLarge, "the message's numbers take more memory than the \(maxBytes) bytes that the server takes for a request")
        }
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
            guard position < bytes.count else { throw malformed }
            let byte: UInt8 = bytes[position]
            position += 1
            value |= shift < 64 ? UInt64(byte & 0x7F) << shift : 0
            if byte < 0x80 { return value }
        }
        throw malformed
    }

    private static let malformed = ServingError(.invalidRequest, "the message can't be read")
}
