import ApusGraph
import ApusTensor

/// Lets parts that are joined along the outermost dimension of size other than 1 be computed where the result has them: joining then copies
/// what lies elsewhere, inputs for example, and no more. A part stays where it is if the memory in use at once would grow: the whole result
/// has to be there from its first part on.
struct ConcatenateInPlace: StepPass {
    let name = "concatenate-in-place"

    func run(_ binder: Binder) {
        let joins: [ComputeStep] = binder.steps.compactMap { $0 as? ComputeStep }.filter {
            $0.call.operator == .cat || $0.call.operator == .stack
        }
        if joins.isEmpty { return }
        var memory = MemoryInUse(binder)
        // What is joined to a part of something else finds its place there.
        for step in joins.reversed() {
            let result: Tensor = step.outputs[0]
            guard let block = binder.block(of: result), isOutermost(step.call, result) else { continue }
            var start = 0
            for case let part? in step.operands {
                // Of another dtype it becomes as wide as the result's while it is copied.
                defer { start += part.layout.count * result.dtype.byteWidth }
                guard let own = binder.block(of: part), own != block, binder.blocks[own].kind == .temporary, part.dtype == result.dtype,
                    part.layout.count > 0, part.layout.isContiguous, part.storageOffset == 0,
                    part.layout.count * part.dtype.byteWidth == binder.blocks[own].byteCount
                else { continue }
                let place: (host: Int, byteOffset: Int) = binder.place(of: block)
                if memory.join(own, to: place.host, binder) {
                    binder.setKind(.part(of: place.host, byteOffset: place.byteOffset + start), of: own)
                }
            }
        }
    }

    /// Whether each part is one piece of the result's memory.
    private func isOutermost(_ call: Call, _ result: Tensor) -> Bool {
        guard let dim: Int = try? normalize(dim: call.constant(1), rank: result.rank, in: call.name) else { return false }
        return (0..<dim).allSatisfy { result.layout.size($0) == 1 }
    }
}

/// How many bytes of the arena are in use at each step, were none written over in place.
private struct MemoryInUse {
    private var lifetimes: [Lifetime?]
    private let stepCount: Int
    private var peak = 0

    init(_ binder: Binder) {
        (lifetimes, stepCount) = (binder.lifetimes(), binder.steps.count)
        peak = peak(lifetimes, binder)
    }

    /// Lets a block be a part of another from now on, unless that takes more memory.
    mutating func join(_ part: Int, to host: Int, _ binder: Binder) -> Bool {
        guard let own = lifetimes[part], let other = lifetimes[host] else { return false }
        var joined: [Lifetime?] = lifetimes
        joined[part] = nil
        joined[host] = Lifetime(first: min(own.first, other.first), last: max(own.last, other.last))
        let new: Int = peak(joined, binder)
        if new > peak { return false }
        (lifetimes, peak) = (joined, new)
        return true
    }

    private func peak(_ lifetimes: [Lifetime?], _ binder: Binder) -> Int {
        var changes = [Int](repeating: 0, count: stepCount + 1)
        for (block, lifetime) in lifetimes.enumerated() {
            guard let lifetime, binder.blocks[block].kind == .temporary else { continue }
            changes[lifetime.first] += binder.blocks[block].byteCount
            changes[lifetime.last + 1] -= binder.blocks[block].byteCount
        }
        var (bytes, peak) = (0, 0)
        for change in changes {
            bytes += change
            peak = max(peak, bytes)
        }
        return peak
    }
}
