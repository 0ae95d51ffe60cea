import ApusTensor
import Synchronization

/// Collects what happens while programs are opened and run: one event for each load, each run, and each step of a run.
///
///     let profiler = Profiler()
///     let program = try ExportedProgram.load(from: "model.pt2", profiler: profiler)
///     _ = try program.run([x], profiler: profiler)
///     print(profiler.summary)
///
/// A run without a profiler does nothing for one. With one, each step costs two looks at the clock and an entry in a list, which may be more
/// than a small operator itself. One profiler may be given to several tasks at once.
public final class Profiler: Sendable {
    private let origin: ContinuousClock.Instant = .now
    private let recorded = Mutex<[ProfileEvent]>([])
    private let handler: (@Sendable (ProfileEvent) -> Void)?

    /// - Parameter handler: gets each event as soon as it is over, on the thread where it happened. The profiler then keeps none.
    public init(handler: (@Sendable (ProfileEvent) -> Void)? = nil) { self.handler = handler }

    /// What was recorded, in the order in which it ended: a run comes after its steps.
    public var events: [ProfileEvent] { recorded.withLock { $0 } }

    public var summary: ProfileSummary { ProfileSummary(events) }

    public func removeAll() { recorded.withLock { $0.removeAll() } }

    /// Records how long the body takes, also where it throws.
    package func measure<Result>(
        _ kind: ProfileEvent.Kind, _ name: String, operators: [String] = [], site: String? = nil, _ body: () throws -> Result
    ) rethrows -> Result {
        let start = ContinuousClock.now
        defer {
            let end = ContinuousClock.now
            note(
                ProfileEvent(
                    kind: kind, name: name, operators: operators, site: site, start: (start - origin).nanoseconds,
                    duration: (end - start).nanoseconds))
        }
        return try body()
    }

    private func note(_ event: ProfileEvent) {
        if let handler { return handler(event) }
        recorded.withLock { $0.append(event) }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 { components.seconds &* 1_000_000_000 &+ components.attoseconds / 1_000_000_000 }
}

/// Sees the operators of programs that run node by node.
final class ProfilingInterpreter: Interpreter {
    private let profiler: Profiler

    init(_ profiler: Profiler) {
        self.profiler = profiler
        super.init()
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        try profiler.measure(.step, operation.name, operators: [operation.name]) { try super.apply(operation, arguments) }
    }
}
