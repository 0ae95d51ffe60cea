import Glibc

/// Where in the user's program something happened: a few return addresses, turned into a file and a line only when asked.
///
/// Operators cannot take `#line` defaults, so the addresses are recorded instead: capturing costs about a microsecond.
public struct CallSite: Sendable, Hashable {
    /// Return addresses, innermost first.
    let addresses: [UInt]

    init(addresses: [UInt]) { self.addresses = addresses }

    /// The site of nothing in particular.
    public static let unknown = CallSite(addresses: [])

    private typealias Backtrace = @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>, Int32) -> Int32

    /// glibc's `backtrace`, which its Swift overlay does not show.
    private static let backtrace: Backtrace? = dlsym(nil, "backtrace").map { unsafeBitCast($0, to: Backtrace.self) }

    /// Records the callers of the function that calls this one.
    ///
    /// - Parameters:
    ///   - skip: how many more frames to leave out
    ///   - limit: how many frames to keep
    @inline(never)
    public static func capture(skip: Int = 0, limit: Int = 24) -> CallSite {
        let hidden: Int = Swift.max(0, skip) + 1
        let wanted: Int = Swift.min(Swift.max(1, limit), 64) + hidden
        let addresses: [UInt] = withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: wanted) { buffer in
            guard let base = buffer.baseAddress else { return [] }
            guard let backtrace = CallSite.backtrace else { return [] }
            let count: Int = Int(backtrace(base, Int32(wanted)))
            return (Swift.min(hidden, count)..<count).map { UInt(bitPattern: buffer[$0]) }
        }
        return CallSite(addresses: addresses)
    }
}
