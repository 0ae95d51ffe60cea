import ApusExport
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// A program, and calls to try it with. Calls run in order; buffers carry over.
struct JudgedProgram {
    let name: String
    let program: ExportedProgram
    let calls: [[Tensor]]

    /// What a program gives, as tensors.
    private static func outputs(_ program: ExportedProgram, _ inputs: [Tensor]) throws -> [Tensor?] {
        try program.run(leaves: inputs.map { .tensor($0) }).map { leaf in
            switch leaf {
            case .tensor(let tensor): return tensor
            case .int(let value): return try value.constant.map { try Tensor([$0], shape: []) }
            default: return nil
            }
        }
    }

    /// Saves programs, opens them again, and has PyTorch open and run them: all must give the same.
    /// - Parameter options: those of the judge's script.
    static func check(_ samples: [JudgedProgram], _ options: [String]) throws {
        let folder = try TemporaryFolder()
        var files: [String] = []
        var expected: [String: Tensor] = [:]
        for sample in samples {
            let path = folder.file("\(sample.name).pt2")
            try sample.program.save(to: path)
            // The program that was saved, opened again, must go through the same states as the one that runs on.
            let reloaded = try ExportedProgram.load(from: path)
            var inputs: [String: Tensor] = [:]
            for (number, call) in sample.calls.enumerated() {
                for (index, tensor) in call.enumerated() { inputs["\(number).in.\(index)"] = tensor }
                let again = try outputs(reloaded, call)
                for (index, output) in try outputs(sample.program, call).enumerated() {
                    guard let output else { continue }
                    expected["\(sample.name) \(number).out.\(index)"] = output
                    let second = try #require(again[index])
                    #expect(
                        try difference(second, output, rtol: 0, atol: 0) == nil, "\(sample.name), reloaded, call \(number), output \(index)"
                    )
                }
            }
            try saveSafetensors(inputs, to: folder.file("\(sample.name).in.safetensors"))
            files += [path, folder.file("\(sample.name).in.safetensors"), folder.file("\(sample.name).out.safetensors")]
        }
        let output = try Python.runFile("Tests/Judges/check_pt2.py", options + files)
        #expect(output == "")
        var compared = 0
        for sample in samples {
            for (name, tensor) in try loadSafetensors(from: folder.file("\(sample.name).out.safetensors")) {
                let wanted = try #require(expected["\(sample.name) \(name)"], "\(sample.name) \(name)")
                if let difference = try difference(tensor, wanted) { Issue.record("\(sample.name) \(name): \(difference)") }
                compared += 1
            }
        }
        #expect(compared == expected.count)
    }
}

/// Numbers that repeat from run to run.
func numbers(_ sizes: [Int], seed: UInt64) throws -> Tensor {
    var random = SplitMix(seed: seed)
    let values: [Float] = (0..<sizes.reduce(1, *)).map { _ in Float.random(in: -2...2, using: &random) }
    return try Tensor(values, shape: sizes)
}
