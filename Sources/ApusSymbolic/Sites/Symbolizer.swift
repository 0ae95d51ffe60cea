import Glibc
@_spi(Internal) import Runtime
import Synchronization

/// Turns return addresses into source locations with the Swift runtime's own reader of debug information.
///
/// Results are kept, so that each address is looked up once per process.
final class Symbolizer: Sendable {
    static let shared = Symbolizer()

    private struct Cache {
        var images: ImageMap?
        var frames: [UInt: [CallSite.Location]] = [:]
    }

    private let cache = Mutex(Cache())

    func locations(of addresses: [UInt]) -> [CallSite.Location] { addresses.flatMap { locations(of: $0) } }

    /// Looks no further than the first frame of the user's program.
    func firstUserLocation(of addresses: [UInt]) -> CallSite.Location? {
        for address in addresses {
            if let found = locations(of: address).first(where: { $0.isUserCode }) { return found }
        }
        return nil
    }

    private func locations(of address: UInt) -> [CallSite.Location] {
        cache.withLock { cache in
            if let known = cache.frames[address] { return known }
            let found: [CallSite.Location] = Symbolizer.lookUp(address, &cache)
            cache.frames[address] = found
            return found
        }
    }

    private static func lookUp(_ address: UInt, _ cache: inout Cache) -> [CallSite.Location] {
        // A return address is one past the call: look there for the image too.
        guard address > 0, let probe = Backtrace.Address(address - 1) else { return [] }
        if cache.images?.indexOfImage(at: probe) == nil { cache.images = ImageMap.capture() }
        guard let images = cache.images, images.indexOfImage(at: probe) != nil else { return [] }
        let backtrace = Backtrace(
            architecture: architecture, frames: [RichFrame<UInt>.returnAddress(address)], images: images)
        guard let symbolicated = backtrace.symbolicated(with: images) else { return [] }
        return symbolicated.frames.compactMap { frame in
            guard let symbol = frame.symbol, let location = symbol.sourceLocation, location.line > 0 else { return nil }
            return CallSite.Location(
                path: location.path, line: location.line, function: symbol.name,
                module: MangledName.module(of: symbol.rawName))
        }
    }

    private static var architecture: String {
        #if arch(x86_64)
        "x86_64"
        #elseif arch(arm64)
        "aarch64"
        #else
        "unknown"
        #endif
    }
}
