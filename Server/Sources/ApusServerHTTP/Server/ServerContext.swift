import Hummingbird
import Logging

/// What belongs to one request.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let connection: ConnectionState?
    /// What the request is called in the log, in traces and in its answer.
    var requestID = ""

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        connection = ConnectionTable.shared.state(of: source.channel)
    }

    /// A part of the path, as it was meant before it was quoted.
    func parameter(_ name: String) -> String? { parameters.get(name).map { $0.removingPercentEncoding ?? $0 } }
}
