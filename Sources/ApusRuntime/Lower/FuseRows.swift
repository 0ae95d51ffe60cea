import ApusTensor

/// Joins elementwise steps of results with the same sizes, which follow one another or read what the others give, into one step that goes over
/// memory once. Results that only the row's own steps read are then never written.
///
/// Steps between those of a row may be of any kind, as long as they do not read what the row gives: the row stands where its last step stood.
struct FuseRows: StepPass {
    let name = "fuse-rows"

    func run(_ binder: Binder) {
        let readers: [[Int]] = binder.readers()
        let boundaries = Set(binder.jumps())
        var fused: [(any Step)?] = binder.steps
        var open: [Row] = []

        func close(where isClosed: (Row) -> Bool) {
            for row in open where isClosed(row) && row.positions.count > 1 {
                guard let step = row.step(readers, binder), let last = row.positions.last else { continue }
                for position in row.positions { fused[position] = nil }
                fused[last] = step
            }
            open.removeAll(where: isClosed)
        }

        for (position, step) in binder.steps.enumerated() {
            if boundaries.contains(position) { close { _ in true } }
            let read = Set(step.operands.compactMap { $0.flatMap { binder.block(of: $0) } })
            var row: Int?
            if let step = step as? PointwiseStep {
                row = open.indices.last { index in
                    (open[index].positions.last == position - 1 || !open[index].blocks.isDisjoint(with: read))
                        && open[index].append(step, position, binder)
                }
                var new = Row()
                if row == nil, new.append(step, position, binder) {
                    row = open.count
                    open.append(new)
                }
            }
            // What it reads of other rows becomes a part of its own.
            if let row {
                for other in open.indices.reversed() where other != row && !open[other].blocks.isDisjoint(with: read) {
                    if let joined = open[row].joined(open[other], binder) { (open[row], open[other]) = (joined, Row()) }
                }
            }
            let own: Int? = row.map { open[$0].positions[0] }
            open.removeAll { $0.positions.isEmpty }
            close { $0.positions[0] != own && !$0.blocks.isDisjoint(with: read) }
        }
        close { _ in true }
        binder.keep(fused)
    }

    private struct Row {
        var operations = FusedOperations()
        /// Where its steps stood.
        var positions: [Int] = []
        /// Where its results lie.
        var blocks: Set<Int> = []

        mutating func append(_ step: PointwiseStep, _ position: Int, _ binder: Binder) -> Bool {
            guard operations.append(step) else { return false }
            positions.append(position)
            blocks.formUnion(step.outputs.compactMap { binder.block(of: $0) })
            return true
        }

        /// The steps of both in their order; nil where they do not go together.
        func joined(_ other: Row, _ binder: Binder) -> Row? {
            var both = Row()
            let steps = zip(positions + other.positions, operations.members + other.operations.members).sorted { $0.0 < $1.0 }
            return steps.allSatisfy { both.append($0.1, $0.0, binder) } ? both : nil
        }

        /// One step for all of it; nil where the kernels can't run it so.
        func step(_ readers: [[Int]], _ binder: Binder) -> FusedStep? {
            let own = Set(positions)
            let written: [Int] = operations.members.indices.filter { index in
                guard let block = operations.members[index].outputs.first.flatMap({ binder.block(of: $0) }) else { return true }
                return binder.blocks[block].kind != .temporary || !own.isSuperset(of: readers[block])
            }
            return operations.step(writing: written, binder.memory)
        }
    }
}
