/// What a request says beside its tensors, whichever protocol it came by.
public struct RequestParameters: Sendable {
    public enum Value: Sendable, Hashable {
        case bool(Bool)
        case int(Int)
        case text(String)
        /// Something else: of no use where one of the others is asked for, and skipped where nothing is.
        case other
    }

    private let values: [String: Value]

    public init(_ values: [String: Value] = [:]) { self.values = values }

    /// Which sequence the request belongs to; nil for none, which is also said by the number 0 and the empty text.
    /// - Throws: `ServingError`
    public func sequence() throws -> RequestSequence? {
        let id: String
        switch values["sequence_id"] {
        case nil, .int(0)?, .text("")?: return nil
        case .int(let number)?: id = String(number)
        case .text(let text)?:
            guard text.utf8.count <= 128 else { throw RequestParameters.invalid("the sequence_id is longer than 128 bytes") }
            id = text
        default: throw RequestParameters.invalid("the sequence_id is no number below 2^63, nor a text")
        }
        return RequestSequence(id: id, isStart: try bool("sequence_start") ?? false, isEnd: try bool("sequence_end") ?? false)
    }

    /// When the request's time is up, of which it says how many microseconds it is; nil where it says nothing, or 0.
    public func deadline(from start: ContinuousClock.Instant) throws -> ContinuousClock.Instant? {
        guard let microseconds = try integer("timeout"), microseconds > 0 else { return nil }
        return start + .microseconds(min(microseconds, 1_000_000_000_000))
    }

    public func bool(_ name: String) throws -> Bool? {
        switch values[name] {
        case nil: return nil
        case .bool(let flag)?: return flag
        default: throw RequestParameters.invalid("\(name) is no truth value")
        }
    }

    /// A number from 0 on.
    public func integer(_ name: String) throws -> Int? {
        switch values[name] {
        case nil: return nil
        case .int(let number)? where number >= 0: return number
        default: throw RequestParameters.invalid("\(name) is no number from 0 on")
        }
    }

    /// Refuses what a tensor's parameters may ask for and the server doesn't do.
    public func requireServed(of tensor: String) throws {
        if values["shared_memory_region"] != nil {
            throw RequestParameters.invalid("\(tensor) lies in shared memory, which the server doesn't use")
        }
        if let classes = try integer("classification"), classes != 0 {
            throw RequestParameters.invalid("\(tensor) is wanted as classes, which the server doesn't know")
        }
    }

    private static func invalid(_ message: String) -> ServingError { ServingError(.invalidRequest, message) }
}
