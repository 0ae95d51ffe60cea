import Apus
import CApusMPI
import Dispatch
import Foundation

/// Processes that compute together, each with a rank.
///
///     try ProcessGroup.run { world in
///         let total = try world.allReduce(try Tensor([Float(world.rank)], shape: [1]))
///         print(total)
///     }
///
/// started as `mpirun -n 4 program`. All processes of a group call the same operations on it in the same order. Whether they do is checked: see
/// ``Options/checksCalls``.
public final class ProcessGroup: Sendable {
    /// The name of the group of all processes, PyTorch's.
    public static let worldName = "0"

    public struct Options: Sendable, Hashable {
        /// How long an operation may wait for the others before it throws; then nothing but leaving is left to do.
        public var timeout: Duration
        /// Whether the processes compare what they call before they call it, so that a mistake is an error in all of them and no hang. It costs one
        /// exchange of 16 bytes a call.
        public var checksCalls: Bool

        public init(timeout: Duration = .seconds(1800), checksCalls: Bool = true) {
            (self.timeout, self.checksCalls) = (timeout, checksCalls)
        }
    }

    /// MPI's group. Used on the job's queue alone.
    struct Handle: @unchecked Sendable { let pointer: OpaquePointer }

    public let name: String
    /// This process's place in the group, from 0.
    public let rank: Int
    public let size: Int
    /// The group's processes by their ranks in the world.
    public let worldRanks: [Int]
    public let options: Options
    let handle: Handle

    init(_ name: String, _ handle: Handle, worldRanks: [Int], options: Options) {
        (self.name, self.handle, self.worldRanks, self.options) = (name, handle, worldRanks, options)
        (rank, size) = (Int(apus_mpi_rank(handle.pointer)), Int(apus_mpi_size(handle.pointer)))
    }

    /// Makes this process part of the job that `mpirun` started it in, or a job of its own, and gives the group of all processes. Again, it gives
    /// the same group.
    ///
    /// - Throws: `DistributedError` where MPI can't be initialised, or the process has left already.
    public static func initialize(_ options: Options = Options()) throws -> ProcessGroup { try Job.shared.initialize(options) }

    /// The group of all processes.
    ///
    /// - Throws: `DistributedError` (`.notInitialized`) before `initialize`, and after `finalize`.
    public static var world: ProcessGroup {
        get throws {
            guard let world = try Job.shared.group(worldName) else {
                throw DistributedError(.notInitialized, "there is no process group: call ProcessGroup.initialize() first")
            }
            return world
        }
    }

    /// The group that operators call by this name.
    ///
    /// - Throws: `DistributedError` (`.unknownGroup`) where this process is in no such group.
    public static func named(_ name: String) throws -> ProcessGroup {
        guard let group = try Job.shared.group(name) else {
            throw DistributedError(
                .unknownGroup,
                name == worldName
                    ? "there is no process group: call ProcessGroup.initialize() first" : "this process is in no group '\(name)'")
        }
        return group
    }

    /// Waits for all processes and leaves; nothing can be called after it. Does nothing in a process that has not joined.
    public static func finalize() throws { try Job.shared.finalize() }

    /// Ends all processes of the job at once, this one too. `mpirun` says which process it was.
    public static func abort(_ status: Int = 1) -> Never {
        // Not on the queue, which may be in the middle of what never ends.
        if (try? world) != nil { apus_mpi_abort(Int32(clamping: status)) }
        exit(Int32(clamping: status))
    }

    /// Runs a program's work as one process of a job: joins it, works, and leaves it. An error in one process is written to standard error with
    /// its rank, and ends all of them, so that none waits for what can't come.
    public static func run(_ options: Options = Options(), _ body: (ProcessGroup) throws -> Void) {
        do {
            try body(initialize(options))
            try finalize()
        } catch {
            let rank: String = (try? world.rank).map { "rank \($0) of \((try? world.size) ?? 0)" } ?? "a process"
            FileHandle.standardError.write(Data("\(rank) ends the job: \(error)\n".utf8))
            abort()
        }
    }

    /// A group of some of this one's processes, in the order given. All processes of this group call it, with the same ranks and name.
    ///
    /// - Parameters:
    ///   - ranks: ranks in this group
    ///   - name: what operators call the group; made of the ranks where it is nil
    ///   - checksCalls: as in ``Options``, this group's where it is nil
    /// - Returns: nil in the processes that are not part of it.
    /// - Throws: `DistributedError` for ranks that are none or stand twice, and a name that is taken.
    public func subgroup(of ranks: [Int], name: String? = nil, checksCalls: Bool? = nil) throws -> ProcessGroup? {
        let name: String = name ?? "\(self.name)/" + ranks.map(String.init).joined(separator: ",")
        let call = CollectiveCall("subgroup", "'\(name)' of \(ranks)")
        var options: Options = options
        options.checksCalls = checksCalls ?? options.checksCalls
        var problem: String?
        if ranks.isEmpty { problem = "a group needs at least one process" }
        if Set(ranks).count != ranks.count { problem = "a rank stands twice in \(ranks)" }
        if let outside = ranks.first(where: { !(0..<size).contains($0) }) { problem = "there is no rank \(outside), only \(size)" }
        let colour = Int32(ranks.contains(rank) ? 0 : -1)
        let key = Int32(clamping: ranks.firstIndex(of: rank) ?? 0)
        return try Job.shared.queue.sync { [options] in
            try agree(on: call)
            if let problem { throw error(.invalidArgument, call, problem) }
            // A process may have a group that others have not: all refuse a name that is taken in one.
            let isTaken: Bool = try ranks.contains(rank) && Job.shared.group(name) != nil
            try agree(that: !isTaken, isTaken ? "has a group '\(name)'" : "has none of that name", call)
            var part: OpaquePointer?
            try requireSuccess(apus_mpi_split(handle.pointer, colour, key, &part), call)
            guard let part else { return nil }
            let group = ProcessGroup(name, Handle(pointer: part), worldRanks: ranks.map { worldRanks[$0] }, options: options)
            Job.shared.add(group)
            return group
        }
    }
}
