import Apus
import CApusMPI
import Dispatch
import Synchronization

/// This process's part in a job of several: the groups by name, and the queue in whose order all of its calls of MPI are made.
///
/// A call that nobody is before runs on the caller's thread, others on the queue's own: hence a process communicates while it computes, and in
/// the order of its program.
final class Job: Sendable {
    static let shared = Job()

    let queue = DispatchQueue(label: "apus.distributed")
    private let state = Mutex(State())

    private struct State {
        var groups: [String: ProcessGroup] = [:]
        /// MPI can be initialised once only.
        var wasInitialized = false
        var isFinalized = false
        /// What ended all communication.
        var failure: DistributedError?
        /// What operations still own that did not end.
        var abandoned: [any Sendable] = []
    }

    /// Makes the group of all processes, or gives the one that is there.
    func initialize(_ options: ProcessGroup.Options) throws -> ProcessGroup {
        try queue.sync {
            if let world = try group(ProcessGroup.worldName) { return world }
            let isFirst: Bool = state.withLock { state in
                defer { state.wasInitialized = true }
                return !state.wasInitialized
            }
            guard isFirst else { throw DistributedError(.failed, in: "initialize", "MPI could not be initialised before") }
            var handle: OpaquePointer?
            try requireSuccess(apus_mpi_initialize(&handle), in: "initialize")
            guard let handle else { throw DistributedError(.failed, in: "initialize", "MPI gave no group") }
            let size = Int(apus_mpi_size(handle))
            let world = ProcessGroup(
                ProcessGroup.worldName, ProcessGroup.Handle(pointer: handle), worldRanks: Array(0..<size), options: options)
            add(world)
            return world
        }
    }

    func group(_ name: String) throws -> ProcessGroup? {
        try state.withLock { state in
            guard !state.isFinalized else { throw DistributedError(.notInitialized, "the process has left its groups") }
            return state.groups[name]
        }
    }

    /// The group's name is free: see `subgroup`.
    func add(_ group: ProcessGroup) { state.withLock { $0.groups[group.name] = group } }

    /// Waits for all processes, then leaves the groups.
    func finalize() throws {
        try queue.sync {
            guard try group(ProcessGroup.worldName) != nil else { return }
            try requireSound()
            state.withLock { ($0.isFinalized, $0.groups) = (true, [:]) }
            try requireSuccess(apus_mpi_finalize(), in: "finalize")
        }
    }

    func requireSound() throws {
        if let failure = state.withLock(\.failure) { throw failure }
    }

    /// Ends all communication of this process.
    /// - Parameter buffers: what an operation still owns.
    func abandon(_ failure: DistributedError, _ buffers: any Sendable) {
        state.withLock { state in
            state.failure = failure
            state.abandoned.append(buffers)
        }
    }

    private func requireSuccess(_ status: apus_mpi_status, in operation: String) throws {
        if status.code != APUS_MPI_OK.rawValue { throw DistributedError(.failed, in: operation, status.text) }
    }
}

extension apus_mpi_status {
    var text: String { withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
}
