import ApusRun
import ApusServing
import HTTPTypes
import Hummingbird
import NIOCore
import Tracing

/// The protocol's addresses.
struct Routes {
    let repository: ModelRepository
    let maxRequestBytes: Int

    func add(to router: Router<ServerContext>) {
        router.get("v2") { _, _ in serverMetadata }
        router.get("v2/health/live") { _, _ in Response(status: .ok) }
        router.get("v2/health/ready") { _, _ in Response(status: repository.isReady ? .ok : .serviceUnavailable) }
        for path in ["v2/models/:model", "v2/models/:model/versions/:version"] {
            router.get("\(path)") { _, context in try metadata(model(context)) }
            router.get("\(path)/ready") { _, context in
                _ = try model(context)
                return Response(status: .ok)
            }
            router.get("\(path)/config") { _, context in configuration(try model(context)) }
            router.get("\(path)/stats") { _, context in
                statistics(try repository.models(of: name(context), version: context.parameter("version")))
            }
            router.post("\(path)/infer") { request, context in try await infer(request, context) }
        }
        router.get("v2/models/stats") { _, _ in statistics(repository.models) }
        router.post("v2/repository/index") { request, context in try await index(request) }
        router.post("v2/repository/models/:model/load") { request, context in
            try await requireNoContents(request)
            try await repository.load(name(context))
            return Response(status: .ok)
        }
        router.post("v2/repository/models/:model/unload") { request, context in
            try await requireNoContents(request)
            try await repository.unload(name(context))
            return Response(status: .ok)
        }
        router.get("metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: PrometheusText(repository).text)))
        }
    }

    // MARK: Inference

    private static let headerLength = HTTPField.Name("Inference-Header-Content-Length")!

    private func infer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let model: ServedModel = try model(context)
        if let encoding = request.headers[.contentEncoding], encoding != "identity" {
            throw ServingError(.invalidRequest, "the request is compressed (\(encoding)), which the server doesn't read")
        }
        let headerLength: Int? = try request.headers[Routes.headerLength].map { text in
            guard let length = Int(text), length >= 0 else {
                throw ServingError(.invalidRequest, "Inference-Header-Content-Length is no length: '\(text)'")
            }
            return length
        }
        let body: ByteBuffer = try await body(request, limit: maxRequestBytes)
        return try await whileConnected(context.connection) {
            var decoded: DecodedRequest = try InferenceDecoder.decode(body, headerLength: headerLength, maxBytes: maxRequestBytes)
            decoded.request.id = context.requestID
            InstrumentationSystem.instrument.extract(request.headers, into: &decoded.request.trace, using: HeaderExtractor())
            let result: InferenceResult = try await model.infer(decoded.request)
            let start = ContinuousClock.now
            let (body, length) = try encoded(result, of: model, for: decoded)
            model.statistics.wrote(ContinuousClock.now - start)
            var headers: HTTPFields = [.contentType: length == nil ? "application/json" : "application/octet-stream"]
            if let length { headers[Routes.headerLength] = String(length) }
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        }
    }

    /// A result that can't be written down is no fault of the request's.
    private func encoded(_ result: InferenceResult, of model: ServedModel, for decoded: DecodedRequest) throws -> (ByteBuffer, Int?) {
        do { return try InferenceEncoder.encode(result, of: model, for: decoded) } catch let known as ServingError { throw known } catch {
            throw ServingError(.failed, "the result can't be written: \(error)")
        }
    }

    /// How much memory a request is given before it has come.
    private static let mostPromised = 8 << 20

    /// The request's body, of which no more is taken into memory than may be.
    private func body(_ request: Request, limit: Int) async throws -> ByteBuffer {
        let tooLarge = ServingError(.tooLarge, "the request has more than the \(limit) bytes that the server takes")
        var expected = 0
        if let text = request.headers[.contentLength] {
            guard let length = Int(text), length <= limit else { throw tooLarge }
            expected = max(length, 0)
        }
        // In one piece: a body that grows is copied again and again.
        var body = ByteBufferAllocator().buffer(capacity: min(expected, Routes.mostPromised))
        for try await part in request.body {
            guard part.readableBytes <= limit - body.readableBytes else { throw tooLarge }
            body.writeImmutableBuffer(part)
        }
        return body
    }

    // MARK: Models

    private func name(_ context: ServerContext) throws -> String {
        guard let name = context.parameter("model") else { throw ServingError(.notFound, "no model is named") }
        return name
    }

    private func model(_ context: ServerContext) throws -> ServedModel {
        try repository.model(name(context), version: context.parameter("version"))
    }

    private var serverMetadata: Response {
        Response { output in
            output.object { output in
                output.pair("name", ServerIdentity.name)
                output.pair("version", ServerIdentity.version)
                output.key("extensions")
                output.array(ServerIdentity.extensions) { $0.string($1) }
            }
        }
    }

    private func metadata(_ model: ServedModel) -> Response {
        Response { output in
            output.object { output in
                output.pair("name", model.name)
                output.key("versions")
                output.array(repository.versions(of: model.name)) { $0.string($1) }
                output.pair("platform", model.platform)
                for (key, entries) in [("inputs", model.signature.inputs), ("outputs", model.signature.outputs)] {
                    output.key(key)
                    output.array(entries) { output, entry in
                        output.object { output in
                            output.pair("name", entry.name)
                            output.pair("datatype", entry.datatype.rawValue)
                            output.key("shape")
                            output.array(entry.shape) { $0.int($1) }
                        }
                    }
                }
            }
        }
    }

    private func configuration(_ model: ServedModel) -> Response {
        Response { output in
            output.object { output in
                output.pair("name", model.name)
                output.pair("platform", model.platform)
                output.pair("backend", ServerIdentity.backend)
                // The protocol's shapes here hold the batch, as Triton's do where this is 0.
                output.pair("max_batch_size", 0)
                for (key, entries) in [("input", model.signature.inputs), ("output", model.signature.outputs)] {
                    output.key(key)
                    output.array(entries) { output, entry in
                        output.object { output in
                            output.pair("name", entry.name)
                            output.pair("data_type", "TYPE_\(entry.datatype.rawValue)")
                            output.key("dims")
                            output.array(entry.shape) { $0.int($1) }
                        }
                    }
                }
                output.key("parameters")
                output.object { output in
                    for (key, value) in model.parameters {
                        output.key(key)
                        output.object { $0.pair("string_value", value) }
                    }
                }
            }
        }
    }

    // MARK: The repository

    private func index(_ request: Request) async throws -> Response {
        let body: ByteBuffer = try await body(request, limit: 1 << 16)
        let isReadyOnly: Bool = try body.withUnsafeReadableBytes { raw in
            if raw.isEmpty { return false }
            var reader = JSONReader(raw.bindMemory(to: UInt8.self))
            if case .bool(let flag)? = try reader.whole()["ready"] { return flag }
            return false
        }
        return Response { output in
            output.array(repository.index.filter { $0.isReady || !isReadyOnly }) { output, entry in
                output.object { output in
                    output.pair("name", entry.name)
                    output.pair("version", entry.version)
                    output.pair("state", entry.state)
                    output.pair("reason", entry.reason)
                }
            }
        }
    }

    /// Models come from the server's folder, and from no request.
    private func requireNoContents(_ request: Request) async throws {
        let body: ByteBuffer = try await body(request, limit: 1 << 16)
        try body.withUnsafeReadableBytes { raw in
            if raw.isEmpty { return }
            var reader = JSONReader(raw.bindMemory(to: UInt8.self))
            guard case .object(let parameters)? = try reader.whole()["parameters"] else { return }
            try ModelRepository.requireNoContents(parameters.map(\.key))
        }
    }
}
