import ApusRun
import ApusServerGRPC
import ApusServerHTTP
import ApusServing
import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle

/// Serves a folder of models. The log goes to standard error, a line of JSON for each message; the exit status is 0 where the server was told to
/// end and all requests were answered.
@main
struct ApusServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-server",
        abstract: "Serve a folder of exported programs (.pt2, .onnx) over the Open Inference Protocol, HTTP and gRPC.",
        version: ServerIdentity.version)

    @Option(name: .long, help: "The folder of models: NAME.pt2 or NAME.onnx, or NAME/VERSION/model.pt2 or model.onnx.")
    var models: String

    @OptionGroup(title: "Network") var network: NetworkOptions
    @OptionGroup(title: "Work") var work: WorkOptions

    @Option(name: .long, help: "How often the folder is looked at for changes; 0 for never.")
    var pollSeconds: Double = 2

    @Option(name: .long, help: "How long requests under way are waited for when the server is told to end.")
    var graceSeconds: Double = 30

    @Option(name: .long, help: "What is written down; single requests are debug.")
    var logLevel: LogLevel = .info

    func validate() throws {
        guard pollSeconds >= 0, pollSeconds <= 86_400 else { throw ValidationError("--poll-seconds must be from 0 to 86400.") }
        guard graceSeconds >= 0, graceSeconds <= 86_400 else { throw ValidationError("--grace-seconds must be from 0 to 86400.") }
    }

    func run() async throws {
        let logLevel: Logger.Level = Logger.Level(rawValue: logLevel.rawValue) ?? .info
        LoggingSystem.bootstrap { label in
            var handler = JSONLogHandler(label: label)
            handler.logLevel = logLevel
            return handler
        }
        let logger = Logger(label: "apus-server")
        let http: ListenerOptions = try network.options()
        var grpc: ListenerOptions = http
        grpc.port = network.grpcPort
        let defaults: ServingDefaults = work.defaults()
        let repository = try ModelRepository(folder: models, defaults: defaults, threads: CallThreads(count: work.runsAtOnce)) {
            tell(logger, $0)
        }
        try await repository.refresh(isFirst: true)

        let whenRunning: @Sendable (String, Int) -> Void = { name, port in
            logger.info(
                "serving",
                metadata: ["protocol": "\(name)", "host": "\(http.host)", "port": "\(port)", "models": "\(repository.models.count)"])
        }
        var services: [any Service] = [
            try HTTPService(repository, http, logger: logger) { whenRunning("http", $0) },
            try GRPCService(repository, grpc, logger: logger) { whenRunning("grpc", $0) },
        ]
        if pollSeconds > 0 { services.append(FolderWatch(repository, every: .seconds(pollSeconds))) }
        try await runServices(services, grace: .seconds(graceSeconds), logger: logger)
        logger.info("ended")
    }
}

/// The levels of the log, from the least on.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
}

/// Writes down what became of a model.
private func tell(_ logger: Logger, _ event: ModelRepository.Event) {
    switch event {
    case .loaded(let model, let duration):
        var metadata: Logger.Metadata = ["model": "\(model.name)", "version": "\(model.version)", "seconds": "\(duration.seconds)"]
        switch model.batching {
        case .success(let plan): metadata["largest_batch"] = "\(plan.largest)"
        case .failure(let refusal): metadata["one_by_one"] = "\(refusal.reason)"
        }
        logger.info("loaded", metadata: metadata)
    case .failed(let name, let version, let reason):
        logger.error("not loaded", metadata: ["model": "\(name)", "version": "\(version)", "reason": "\(reason)"])
    case .unloaded(let name, let version):
        logger.info("unloaded", metadata: ["model": "\(name)", "version": "\(version)"])
    }
}
