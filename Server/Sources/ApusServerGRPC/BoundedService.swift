import ApusServing
import GRPCCore
import GRPCProtobuf
import SwiftProtobuf

/// The service, with messages that are looked over before they are read: a part of two bytes becomes a hundred in memory.
struct BoundedService: RegistrableRPCService {
    let service: InferenceService
    let maxRequestBytes: Int

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        typealias Method = Inference_GRPCInferenceService.Method
        let (service, limit) = (service, maxRequestBytes)
        service.registerMethods(with: &router)
        router.registerHandler(
            forMethod: Method.ModelInfer.descriptor,
            deserializer: BoundedDeserializer<Inference_ModelInferRequest>(maxBytes: limit),
            serializer: ProtobufSerializer<Inference_ModelInferResponse>(),
            handler: { try await service.modelInfer(request: $0, context: $1) })
        router.registerHandler(
            forMethod: Method.ModelStreamInfer.descriptor,
            deserializer: BoundedDeserializer<Inference_ModelInferRequest>(maxBytes: limit),
            serializer: ProtobufSerializer<Inference_ModelStreamInferResponse>(),
            handler: { try await service.modelStreamInfer(request: $0, context: $1) })
        router.registerHandler(
            forMethod: Method.RepositoryModelLoad.descriptor,
            deserializer: BoundedDeserializer<Inference_RepositoryModelLoadRequest>(maxBytes: limit),
            serializer: ProtobufSerializer<Inference_RepositoryModelLoadResponse>(),
            handler: { try await service.repositoryModelLoad(request: $0, context: $1) })
        router.registerHandler(
            forMethod: Method.RepositoryModelUnload.descriptor,
            deserializer: BoundedDeserializer<Inference_RepositoryModelUnloadRequest>(maxBytes: limit),
            serializer: ProtobufSerializer<Inference_RepositoryModelUnloadResponse>(),
            handler: { try await service.repositoryModelUnload(request: $0, context: $1) })
    }
}

/// Reads messages of at most so many bytes and parts.
struct BoundedDeserializer<Message: SwiftProtobuf.Message>: MessageDeserializer {
    let maxBytes: Int

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Message {
        do {
            guard bytes.count <= maxBytes else {
                throw ServingError(.tooLarge, "the message has \(bytes.count) bytes, and the server takes \(maxBytes)")
            }
            try bytes.withUnsafeBytes { try WireFormat.requireFewParts($0) }
        } catch {
            // A stream's messages are read outside of what answers errors.
            throw AnsweringCalls.answer(error)
        }
        return try ProtobufDeserializer<Message>().deserialize(bytes)
    }
}

/// Protocol buffers as bytes: fields of a number, a kind and a value.
enum WireFormat {
    private static let mostParts = 16_384
    /// `inputs` and `outputs` of a request, and `contents` of an input: the fields, by their numbers, in which parts may stand.
    private static let nested: [[Int]] = [[5], [5, 5], [6]]

    /// Counts the texts, bytes and messages in a message.
    /// - Throws: `ServingError` for too many, and for what is no message.
    static func requireFewParts(_ bytes: UnsafeRawBufferPointer) throws {
        var count = 0
        try scan(bytes, [], &count)
    }

    private static func scan(_ bytes: UnsafeRawBufferPointer, _ path: [Int], _ count: inout Int) throws {
        var position = 0
        while position < bytes.count {
            let key: UInt64 = try number(bytes, &position)
            let length: UInt64
            switch key & 7 {
            case 0:
                _ = try number(bytes, &position)
                continue
            case 1: length = 8
            case 2: length = try number(bytes, &position)
            case 5: length = 4
            // Groups, which nobody writes any more.
            default: throw malformed
            }
            guard length <= UInt64(bytes.count - position) else { throw malformed }
            let end: Int = position + Int(length)
            if key & 7 == 2 {
                count += 1
                guard count <= mostParts else { throw ServingError(.invalidRequest, "the message has more than \(mostParts) parts") }
                let place: [Int] = path + [Int(clamping: key >> 3)]
                if nested.contains(place) { try scan(UnsafeRawBufferPointer(rebasing: bytes[position..<end]), place, &count) }
            }
            position = end
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
