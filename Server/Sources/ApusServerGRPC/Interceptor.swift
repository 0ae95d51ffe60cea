import ApusServing
import GRPCCore
import Logging

extension RPCError.Code {
    /// What a refusal is in gRPC.
    init(_ code: ServingError.Code) {
        switch code {
        case .invalidRequest: self = .invalidArgument
        case .notFound: self = .notFound
        case .tooLarge, .overloaded: self = .resourceExhausted
        case .deadlineExceeded: self = .deadlineExceeded
        case .cancelled: self = .cancelled
        case .unavailable: self = .unavailable
        case .failed: self = .internalError
        }
    }
}

/// Lets in who knows the token, turns all that goes wrong into the protocol's statuses, and writes a line for each call.
struct AnsweringCalls: ServerInterceptor {
    let options: ListenerOptions
    let logger: Logger

    /// Whoever asks for the server's health needs no token.
    private static let open: Set<String> = ["ServerLive", "ServerReady"]

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let start = ContinuousClock.now
        var request: StreamingServerRequest<Input> = request
        let id: String = RequestID.make(given: request.metadata.text(RequestID.header))
        request.metadata.replaceOrAddString(id, forKey: RequestID.header)
        var response: StreamingServerResponse<Output>
        do {
            guard AnsweringCalls.open.contains(context.descriptor.method) || options.admits(request.metadata.text("authorization")) else {
                throw RPCError(code: .unauthenticated, message: "a token is needed: authorization: Bearer ...")
            }
            response = try await next(request, context)
        } catch {
            response = StreamingServerResponse(error: AnsweringCalls.answer(error))
        }
        var code: RPCError.Code?
        switch response.accepted {
        case .success(var contents):
            contents.metadata.replaceOrAddString(id, forKey: RequestID.header)
            response.accepted = .success(contents)
        case .failure(var error):
            error.metadata.replaceOrAddString(id, forKey: RequestID.header)
            response.accepted = .failure(error)
            code = error.code
        }
        let isOurs: Bool = code.map { [.internalError, .unavailable, .deadlineExceeded, .unknown].contains($0) } ?? false
        logger.log(
            level: isOurs ? .warning : .debug, "request",
            metadata: [
                "request": "\(id)", "method": "\(context.descriptor.method)", "status": "\(code.map { "\($0)" } ?? "ok")",
                "milliseconds": "\(Double((ContinuousClock.now - start).nanoseconds) / 1e6)",
            ])
        return response
    }

    static func answer(_ error: any Error) -> RPCError {
        if var error = error as? RPCError {
            // What gRPC itself finds fault with is a stream that can't be read.
            if error.code == .internalError { error.code = .invalidArgument }
            return error
        }
        let known = ServingError(error)
        return RPCError(code: RPCError.Code(known.code), message: known.message)
    }
}

extension Metadata {
    func text(_ key: String) -> String? { self[stringValues: key].first { _ in true } }
}
