import Apus
import ArgumentParser

/// Inputs of the declared shapes, for commands that need no particular values.
struct MadeUpInputs: ParsableArguments {
    @Option(name: .long, help: "The sizes of dynamic dimensions for made-up inputs, e.g. s0=8. Default: the smallest allowed.")
    var size: [String] = []

    func inputs(for program: ExportedProgram) throws -> [Tensor] {
        var sizes: [String: Int] = [:]
        for entry in size {
            let parts = entry.split(separator: "=")
            guard parts.count == 2, let value = Int(parts[1]) else { throw ValidationError("--size takes NAME=NUMBER, not '\(entry)'.") }
            sizes[String(parts[0])] = value
        }
        let names: [String] = program.symbolToRange.keys.map(\.name).sorted()
        if let unknown = sizes.keys.sorted().first(where: { !names.contains($0) }) {
            throw ValidationError(
                "--size \(unknown): the program has no such size; it has: \(names.isEmpty ? "none" : names.joined(separator: ", "))")
        }
        var point = Assignment()
        for (symbol, range) in program.symbolToRange { point[symbol] = sizes[symbol.name] ?? max(range.lowerBound, 1) }
        let values = zip(program.graph.inputs, program.graphSignature.inputRoles).filter { $0.1 == .userInput }.map { $0.0 }
        return try values.map { value in
            guard let spec = program.graph.spec(value) else { throw ValidationError("An input is no tensor; give the inputs as files.") }
            let shape: [SymInt] = try spec.shape.map { size in
                guard let known = program.scope.evaluate(size, at: point) else {
                    throw ValidationError("The size \(size) of an input can't be computed; give --size for its symbols.")
                }
                return SymInt(known)
            }
            return try Tensor.ones(shape, dtype: spec.dtype)
        }
    }
}
