import Apus
import ArgumentParser
import Foundation

/// `apus info`: what a program is, or what the machine is.
struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a program's signature, ranges, guards and weights, or the system.")

    @Argument(help: "The program, a .pt2 or .onnx file.")
    var file: String?

    @Flag(name: .long, help: "Show cores, BLAS and vector instructions instead.")
    var system = false

    @Flag(name: .long, help: "Print the whole graph as well.")
    var graph = false

    @Flag(name: .long, help: "Say how much memory a call takes, for the sizes given by --size. Reads the weights.")
    var memory = false

    @OptionGroup var sizes: MadeUpInputs

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (file != nil) != system else { throw ValidationError("Give a file, or --system.") }
        if !memory, !sizes.size.isEmpty { throw ValidationError("--size needs --memory.") }
        if memory, system { throw ValidationError("--memory needs a file.") }
    }

    func run() throws {
        if system { return try printSystem() }
        guard let file else { return }
        let programs = try ExportedProgram.loadAll(from: file).sorted { $0.key < $1.key }
        if json {
            return try writeJSON(Dictionary(uniqueKeysWithValues: programs.map { ($0.key, try summary($0.value)) }))
        }
        for (name, program) in programs { try printText(name, program) }
    }

    private func summary(_ program: ExportedProgram) throws -> ProgramSummary {
        ProgramSummary(program, memory: memory ? try ProgramMemory(program, sizes.inputs(for: program)) : nil)
    }

    private func printSystem() throws {
        let system = SystemInformation.current
        if json {
            return try writeJSON([
                "cpuLevel": system.cpuLevel, "cores": "\(system.coreCount)", "threads": "\(system.threadCount)",
                "blasCore": system.blasCore,
            ])
        }
        try write("vector instructions: \(system.cpuLevel)")
        try write("cores:               \(system.coreCount)")
        try write("threads:             \(system.threadCount)")
        try write("OpenBLAS core:       \(system.blasCore)")
    }

    private func printText(_ name: String, _ program: ExportedProgram) throws {
        let summary = try summary(program)
        try write("entry point '\(name)'")
        try write("  inputs:")
        for input in summary.inputs { try write("    \(input.name): \(input.type)") }
        try write("  outputs:")
        for output in summary.outputs { try write("    \(output.name): \(output.type)") }
        if !summary.ranges.isEmpty {
            try write("  ranges:")
            for range in summary.ranges {
                try write("    \(range.symbol)\(range.origin.isEmpty ? "" : " (\(range.origin))"): \(range.range)")
            }
        }
        if !summary.guards.isEmpty {
            try write("  guards:")
            for condition in summary.guards { try write("    \(condition)") }
        }
        if !summary.weights.isEmpty {
            try write("  weights: \(summary.weights.count) tensors, \(summary.weightBytes) bytes")
            for weight in summary.weights { try write("    \(weight.name): \(weight.type)") }
        }
        if let memory = summary.memory { try printMemory(memory) }
        if !summary.mutatedBuffers.isEmpty { try write("  changes the buffers: " + summary.mutatedBuffers.joined(separator: ", ")) }
        try write("  nodes: \(summary.nodeCount), operators: \(summary.operators.count)")
        for entry in summary.operators.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            try write("    \(entry.value) x \(entry.key)")
        }
        if graph { try write("\(program)") }
    }
}

extension Info {
    private func printMemory(_ memory: ProgramMemory) throws {
        let names: String = memory.inputs.map { "\($0.name): \($0.type)" }.joined(separator: ", ")
        let isSmallest: Bool = memory.hasOpenSizes && sizes.size.isEmpty
        let which: String = isSmallest ? ", the smallest sizes that the program takes" : ""
        guard let use = memory.bytes else { return try write("  memory for \(names)\(which): \(memory.reason ?? "")") }
        try write("  memory for \(names)\(which): at most \(use.peak) bytes")
        try write(
            "    weights: \(use.ownedWeights) of their own, \(use.packedWeights) packed; \(use.mappedWeights) in the file, not counted")
        try write("    inputs: \(use.inputs), on the way: \(use.intermediates), results: \(use.results)")
    }
}

/// How much memory a call takes.
struct ProgramMemory: Encodable {
    let inputs: [ProgramSummary.Named]
    let hasOpenSizes: Bool
    let peak: Int?
    let bytes: MemoryUse?
    /// Why it is not known.
    let reason: String?

    init(_ program: ExportedProgram, _ tensors: [Tensor]) throws {
        inputs = zip(program.graphSignature.userInputs, tensors).map { ProgramSummary.Named(name: $0, type: "\($1.spec)") }
        hasOpenSizes = !program.symbolToRange.isEmpty
        do { (bytes, reason) = (try program.memoryUse(for: tensors), nil) } catch let error as TensorError where error.code == .unsupported
        {
            (bytes, reason) = (nil, error.message)
        }
        peak = bytes?.peak
    }
}

/// What `info` says of a program.
struct ProgramSummary: Encodable {
    struct Named: Encodable {
        let name: String
        let type: String
    }

    struct Range: Encodable {
        let symbol: String
        let origin: String
        let range: String
    }

    let inputs: [Named]
    let outputs: [Named]
    let ranges: [Range]
    let guards: [String]
    let weights: [Named]
    let weightBytes: Int
    let mutatedBuffers: [String]
    let nodeCount: Int
    let operators: [String: Int]
    /// Where it was asked for.
    let memory: ProgramMemory?

    init(_ program: ExportedProgram, memory: ProgramMemory? = nil) {
        self.memory = memory
        let graph = program.graph
        let userInputs = zip(graph.inputs, program.graphSignature.inputRoles).filter { $0.1 == .userInput }.map { $0.0 }
        var next = userInputs.makeIterator()
        inputs = zip(program.leafNames, program.leafRoles).map { name, role in
            switch role {
            case .input: Named(name: name, type: next.next().map { "\(graph.type($0))" } ?? "?")
            case .constant(let value): Named(name: name, type: "always \(value)")
            }
        }
        outputs = zip(graph.outputs, program.graphSignature.outputRoles).enumerated().compactMap { index, entry in
            guard entry.1 == .userOutput || entry.1 == .loss else { return nil }
            switch entry.0 {
            case .value(let value): return Named(name: graph.name(value), type: "\(graph.type(value))")
            case .literal(let literal): return Named(name: "output_\(index)", type: "always \(literal)")
            case .int(let size): return Named(name: "output_\(index)", type: "int \(size)")
            case .float(let number): return Named(name: "output_\(index)", type: "float \(number)")
            case .bool(let condition): return Named(name: "output_\(index)", type: "bool \(condition)")
            }
        }
        ranges = program.symbolToRange.sorted { $0.key.index < $1.key.index }.map {
            Range(symbol: $0.key.name, origin: $0.key.origin, range: "\($0.value)")
        }
        guards = program.guards.map { "\($0.condition)" }
        let state = program.stateDict.merging(program.constants) { first, _ in first }
        weights = state.sorted { $0.key < $1.key }.map { Named(name: $0.key, type: "\($0.value.spec)") }
        weightBytes = program.weightByteCount
        mutatedBuffers = program.graphSignature.buffersToMutate.values.sorted()
        nodeCount = graph.totalNodeCount
        operators = graph.allNodes.reduce(into: [:]) { counts, node in counts[node.operator.name, default: 0] += 1 }
    }
}
