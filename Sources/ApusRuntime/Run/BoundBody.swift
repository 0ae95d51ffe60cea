import ApusGraph
import ApusTensor

/// A loop's body for inputs of known sizes: steps over an arena of their own. Each pass is told where its inputs lie and where its results go.
final class BoundBody {
    let graph: Graph
    let inputs: [Tensor]
    /// What it gives; nil for a carried tensor that is written over in its place, or stays as it is.
    let results: [Tensor?]
    /// What it gives where that is a number.
    let numbers: [RunNumber?]
    let plan: BoundPlan
    /// For each input its block and those that lie in the same place; none where the steps know the tensor.
    private let inputBlocks: [[Int]]
    private let resultBlocks: [Int]
    private var addresses: [UnsafeMutableRawPointer?]

    /// - Parameter carried: how many of its first results the next pass gets in the place of its first inputs
    init(_ binder: Binder, _ graph: Graph, _ results: [Tensor], inputs: [Tensor], carried: Int) throws {
        try binder.placeBody(results, inputs: inputs, carried: carried)
        binder.finish()
        var placed: [Tensor?] = []
        var blocks: [Int] = []
        for source in binder.sources {
            guard case .block(let block, let dtype, let layout, _) = source else {
                placed.append(nil)
                blocks.append(0)
                continue
            }
            placed.append(Tensor(placed: binder.blocks[block].storage, dtype: dtype, layout: layout))
            blocks.append(block)
        }
        (self.graph, self.inputs, self.results, resultBlocks, numbers) = (graph, inputs, placed, blocks, [])
        plan = try BoundPlan(binder, inputs: inputs)
        inputBlocks = BoundBody.blocks(plan, inputs.count)
        addresses = Array(repeating: nil, count: inputs.count)
    }

    /// A condition on numbers.
    init(_ binder: Binder, _ graph: Graph, _ number: RunNumber, inputs: [Tensor]) throws {
        binder.sources = [.number(number)]
        binder.finish()
        (self.graph, self.inputs, results, resultBlocks, numbers) = (graph, inputs, [nil], [], [number])
        plan = try BoundPlan(binder, inputs: inputs)
        inputBlocks = BoundBody.blocks(plan, inputs.count)
        addresses = Array(repeating: nil, count: inputs.count)
    }

    /// A body that fails in every pass.
    init(_ binder: Binder, _ graph: Graph, failing error: TensorError, inputs: [Tensor]) throws {
        (self.graph, self.inputs, numbers) = (graph, inputs, [])
        binder.steps = [FailStep(error, binder.site)]
        (results, resultBlocks) = (Array(repeating: nil, count: graph.outputs.count), [])
        plan = try BoundPlan(binder, inputs: inputs)
        inputBlocks = BoundBody.blocks(plan, inputs.count)
        addresses = Array(repeating: nil, count: inputs.count)
    }

    private static func blocks(_ plan: BoundPlan, _ count: Int) -> [[Int]] {
        var blocks = [[Int]](repeating: [], count: count)
        for input in plan.inputs { blocks[input.position] = input.blocks }
        return blocks
    }

    func setInput(_ position: Int, _ address: UnsafeMutableRawPointer) {
        if addresses[position] == address { return }
        addresses[position] = address
        for block in inputBlocks[position] { plan.move(block, to: address) }
    }

    /// Says where a result goes, unless it is written over what it comes from.
    func setResult(_ position: Int, _ address: UnsafeMutableRawPointer) {
        if results[position] != nil { plan.move(resultBlocks[position], to: address) }
    }

    /// Makes one pass.
    func run(_ profiler: Profiler?) throws {
        // The first step asks whether to go on; where there is none, nobody does.
        if plan.program.steps.isEmpty { return try Deadline.check() }
        var next = 0
        try plan.program.run(&next, profiler)
    }
}
