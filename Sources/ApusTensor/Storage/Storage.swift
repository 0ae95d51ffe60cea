import CApusKernels

package typealias Storage = Tensor.Storage

extension Tensor {
    /// A block of memory that tensors share: from the caching allocator, or somebody else's (a mapped file, an array) kept alive by an owner.
    ///
    /// The bytes may be written only by code that knows it holds the only reference, or by a kernel that fills a fresh result.
    public final class Storage: @unchecked Sendable {
        /// The first byte. Only a plan rebinds it, between runs, for the storages it owns: no access to it ever meets another, and checking that
        /// at run time took half of the time of a small operation.
        @exclusivity(unchecked) public internal(set) var pointer: UnsafeMutableRawPointer
        public let byteCount: Int
        /// False for memory that must not be written: mapped files and other people's.
        public let isWritable: Bool
        private let owner: Owner

        private enum Owner {
            case allocator
            case external(AnyObject?)
        }

        /// Fresh memory, not initialised, aligned to 64 bytes; nil when it can't be had.
        init?(byteCount: Int) {
            guard let block = apus_allocate(Int64(Swift.max(byteCount, 1))) else { return nil }
            pointer = block
            self.byteCount = byteCount
            isWritable = true
            owner = .allocator
        }

        /// Memory that `owner` keeps alive.
        public init(pointer: UnsafeMutableRawPointer, byteCount: Int, isWritable: Bool, owner: AnyObject?) {
            self.pointer = pointer
            self.byteCount = byteCount
            self.isWritable = isWritable
            self.owner = .external(owner)
        }

        /// Fresh memory. Throws where it can't be had.
        package static func allocate(_ byteCount: Int) throws -> Storage {
            guard let storage = Storage(byteCount: byteCount) else { throw TensorError(.outOfMemory, "no memory for \(byteCount) bytes") }
            return storage
        }

        /// Lets the storage stand for other memory of the same size. For plans only, which own the storages that their steps read and write and
        /// run one at a time: a storage that anything else can see never moves.
        @inline(__always)
        package func rebind(to pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

        /// Lets the system take the memory back that holds a file's bytes, where they are a mapped file's: they come from the file again when
        /// somebody reads them. Does nothing elsewhere.
        package func giveBackPages() {
            if case .external(let owner as any MappedMemory) = owner {
                owner.giveBackPages(UnsafeRawBufferPointer(start: pointer, count: byteCount))
            }
        }

        /// Whether the bytes are a mapped file's, which take memory only while they are read.
        package var isMapped: Bool { if case .external(let owner as any MappedMemory) = owner { owner.isMapped } else { false } }

        /// The storage of tensors that have no data.
        static let none: Storage = Storage(
            pointer: UnsafeMutableRawPointer(bitPattern: 64) ?? UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1),
            byteCount: 0, isWritable: false, owner: nil)

        deinit {
            if case .allocator = owner { apus_free(pointer) }
        }
    }
}

/// What keeps a storage's memory alive where that may be a mapped file.
package protocol MappedMemory: AnyObject {
    /// Whether the memory is a file that is mapped and never written.
    var isMapped: Bool { get }
    /// Lets the system take whole pages back that hold these bytes, where they are a mapped file's.
    func giveBackPages(_ bytes: UnsafeRawBufferPointer)
}
