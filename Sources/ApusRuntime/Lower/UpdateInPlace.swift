import ApusTensor

/// Lets the new values of buffers lie where the old ones do, for runs that own their buffers. A buffer is written over where nothing reads its
/// old value afterwards, the caller included, and where each step on the way from the old value to the new one may write over its operand; it
/// gets fresh memory otherwise.
struct UpdateInPlace: StepPass {
    let name = "update-in-place"

    func run(_ binder: Binder) {
        var states: [Binder.State] = binder.states.filter { isHiddenFromCaller($0, binder) }
        while !states.isEmpty {
            var lifetimes: [Lifetime?] = binder.lifetimes()
            let (inputs, results) = (Set(states.map(\.block)), Set(states.compactMap { result(of: $0, binder) }))
            // New values are read after the last step.
            for block in results { lifetimes[block]?.last = binder.steps.count }
            let places: [Int] = binder.inPlaceBlocks(
                &lifetimes, hosts: { inputs.contains($0) }, guests: { binder.blocks[$0].kind == .temporary || results.contains($0) })
            let updated: [Binder.State] = states.filter { state in result(of: state, binder).map { places[$0] } == state.block }
            if updated.count == states.count { return write(states, places, binder) }
            states = updated
        }
    }

    /// The block of a buffer's new value, where it is the whole block.
    private func result(of state: Binder.State, _ binder: Binder) -> Int? {
        guard case .block(let block, let dtype, let layout, offset: 0) = binder.sources[state.output], layout.isContiguous,
            layout.count * dtype.byteWidth == binder.blocks[block].byteCount
        else { return nil }
        return block
    }

    /// False where the old value, or a part of it, is among the results.
    private func isHiddenFromCaller(_ state: Binder.State, _ binder: Binder) -> Bool {
        !binder.sources.contains { source in
            switch source {
            case .input(let position), .inputView(let position, _, _, _): position == state.input
            default: false
            }
        }
    }

    private func write(_ states: [Binder.State], _ places: [Int], _ binder: Binder) {
        let inputs: [Int: Int] = Dictionary(states.map { ($0.block, $0.input) }, uniquingKeysWith: { first, _ in first })
        for block in places.indices where places[block] != block {
            if let input = inputs[places[block]] { binder.setKind(.input(input), of: block) }
        }
        for state in states { binder.sources[state.output] = .input(state.input) }
    }
}
