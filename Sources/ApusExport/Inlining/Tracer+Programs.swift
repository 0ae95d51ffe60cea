import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

extension Tracer: InliningInterpreter {
    /// Everything that a program's graph gives, computed as a part of the function that is traced.
    ///
    /// Sizes that the program refuses, the function must not have: what is open is its caller's to declare. The program's tensors are constants
    /// of the function's program, as tensors are that it captures.
    func inline(_ program: ExportedProgram, _ inputs: [Tensor]) throws -> [LeafValue] {
        for case .bufferMutation(let name) in program.graphSignature.outputRoles {
            let error = ProgramError(
                .untraceable,
                "a program that changes its buffer '\(name)' is called where a function is traced: the change would be lost in the function's program. "
                    + "Export the function that the program was made of, with its model, or export the program without the buffer's change")
            Interpreter.current?.fail(error)
            throw error
        }
        var inlining = GraphInlining(try program.checker.require(inputs))
        return try inlining.run(program.graph, program.state.snapshot() + inputs)
    }
}

extension InputChecker {
    /// Requires of traced tensors what `check` finds in those of a call, and says what the program's symbols stand for.
    func require(_ tensors: [Tensor]) throws -> InlinedSymbols {
        guard tensors.count == inputs.count else {
            throw ProgramError(.structureMismatch, "\(tensors.count) tensors where the program takes \(inputs.count)")
        }
        for (tensor, input) in zip(tensors, inputs) {
            guard tensor.dtype == input.dtype else {
                throw TensorError(.dtypeMismatch, "\(input.name): expected dtype \(input.dtype), got \(tensor.dtype)")
            }
            guard tensor.rank == input.shape.count else {
                throw TensorError(
                    .shapeMismatch, "\(input.name): expected \(input.shape.count) dimensions, got \(tensor.rank) (shape \(tensor.shape))")
            }
        }
        var known = InlinedSymbols()
        for (tensor, input) in zip(tensors, inputs) { known.bindBare(input.shape, to: tensor.shape) }
        for (tensor, input) in zip(tensors, inputs) {
            for (dim, expected) in input.shape.enumerated() {
                try known.bind(expected, to: tensor.shape[dim]) {
                    TensorError(
                        .shapeMismatch,
                        "\(input.name): dimension \(dim) must be \(expected.description { origin($0) }), got \(tensor.shape[dim])")
                }
            }
        }
        for (index, symbol) in symbols.enumerated() {
            guard let size = known[symbol] else { continue }
            let range: SymRange = ranges[index]
            func failure() -> TensorError { TensorError(.checkFailed, "\(origins[index]) must be in \(range), got \(size)") }
            if range.hasLowerBound { try ApusTensor.require(size >= range.lowerBound, failure()) }
            if range.hasUpperBound { try ApusTensor.require(size <= range.upperBound, failure()) }
            // Nobody should have to declare this.
            try requireOrAsk(
                size <= SymbolScope.largestSize,
                TensorError(.checkFailed, "\(origins[index]) must be at most \(SymbolScope.largestSize), got \(size)"))
        }
        for (_, guarding) in guards {
            try ApusTensor.require(
                try known.value(of: guarding.condition),
                TensorError(.checkFailed, guarding.message).located(at: guarding.site.map { .call($0) }))
        }
        return known
    }
}
