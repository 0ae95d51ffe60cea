import Glibc

/// A path as the system has it: bytes, which need not be a text.
struct SystemPath {
    private let bytes: [UInt8]

    init(_ path: String) { bytes = Array(path.utf8) }
    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                // Never empty: the zero is there.
                guard let start = text.baseAddress else { return "".withCString(body) }
                return body(start)
            }
        }
    }

    /// The folder that the path's last part lies in.
    var folder: SystemPath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return SystemPath(".") }
        return slash == 0 ? SystemPath("/") : SystemPath(Array(bytes[..<slash]))
    }

    func appending(_ name: [UInt8]) -> SystemPath { SystemPath(bytes + [UInt8(ascii: "/")] + name) }

    /// The path that a chain of symbolic links ends at, whether or not something is there yet.
    /// - Throws: `ArchiveError` (`.cannotWrite`) where the links go round in a circle.
    func resolvingLinks() throws -> SystemPath {
        var path = self
        // As many as the kernel follows.
        for _ in 0..<40 {
            guard let target = path.linkTarget else { return path }
            path = target.bytes.first == UInt8(ascii: "/") ? target : path.folder.appending(target.bytes)
        }
        throw ArchiveError(.cannotWrite, systemMessage(ELOOP))
    }

    private var linkTarget: SystemPath? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = withCString { path in
            buffer.withUnsafeMutableBytes { room in
                room.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, room.count) } ?? -1
            }
        }
        return count > 0 ? SystemPath(Array(buffer[..<count])) : nil
    }
}
