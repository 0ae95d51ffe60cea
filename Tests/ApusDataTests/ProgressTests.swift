import ApusArchive
import ApusTensor
import Foundation
import JudgeSupport
import Synchronization
import Testing

@testable import ApusData

@Suite("Logs and progress of trainings") struct ProgressTests {
    @Test("The checksum is Castagnoli's") func checksum() {
        // RFC 3720, B.4.
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.checksum(0..<32) == 0x46dd_794e)
        #expect(CRC32C.checksum("123456789".utf8) == 0xe306_9283)
    }

    /// What TensorBoard's own writer makes of the same events.
    private static let expected: String =
        "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"
        + "31000000000000009d8383e909000000000000024010ac022a230a140a0d61636375726163792f74657374150000603f0a0b0a046c6f7373156f1283ba46df587b"
        + "2300000000000000b09f774309000000000000084010ffffffffffffffffff012a0d0a0b0a046c6f7373150000c07f6141418c"

    @Test("A log has the bytes of TensorBoard's own") func bytes() throws {
        let folder: String = NSTemporaryDirectory() + "apus-log-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let times = Mutex<[Double]>([1.5, 2.25, 3])
        let log = try EventLog(folder: folder + "/first") { Date(timeIntervalSince1970: times.withLock { $0.removeFirst() }) }
        #expect(URL(fileURLWithPath: log.path).lastPathComponent.hasPrefix("events.out.tfevents.1."))
        try log.write(["loss": -1e-3, "accuracy/test": 0.875], step: 300)
        try log.write(["loss": .nan], step: -1)
        let written: String = try Data(contentsOf: URL(fileURLWithPath: log.path)).map { String(format: "%02x", $0) }.joined()
        #expect(written == ProgressTests.expected)
        // Another log of the same process is another file.
        #expect(try EventLog(folder: folder + "/first").path != log.path)
    }

    @Test("A folder that can't be made is an error with its path") func refused() throws {
        let error = #expect(throws: (any Error).self) { try EventLog(folder: "/dev/null/runs") }
        #expect("\(try #require(error))".contains("/dev/null/runs/events.out.tfevents"), "\(error.map { "\($0)" } ?? "")")
    }

    /// A clock that is set by hand, and what was printed.
    private final class Scene: Sendable {
        let time = Mutex(100.0)
        let printed = Mutex<[String]>([])

        func progress(
            _ title: String = "epoch 2", total: Int?, in unit: ProgressLine.Unit = .steps, after delay: Double? = nil, isTerminal: Bool
        ) -> ProgressLine {
            ProgressLine(
                title, total: total, in: unit, after: delay, isTerminal: isTerminal, clock: { self.time.withLock { $0 } },
                print: { text in self.printed.withLock { $0.append(text) } })
        }

        func pass(_ seconds: Double) { time.withLock { $0 += seconds } }
    }

    @Test("On a terminal one line changes, ten times a second at most") func terminal() {
        let scene = Scene()
        let progress = scene.progress(total: 400, isTerminal: true)
        for step in 0..<200 {
            scene.pass(0.01)
            progress.advance(["loss": 1 / Double(step + 1), "rate": 0.1])
        }
        let lines: [String] = scene.printed.withLock { $0 }
        #expect((19...22).contains(lines.count) && lines.allSatisfy { $0.hasPrefix("\r") && !$0.contains("\n") })
        scene.pass(1)
        progress.advance(by: 200)
        progress.finish()
        progress.finish()
        progress.advance()
        let last: [String] = scene.printed.withLock { $0.suffix(2) }
        #expect(last[0].hasPrefix("\repoch 2  400/400  100%  loss 0.005  rate 0.1  133.3/s  0:00 left"), "\(last)")
        #expect(last[1].hasPrefix("\repoch 2  400/400  100%  loss 0.005  rate 0.1  133.3/s  0:03") && last[1].hasSuffix("\n"), "\(last)")
        // What was longer is covered.
        #expect(last[1].count >= last[0].count)
    }

    @Test("Counts may be any numbers") func anyCounts() {
        for counts in [[Int.max, 1], [.min, -1], [.max, .max]] {
            let scene = Scene()
            let progress = scene.progress(total: 1, isTerminal: true)
            for count in counts {
                scene.pass(1)
                progress.advance(by: count)
            }
            progress.finish()
            #expect(scene.printed.withLock { $0.count } == 3)
        }
    }

    @Test("Elsewhere a line is written every ten seconds, and one at the end") func file() {
        let scene = Scene()
        let progress = scene.progress(total: nil, isTerminal: false)
        for _ in 0..<25 {
            scene.pass(1)
            progress.advance()
        }
        progress.finish()
        #expect(scene.printed.withLock { $0 } == ["epoch 2  10  1/s\n", "epoch 2  20  1/s\n", "epoch 2  25  1/s  0:25\n"])
    }

    @Test("Files are counted in megabytes, and what is over soon is not told of") func megabytes() {
        let scene = Scene()
        let progress = scene.progress("writing", total: 500_000_000, in: .bytes, after: 0.3, isTerminal: true)
        for _ in 0..<4 {
            scene.pass(0.125)
            progress.advance(by: 100_000_001)
        }
        // More than was thought.
        progress.advance(by: 200_000_000)
        progress.finish()
        let lines: [String] = scene.printed.withLock { $0 }.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        #expect(
            lines == [
                "writing  301/500 MB  60%  800 MB/s  0:00 left", "writing  401/500 MB  80%  800 MB/s  0:00 left",
                "writing  500/500 MB  100%  1200 MB/s  0:01",
            ])
        let short = Scene()
        let over = short.progress("writing", total: 1, in: .bytes, after: 0.3, isTerminal: true)
        short.pass(0.2)
        over.advance()
        over.finish()
        #expect(short.printed.withLock { $0 }.isEmpty)
    }

    @Test("Writing a file, and reading it for its checksums, count their bytes") func files() throws {
        let (scene, path) = (Scene(), NSTemporaryDirectory() + "apus-\(UUID().uuidString).npz")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let line = scene.progress("writing", total: nil, in: .bytes, isTerminal: false)
        try ProgressLine.$current.withValue(line) { try ["a": Tensor.ones([1 << 20]), "b": Tensor.ones([1 << 20])].save(npz: path) }
        line.finish()
        let reading = scene.progress("reading", total: nil, in: .bytes, isTerminal: false)
        try ProgressLine.$current.withValue(reading) { try ZipContents.verify(path) }
        reading.finish()
        let lines: [String] = scene.printed.withLock { $0 }
        #expect(lines.count == 2 && lines[0].hasPrefix("writing  9 MB  ") && lines[1].hasPrefix("reading  9 MB  "), "\(lines)")
    }
}
