import CApusKernels
import Foundation
import JudgeSupport
import Testing

@testable import ApusTensor

/// The same bits on any number of threads, and whoever else is at work.
@Suite(.serialized) struct DeterminismTests {
    private static func bits(_ work: PoolCase) throws -> [[UInt8]] {
        try work.run().map { tensor in
            let whole = try tensor.contiguous()
            return withExtendedLifetime(whole) {
                [UInt8](UnsafeRawBufferPointer(start: whole.baseAddress, count: whole.layout.count * whole.dtype.byteWidth))
            }
        }
    }

    @Test("Any number of threads gives the same bits", arguments: PoolCase.all)
    func threads(_ work: PoolCase) throws {
        let threads = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        apus_set_num_threads(1)
        let expected = try Self.bits(work)
        for count in [2, 3, 8] as [Int32] {
            apus_set_num_threads(count)
            #expect(try Self.bits(work) == expected, "\(count) threads")
        }
    }

    @Test func aBusyPoolGivesTheSameBits() async throws {
        let cases = PoolCase.all
        let expected = try cases.map { try Self.bits($0) }
        let wrong = try await withThrowingTaskGroup(of: [String].self) { group in
            for worker in 0..<4 {
                group.addTask {
                    // Each begins elsewhere, so that all kinds of work meet.
                    let order = cases.indices.map { ($0 + worker * cases.count / 4) % cases.count }
                    return try order.filter { try Self.bits(cases[$0]) != expected[$0] }.map { "\(cases[$0])" }
                }
            }
            return try await group.reduce(into: [String]()) { $0 += $1 }
        }
        #expect(wrong == [])
    }

    /// Files of kernels that PackedProductTests tests: products with panels.
    private static let tested = ["matmul/linear.c"]

    @Test func everyFileThatUsesThePoolHasACase() throws {
        let folder = Python.root + "/Sources/CApusKernels/"
        let sources = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }.filter {
            $0.hasSuffix(".c")
        }
        #expect(sources.count > 40)
        let users = try sources.filter { file in
            try file != "pool/pool.c" && String(contentsOfFile: folder + file, encoding: .utf8).contains("apus_parallel_for(")
        }
        #expect(Set(users) == Set(PoolCase.all.map(\.file) + Self.tested))
    }
}
