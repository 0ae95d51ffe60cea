/// The name under which a request stands in the log, in its trace and in its answer's `x-request-id`.
public enum RequestID {
    public static let header = "x-request-id"

    /// The client's own, where it gave one that can be written down; else a new one.
    public static func make(given: String?) -> String {
        if let given, 1...128 ~= given.utf8.count, given.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) { return given }
        let number = UInt64.random(in: .min ... .max)
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
