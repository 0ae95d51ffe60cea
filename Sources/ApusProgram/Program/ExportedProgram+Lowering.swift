import ApusGraph
import ApusRuntime
import ApusTensor

extension ExportedProgram {
    /// The same program, with the same state, made ready to run without some passes: to find the one that is to blame for something. Their
    /// names are those of `LoweringPipeline.standard`, `fuse-rows` for example. Without
    /// `LoweringPipeline.roundingPasses` results have the bits that the function gives; with them the last ones may differ.
    ///
    /// Programs that are made of this one by `transform` have all passes again.
    /// - Throws: `TensorError` for a name that no pass has, with the names that there are.
    public func skipping(_ passes: [String]) throws -> ExportedProgram {
        lowered(by: try LoweringPipeline.standard.skipping(passes))
    }

    /// The same program, with the same state, made ready to run by other passes.
    public func lowered(by pipeline: LoweringPipeline) -> ExportedProgram {
        ExportedProgram(self, plan: LazyPlan(plan, pipeline: pipeline))
    }

    /// The same program, with the same state, whose calls use at most so many threads, the caller's included (at least 1): several programs, or many
    /// callers of one, then leave each other some. Results have the same bits.
    public func limitingThreads(to count: Int) -> ExportedProgram { ExportedProgram(self, plan: LazyPlan(plan, threads: max(count, 1))) }

    /// The program as it runs for tensors of these dtypes and sizes, for a person to read: `Plan.loweredText(for:)`.
    /// - Parameter inSession: as a session runs it, which writes over its buffers
    /// - Throws: `ProgramError` where an input is not what the program takes, and what binding throws.
    public func loweredText(for inputs: [Tensor], inSession: Bool = false) throws -> String {
        try checker.check(inputs)
        try state.prepare()
        return try plan.plan.loweredText(for: state.snapshot() + inputs, isUpdating: inSession)
    }

    /// How much memory a call for tensors of these dtypes and sizes takes. Costs what the first call for new sizes costs before it computes:
    /// weights are read, and packed.
    /// - Throws: `ProgramError` where an input is not what the program takes, what binding throws, and `TensorError` for a program some of whose
    ///   sizes depend on values.
    public func memoryUse(for inputs: [Tensor]) throws -> MemoryUse {
        try checker.check(inputs)
        try state.prepare()
        return try plan.plan.memoryUse(for: state.snapshot() + inputs)
    }
}

extension ExportedPrograms {
    /// The same programs, made ready to run without some passes; see `ExportedProgram.skipping`.
    public func skipping(_ passes: [String]) throws -> ExportedPrograms {
        try ExportedPrograms(entries.map { ($0.name, try $0.program.skipping(passes)) })
    }

    /// The same programs, each of whose calls uses at most so many threads; see `ExportedProgram.limitingThreads`.
    public func limitingThreads(to count: Int) throws -> ExportedPrograms {
        try ExportedPrograms(entries.map { ($0.name, $0.program.limitingThreads(to: count)) })
    }
}

/// What a plan may rely on of a program's inputs.
func planRoles(_ inputs: [InputRole], _ outputs: [OutputRole]) -> [Plan.Role] {
    // Who asks for gradients changes what they are of.
    let trains: Bool = outputs.contains(.loss)
    let changed: [String: Int] = outputs.changedBuffers
    return inputs.map { role in
        switch role {
        case .parameter: trains ? .varying : .frozen
        case .constant: .frozen
        case .buffer(let name, _): changed[name].map { .state(output: $0) } ?? .frozen
        case .userInput: .varying
        }
    }
}
