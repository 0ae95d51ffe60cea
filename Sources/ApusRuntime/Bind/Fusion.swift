import ApusTensor

extension Binder {
    /// Joins elementwise steps in a row, of results with the same sizes, into one step that goes over memory once. Results that only the
    /// row's own steps read are then never written. Comes when it is known which blocks the program returns.
    func fuse() {
        let lastReads: [Int] = lastReads()
        let targets: Set<Int> = Set(steps.compactMap(\.target))
        var fused: [BoundStep] = []
        /// Where each step of before has gone.
        var places: [Int] = []
        var row = FusedOperations()
        var members: [BoundStep] = []

        func close() {
            defer { (row, members) = (FusedOperations(), []) }
            let start: Int = places.count - members.count
            guard members.count > 1, let joined = join(row, members, start, lastReads) else {
                for index in members.indices { places[start + index] = fused.count + index }
                fused += members
                return
            }
            for index in members.indices { places[start + index] = fused.count }
            fused.append(joined)
        }

        for (position, step) in steps.enumerated() {
            if targets.contains(position) { close() }
            guard case .pointwise(let operation, let operands, _) = step.action, let output = step.outputs.first else {
                close()
                places.append(fused.count)
                fused.append(step)
                continue
            }
            if !row.append(operation, operands: operands, result: output) {
                close()
                // A step that does not even begin a row stands alone.
                _ = row.append(operation, operands: operands, result: output)
            }
            members.append(step)
            places.append(fused.count)
            if row.count == 0 { close() }
        }
        close()
        places.append(fused.count)
        steps = fused.map { $0.retargeted { places[$0] } }
    }

    /// One step for all of the members, which stand from `start` on; nil where the kernels can't run them so.
    private func join(_ row: FusedOperations, _ members: [BoundStep], _ start: Int, _ lastReads: [Int]) -> BoundStep? {
        var written: [Int] = []
        var outputs: [Tensor] = []
        for (index, member) in members.enumerated() {
            guard let output = member.outputs.first, let block = block(of: output) else { return nil }
            if blocks[block].kind == .temporary, lastReads[block] < start + members.count { continue }
            written.append(index)
            outputs.append(output)
        }
        guard let fusion = row.prepare(writing: written, outputs, memory) else { return nil }
        return BoundStep(
            action: .fused(fusion), call: members[0].call, outputs: outputs, site: members[0].site, operators: members.map(\.call.operator))
    }

    /// For each block the last step that reads it; -1 where none does.
    private func lastReads() -> [Int] {
        var last = [Int](repeating: -1, count: blocks.count)
        for (position, step) in steps.enumerated() {
            for tensor in step.inputs {
                if let block = block(of: tensor) { last[block] = position }
            }
        }
        return last
    }
}

extension BoundStep {
    /// Where it may jump.
    fileprivate var target: Int? {
        switch action {
        case .branch(_, let otherwise): otherwise
        case .jump(let target): target
        default: nil
        }
    }

    fileprivate func retargeted(_ place: (Int) -> Int) -> BoundStep {
        var step: BoundStep = self
        switch action {
        case .branch(let predicate, let otherwise): step.action = .branch(predicate, otherwise: place(otherwise))
        case .jump(let target): step.action = .jump(place(target))
        default: break
        }
        return step
    }
}
