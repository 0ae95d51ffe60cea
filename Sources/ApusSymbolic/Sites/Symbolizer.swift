import Glibc
@_spi(Internal) @_spi(MemoryReaders) import Runtime
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

    func locations(of addresses: [UInt]) -> [CallSite.Location] {
        cache.withLock { cache in
            Symbolizer.lookUp(addresses, &cache)
            return addresses.flatMap { cache.frames[$0] ?? [] }
        }
    }

    /// The first frame of the user's program.
    func firstUserLocation(of addresses: [UInt]) -> CallSite.Location? {
        locations(of: addresses).first { $0.isUserCode }
    }

    /// The innermost function of the user's program, line or no line.
    func firstUserFunction(of addresses: [UInt]) -> String? {
        locations(of: addresses).first { $0.module != nil && !$0.isOwn }?.function
    }

    /// Looks up what is not known yet, all at once: opening an image costs far more than looking at one more address in it.
    private static func lookUp(_ addresses: [UInt], _ cache: inout Cache) {
        var seen = Set<UInt>()
        let unknown = addresses.filter { cache.frames[$0] == nil && seen.insert($0).inserted }
        if unknown.isEmpty { return }
        for address in unknown { cache.frames[address] = [] }
        // A return address is one past the call: look there for the image too.
        func isInside(_ address: UInt, _ images: ImageMap?) -> Bool {
            guard address > 0, let probe = Backtrace.Address(address - 1) else { return false }
            return images?.indexOfImage(at: probe) != nil
        }
        if !unknown.allSatisfy({ isInside($0, cache.images) }) { cache.images = loadedImages() }
        let known = unknown.filter { isInside($0, cache.images) }
        guard let images = cache.images, !known.isEmpty else { return }
        let backtrace = Backtrace(
            architecture: architecture, frames: known.map { RichFrame<UInt>.returnAddress($0) }, images: images)
        guard let symbolicated = backtrace.symbolicated(with: images) else { return }
        for frame in symbolicated.frames {
            guard let symbol = frame.symbol, let address = UInt(frame.captured.originalProgramCounter) else { continue }
            // Without debug information there is the function's name, and no line.
            let place = symbol.sourceLocation
            cache.frames[address, default: []].append(
                CallSite.Location(
                    path: place?.path ?? "", line: place?.line ?? 0, function: symbol.name,
                    module: MangledName.module(of: symbol.rawName)))
        }
    }

    /// The executables and libraries in this process.
    ///
    /// The list is of all mapped files, and the first bytes of each are read to see what it is. Another thread may unmap one
    /// meanwhile (a program's weights, whose last tensor goes), so they are read as a debugger reads another process: what
    /// has gone is an error there, and no image, where `ImageMap.capture()` would touch it and end the process.
    private static func loadedImages() -> ImageMap {
        ImageMap.capture(using: RemoteMemoryReader(pid: getpid()))
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
