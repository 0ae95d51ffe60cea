/// What the server says of itself, in any protocol.
public enum ServerIdentity {
    public static let name = "apus-server"
    public static let version = "0.1.0"
    public static let backend = "apus"
    public static let extensions = ["binary_tensor_data", "model_configuration", "model_repository", "sequence", "statistics"]
}

extension ServedModel {
    public var platform: String { "apus_\(format.rawValue)" }

    /// How its requests run, as the protocol's configuration says it.
    public var parameters: [(name: String, value: String)] {
        let limits: [(String, String)] = [
            ("concurrency", "\(limits.concurrency)"), ("queue", "\(limits.waiting)"),
            ("max_batch_wait_ms", "\(Double(limits.batchWait.nanoseconds) / 1e6)"),
        ]
        switch batching {
        case .success(let plan): return limits + [("batching", "together"), ("largest_batch", "\(plan.largest)")]
        case .failure(let refusal): return limits + [("batching", "one by one"), ("batching_reason", refusal.reason)]
        }
    }
}

extension ModelRepository.IndexEntry {
    public var state: String { isReady ? "READY" : "UNAVAILABLE" }
}

extension ModelRepository {
    /// Models come from the server's folder, and from no request.
    /// - Throws: `ServingError` for parameters of loading and unloading that say otherwise.
    public static func requireNoContents(_ parameters: [String]) throws {
        if let other = parameters.first(where: { $0 != "unload_dependents" }) {
            throw ServingError(.invalidRequest, "'\(other)': models and their configurations come from the server's folder alone")
        }
    }
}
