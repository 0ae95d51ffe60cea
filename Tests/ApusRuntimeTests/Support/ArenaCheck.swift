import ApusGraph
import ApusTensor

@testable import ApusRuntime

/// Judges where a bound program's blocks lie without knowing how they were placed: it walks the steps, remembers who wrote each byte of the
/// arena last, and finds every read that would see another block's bytes.
struct ArenaCheck {
    let bound: BoundPlan
    private(set) var offences: [String] = []

    init(_ bound: BoundPlan) {
        self.bound = bound
        // Every way through the branches, up to some.
        var choices: [[Bool]] = [[]]
        let branches = bound.program.steps.count { ($0 as? JumpStep)?.isConditional == true }
        for _ in 0..<min(branches, 5) { choices = choices.flatMap { [$0 + [true], $0 + [false]] } }
        for choice in choices { walk(choice) }
    }

    private mutating func walk(_ choices: [Bool]) {
        var writer = [Int](repeating: -1, count: bound.placement.byteCount)
        var taken = 0
        var position = 0
        while position < bound.program.steps.count {
            let step = bound.program.steps[position]
            for tensor in step.operands.compactMap(\.self) {
                guard let (block, range) = bytes(tensor) else { continue }
                guard range.upperBound <= writer.count else {
                    offences.append("step \(position) reads outside of the arena")
                    continue
                }
                if let bad = range.first(where: { writer[$0] != block }) {
                    offences.append(
                        "step \(position) (\(step.operators.map(\.name))) reads block \(block) at \(bad), written by \(writer[bad])")
                }
            }
            for tensor in step.outputs {
                guard let (block, range) = bytes(tensor) else { continue }
                guard range.upperBound <= writer.count else {
                    offences.append("step \(position) writes outside of the arena")
                    continue
                }
                for byte in range { writer[byte] = block }
            }
            position += 1
            if step is FailStep { return }
            guard let jump = step as? JumpStep else { continue }
            if jump.isConditional {
                let choice = taken < choices.count ? choices[taken] : true
                taken += 1
                if choice { continue }
            }
            position = jump.target
        }
    }

    /// The bytes of the arena that a tensor covers, with its block; nil for inputs, results and constants.
    private func bytes(_ tensor: Tensor) -> (block: Int, range: Range<Int>)? {
        guard let block = bound.blocks.firstIndex(where: { $0.storage === tensor.storage }), let offset = bound.placement.offsets[block],
            let (low, high) = tensor.layout.extent, tensor.layout.count > 0
        else { return nil }
        let width = tensor.dtype.byteWidth
        return (block, (offset + (tensor.storageOffset + low) * width)..<(offset + (tensor.storageOffset + high + 1) * width))
    }
}
