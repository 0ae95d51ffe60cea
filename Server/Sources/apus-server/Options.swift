import ApusServing
import ArgumentParser
import Foundation

/// Where the server listens, and to whom.
struct NetworkOptions: ParsableArguments {
    @Option(name: .long, help: "The address to listen at.")
    var host = "127.0.0.1"

    @Option(name: .long, help: "The port for HTTP; 0 takes a free one, which the log names.")
    var port = 8000

    @Option(name: .long, help: "The port for gRPC; 0 takes a free one.")
    var grpcPort = 8001

    @Option(name: .long, help: "A file whose text clients must send as their token: Authorization: Bearer ...")
    var tokenFile: String?

    @Option(name: .long, help: "The chain of certificates, in PEM; with --tls-key.")
    var tlsCertificate: String?

    @Option(name: .long, help: "The certificate's key, in PEM.")
    var tlsKey: String?

    @Option(name: .long, help: "How many bytes a request may have.")
    var maxRequestBytes = 64 << 20

    @Option(name: .long, help: "How many connections are served at once.")
    var maxConnections = 1024

    @Option(name: .long, help: "After how long a connection on which nothing happens is closed.")
    var idleSeconds = 60

    func validate() throws {
        for (name, port) in [("--port", port), ("--grpc-port", grpcPort)] where !(0...65_535).contains(port) {
            throw ValidationError("\(name) must be from 0 to 65535.")
        }
        guard port != grpcPort || port == 0 else { throw ValidationError("--port and --grpc-port must be two ports.") }
        guard maxRequestBytes > 0, maxRequestBytes <= 1 << 40 else {
            throw ValidationError("--max-request-bytes must be from 1 to \(1 << 40).")
        }
        guard maxConnections > 0 else { throw ValidationError("--max-connections must be at least 1.") }
        guard (1...86_400).contains(idleSeconds) else { throw ValidationError("--idle-seconds must be from 1 to 86400.") }
        guard (tlsCertificate == nil) == (tlsKey == nil) else { throw ValidationError("--tls-certificate and --tls-key go together.") }
    }

    /// What HTTP and gRPC have in common: all but the port.
    func options() throws -> ListenerOptions {
        var options = ListenerOptions(port: port)
        options.host = host
        (options.maxRequestBytes, options.maxConnections, options.idleSeconds) = (maxRequestBytes, maxConnections, idleSeconds)
        if let tlsCertificate, let tlsKey { options.tls = (tlsCertificate, tlsKey) }
        if let tokenFile {
            guard let data = FileManager.default.contents(atPath: tokenFile), let text = String(data: data, encoding: .utf8) else {
                throw ValidationError("\(tokenFile) can't be read as text.")
            }
            let token: String = text.trimmingCharacters(in: .whitespacesAndNewlines)
            // An empty one would let in whoever sends nothing.
            guard !token.isEmpty else { throw ValidationError("\(tokenFile) holds no token.") }
            options.token = token
        }
        return options
    }
}

/// How much runs and waits at once, where a model's own configuration doesn't say.
struct WorkOptions: ParsableArguments {
    @Option(name: .long, help: "How many runs there are at once, of all models; the number of cores when omitted.")
    var runs: Int?

    @Option(name: .long, help: "How many threads one run may use; all when omitted.")
    var threads: Int?

    @Option(name: .long, help: "How many runs of one model there are at once; as many as of all models when omitted.")
    var concurrency: Int?

    @Option(name: .long, help: "How many requests of one model may wait.")
    var queue = 256

    @Option(name: .long, help: "How long a request waits for others to run with, where the model could run at once.")
    var maxBatchWaitMs = 0.0

    @Option(name: .long, help: "How many sequences a model with buffers keeps at once.")
    var maxSequences = 64

    @Option(name: .long, help: "After how long a sequence that nobody uses is forgotten.")
    var sequenceIdleSeconds = 60.0

    func validate() throws {
        let counts: [(String, Int?)] = [
            ("--runs", runs), ("--threads", threads), ("--concurrency", concurrency), ("--queue", queue), ("--max-sequences", maxSequences),
        ]
        for (name, count) in counts where count.map({ !(1...1_000_000 ~= $0) }) == true {
            throw ValidationError("\(name) must be from 1 to 1000000.")
        }
        guard 0...60_000 ~= maxBatchWaitMs else { throw ValidationError("--max-batch-wait-ms must be from 0 to 60000.") }
        guard 0...1e6 ~= sequenceIdleSeconds else { throw ValidationError("--sequence-idle-seconds must be from 0 to 1000000.") }
    }

    /// How many runs there are at once.
    var runsAtOnce: Int { runs ?? max(ProcessInfo.processInfo.activeProcessorCount, 1) }

    func defaults() -> ServingDefaults {
        var defaults = ServingDefaults()
        // A run by itself has all cores; those that meet share them, and two batches on a core each take less time than one after the other on both.
        (defaults.concurrency, defaults.queue, defaults.threads) = (concurrency ?? runsAtOnce, queue, threads)
        defaults.batchWait = .seconds(maxBatchWaitMs / 1000)
        (defaults.maxSequences, defaults.sequenceIdle) = (maxSequences, .seconds(sequenceIdleSeconds))
        return defaults
    }
}
