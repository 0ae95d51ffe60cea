import ApusProgram
import ApusRuntime
import ApusTensor

/// A program as it runs, for tensors of certain sizes.
package struct LoweredData: Encodable {
    /// As `ExportedProgram.loweredText` gives it.
    package let lines: [String]
    /// For the lines that are steps, how long each takes; empty where nothing was measured, or where steps repeat in loops.
    package private(set) var microseconds: [Int: Double] = [:]
    /// What the events of the quickest run add up to.
    package private(set) var profile: [Row] = []
    /// The time of the quickest run.
    package private(set) var total: Double?

    package struct Row: Encodable {
        package let name: String
        package let count: Int
        package let microseconds: Double
    }

    /// - Parameter isProfiled: whether to run the program, which leaves its buffers as they are
    init(_ program: ExportedProgram, _ inputs: [Tensor], isProfiled: Bool) throws {
        let changesBuffers: Bool = !program.graphSignature.buffersToMutate.isEmpty
        let text: String = try program.loweredText(for: inputs, inSession: changesBuffers)
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard isProfiled else { return }
        // A session: the program's own buffers stay as they are.
        let session = try program.makeSession()
        let leaves: [LeafValue] = program.leaves(with: inputs)
        var best: [ProfileEvent] = []
        let deadline = ContinuousClock.now + .seconds(1)
        for run in 0..<20 where run < 3 || ContinuousClock.now < deadline {
            session.reset()
            let profiler = Profiler()
            _ = try session.run(leaves: leaves, profiler: profiler)
            let events: [ProfileEvent] = profiler.events
            // The first run lays out and packs.
            if run < 2 || events.runTime < best.runTime { best = events }
        }
        note(best)
    }

    private mutating func note(_ events: [ProfileEvent]) {
        let steps: [ProfileEvent] = events.filter { $0.kind == .step }
        total = Double(events.runTime) / 1000
        let groups = Dictionary(grouping: steps) { $0.operators.joined(separator: " + ") }
        profile = groups.map {
            Row(name: $0.key, count: $0.value.count, microseconds: $0.value.reduce(0) { $0 + Double($1.duration) / 1000 })
        }
        .sorted { ($1.microseconds, $0.name) < ($0.microseconds, $1.name) }
        // A step is a line `    3: packed aten::linear(...`; what copies and sets up has no operators, and no event.
        let places: [Int] = lines.indices.filter { lines[$0].isStep }
        guard places.count == steps.count else { return }
        for (place, step) in zip(places, steps) {
            guard lines[place].contains(step.operators.joined(separator: " + ")) else { return microseconds.removeAll() }
            microseconds[place] = Double(step.duration) / 1000
        }
    }
}

extension [ProfileEvent] {
    fileprivate var runTime: Int64 { last { $0.kind == .run }?.duration ?? 0 }
}

extension String {
    /// Whether the line is a step of the program itself, which computes.
    fileprivate var isStep: Bool {
        guard hasPrefix("    "), let colon = firstIndex(of: ":") else { return false }
        let number: Substring = self[index(startIndex, offsetBy: 4)..<colon]
        return Int(number) != nil && !self[index(after: colon)...].hasPrefix(" (")
    }
}

extension ExportedProgram {
    /// The leaves of a call that passes these tensors, and the plain values that the program was made with.
    package func leaves(with tensors: [Tensor]) -> [LeafValue] {
        var next = tensors.makeIterator()
        return leafRoles.map { role in
            switch role {
            case .input: next.next().map { .tensor($0) } ?? .none
            case .constant(let value): value
            }
        }
    }
}
