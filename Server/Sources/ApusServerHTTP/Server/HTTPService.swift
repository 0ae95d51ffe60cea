import ApusServing
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import ServiceLifecycle

/// Serves models over the Open Inference Protocol on HTTP until it is told to stop; then it takes no new requests, and ends when those under way are answered.
public struct HTTPService: Service {
    private let application: Application<RouterResponder<ServerContext>>
    private let repository: ModelRepository

    /// - Parameter whenRunning: is called with the port once connections are taken
    /// - Throws: for certificates and keys that can't be used.
    public init(
        _ repository: ModelRepository, _ options: ListenerOptions, logger: Logger,
        whenRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws {
        self.repository = repository
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: AnsweringErrors())
        router.add(middleware: RequiringToken(options: options))
        Routes(repository: repository, maxRequestBytes: options.maxRequestBytes).add(to: router)
        let http1: HTTPServerBuilder = .http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionWatch()], idleTimeout: .seconds(Int64(options.idleSeconds))))
        application = Application(
            responder: router.buildResponder(),
            server: try options.tls.map { try .tls(http1, tlsConfiguration: HTTPService.tls($0)) } ?? http1,
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port),
                availableConnectionsDelegate: MaximumAvailableConnections(options.maxConnections, logger: logger)),
            onServerRunning: { channel in await whenRunning(channel.localAddress?.port ?? options.port) }, logger: logger)
    }

    private static func tls(_ files: (certificate: String, key: String)) throws -> TLSConfiguration {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(files.certificate) } catch {
            throw ServingError(.unavailable, "the certificates in '\(files.certificate)' can't be used: \(error)")
        }
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(file: files.key, format: .pem) } catch {
            throw ServingError(.unavailable, "the key in '\(files.key)' can't be used: \(error)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    public func run() async throws {
        let repository: ModelRepository = repository
        try await withGracefulShutdownHandler {
            try await application.run()
        } onGracefulShutdown: {
            repository.stop()
        }
    }
}

/// Looks at the folder of models from time to time.
public struct FolderWatch: Service {
    private let repository: ModelRepository
    private let interval: Duration

    public init(_ repository: ModelRepository, every interval: Duration) { (self.repository, self.interval) = (repository, interval) }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: interval)) != nil { try? await repository.refresh() }
        }
    }
}

/// Runs services until the process is told to end (SIGTERM, SIGINT), and a while longer for what is under way.
public func runServices(_ services: [any Service], grace: Duration, logger: Logger) async throws {
    var configuration = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = grace
    try await ServiceGroup(configuration: configuration).run()
}
