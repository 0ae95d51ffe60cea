import Foundation

/// What a side that runs in a process of its own is asked: one JSON object a line.
struct Request: Codable {
    /// The work to set up.
    var prepare: String?
    /// The prepared work, to be measured for so many seconds.
    var measure: String?
    var seconds: Double?
    /// What the process holds.
    var memory: Bool?
    /// Whether the prepared work gives the right answers. Asked last: comparing takes memory.
    var check: Bool?
}

/// What such a side answers, in the same manner.
struct Answer: Codable {
    var version: String?
    var ready: Bool?
    /// Why something could not be done.
    var missing: String?
    var turn: Turn?
    var memory: Memory?
}

/// Objects as lines, in both directions.
struct Lines {
    private let input: FileHandle
    private let output: FileHandle
    private var unread = Data()

    init(reading input: FileHandle, writing output: FileHandle) {
        self.input = input
        self.output = output
    }

    func write(_ value: some Encodable) throws {
        try output.write(contentsOf: JSONEncoder.lines.encode(value) + Data("\n".utf8))
    }

    /// The next object; nil when the other end is gone.
    mutating func read<Value: Decodable>(_ type: Value.Type) throws -> Value? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = unread[unread.startIndex..<end]
                let value = try JSONDecoder.lines.decode(type, from: line)
                unread = Data(unread[unread.index(after: end)...])
                return value
            }
            let more = input.availableData
            if more.isEmpty { return nil }
            unread.append(more)
        }
    }

    func close() {
        try? output.close()
    }
}

extension JSONEncoder {
    fileprivate static var lines: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return encoder
    }
}

extension JSONDecoder {
    fileprivate static var lines: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}
