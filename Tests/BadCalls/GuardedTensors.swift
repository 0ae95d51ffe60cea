import ApusTensor
import Glibc

/// Memory between two pages that must not be touched. What is placed at the end of it can't be read beyond its last element without a
/// signal that ends the process.
private final class GuardedPages: Sendable {
    private let start: Int
    private let length: Int
    /// The first byte of the `byteCount` that lie before the page behind.
    let address: Int

    init?(byteCount: Int) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let inner = (max(byteCount, 1) + page - 1) / page * page
        length = inner + 2 * page
        guard let base = mmap(nil, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else { return nil }
        guard mprotect(base + page, inner, PROT_READ | PROT_WRITE) == 0 else { return nil }
        start = Int(bitPattern: base)
        address = start + page + inner - byteCount
    }

    deinit { munmap(UnsafeMutableRawPointer(bitPattern: start), length) }
}

extension Tensor {
    /// The same numbers in memory that ends where they end: reading one more ends the process.
    public func guarded() throws -> Tensor {
        let dense: Tensor = try contiguous()
        let byteCount: Int = dense.layout.count * dtype.byteWidth
        guard let pages = GuardedPages(byteCount: byteCount), let address = UnsafeMutableRawPointer(bitPattern: pages.address) else {
            throw TensorError(.outOfMemory, "no memory for \(byteCount) guarded bytes")
        }
        withExtendedLifetime(dense) { address.copyMemory(from: dense.baseAddress, byteCount: byteCount) }
        let storage = Storage(pointer: address, byteCount: byteCount, isWritable: false, owner: pages)
        return try Tensor(storage: storage, dtype: dtype, layout: dense.layout, offset: 0)
    }
}
