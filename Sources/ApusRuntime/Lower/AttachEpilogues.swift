import ApusTensor

/// Lets elementwise steps that read a product or a convolution, and are the only ones to do so, work on its pieces while they are in the cache.
/// Where other steps stand between, the product moves behind them.
struct AttachEpilogues: StepPass {
    let name = "attach-epilogues"

    func run(_ binder: Binder) {
        let readers: [[Int]] = binder.readers()
        let boundaries: [Int] = binder.jumps()
        var steps: [(any Step)?] = binder.steps
        for position in steps.indices {
            guard let step = steps[position] as? MatrixStep, let block = binder.block(of: step.result),
                binder.blocks[block].kind == .temporary, readers[block].count == 1, let reader = readers[block].first,
                // A jump lands, or leaves, in between.
                !boundaries.contains(where: { position < $0 && $0 <= reader }),
                let epilogue = (steps[reader] as? any ElementwiseStep)?.epilogue(of: step.result, columns: step.columns, binder.memory)
            else { continue }
            step.append(epilogue)
            steps[reader] = step
            steps[position] = nil
        }
        binder.keep(steps)
    }
}

extension Binder {
    /// For each block the steps that read it, in order.
    func readers() -> [[Int]] {
        var readers = [[Int]](repeating: [], count: blocks.count)
        for (position, step) in steps.enumerated() {
            for case let tensor? in step.operands {
                if let block = block(of: tensor), readers[block].last != position { readers[block].append(position) }
            }
        }
        return readers
    }

    /// The positions at which the order of steps is not that of the list: before those where a jump lands, and those of jumps.
    func jumps() -> [Int] {
        steps.enumerated().flatMap { position, step in
            (step as? JumpStep).map { [position, $0.target] } ?? (step is FailStep ? [position] : [])
        }
    }

    /// Leaves steps out, and lets jumps land on what stands in their place.
    func keep(_ kept: [(any Step)?]) {
        var places: [Int] = []
        var count = 0
        for step in kept {
            places.append(count)
            if step != nil { count += 1 }
        }
        places.append(count)
        steps = kept.compactMap(\.self)
        for case let jump as JumpStep in steps { jump.target = places[jump.target] }
    }
}
