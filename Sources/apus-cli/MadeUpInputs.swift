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
        let free: [Symbol] = program.symbolToRange.keys.filter { sizes[$0.name] == nil }.sorted { $0.name < $1.name }
        point = try admitted(by: program, from: point, changing: free)
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

    /// Sizes further up, as the program's own solver finds them.
    private func solution(for program: ExportedProgram, from start: Assignment, keeping given: Set<Symbol>) -> Assignment? {
        let scope: SymbolScope = program.scope
        scope.push()
        defer { scope.pop() }
        for entry in program.guards { scope.assume(entry.condition) }
        for symbol in given { if let size = start[symbol] { scope.assume(scope.size(symbol) == SymInt(size)) } }
        guard let witness = scope.witness() else { return nil }
        var point: Assignment = start
        for symbol in program.symbolToRange.keys { point[symbol] = witness[symbol] ?? start[symbol] }
        return point
    }

    /// The smallest sizes, in the order of the symbols, that a program's guards admit.
    private func admitted(by program: ExportedProgram, from start: Assignment, changing free: [Symbol]) throws -> Assignment {
        func holds(_ point: Assignment) -> Bool {
            program.guards.allSatisfy { program.scope.evaluate($0.condition, at: point) == true }
        }
        if holds(start) { return start }
        // Only what a guard speaks of can help.
        let involved: Set<Symbol> = Set(program.guards.flatMap { $0.condition.freeSymbols })
        var attempts = 0
        func search(_ symbols: ArraySlice<Symbol>, _ point: Assignment) -> Assignment? {
            attempts += 1
            guard attempts < 100_000 else { return nil }
            guard let symbol = symbols.first, let lowest = point[symbol] else { return holds(point) ? point : nil }
            let highest: Int = min(program.symbolToRange[symbol]?.upperBound ?? lowest, lowest.addingReportingOverflow(64).partialValue)
            guard lowest <= highest else { return nil }
            for size in lowest...highest {
                var next: Assignment = point
                next[symbol] = size
                if let found = search(symbols.dropFirst(), next) { return found }
            }
            return nil
        }
        if let found = search(free.filter { involved.contains($0) }[...], start) { return found }
        if let found = solution(for: program, from: start, keeping: involved.subtracting(free)), holds(found) { return found }
        let broken: String = program.guards.first { program.scope.evaluate($0.condition, at: start) != true }?.message ?? ""
        throw ValidationError("No sizes were found that the program admits (\(broken)); give some with --size.")
    }
}
