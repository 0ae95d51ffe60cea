import CApusKernels
import Foundation
import Testing

/// Made-up folders of control groups, as /sys/fs/cgroup has them.
@Suite struct MemoryLimitTests {
    /// The limit for a list of groups and files by their path.
    private func limit(_ process: String?, _ files: [String: String]) throws -> Int64? {
        let folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("groups-\(UUID().uuidString)")
        let root: URL = folder.appendingPathComponent("mounted")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in files {
            let file: URL = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
        let list: URL = folder.appendingPathComponent("cgroup")
        try process?.write(to: list, atomically: false, encoding: .utf8)
        let limit: Int64 = apus_container_memory_limit(list.path, root.path)
        return limit == .max ? nil : limit
    }

    /// What version 1 says where nothing is limited.
    private let unlimited = "9223372036854771712\n"

    @Test func versionTwoLimitsByTheGroupAndThoseAroundIt() throws {
        let files = ["memory.max": "max\n", "a/memory.max": "max\n", "a/b/memory.max": "4096\n", "a/c/memory.max": "1\n"]
        #expect(try limit("0::/a/b\n", files) == 4096)
        #expect(try limit("0::/a\n", files) == nil)
        #expect(try limit("0::/\n", files) == nil)
        #expect(try limit("0::/a/b\n", files.merging(["a/memory.max": "2048\n"]) { $1 }) == 2048)
        #expect(try limit("0::/a/b\n", files.merging(["a/memory.max": "8192\n"]) { $1 }) == 4096)
        // The mounted folder is the container's own, and the path the host's.
        #expect(try limit("0::/docker/0123abcd\n", ["memory.max": "1073741824\n"]) == 1 << 30)
    }

    @Test func versionOneLimitsByTheGroupAndThoseAroundIt() throws {
        let list = "12:cpu,cpuacct:/other\n9:memory:/docker/01\n1:name=systemd:/docker/01\n"
        let file = "memory/docker/01/memory.limit_in_bytes"
        #expect(try limit(list, [file: "536870912\n"]) == 1 << 29)
        #expect(try limit(list, [file: unlimited]) == nil)
        #expect(try limit(list, [file: unlimited, "memory/docker/memory.limit_in_bytes": "65536\n"]) == 65536)
        #expect(try limit(list, [file: "65536\n", "memory/docker/memory.limit_in_bytes": unlimited]) == 65536)
        #expect(try limit(list, ["memory/memory.limit_in_bytes": "12288\n"]) == 12288)
        // A controller that only sounds like it, and one among several.
        #expect(try limit("3:memoryless:/docker/01\n", [file: "1\n"]) == nil)
        #expect(try limit("3:cpu,memory:/docker/01\n", [file: "4097\n"]) == 4097)
    }

    @Test func bothVersionsAtOnceLimitByTheLess() throws {
        let list = "5:memory:/a\n0::/b\n"
        let files = ["memory/a/memory.limit_in_bytes": "8192\n", "unified/b/memory.max": "4096\n"]
        #expect(try limit(list, files) == 4096)
        #expect(try limit(list, files.merging(["unified/b/memory.max": "max\n"]) { $1 }) == 8192)
    }

    @Test func whatIsMissingOrNonsenseLimitsNothing() throws {
        #expect(try limit(nil, [:]) == nil)
        #expect(try limit("", [:]) == nil)
        #expect(try limit("0::/a\n", [:]) == nil)
        #expect(try limit("nonsense\n::\n0:\n0::relative\n", ["memory.max": "max\n"]) == nil)
        for text in ["", "max", "many", "-1", "0", "18446744073709551615", "99999999999999999999999"] {
            #expect(try limit("0::/a\n", ["a/memory.max": text]) == nil, "\(text)")
        }
        // The folder's own file counts also where the groups can't be read.
        #expect(try limit(nil, ["memory.max": "77\n"]) == 77)
        #expect(try limit(nil, ["memory/memory.limit_in_bytes": "78\n"]) == 78)
        #expect(try limit("0::/" + String(repeating: "a/", count: 3000) + "\n", ["memory.max": "79\n"]) == 79)
    }

    /// Blocks that are not written cost nothing, and are counted all the same.
    @Test func blocksTogetherMayNotTakeMoreThanThereIs() throws {
        let limit: Int64 = apus_allocator_memory_limit()
        #expect(limit > 0)
        try #require(limit < Int64.max)
        let half: UnsafeMutableRawPointer = try #require(apus_allocate(limit / 5 * 2))
        let most: Int64 = limit / 4 * 3
        #expect(apus_allocate(most) == nil)
        apus_free(half)
        apus_allocator_trim()
    }
}
