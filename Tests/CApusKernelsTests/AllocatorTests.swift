import CApusKernels
import Testing

@Suite struct AllocatorTests {
    @Test func blocksAreAlignedAndReused() throws {
        for size: Int64 in [0, 1, 64, 65, 1000, 1024, 1025, 5000, 300_000, 5_000_000] {
            let block: UnsafeMutableRawPointer = try #require(apus_allocate(size))
            #expect(Int(bitPattern: block) % 64 == 0)
            #expect(apus_allocated_size(block) >= size)
            block.initializeMemory(as: UInt8.self, repeating: 7, count: Int(size))
            apus_free(block)
            let again: UnsafeMutableRawPointer = try #require(apus_allocate(size))
            apus_free(again)
        }
    }

    @Test func absurdSizesAreRefused() {
        #expect(apus_allocate(-1) == nil)
        #expect(apus_allocate(Int64.max) == nil)
        #expect(apus_allocate(Int64.max / 2) == nil)
        #expect(apus_allocate(1 << 46) == nil)
        apus_free(nil)
    }

    @Test func threadsCountTheirOwnBlocks() throws {
        let before: apus_allocator_thread_counts = apus_allocator_get_thread_counts()
        let blocks: [UnsafeMutableRawPointer] = try (0..<3).map { try #require(apus_allocate(100 << $0)) }
        apus_free(blocks[0])
        let after: apus_allocator_thread_counts = apus_allocator_get_thread_counts()
        #expect(after.allocations - before.allocations == 3)
        #expect(after.frees - before.frees == 1)
        for block: UnsafeMutableRawPointer in blocks[1...] { apus_free(block) }
    }

    @Test func blocksMayBeFreedByOtherThreads() async {
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<200 {
                        let size = Int64((task * 997 + round * 131) % 5000)
                        guard let block: UnsafeMutableRawPointer = apus_allocate(size) else { continue }
                        block.initializeMemory(as: UInt8.self, repeating: UInt8(task), count: Int(size))
                        let address = UInt(bitPattern: block)
                        await Task.yield()
                        apus_free(UnsafeMutableRawPointer(bitPattern: address))
                    }
                }
            }
        }
        let statistics: apus_allocator_statistics = apus_allocator_get_statistics()
        #expect(statistics.allocations >= statistics.frees)
        #expect(statistics.peak_bytes_in_use >= statistics.bytes_in_use)
        apus_allocator_trim()
    }
}
