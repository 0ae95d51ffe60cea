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
    /// - Parameter headerLength: how many bytes are JSON, where tensors follow as bytes
    /// - Throws: `ServingError` for everything that is no request.
    static func decode(_ body: ByteBuffer, headerLength: Int?) throws -> DecodedRequest {
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
            let parameters: JSONValue? = try object(root["parameters"], "parameters")

            var rest: UnsafeRawBufferPointer.SubSequence = raw[length...]
            var inputs: [(name: String, tensor: Tensor)] = []
            for entry in try list(root["inputs"], "inputs", json, limit: 1024) ?? [] { inputs.append(try input(entry, json, &rest)) }
            guard rest.isEmpty else { throw invalid("\(rest.count) bytes are left over after the inputs") }

            var request = InferenceRequest(inputs: inputs, arrival: start)
            request.sequence = try sequence(parameters)
            if let microseconds = try integer(parameters?["timeout"], "timeout"), microseconds > 0 {
                request.deadline = start + .microseconds(min(microseconds, 1_000_000_000_000))
            }
            var decoded = DecodedRequest(request: request, id: try string(root["id"], "id"))
            decoded.areAllBinary = try bool(parameters?["binary_data_output"], "binary_data_output") ?? false
            if let outputs = try list(root["outputs"], "outputs", json, limit: 1024), !outputs.isEmpty {
                decoded.request.outputs = try outputs.map { try output($0, &decoded) }
            }
            decoded.request.decoding = ContinuousClock.now - start
            return decoded
        }
    }

    private static func input(
        _ entry: JSONValue, _ json: UnsafeBufferPointer<UInt8>, _ rest: inout UnsafeRawBufferPointer.SubSequence
    ) throws -> (name: String, tensor: Tensor) {
        guard case .object = entry, let name = try string(entry["name"], "an input's name") else { throw invalid("an input has no name") }
        guard let type = try string(entry["datatype"], "datatype") else { throw invalid("the input '\(name)' has no datatype") }
        guard let datatype = Datatype(rawValue: type) else { throw invalid("the input '\(name)' is of '\(type)', which is no datatype") }
        guard let dtype = datatype.dtype else { throw invalid("the input '\(name)' is of \(type), which no model here takes") }
        let shape: [Int] = try shape(entry["shape"], name, json)
        var count = 1
        for size in shape {
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
            guard !isTooLarge, product <= Int.max / 16 else { throw invalid("the input '\(name)' has a shape with too many elements") }
            count = product
        }
        let parameters: JSONValue? = try object(entry["parameters"], "parameters")
        if parameters?["shared_memory_region"] != nil {
            throw invalid("the input '\(name)' lies in shared memory, which the server doesn't read")
        }
        do {
            if let size = try integer(parameters?["binary_data_size"], "binary_data_size") {
                guard entry["data"] == nil else { throw invalid("it has data and bytes both") }
                let wanted: Int = count * dtype.byteWidth
                guard size == wanted else { throw invalid("\(size) bytes where \(type) of shape \(shape) has \(wanted)") }
                guard size <= rest.count else { throw invalid("\(size) bytes are said to follow, and \(rest.count) do") }
                defer { rest = rest.dropFirst(size) }
                return (name, try Tensor(bytes: UnsafeRawBufferPointer(rebasing: rest.prefix(size)), dtype: dtype, shape: shape))
            }
            guard case .array(let range)? = entry["data"] else { throw invalid("it has no data") }
            return (name, try JSONReader.tensor(json, range, dtype, shape, count: count))
        } catch let error as ServingError {
            throw ServingError(error.code, "the input '\(name)': \(error.message)")
        } catch let error as TensorError {
            throw invalid("the input '\(name)': \(error.message)")
        }
    }

    private static func output(_ entry: JSONValue, _ decoded: inout DecodedRequest) throws -> String {
        guard case .object = entry, let name = try string(entry["name"], "an output's name") else { throw invalid("an output has no name") }
        let parameters: JSONValue? = try object(entry["parameters"], "parameters")
        if parameters?["shared_memory_region"] != nil {
            throw invalid("the output '\(name)' is wanted in shared memory, which the server doesn't write")
        }
        if let classes = try integer(parameters?["classification"], "classification"), classes != 0 {
            throw invalid("the output '\(name)' is wanted as classes, which the server doesn't know")
        }
        if try bool(parameters?["binary_data"], "binary_data") ?? decoded.areAllBinary { decoded.binaryOutputs.insert(name) }
        return name
    }

    private static func sequence(_ parameters: JSONValue?) throws -> RequestSequence? {
        let id: String
        switch parameters?["sequence_id"] {
        case .none, .null?: return nil
        case .int(let number)?:
            if number == 0 { return nil }
            id = String(number)
        case .string(let text)?:
            if text.isEmpty { return nil }
            guard text.utf8.count <= 128 else { throw invalid("the sequence_id is longer than 128 bytes") }
            id = text
        default: throw invalid("the sequence_id is no number below 2^63, nor a text")
        }
        return RequestSequence(
            id: id, isStart: try bool(parameters?["sequence_start"], "sequence_start") ?? false,
            isEnd: try bool(parameters?["sequence_end"], "sequence_end") ?? false)
    }

    // MARK: Parts

    private static func invalid(_ message: String) -> ServingError { ServingError(.invalidRequest, message) }

    private static func shape(_ value: JSONValue?, _ name: String, _ json: UnsafeBufferPointer<UInt8>) throws -> [Int] {
        guard let sizes = try list(value, "the shape of '\(name)'", json, limit: 64) else {
            throw invalid("the input '\(name)' has no shape")
        }
        return try sizes.map { size in
            guard case .int(let size) = size, size >= 0 else {
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

    private static func object(_ value: JSONValue?, _ name: String) throws -> JSONValue? {
        switch value {
        case .none, .null?: return nil
        case .object?: return value
        default: throw invalid("\(name) is no object")
        }
    }

    private static func string(_ value: JSONValue?, _ name: String) throws -> String? {
        switch value {
        case .none, .null?: return nil
        case .string(let text)?: return text
        default: throw invalid("\(name) is no text")
        }
    }

    private static func bool(_ value: JSONValue?, _ name: String) throws -> Bool? {
        switch value {
        case .none, .null?: return nil
        case .bool(let flag)?: return flag
        default: throw invalid("\(name) is no truth value")
        }
    }

    private static func integer(_ value: JSONValue?, _ name: String) throws -> Int? {
        switch value {
        case .none, .null?: return nil
        case .int(let number)? where number >= 0: return number
        default: throw invalid("\(name) is no number from 0 on")
        }
    }
}
