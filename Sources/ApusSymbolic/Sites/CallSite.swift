import Glibc

/// Where in the user's program something happened: a few return addresses, turned into a file and a line only when asked.
///
/// Operators cannot take `#line` defaults, so the addresses are recorded instead. Capturing takes a microsecond or two;
/// each first look at a site reads debug information, in a large program for tenths of a second, and later ones take microseconds. Many sites are
/// looked up for the price of one.
public struct CallSite: Sendable, Hashable {
    /// Return addresses, innermost first.
    let addresses: [UInt]

    init(addresses: [UInt]) { self.addresses = addresses }

    /// The site of nothing in particular.
    public static let unknown = CallSite(addresses: [])

    private typealias Backtrace = @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>, Int32) -> Int32

    /// glibc's `backtrace`, which its Swift overlay does not show.
    private static let backtrace: Backtrace? = dlsym(nil, "backtrace").map { unsafeBitCast($0, to: Backtrace.self) }

    /// Records who is running. Frames of Apus itself are recorded too; they are left out when the site is read.
    ///
    /// - Parameters:
    ///   - skip: how many of the innermost frames to leave out. Mind that inlining may have merged frames: none is safe.
    ///   - limit: how many frames to keep
    @inline(never)
    package static func capture(skip: Int = 0, limit: Int = 64) -> CallSite {
        let hidden: Int = Swift.min(Swift.max(0, skip), 32)
        let wanted: Int = Swift.min(Swift.max(1, limit), 64) + hidden
        let addresses: [UInt] = withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: wanted) { buffer in
            guard let backtrace = CallSite.backtrace, let base = buffer.baseAddress else { return [] }
            let count: Int = Int(backtrace(base, Int32(wanted)))
            if count <= hidden { return [] }
            return (hidden..<count).map { UInt(bitPattern: buffer[$0]) }
        }
        return CallSite(addresses: addresses)
    }

    /// Looks up many sites at once, which costs little more than looking up one. Reading them afterwards costs next to nothing.
    package static func resolve(_ sites: some Sequence<CallSite>) {
        _ = Symbolizer.shared.locations(of: sites.flatMap(\.addresses))
    }

    /// Every frame that has debug information, innermost first, inlined ones included.
    public var frames: [Location] { Symbolizer.shared.locations(of: addresses).filter { $0.line > 0 } }

    /// The innermost frame of the user's program; `nil` when there is none with debug information.
    public var location: Location? { Symbolizer.shared.firstUserLocation(of: addresses) }
}

extension CallSite: CustomStringConvertible {
    /// `Model.swift:41`; where the program was built or stripped so that lines are not known, the function; else `unknown location`.
    public var description: String {
        if let location { return location.description }
        return Symbolizer.shared.firstUserFunction(of: addresses).map { "\($0) (no line information)" } ?? "unknown location"
    }
}
