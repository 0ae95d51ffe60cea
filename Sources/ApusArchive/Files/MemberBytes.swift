import ApusTensor

/// The content of a member.
enum MemberBytes: Sendable {
    case mapped(MappedBytes)
    case memory(MemoryBytes)

    var count: Int {
        switch self {
        case .mapped(let bytes): bytes.count
        case .memory(let bytes): bytes.count
        }
    }

    /// What keeps the bytes where they are.
    var owner: any Sendable & AnyObject {
        switch self {
        case .mapped(let bytes): bytes.file
        case .memory(let bytes): bytes.owner
        }
    }

    /// A part of the bytes, sharing their memory.
    func slice(offset: Int, count length: Int) throws -> MemberBytes {
        switch self {
        case .mapped(let bytes): return .mapped(try bytes.slice(offset: offset, count: length))
        case .memory(let bytes): return .memory(try bytes.slice(offset: offset, count: length))
        }
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .mapped(let bytes): try bytes.withUnsafeBytes(body)
        case .memory(let bytes): try bytes.withUnsafeBytes(body)
        }
    }
}

/// A range of allocated memory that keeps it alive.
struct MemoryBytes: Sendable {
    let owner: OwnedBytes
    let offset: Int
    let count: Int

    init(_ owner: OwnedBytes) {
        self.owner = owner
        offset = 0
        count = owner.count
    }

    private init(owner: OwnedBytes, offset: Int, count: Int) {
        self.owner = owner
        self.offset = offset
        self.count = count
    }

    /// - Throws: `ArchiveError` (`.outOfBounds`) when the part reaches outside.
    func slice(offset inner: Int, count length: Int) throws -> MemoryBytes {
        let (end, overflow) = inner.addingReportingOverflow(length)
        guard inner >= 0, length >= 0, !overflow, end <= count else {
            throw ArchiveError(.outOfBounds, "bytes \(inner) to \(end) reach outside the \(count) bytes that are there")
        }
        return MemoryBytes(owner: owner, offset: offset + inner, count: length)
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try owner.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + count)])) }
    }
}

/// Memory for bytes that cannot be used where they are in the file, aligned to 64 bytes, freed with the last reference.
final class OwnedBytes: Sendable {
    let count: Int
    // Written only before the object is shared.
    private let memory: Storage

    /// - Parameter fill: writes the bytes; called once.
    /// - Throws: `ArchiveError` (`.limit`) where there is no memory for so many bytes; what `fill` throws.
    init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        memory = try Storage.forBytes(count)
        self.count = count
        try fill(UnsafeMutableRawBufferPointer(start: memory.pointer, count: count))
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(start: memory.pointer, count: count)) }
    }
}

extension Storage {
    /// Memory for a file's bytes. A size that a file claims may be more than there is.
    static func forBytes(_ count: Int) throws -> Storage {
        do { return try Storage.allocate(count) } catch {
            throw ArchiveError(.limit, "takes \(count) bytes of memory, more than can be had")
        }
    }
}
