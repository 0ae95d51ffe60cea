import ApusGraph
import ApusTensor

@testable import ApusRuntime

/// Judges where a bound program's blocks lie without knowing how they were placed: it walks the steps, remembers who wrote each byte of the
/// arena last, and finds every read that would see another block's bytes. What is joined where it lies belongs to the part and to the whole.
struct ArenaCheck {
    let bound: BoundPlan
    private let offsets: [Int?]
    private(set) var offences: [String] = []

    /// - Parameter offsets: where the blocks lie, other than where they do, to see the check find fault
    init(_ bound: BoundPlan, offsets: [Int?]? = nil) {
        self.bound = bound
        self.offsets = offsets ?? bound.placement.offsets
        // Every way through the branches, up to some.
        var choices: [[Bool]] = [[]]
        let branches = bound.program.steps.count { ($0 as? JumpStep)?.isConditional == true }
        for _ in 0..<min(branches, 5) { choices = choices.flatMap { [$0 + [true], $0 + [false]] } }
        for choice in choices { walk(choice) }
    }

    private mutating func walk(_ choices: [Bool]) {
        var writer = [Int](repeating: -1, count: bound.placement.byteCount)
        /// For bytes of parts that have been joined, what they are a part of.
        var wholes: [Int: Set<Int>] = [:]
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
                if let bad = range.first(where: { writer[$0] != block && wholes[$0]?.contains(block) != true }) {
                    offences.append(
                        "step \(position) (\(step.operators.map(\.name))) reads block \(block) at \(bad), written by \(writer[bad])")
                }
            }
            let joined = isJoin(step) ? Set(step.operands.compactMap { $0.flatMap(bytes)?.block }) : []
            for tensor in step.outputs {
                guard let (block, range) = bytes(tensor) else { continue }
                guard range.upperBound <= writer.count else {
                    offences.append("step \(position) writes outside of the arena")
                    continue
                }
                for byte in range {
                    let isRead: Bool = joined.contains(writer[byte]) || wholes[byte].map { !joined.isDisjoint(with: $0) } ?? false
                    let isThere: Bool = !joined.isEmpty && isRead && isPart(writer[byte], of: block)
                    if isThere { wholes[byte, default: []].insert(block) } else { writer[byte] = block }
                    if !isThere, !wholes.isEmpty { wholes[byte] = nil }
                }
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

    private func isJoin(_ step: any Step) -> Bool { step.operators.contains { $0 == .cat || $0 == .stack } }

    /// Whether a block lies within another, or both in one.
    private func isPart(_ block: Int, of other: Int) -> Bool {
        guard case .part(let host, _) = bound.blocks[block].kind else { return false }
        if case .part(let common, _) = bound.blocks[other].kind { return host == common }
        return host == other
    }

    /// The bytes of the arena that a tensor covers, with its block; nil for inputs, results and constants.
    private func bytes(_ tensor: Tensor) -> (block: Int, range: Range<Int>)? {
        guard let block = bound.blocks.firstIndex(where: { $0.storage === tensor.storage }), let offset = offsets[block],
            let (low, high) = tensor.layout.extent, tensor.layout.count > 0
        else { return nil }
        let width = tensor.dtype.byteWidth
        return (block, (offset + (tensor.storageOffset + low) * width)..<(offset + (tensor.storageOffset + high + 1) * width))
    }
}
