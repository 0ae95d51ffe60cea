/// Where a protocol listens, its limits, and who is let in.
public struct ListenerOptions: Sendable {
    public var host = "127.0.0.1"
    /// 0 takes one that is free.
    public var port: Int
    public var maxRequestBytes = 64 << 20
    /// Without it everybody is let in.
    public var token: String?
    /// Files in PEM: the chain of certificates, and the key. Without them connections are not encrypted.
    public var tls: (certificate: String, key: String)?
    /// After how many seconds a connection on which nothing happens is closed.
    public var idleSeconds = 60
    /// How many connections are served at once.
    public var maxConnections = 1024

    public init(port: Int) { self.port = port }

    /// Whether a request with this `authorization` is let in.
    public func admits(_ authorization: String?) -> Bool {
        guard let token else { return true }
        return authorization.map { ListenerOptions.isSame($0, "Bearer \(token)") } ?? false
    }

    /// Takes as long for a token that is nearly right as for one that is all wrong.
    private static func isSame(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var difference: UInt8 = a.count == b.count ? 0 : 1
        for index in b.indices { difference |= b[index] ^ (index < a.count ? a[index] : 0) }
        return difference == 0
    }
}
