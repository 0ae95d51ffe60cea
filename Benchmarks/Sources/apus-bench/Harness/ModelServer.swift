import Apus
import ArgumentParser
import Foundation

/// Apus in a process of its own, which runs models and answers as the peers do.
struct ModelServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run models for another apus-bench: requests in, answers out.", shouldDisplay: false)

    @Option(help: "The folder of the models.")
    var models: String

    @Option(help: "The number of threads.")
    var threads: Int

    func run() throws {
        // Before anything of Apus runs: its thread pool reads the number once.
        setenv("APUS_NUM_THREADS", String(threads), 1)
        var lines = Lines(reading: .standardInput, writing: .standardOutput)
        try lines.write(Answer(version: "Apus, \(SystemInformation.current.cpuLevel)"))
        var model: ServedModel?
        while let request = try lines.read(Request.self) {
            do {
                try lines.write(try answer(request, &model))
            } catch {
                try lines.write(Answer(missing: "\(error)"))
            }
        }
    }

    private func answer(_ request: Request, _ model: inout ServedModel?) throws -> Answer {
        if let name = request.prepare {
            model = nil
            model = try ServedModel(models, name)
            return Answer(ready: true)
        }
        guard let model else { return Answer(missing: "nothing is prepared") }
        if request.memory == true { return Answer(memory: Memory(peakBytes: statusBytes("VmHWM") ?? 0, baseBytes: model.baseBytes)) }
        if request.check == true { return Answer(missing: try model.difference()) }
        return Answer(turn: try measure({ try model.call() }, seconds: request.seconds ?? 0))
    }
}

/// A model and its inputs.
private struct ServedModel {
    let baseBytes: Int?
    private let stem: String
    private let program: ExportedProgram
    private let inputs: [Tensor]

    init(_ folder: String, _ name: String) throws {
        baseBytes = statusBytes("VmRSS")
        stem = "\(folder)/\(name)"
        program = try ExportedProgram.load(from: "\(stem).pt2")
        inputs = try Self.numbered("\(stem).inputs.safetensors", "in")
        try call()
    }

    func call() throws {
        _ = try program.run(inputs)
    }

    /// Why the answers are not those that PyTorch gave when the model was written; nil where they are, but for rounding.
    func difference() throws -> String? {
        let expected = try Self.numbered("\(stem).expected.safetensors", "out")
        let answers = try program.run(inputs)
        guard answers.count == expected.count else { return "\(answers.count) answers for \(expected.count)" }
        for (index, (answer, expected)) in zip(answers, expected).enumerated() {
            let largest = Double(try expected.abs().amax().item(Float.self))
            let comparison = try ResultComparison(
                "answer \(index)", answer, expected, relativeTolerance: 0, absoluteTolerance: 1e-3 * largest)
            if !comparison.passed { return "answer \(index) differs by \(comparison.largestError)" }
        }
        return nil
    }

    /// The tensors named in.0, in.1 ... in their order.
    private static func numbered(_ path: String, _ label: String) throws -> [Tensor] {
        let tensors = try [String: Tensor].load(safetensors: path)
        return (0..<tensors.count).compactMap { tensors["\(label).\($0)"] }
    }
}

/// A number of bytes that Linux knows of this process; nil elsewhere.
private func statusBytes(_ field: String) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field) }) else { return nil }
    return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
}
