import ApusTensor

/// Lets blocks that are not in use at the same time share a place, and results take the place of operands that die.
struct PlaceMemory: StepPass {
    let name = "place-memory"

    func run(_ binder: Binder) { binder.placement = MemoryPlacement(binder, sharing: true) }
}

/// Where the blocks of a bound program lie.
struct MemoryPlacement {
    /// For each block its offset in the arena; nil for inputs, results and blocks that no step touches.
    let offsets: [Int?]
    let byteCount: Int

    /// - Parameter sharing: false gives every block a place of its own.
    init(_ binder: Binder, sharing: Bool) {
        var lifetimes: [Lifetime?] = binder.lifetimes()
        if !sharing { lifetimes = lifetimes.map { $0.map { _ in Lifetime(first: 0, last: binder.steps.count) } } }
        func isTemporary(_ block: Int) -> Bool { binder.blocks[block].kind == .temporary }
        let places: [Int] =
            sharing ? binder.inPlaceBlocks(&lifetimes, hosts: isTemporary, guests: isTemporary) : Array(binder.blocks.indices)
        let hosts: [Int] = binder.blocks.indices.filter { isTemporary($0) && places[$0] == $0 && lifetimes[$0] != nil }
        let layout = ArenaLayout(
            hosts.map {
                ArenaLayout.Item(byteCount: binder.blocks[$0].byteCount, lifetime: lifetimes[$0] ?? Lifetime(first: 0, last: 0))
            })
        var offsets = [Int?](repeating: nil, count: binder.blocks.count)
        for (host, offset) in zip(hosts, layout.offsets) { offsets[host] = offset }
        for block in binder.blocks.indices where isTemporary(block) && places[block] != block {
            offsets[block] = offsets[places[block]]
        }
        for block in binder.blocks.indices {
            if case .part(let host, let byteOffset) = binder.blocks[block].kind { offsets[block] = offsets[host].map { $0 + byteOffset } }
        }
        self.offsets = offsets
        byteCount = layout.byteCount
    }
}
