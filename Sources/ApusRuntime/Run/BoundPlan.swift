import ApusGraph
import ApusTensor

/// A program for inputs of known sizes: steps with resolved arguments over one arena. Runs one call at a time; a plan keeps several for
/// callers that come at once.
///
/// Between runs only addresses change: those of the inputs, where they differ from the last call's, and those of the results.
final class BoundPlan: @unchecked Sendable {
    /// Those that differ from run to run.
    let inputs: [BoundInput]
    let blocks: [Block]
    /// The results' blocks, which are fresh for each run.
    let resultBlocks: [Int]
    let sources: [ResultSource]
    let program: StepProgram
    let placement: MemoryPlacement
    /// The first step that writes over a state; beyond the last where none does.
    private let firstUpdate: Int

    /// For each block those that are parts of it, and where, but for those in the arena.
    private let parts: [[(block: Int, byteOffset: Int)]]
    private let arena: Storage
    private let memory: KernelMemory
    /// Storages of the last run's results, by result block; held only while a run lasts.
    private var fresh: [Storage] = []
    private var lastAddresses: [UnsafeMutableRawPointer?]

    init(_ binder: Binder, inputs: [Tensor]) throws {
        blocks = binder.blocks
        memory = binder.memory
        placement = binder.placement ?? MemoryPlacement(binder, sharing: false)
        arena = try Storage.allocate(placement.byteCount)
        for (index, offset) in placement.offsets.enumerated() {
            if let offset { blocks[index].storage.rebind(to: arena.pointer + offset) }
        }
        var resultNumbers: [Int: Int] = [:]
        var inputBlocks = [[Int]](repeating: [], count: inputs.count)
        var parts = [[(block: Int, byteOffset: Int)]](repeating: [], count: blocks.count)
        for (index, block) in blocks.enumerated() {
            switch block.kind {
            case .input(let position): inputBlocks[position].append(index)
            case .result: resultNumbers[index] = resultNumbers.count
            case .part(let host, let byteOffset) where placement.offsets[host] == nil: parts[host].append((index, byteOffset))
            case .temporary, .part: break
            }
        }
        self.parts = parts
        self.inputs = inputs.enumerated().compactMap { position, tensor in
            binder.block(of: tensor) == nil ? nil : BoundInput(position: position, tensor: tensor, blocks: inputBlocks[position])
        }
        resultBlocks = resultNumbers.keys.sorted()
        sources = binder.sources.map { source in
            guard case .block(let block, let dtype, let layout, let offset) = source else { return source }
            return .block(resultNumbers[block] ?? 0, dtype, layout, offset: offset)
        }
        lastAddresses = Array(repeating: nil, count: inputs.count)
        program = StepProgram(binder)
        firstUpdate =
            program.steps.firstIndex { step in
                step.outputs.contains { output in
                    if let block = binder.block(of: output), case .input = binder.blocks[block].kind { true } else { false }
                }
            } ?? .max
        fresh.reserveCapacity(resultBlocks.count)
    }

    /// Says where a block lies from now on.
    func move(_ block: Int, to address: UnsafeMutableRawPointer) {
        blocks[block].storage.rebind(to: address)
        program.move(block, to: address)
        for part in parts[block] { move(part.block, to: address + part.byteOffset) }
    }

    /// Runs the program on contiguous inputs of the right dtypes and sizes; `given` are the caller's, which may be returned.
    /// - Parameter hasWritten: set where states have been written over in part when the run throws
    func run(_ tensors: [Tensor], given: [Tensor], _ hasWritten: inout Bool, _ profiler: Profiler?) throws -> [RuntimeValue] {
        for (number, input) in inputs.enumerated() {
            let address: UnsafeMutableRawPointer = tensors[input.position].baseAddress
            if address == lastAddresses[number] { continue }
            lastAddresses[number] = address
            for block in input.blocks { move(block, to: address) }
        }
        defer { fresh.removeAll(keepingCapacity: true) }
        for block in resultBlocks {
            let storage: Storage = try Storage.allocate(blocks[block].byteCount)
            fresh.append(storage)
            move(block, to: storage.pointer)
        }
        var next = 0
        do { try program.run(&next, profiler) } catch {
            // The first step that writes over a state throws before it does.
            hasWritten = next - 1 > firstUpdate
            throw error
        }
        return try results(tensors, given)
    }

    private func results(_ tensors: [Tensor], _ given: [Tensor]) throws -> [RuntimeValue] {
        try sources.map { source in
            switch source {
            case .plain(let value): return value
            case .number(let number): return try RuntimeValue(try number.value(in: ""))
            case .input(let position): return .tensor(given[position])
            case .inputView(let position, let dtype, let layout, let offset):
                let base: Tensor = tensors[position]
                return .tensor(Tensor(placed: base.storage, dtype: dtype, layout: layout, offset: base.storageOffset + offset))
            case .block(let index, let dtype, let layout, let offset):
                return .tensor(Tensor(placed: fresh[index], dtype: dtype, layout: layout, offset: offset))
            }
        }
    }
}

/// An input as the steps see it.
struct BoundInput {
    /// Among all of the program's inputs.
    let position: Int
    let tensor: Tensor
    /// Its block, and those that lie in the same place.
    let blocks: [Int]
}
