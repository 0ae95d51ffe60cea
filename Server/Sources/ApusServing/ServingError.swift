/// What a request, or a model's file, is refused with. Protocols turn the code into their status.
public struct ServingError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The request is not one that the model, or the protocol, takes.
        case invalidRequest
        /// There is no such model or version.
        case notFound
        /// The request or its result is larger than the server takes.
        case tooLarge
        /// More requests wait than the model's queue, or its table of sessions, has room for.
        case overloaded
        /// The request's time was up before its result was there.
        case deadlineExceeded
        /// The caller went away.
        case cancelled
        /// The model is there, but not ready.
        case unavailable
        /// The program failed where it should not have.
        case failed
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
