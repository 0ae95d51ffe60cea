import ApusArchive
import Foundation
import Synchronization

/// A log of numbers over the steps of a training, which TensorBoard shows as curves.
///
///     let log = try EventLog(folder: "runs/first")
///     for step in 0..<steps {
///         // ...
///         try log.write(["loss": loss, "accuracy/train": accuracy], step: step)
///     }
///     // in a shell: tensorboard --logdir runs
///
/// Each log is a file of its own, `events.out.tfevents...`; a folder for each training, side by side in one, shows their curves together. What is
/// written is in the file at once, so that TensorBoard may look on, and the process may end at any time. One log may be written to by several tasks.
public final class EventLog: Sendable {
    /// Where the log is.
    public let path: String
    private let file: Mutex<FileHandle>
    private let now: @Sendable () -> Date

    /// Begins a log in a folder, which is made where it is not there.
    /// - Throws: `ArchiveError` (`.cannotWrite`) where the system refuses.
    public convenience init(folder: String) throws { try self.init(folder: folder, now: { Date() }) }

    init(folder: String, now: @escaping @Sendable () -> Date) throws {
        let start: Double = now().timeIntervalSince1970
        // The name that TensorBoard looks for: the time, the machine, the process, and what makes it the only one.
        let process: ProcessInfo = .processInfo
        let name =
            "events.out.tfevents.\(Int(start)).\(process.hostName).\(process.processIdentifier).\(EventLog.count.add(1, ordering: .relaxed).newValue)"
        let path: String = folder + "/" + name
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            guard FileManager.default.createFile(atPath: path, contents: Data(EventRecord.version(at: start))) else {
                throw ArchiveError(.cannotWrite, "the file can't be made")
            }
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try handle.seekToEnd()
            file = Mutex(handle)
        } catch let error as ArchiveError { throw error.inFile(path) } catch {
            throw ArchiveError(.cannotWrite, file: path, "\(error.localizedDescription)")
        }
        (self.path, self.now) = (path, now)
    }

    private static let count = Atomic(0)

    /// Adds numbers at a step. Each name is a curve; `loss/train` and `loss/test` stand side by side. They are kept as float32.
    /// - Throws: `ArchiveError` (`.cannotWrite`) where the system refuses, as on a full disk.
    public func write(_ values: [String: Double], step: Int) throws {
        let record: [UInt8] = EventRecord.scalars(
            values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, step: step, at: now().timeIntervalSince1970)
        do { try file.withLock { try $0.write(contentsOf: Data(record)) } } catch {
            throw ArchiveError(.cannotWrite, file: path, "\(error.localizedDescription)")
        }
    }
}

extension ArchiveError {
    fileprivate func inFile(_ path: String) -> ArchiveError { ArchiveError(code, file: path, reason) }
}
