import ApusServing
import Foundation
import GRPCCore
import SwiftProtobuf
import Synchronization

/// The protocol's calls.
struct InferenceService: Inference_GRPCInferenceService.ServiceProtocol {
    let repository: ModelRepository

    // MARK: The server

    func serverLive(request: ServerRequest<Inference_ServerLiveRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ServerLiveResponse>
    {
        ServerResponse(message: .with { $0.live = true })
    }

    func serverReady(request: ServerRequest<Inference_ServerReadyRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ServerReadyResponse>
    {
        ServerResponse(message: .with { $0.ready = repository.isReady })
    }

    func serverMetadata(request: ServerRequest<Inference_ServerMetadataRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ServerMetadataResponse>
    {
        ServerResponse(
            message: .with { answer in
                (answer.name, answer.version) = (ServerIdentity.name, ServerIdentity.version)
                answer.extensions = ServerIdentity.extensions
            })
    }

    // MARK: Models

    func model(_ name: String, _ version: String) throws -> ServedModel {
        try repository.model(name, version: version.isEmpty ? nil : version)
    }

    func modelReady(request: ServerRequest<Inference_ModelReadyRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ModelReadyResponse>
    {
        ServerResponse(message: .with { $0.ready = (try? model(request.message.name, request.message.version)) != nil })
    }

    func modelMetadata(request: ServerRequest<Inference_ModelMetadataRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ModelMetadataResponse>
    {
        let model: ServedModel = try model(request.message.name, request.message.version)
        let describe: (ModelSignature.Entry) -> Inference_ModelMetadataResponse.TensorMetadata = { entry in
            .with { tensor in
                (tensor.name, tensor.datatype) = (entry.name, entry.datatype.rawValue)
                tensor.shape = entry.shape.map { Int64($0) }
            }
        }
        return ServerResponse(
            message: .with { answer in
                (answer.name, answer.platform) = (model.name, model.platform)
                answer.versions = repository.versions(of: model.name)
                answer.inputs = model.signature.inputs.map(describe)
                answer.outputs = model.signature.outputs.map(describe)
            })
    }

    func modelInfer(request: ServerRequest<Inference_ModelInferRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ModelInferResponse>
    {
        ServerResponse(message: try await infer(request.message, request.metadata, context))
    }

    /// Answers a stream's requests one after another, each with its result or its error.
    func modelStreamInfer(request: StreamingServerRequest<Inference_ModelInferRequest>, context: ServerContext) async throws
        -> StreamingServerResponse<Inference_ModelStreamInferResponse>
    {
        StreamingServerResponse { writer in
            let turn = StreamTurn()
            let reading = Task {
                for try await message in request.messages {
                    guard turn.begin() else { break }
                    var answer = Inference_ModelStreamInferResponse()
                    do { answer.inferResponse = try await infer(message, request.metadata, context) } catch {
                        answer.errorMessage = AnsweringCalls.answer(error).message
                        // Whose error it is.
                        answer.inferResponse.id = message.id
                    }
                    try await writer.write(answer)
                    guard turn.end() else { break }
                }
            }
            do {
                try await withTaskCancellationHandler {
                    try await withRPCCancellationHandler {
                        try await reading.value
                    } onCancelRPC: {
                        turn.finish(reading)
                    }
                } onCancel: {
                    reading.cancel()
                }
            } catch  where turn.isFinished {}
            return [:]
        }
    }

    // MARK: Inference

    private func infer(_ message: Inference_ModelInferRequest, _ metadata: Metadata, _ context: ServerContext) async throws
        -> Inference_ModelInferResponse
    {
        let start = ContinuousClock.now
        let model: ServedModel = try model(message.modelName, message.modelVersion)
        return try await whileConnected(context) {
            let decoded: InferenceRequest = try InferenceDecoder.decode(message, metadata, from: start)
            let result: InferenceResult = try await model.infer(decoded)
            let writing = ContinuousClock.now
            defer { model.statistics.wrote(ContinuousClock.now - writing) }
            return try InferenceEncoder.encode(result, of: model, for: message)
        }
    }

    /// Runs work that ends when the client goes away, or its time is up; not when the server is told to end, which waits for it.
    private func whileConnected<Result: Sendable>(_ context: ServerContext, _ body: @escaping @Sendable () async throws -> Result)
        async throws -> Result
    {
        let repository: ModelRepository = repository
        if context.cancellation.isCancelled, repository.isReady { throw CancellationError() }
        let task = Task { try await body() }
        return try await withTaskCancellationHandler {
            try await withRPCCancellationHandler {
                try await task.value
            } onCancelRPC: {
                if repository.isReady { task.cancel() }
            }
        } onCancel: {
            task.cancel()
        }
    }

    // MARK: The repository

    func repositoryIndex(request: ServerRequest<Inference_RepositoryIndexRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_RepositoryIndexResponse>
    {
        let entries: [ModelRepository.IndexEntry] = repository.index.filter { $0.isReady || !request.message.ready }
        return ServerResponse(
            message: .with { answer in
                answer.models = entries.map { entry in
                    .with { model in
                        (model.name, model.version, model.state, model.reason) = (entry.name, entry.version, entry.state, entry.reason)
                    }
                }
            })
    }

    func repositoryModelLoad(request: ServerRequest<Inference_RepositoryModelLoadRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_RepositoryModelLoadResponse>
    {
        try ModelRepository.requireNoContents(request.message.parameters.keys.sorted())
        try await repository.load(request.message.modelName)
        return ServerResponse(message: Inference_RepositoryModelLoadResponse())
    }

    func repositoryModelUnload(request: ServerRequest<Inference_RepositoryModelUnloadRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_RepositoryModelUnloadResponse>
    {
        try ModelRepository.requireNoContents(request.message.parameters.keys.sorted())
        try await repository.unload(request.message.modelName)
        return ServerResponse(message: Inference_RepositoryModelUnloadResponse())
    }
}

/// Whether a stream is between two requests, where it can end without one being lost.
private final class StreamTurn: Sendable {
    private let state = Mutex((isBusy: false, isFinished: false))

    var isFinished: Bool { state.withLock { $0.isFinished } }

    /// - Returns: whether the request is still to be answered
    func begin() -> Bool {
        state.withLock { state in
            state.isBusy = !state.isFinished
            return state.isBusy
        }
    }

    /// - Returns: whether another request may come
    func end() -> Bool {
        state.withLock { state in
            state.isBusy = false
            return !state.isFinished
        }
    }

    /// No more requests are taken; what is under way is answered.
    func finish(_ reading: Task<Void, any Error>) {
        let isBusy: Bool = state.withLock { state in
            state.isFinished = true
            return state.isBusy
        }
        if !isBusy { reading.cancel() }
    }
}
