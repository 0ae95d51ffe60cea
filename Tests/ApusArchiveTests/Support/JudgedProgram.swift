import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// A program, and calls to try it with. Calls run in order; buffers carry over.
struct JudgedProgram {
    let name: String
    let program: ExportedProgram
    let calls: [[Tensor]]
    /// False where elements are random or left as memory has them: then only dtypes and shapes are compared.
    var hasValues = true

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
        for problem in try problems(samples, options) { Issue.record("\(problem)") }
    }

    /// What is wrong with programs, a line that begins with the program's name for each.
    static func problems(_ samples: [JudgedProgram], _ options: [String]) throws -> [String] {
        let folder = try TemporaryFolder()
        var problems: [String] = []
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
                    let place = "\(sample.name) \(number).out.\(index)"
                    expected[place] = output
                    let second = try #require(again[index])
                    if let difference = try sample.difference(second, output, exactly: true) {
                        problems.append("\(place), reloaded: \(difference)")
                    }
                }
            }
            try pairing(inputs).save(safetensors: folder.file("\(sample.name).in.safetensors"))
            files += [path, folder.file("\(sample.name).in.safetensors"), folder.file("\(sample.name).out.safetensors")]
        }
        problems += try Python.runFile("Tests/Judges/check_pt2.py", options + files).split(separator: "\n").map(String.init)
        for sample in samples where FileManager.default.fileExists(atPath: folder.file("\(sample.name).out.safetensors")) {
            for (name, tensor) in try unpairing([String: Tensor].load(safetensors: folder.file("\(sample.name).out.safetensors"))) {
                let place = "\(sample.name) \(name)"
                guard let wanted = expected.removeValue(forKey: place) else {
                    problems.append("\(place): only PyTorch gives it")
                    continue
                }
                if let difference = try sample.difference(tensor, wanted) { problems.append("\(place): \(difference)") }
            }
        }
        // A program that PyTorch could not run has a line of its own.
        let failing = Set(problems.map { $0.prefix { $0 != " " } })
        for place in expected.keys.sorted() where !failing.contains(place.prefix { $0 != " " }) {
            problems.append("\(place): PyTorch does not give it")
        }
        return problems
    }

    private func difference(_ actual: Tensor, _ expected: Tensor, exactly: Bool = false) throws -> String? {
        if !hasValues {
            let isSame = try actual.dtype == expected.dtype && actual.sizes == expected.sizes
            return isSame ? nil : "\(actual.spec), expected \(expected.spec)"
        }
        if exactly { return try ApusArchiveTests.difference(actual, expected, rtol: 0, atol: 0) }
        switch expected.dtype {
        case .float16, .bfloat16: return try ApusArchiveTests.difference(actual, expected, rtol: 2e-2, atol: 1e-2)
        default: return try ApusArchiveTests.difference(actual, expected)
        }
    }

    // MARK: Complex numbers, which safetensors lacks or PyTorch does not read

    private static let pairs = ".pairs"

    private static func pairing(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
        try Dictionary(uniqueKeysWithValues: tensors.map { $1.dtype.isComplex ? ($0 + pairs, try $1.viewAsReal()) : ($0, $1) })
    }

    private static func unpairing(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
        try Dictionary(
            uniqueKeysWithValues: tensors.map { name, tensor in
                name.hasSuffix(pairs) ? (String(name.dropLast(pairs.count)), try tensor.viewAsComplex()) : (name, tensor)
            })
    }
}

/// Numbers that repeat from run to run.
func numbers(_ sizes: [Int], seed: UInt64) throws -> Tensor {
    var random = SplitMix(seed: seed)
    let values: [Float] = (0..<sizes.reduce(1, *)).map { _ in Float.random(in: -2...2, using: &random) }
    return try Tensor(values, shape: sizes)
}
