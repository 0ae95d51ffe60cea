import ApusTensor

/// Joins elementwise steps in a row, of results with the same sizes, into one step that goes over memory once. Results that only the
/// row's own steps read are then never written.
struct FuseRows: StepPass {
    let name = "fuse-rows"

    func run(_ binder: Binder) {
        let lastReads: [Int] = binder.lastReads()
        let targets = Set(binder.steps.compactMap { ($0 as? JumpStep)?.target })
        var fused: [any Step] = []
        /// Where each step of before has gone.
        var places: [Int] = []
        var row = FusedOperations()

        func close() {
            let members: [PointwiseStep] = row.members
            defer { row = FusedOperations() }
            let joined: FusedStep? = members.count > 1 ? join(row, before: places.count + members.count, binder, lastReads) : nil
            places += members.indices.map { joined == nil ? fused.count + $0 : fused.count }
            fused += joined.map { [$0] } ?? members
        }

        for (position, step) in binder.steps.enumerated() {
            if targets.contains(position) { close() }
            if let step = step as? PointwiseStep {
                if row.append(step) { continue }
                close()
                if row.append(step) { continue }
            }
            close()
            places.append(fused.count)
            fused.append(step)
        }
        close()
        places.append(fused.count)
        for case let jump as JumpStep in fused { jump.target = places[jump.target] }
        binder.steps = fused
    }

    /// One step for all of a row, which ends before the step `end`; nil where the kernels can't run it so.
    private func join(_ row: FusedOperations, before end: Int, _ binder: Binder, _ lastReads: [Int]) -> FusedStep? {
        let written: [Int] = row.members.indices.filter { index in
            guard let block = row.members[index].outputs.first.flatMap({ binder.block(of: $0) }) else { return true }
            return binder.blocks[block].kind != .temporary || lastReads[block] >= end
        }
        return row.step(writing: written, binder.memory)
    }
}

extension Binder {
    /// For each block the last step that reads it; -1 where none does.
    fileprivate func lastReads() -> [Int] {
        var last = [Int](repeating: -1, count: blocks.count)
        for (position, step) in steps.enumerated() {
            for case let tensor? in step.operands {
                if let block = block(of: tensor) { last[block] = position }
            }
        }
        return last
    }
}
