import Foundation

/// What a model's own small JSON file says: `config.json` in its folder, or `<name>.json` beside `<name>.pt2`. All of it may be left out.
///
///     { "batching": "rows-independent", "max_batch_size": 16, "max_batch_wait_ms": 2, "concurrency": 1, "queue": 64 }
public struct ModelConfiguration: Sendable, Hashable, Codable {
    public enum Batching: String, Sendable, Hashable, Codable {
        /// Requests run together where the graph proves that their rows don't meet. What is said by saying nothing.
        case proven
        /// The model's owner vouches for it: rows don't meet, though the graph alone doesn't show it.
        case rowsIndependent = "rows-independent"
        case never
    }

    public var batching: Batching = .proven
    /// How many rows run together at most; the program's own ranges and guards count beside it. Nil for 64, or fewer where rows are large.
    public var maxBatchSize: Int?
    /// How long a request waits for others, in milliseconds, while the model could run; nil for the server's default.
    public var maxBatchWait: Double?
    /// How many requests, or batches of them, the model runs at once; nil for the server's default.
    public var concurrency: Int?
    /// How many requests may wait; nil for the server's default.
    public var queue: Int?
    /// How many sequences a program with buffers keeps at once; nil for the server's default.
    public var maxSequences: Int?
    /// After how many seconds without a request a sequence is forgotten; nil for the server's default.
    public var sequenceIdle: Double?
    /// Which program of a file that holds several.
    public var entryPoint: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case batching
        case maxBatchSize = "max_batch_size"
        case maxBatchWait = "max_batch_wait_ms"
        case concurrency, queue
        case maxSequences = "max_sequences"
        case sequenceIdle = "sequence_idle_seconds"
        case entryPoint = "entry_point"
    }

    public init() {}

    /// - Throws: `ServingError` for what is no such file, and for keys and values that mean nothing.
    init(json data: Data) throws {
        do {
            let keys: [String] = try JSONDecoder().decode([String: AnyValue].self, from: data).keys.sorted()
            let known: [String] = CodingKeys.allCases.map(\.rawValue)
            if let other = keys.first(where: { !known.contains($0) }) {
                throw ServingError(.unavailable, "the configuration has the key '\(other)'; known are \(known.joined(separator: ", "))")
            }
            self = try JSONDecoder().decode(ModelConfiguration.self, from: data)
        } catch let error as DecodingError {
            throw ServingError(.unavailable, "the configuration can't be read: \(ModelConfiguration.reason(error))")
        }
        let counts: [(String, Int?)] = [
            ("max_batch_size", maxBatchSize), ("concurrency", concurrency), ("queue", queue), ("max_sequences", maxSequences),
        ]
        for (name, count) in counts where count.map({ !(1...1_000_000 ~= $0) }) == true {
            throw ServingError(.unavailable, "the configuration's \(name) must be from 1 to 1000000")
        }
        for (name, time) in [("max_batch_wait_ms", maxBatchWait), ("sequence_idle_seconds", sequenceIdle)]
        where time.map({ !(0...1e6 ~= $0) }) == true {
            throw ServingError(.unavailable, "the configuration's \(name) must be from 0 to 1000000")
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        batching = try container.decodeIfPresent(Batching.self, forKey: .batching) ?? .proven
        maxBatchSize = try container.decodeIfPresent(Int.self, forKey: .maxBatchSize)
        maxBatchWait = try container.decodeIfPresent(Double.self, forKey: .maxBatchWait)
        concurrency = try container.decodeIfPresent(Int.self, forKey: .concurrency)
        queue = try container.decodeIfPresent(Int.self, forKey: .queue)
        maxSequences = try container.decodeIfPresent(Int.self, forKey: .maxSequences)
        sequenceIdle = try container.decodeIfPresent(Double.self, forKey: .sequenceIdle)
        entryPoint = try container.decodeIfPresent(String.self, forKey: .entryPoint)
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
            let place: String = context.codingPath.map(\.stringValue).joined(separator: ".")
            return place.isEmpty ? context.debugDescription : "\(place): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }
}

/// Any JSON at all: for the keys around it.
private struct AnyValue: Decodable {
    init(from decoder: any Decoder) {}
}
