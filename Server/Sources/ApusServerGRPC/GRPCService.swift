import ApusServing
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves models over the Open Inference Protocol on gRPC until it is told to stop; then it takes no new calls, and ends when those under way are answered.
public struct GRPCService: Service {
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let repository: ModelRepository
    private let whenRunning: @Sendable (Int) -> Void

    /// - Parameter whenRunning: is called with the port once connections are taken
    /// - Throws: for a host without address.
    public init(
        _ repository: ModelRepository, _ options: ListenerOptions, logger: Logger, whenRunning: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        self.repository = repository
        self.whenRunning = whenRunning
        let security: HTTP2ServerTransport.Posix.TransportSecurity =
            options.tls.map { files in
                .tls(certificateChain: [.file(path: files.certificate, format: .pem)], privateKey: .file(path: files.key, format: .pem))
            } ?? .plaintext
        let transport = HTTP2ServerTransport.Posix(
            address: try GRPCService.address(options), transportSecurity: security,
            config: .defaults { config in
                // What is larger has its stream reset without a status; what is only too large gets one.
                config.rpc.maxRequestPayloadSize = 2 * options.maxRequestBytes
                config.connection.maxIdleTime = .seconds(options.idleSeconds)
                config.http2.maxConcurrentStreams = 256
                // Images have hundreds of kilobytes; the default is 64.
                config.http2.targetWindowSize = 4 << 20
                let limit = ConnectionLimit(options.maxConnections)
                config.channelDebuggingCallbacks.onAcceptTCPConnection = { limit.accept($0) }
            })
        let service = BoundedService(service: InferenceService(repository: repository), maxRequestBytes: options.maxRequestBytes)
        server = GRPCServer(
            transport: transport, services: [service], interceptors: [AnsweringCalls(options: options, logger: logger)])
    }

    private static func address(_ options: ListenerOptions) throws -> GRPCNIOTransportHTTP2Posix.SocketAddress {
        let found = try NIOCore.SocketAddress.makeAddressResolvingHost(options.host, port: options.port)
        guard let address = found.ipAddress else { throw ServingError(.unavailable, "'\(options.host)' is no host") }
        return found.protocol == .inet6 ? .ipv6(host: address, port: options.port) : .ipv4(host: address, port: options.port)
    }

    public func run() async throws {
        let (server, repository) = (server, repository)
        try await withGracefulShutdownHandler {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await server.serve() }
                // Where there is no address the server says why.
                guard let address = try? await server.transport.listeningAddress else { return }
                if let port = address.ipv4?.port ?? address.ipv6?.port { whenRunning(port) }
            }
        } onGracefulShutdown: {
            repository.stop()
            server.beginGracefulShutdown()
        }
    }
}

/// How many connections there are at once.
private final class ConnectionLimit: Sendable {
    private let limit: Int
    private let count = Atomic(0)

    init(_ limit: Int) { self.limit = limit }

    /// - Returns: a failure for a connection that is one too many, which nobody then serves; it is closed.
    func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let isTooMany: Bool = count.add(1, ordering: .relaxed).newValue > limit
        channel.closeFuture.whenComplete { [self] _ in count.subtract(1, ordering: .relaxed) }
        guard isTooMany else { return channel.eventLoop.makeSucceededVoidFuture() }
        channel.eventLoop.execute { channel.close(promise: nil) }
        return channel.eventLoop.makeFailedFuture(ServingError(.overloaded, "\(limit) connections are all that are served at once"))
    }
}
