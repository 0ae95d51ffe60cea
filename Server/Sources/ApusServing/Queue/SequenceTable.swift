import ApusRun
import Synchronization

/// The sessions of a program with buffers, one for each sequence of requests: bounded in number, and forgotten when nobody comes for a while.
final class SequenceTable: Sendable {
    private struct Slot {
        let session: ExportedProgram.Session
        var lastUse: ContinuousClock.Instant
        var uses = 0
    }

    private let program: ExportedProgram
    private let limit: Int
    private let idle: Duration
    private let slots = Mutex<[String: Slot]>([:])

    init(_ program: ExportedProgram, limit: Int, idle: Duration) {
        (self.program, self.limit, self.idle) = (program, limit, idle)
    }

    var count: Int { slots.withLock { $0.count } }

    /// The session of a sequence, held until `close`.
    /// - Throws: `ServingError` for a sequence that was not begun, and where there is no room for another.
    func open(_ sequence: RequestSequence) throws -> ExportedProgram.Session {
        let now = ContinuousClock.now
        forgetIdle(now)
        return try slots.withLock { slots in
            if !sequence.isStart {
                guard let session = slots[sequence.id]?.session else {
                    throw ServingError(
                        .invalidRequest,
                        "the sequence \(sequence.id) has not begun, or was idle for too long; its first request says sequence_start")
                }
                slots[sequence.id]?.uses += 1
                return session
            }
            guard slots[sequence.id] != nil || slots.count < limit else {
                throw ServingError(
                    .overloaded, "\(slots.count) sequences are under way, which is all the model has room for; try again later")
            }
            // Begun anew, also where one of that name is there: what still runs of it keeps its own buffers.
            let session: ExportedProgram.Session = try program.makeSession()
            slots[sequence.id] = Slot(session: session, lastUse: now, uses: 1)
            return session
        }
    }

    /// - Parameter hasRun: whether the request came as far as its session; a sequence whose first did not has not begun
    func close(_ sequence: RequestSequence, _ session: ExportedProgram.Session, hasRun: Bool) {
        let now = ContinuousClock.now
        slots.withLock { slots in
            guard slots[sequence.id]?.session === session else { return }
            slots[sequence.id]?.uses -= 1
            slots[sequence.id]?.lastUse = now
            if sequence.isEnd || (sequence.isStart && !hasRun) { slots[sequence.id] = nil }
        }
    }

    func forgetIdle(_ now: ContinuousClock.Instant = .now) {
        slots.withLock { slots in
            for (id, slot) in slots where slot.uses == 0 && slot.lastUse + idle <= now { slots[id] = nil }
        }
    }
}

/// Which sequence a request belongs to.
public struct RequestSequence: Sendable, Hashable {
    public let id: String
    public let isStart: Bool
    public let isEnd: Bool

    public init(id: String, isStart: Bool, isEnd: Bool) { (self.id, self.isStart, self.isEnd) = (id, isStart, isEnd) }
}
