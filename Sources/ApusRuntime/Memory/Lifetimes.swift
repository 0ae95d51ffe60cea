import ApusTensor

/// From which step to which step the memory of a block is in use; inclusive.
struct Lifetime: Equatable {
    var first: Int
    var last: Int

    func overlaps(_ other: Lifetime) -> Bool { first <= other.last && other.first <= last }
}

extension Binder {
    /// The lifetime of each block, nil for one that no step touches; a block lives as long as its parts. Steps of a branch stand one after the other, so that what is live
    /// across a branch is live through all of it.
    func lifetimes() -> [Lifetime?] {
        var lifetimes = [Lifetime?](repeating: nil, count: blocks.count)
        func touch(_ block: Int, _ position: Int) {
            if lifetimes[block] == nil { lifetimes[block] = Lifetime(first: position, last: position) }
            lifetimes[block]?.last = position
        }
        for (position, step) in steps.enumerated() {
            for case let tensor? in step.operands + step.outputs {
                guard let block = block(of: tensor) else { continue }
                touch(block, position)
                let host: Int = place(of: block).host
                if host != block { touch(host, position) }
            }
        }
        return lifetimes
    }

    /// For each block another one whose place it takes, where a step writes its result over an operand that dies there; itself otherwise.
    /// - Parameters:
    ///   - hosts: whether other blocks may take a block's place
    ///   - guests: whether a block may lie in another's place
    func inPlaceBlocks(_ lifetimes: inout [Lifetime?], hosts: (Int) -> Bool, guests: (Int) -> Bool) -> [Int] {
        var host: [Int] = blocks.indices.map { place(of: $0).host }
        func root(_ block: Int) -> Int {
            var block: Int = block
            while host[block] != block { block = host[block] }
            return block
        }
        for (position, step) in steps.enumerated() where step.overwriting != .none {
            let operands: [Tensor] = step.operands.compactMap(\.self)
            let candidates: ArraySlice<Tensor> = step.overwriting == .first ? operands.prefix(1) : operands[...]
            for output in step.outputs {
                guard let result = block(of: output), guests(result), lifetimes[result]?.first == position else { continue }
                for (index, operand) in candidates.enumerated() {
                    guard let block = block(of: operand) else { continue }
                    let place: Int = root(block)
                    guard hosts(place), lifetimes[place]?.last == position, operand.storageOffset == 0,
                        operand.dtype.byteWidth == output.dtype.byteWidth, blocks[block].byteCount == blocks[result].byteCount,
                        blocks[place].byteCount == blocks[result].byteCount, operand.layout.isContiguous,
                        operand.layout.hasSameSizes(as: output.layout),
                        // Another operand that sees the same memory otherwise would read what has been written.
                        operands.enumerated().allSatisfy({ other, tensor in
                            guard other != index, let seen = self.block(of: tensor), root(seen) == place else { return true }
                            return step.overwriting == .any && tensor.storageOffset == 0 && tensor.layout.isContiguous
                                && tensor.layout.hasSameSizes(as: output.layout) && tensor.dtype == operand.dtype
                        })
                    else { continue }
                    host[result] = place
                    // A result that nothing reads is written all the same: another one of this step must not take the place too.
                    let last: Int = lifetimes[result]?.last ?? position
                    lifetimes[place]?.last = max(position + 1, last)
                    break
                }
            }
        }
        return host.indices.map { root($0) }
    }
}
