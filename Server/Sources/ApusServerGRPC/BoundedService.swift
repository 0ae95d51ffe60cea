import ApusServing
import GRPCCore
import GRPCProtobuf
import SwiftProtobuf

/// The service, with messages that are looked over before they are read: a part of two bytes becomes a hundred in memory, and a number of one byte eight.
struct BoundedService: RegistrableRPCService {
    let service: InferenceService
    let maxRequestBytes: Int

    /// What asks for no more than a model's name.
    private static let shortMessage = 1 << 16

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        typealias Method = Inference_GRPCInferenceService.Method
        let (service, short) = (service, min(BoundedService.shortMessage, maxRequestBytes))
        add(Method.ServerLive.descriptor, short, to: &router) { try await service.serverLive(request: $0, context: $1) }
        add(Method.ServerReady.descriptor, short, to: &router) { try await service.serverReady(request: $0, context: $1) }
        add(Method.ServerMetadata.descriptor, short, to: &router) { try await service.serverMetadata(request: $0, context: $1) }
        add(Method.ModelReady.descriptor, short, to: &router) { try await service.modelReady(request: $0, context: $1) }
        add(Method.ModelMetadata.descriptor, short, to: &router) { try await service.modelMetadata(request: $0, context: $1) }
        add(Method.ModelConfig.descriptor, short, to: &router) { try await service.modelConfig(request: $0, context: $1) }
        add(Method.ModelStatistics.descriptor, short, to: &router) { try await service.modelStatistics(request: $0, context: $1) }
        add(Method.ModelInfer.descriptor, maxRequestBytes, to: &router) { try await service.modelInfer(request: $0, context: $1) }
        add(Method.ModelStreamInfer.descriptor, maxRequestBytes, to: &router) {
            try await service.modelStreamInfer(request: $0, context: $1)
        }
        add(Method.RepositoryIndex.descriptor, short, to: &router) { try await service.repositoryIndex(request: $0, context: $1) }
        add(Method.RepositoryModelLoad.descriptor, maxRequestBytes, to: &router) {
            try await service.repositoryModelLoad(request: $0, context: $1)
        }
        add(Method.RepositoryModelUnload.descriptor, maxRequestBytes, to: &router) {
            try await service.repositoryModelUnload(request: $0, context: $1)
        }
    }

    private func add<Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message, Transport: ServerTransport>(
        _ method: MethodDescriptor, _ maxBytes: Int, to router: inout RPCRouter<Transport>,
        _ answer: @escaping @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) {
        router.registerHandler(
            forMethod: method, deserializer: BoundedDeserializer<Input>(maxBytes: maxBytes), serializer: ProtobufSerializer<Output>(),
            handler: answer)
    }
}

/// Reads messages of at most so many bytes, on the wire and in memory, and of few parts.
struct BoundedDeserializer<Message: SwiftProtobuf.Message>: MessageDeserializer {
    let maxBytes: Int

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Message {
        do {
            guard bytes.count <= maxBytes else {
                throw ServingError(.tooLarge, "the message has \(bytes.count) bytes, and the server takes \(maxBytes)")
            }
            var size = MessageSize(maxBytes: maxBytes)
            try bytes.withUnsafeBytes { try size.add($0) }
        } catch {
            // A stream's messages are read outside of what answers errors.
            throw AnsweringCalls.answer(error)
        }
        return try ProtobufDeserializer<Message>().deserialize(bytes)
    }
}
