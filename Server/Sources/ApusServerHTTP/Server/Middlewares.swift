import ApusServing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Tracing

extension HTTPResponse.Status {
    /// What a refusal is in HTTP.
    init(_ code: ServingError.Code) {
        switch code {
        case .invalidRequest: self = .badRequest
        case .notFound: self = .notFound
        case .tooLarge: self = .contentTooLarge
        case .overloaded: self = .tooManyRequests
        case .deadlineExceeded: self = .gatewayTimeout
        case .cancelled: self = HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
        case .unavailable: self = .serviceUnavailable
        case .failed: self = .internalServerError
        }
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name(RequestID.header)!
}

/// Finds a trace's context in the headers of a request.
struct HeaderExtractor: Extractor {
    func extract(key: String, from headers: HTTPFields) -> String? { HTTPField.Name(key).flatMap { headers[$0] } }
}

extension Response {
    /// A body of JSON.
    init(_ status: HTTPResponse.Status = .ok, json body: (inout JSONOutput) throws -> Void) rethrows {
        var output = JSONOutput()
        try body(&output)
        self.init(
            status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: ByteBuffer(bytes: output.bytes)))
    }

    /// The protocol's answer to what can't be done.
    init(_ status: HTTPResponse.Status, error: String) {
        self.init(status) { output in output.object { $0.pair("error", error) } }
    }
}

/// Turns all that goes wrong into the protocol's answers, and writes a line for each request.
struct AnsweringErrors: RouterMiddleware {
    typealias Context = ServerContext

    func handle(_ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response) async throws
        -> Response
    {
        let start = ContinuousClock.now
        var context: ServerContext = context
        context.requestID = RequestID.make(given: request.headers[.requestID])
        var response: Response
        do { response = try await next(request, context) } catch { response = AnsweringErrors.answer(error, request) }
        response.headers[.requestID] = context.requestID
        let level: Logger.Level = response.status.code >= 500 ? .warning : .debug
        context.logger.log(
            level: level, "request",
            metadata: [
                "request": "\(context.requestID)", "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
                "status": "\(response.status.code)",
                "milliseconds": "\(Double((ContinuousClock.now - start).nanoseconds) / 1e6)",
            ])
        return response
    }

    private static func answer(_ error: any Error, _ request: Request) -> Response {
        switch error {
        case let error as ServingError:
            var response = Response(HTTPResponse.Status(error.code), error: error.message)
            if error.code == .overloaded { response.headers[.retryAfter] = "1" }
            return response
        case is NIOTooManyBytesError: return Response(.contentTooLarge, error: "the request is larger than the server takes")
        case is CancellationError: return Response(HTTPResponse.Status(.cancelled), error: "the request was cancelled")
        case let error as HTTPError where error.status == .notFound:
            return Response(.notFound, error: "there is nothing for \(request.method.rawValue) at '\(request.uri.path)'")
        case let error as HTTPError: return Response(error.status, error: error.body ?? error.status.reasonPhrase)
        default: return Response(.badRequest, error: "the request could not be read")
        }
    }
}

/// Lets in who knows the token, and whoever asks for the server's health.
struct RequiringToken: RouterMiddleware {
    typealias Context = ServerContext

    let options: ListenerOptions

    func handle(_ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response) async throws
        -> Response
    {
        guard request.uri.path.hasPrefix("/v2/health/") || options.admits(request.headers[.authorization]) else {
            var response = Response(.unauthorized, error: "a token is needed: Authorization: Bearer ...")
            response.headers[.wwwAuthenticate] = "Bearer"
            return response
        }
        return try await next(request, context)
    }
}
