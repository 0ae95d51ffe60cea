import Foundation

/// How busy the machine was so far, as Linux counts it; nil elsewhere.
struct MachineUse {
    /// What processes took of all processors, in nanoseconds.
    let taken: Double
    /// What the machine's host gave to somebody else.
    let stolen: Double
    let moment = ContinuousClock.now

    init?() {
        // user, nice, system, idle, iowait, irq, softirq, steal: in ticks.
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8) else { return nil }
        let ticks = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 8 else { return nil }
        let tick = 1e9 / Double(sysconf(Int32(_SC_CLK_TCK)))
        taken = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick
        stolen = ticks[7] * tick
    }
}

/// Takes a turn, and says what disturbed it: nil when nothing did.
///
/// A turn is disturbed when others took more than a tenth of the machine, or when its own threads waited: for a processor, or for each
/// other. Its times then say more about the machine than about the work.
func watched(_ take: () throws -> Turn) throws -> (turn: Turn, unrest: String?) {
    let before = MachineUse()
    let turn = try take()
    if let before, let after = MachineUse() {
        let passed = (after.moment - before.moment).nanoseconds
        let cores = Double(ProcessInfo.processInfo.activeProcessorCount)
        let others = max(0, after.taken - before.taken - turn.processNanoseconds) + after.stolen - before.stolen
        if others > 0.1 * cores * passed {
            return (turn, String(format: "busy machine: others took %.1f of %.0f cores", others / passed, cores))
        }
    }
    if turn.occupancy < 0.85 {
        return (turn, String(format: "waited: the processor's time is %.2f of the time that passed", turn.occupancy))
    }
    return (turn, nil)
}
