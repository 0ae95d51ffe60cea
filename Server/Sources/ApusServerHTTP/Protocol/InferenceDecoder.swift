import ApusRun
import ApusServing
import NIOCore

/// What a request of the protocol asks for, and how it wants its answer.
struct DecodedRequest: Sendable {
    var request: InferenceRequest
    var id: String?
    /// Which outputs come as bytes after the JSON.
    var binaryOutputs: Set<String> = []
    var areAllBinary = false
}

/// Reads the protocol's inference requests: JSON, with tensors in it or as bytes after it.
enum InferenceDecoder {
    /// - Parameters:
    ///   - headerLength: how many bytes are JSON, where tensors follow as bytes
    ///   - maxBytes: what the inputs' elements may take in memory, which is more than their text does
    /// - Throws: `ServingError` for everything that is no request.
    static func decode(_ body: ByteBuffer, headerLength: Int?, maxBytes: Int) throws -> DecodedRequest {
        let start = ContinuousClock.now
        return try body.withUnsafeReadableBytes { raw in
            let bytes: UnsafeBufferPointer<UInt8> = raw.bindMemory(to: UInt8.self)
            let length: Int = headerLength ?? bytes.count
            guard (0...bytes.count).contains(length) else {
                throw invalid("the JSON is said to have \(length) bytes, and the request has \(bytes.count)")
            }
            let json = UnsafeBufferPointer(rebasing: bytes[..<length])
            var reader = JSONReader(json)
            let root: JSONValue = try reader.whole()
            guard case .object = root else { throw invalid("the request is no JSON object") }
            let parameters: RequestParameters = try parameters(root["parameters"])

            var rest: UnsafeRawBufferPointer.SubSequence = raw[length...]
            var inputs: [(name: String, tensor: Tensor)] = []
            var room: Int = maxBytes
            for entry in try list(root["inputs"], "inputs", json, limit: 1024) ?? [] {
                inputs.append(try input(entry, json, &rest, &room))
            }
            guard rest.isEmpty else { throw invalid("\(rest.count) bytes are left over after the inputs") }

            var request = InferenceRequest(inputs: inputs, arrival: start)
            request.sequence = try parameters.sequence()
            request.deadline = try parameters.deadline(from: start)
            var decoded = DecodedRequest(request: request, id: try string(root["id"], "id"))
            decoded.areAllBinary = try parameters.bool("binary_data_output") ?? false
            if let outputs = try list(root["outputs"], "outputs", json, limit: 1024), !outputs.isEmpty {
                decoded.request.outputs = try outputs.map { try output($0, &decoded) }
            }
            decoded.request.decoding = ContinuousClock.now - start
            return decoded
        }
    }

    private static func input(
        _ entry: JSONValue, _ json: UnsafeBufferPointer<UInt8>, _ rest: inout UnsafeRawBufferPointer.SubSequence, _ room: inout Int
    ) throws -> (name: String, tensor: Tensor) {
        guard case .object = entry, let name = try string(entry["name"], "an input's name") else { throw invalid("an input has no name") }
        guard let type = try string(entry["datatype"], "datatype") else { throw invalid("the input '\(name)' has no datatype") }
        let input = try InputDescription(name: name, datatype: type, shape: shape(entry["shape"], name, json))
        let parameters: RequestParameters = try parameters(entry["parameters"])
        try parameters.requireServed(of: "the input '\(name)'")
        return try input.read {
            if let size = try parameters.integer("binary_data_size") {
                guard entry["data"] == nil else { throw invalid("it has data and bytes both") }
                guard size <= rest.count else { throw invalid("\(size) bytes are said to follow, and \(rest.count) do") }
                defer { rest = rest.dropFirst(size) }
                return try input.tensor(bytes: UnsafeRawBufferPointer(rebasing: rest.prefix(size)))
            }
            guard case .array(let range)? = entry["data"] else { throw invalid("it has no data") }
            // What the text can't fill is refused by its reader.
            if input.count <= range.count / 2 { room -= input.byteCount }
            guard room >= 0 else { throw ServingError(.tooLarge, "its elements take more memory than the server takes for a request") }
            return try JSONReader.tensor(json, range, input.dtype, input.shape, count: input.count)
        }
    }

    private static func output(_ entry: JSONValue, _ decoded: inout DecodedRequest) throws -> String {
        guard case .object = entry, let name = try string(entry["name"], "an output's name") else { throw invalid("an output has no name") }
        let parameters: RequestParameters = try parameters(entry["parameters"])
        try parameters.requireServed(of: "the output '\(name)'")
        if try parameters.bool("binary_data") ?? decoded.areAllBinary { decoded.binaryOutputs.insert(name) }
        return name
    }

    // MARK: Parts

    private static func invalid(_ message: String) -> ServingError { ServingError(.invalidRequest, message) }

    private static func shape(_ value: JSONValue?, _ name: String, _ json: UnsafeBufferPointer<UInt8>) throws -> [Int] {
        guard let sizes = try list(value, "the shape of '\(name)'", json, limit: 64) else {
            throw invalid("the input '\(name)' has no shape")
        }
        return try sizes.map { size in
            guard case .int(let size) = size else {
                throw invalid("the input '\(name)' has a shape of something else than sizes")
            }
            return size
        }
    }

    private static func list(
        _ value: JSONValue?, _ name: String, _ json: UnsafeBufferPointer<UInt8>, limit: Int
    ) throws -> [JSONValue]? {
        let values: [JSONValue]
        switch value {
        case .none, .null?: return nil
        case .list(let found)?: values = found
        case .array(let range)?: values = try JSONReader.elements(json, range, limit: limit)
        default: throw invalid("\(name) is no list")
        }
        guard values.count <= limit else { throw invalid("\(name) has more than \(limit) elements") }
        return values
    }

    private static func parameters(_ value: JSONValue?) throws -> RequestParameters {
        switch value {
        case .none, .null?: return RequestParameters()
        case .object(let entries)?:
            let values: [(String, RequestParameters.Value)] = entries.compactMap { key, value in
                switch value {
                case .null: nil
                case .bool(let flag): (key, .bool(flag))
                case .int(let number): (key, .int(number))
                case .string(let text): (key, .text(text))
                default: (key, .other)
                }
            }
            return RequestParameters(Dictionary(values, uniquingKeysWith: { first, _ in first }))
        default: throw invalid("parameters is no object")
        }
    }

    private static func string(_ value: JSONValue?, _ name: String) throws -> String? {
        switch value {
        case .none, .null?: return nil
        case .string(let text)?: return text
        default: throw invalid("\(name) is no text")
        }
    }
}
