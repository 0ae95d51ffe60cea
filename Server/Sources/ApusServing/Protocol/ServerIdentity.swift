/// What the server says of itself, in any protocol.
public enum ServerIdentity {
    public static let name = "apus-server"
    public static let version = "0.1.0"
    public static let extensions = ["binary_tensor_data", "model_repository", "sequence"]
}

extension ServedModel {
    public var platform: String { "apus_\(format.rawValue)" }
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
