import ApusGraph
import ApusTensor

/// The steps beside tables of what a run needs: which of them ask whether to go on, and whom to tell when a block moves.
final class StepProgram {
    /// An address that depends on where a block lies.
    private struct Relocation {
        let step: any Step
        let operand: Int
        let byteOffset: Int
    }

    /// Asking whether the task has been cancelled takes as long as a small step: it is done once for steps that go over so much memory, which
    /// takes microseconds.
    private static let bytesBetweenQuestions = 1 << 15

    let steps: [any Step]
    /// Whether the run ends before a step where its task has been cancelled.
    private let asks: [Bool]
    /// For each block the addresses to set when it moves.
    private let relocations: [[Relocation]]

    init(_ binder: Binder) {
        steps = binder.steps
        var asks: [Bool] = []
        var relocations = [[Relocation]](repeating: [], count: binder.blocks.count)
        // What steps read and write since one asked; the first one does.
        var bytes: Int = StepProgram.bytesBetweenQuestions
        for step in steps {
            asks.append(bytes >= StepProgram.bytesBetweenQuestions)
            if bytes >= StepProgram.bytesBetweenQuestions { bytes = 0 }
            for case (let operand, let tensor?) in (step.operands + step.outputs).enumerated() {
                bytes &+= tensor.layout.count &* tensor.dtype.byteWidth
                guard step.keepsAddresses else { continue }
                step.relocate(operand, to: tensor.baseAddress)
                guard let block = binder.block(of: tensor), binder.blocks[block].kind != .temporary else { continue }
                let byteOffset: Int = tensor.storageOffset * tensor.dtype.byteWidth
                relocations[block].append(Relocation(step: step, operand: operand, byteOffset: byteOffset))
            }
        }
        self.asks = asks
        self.relocations = relocations
    }

    /// Tells steps that keep addresses where a block lies from now on.
    func move(_ block: Int, to address: UnsafeMutableRawPointer) {
        for place in relocations[block] { place.step.relocate(place.operand, to: address + place.byteOffset) }
    }

    /// Runs the steps.
    /// - Parameters:
    ///   - next: the number of the step that comes next; where one throws, of the one after it
    ///   - profiler: gets an event for each step that computes
    func run(_ next: inout Int, _ profiler: Profiler?) throws {
        try steps.withUnsafeBufferPointer { steps in
            while next < steps.count {
                let (step, asksFirst): (any Step, Bool) = (steps[next], asks[next])
                next += 1
                if asksFirst { try Deadline.check() }
                do {
                    if let profiler {
                        try run(step, &next, profiler)
                    } else {
                        try step.run(&next)
                    }
                } catch let error as TensorError { throw error.located(at: step.site) }
            }
        }
    }

    private func run(_ step: any Step, _ next: inout Int, _ profiler: Profiler) throws {
        if let loop = step as? LoopStep { return try loop.run(profiler) }
        let names: [String] = step.operators.map(\.name)
        if names.isEmpty { return try step.run(&next) }
        let name: String = names[0] + (names.count > 1 ? " and \(names.count - 1) more" : "")
        try profiler.measure(.step, name, operators: names, site: step.site?.description) { try step.run(&next) }
    }
}
