import ApusExport
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Every kind of number and condition in every place of a program where one may stand: what `export` accepts is saved, loaded again, and
/// opened by PyTorch, and all three give what eager code gives.
@Suite("Numbers and conditions of every kind in every place")
struct SizeExpressionWalkTests {
    private static func inputs(_ n: Int, _ k: Int, _ r: Float) throws -> [Tensor] {
        [try numbers([n], seed: UInt64(n)), try Tensor([k], shape: []), try Tensor([r], shape: [])]
    }

    /// A program of the walk in its file, and for each call what eager code gives or throws.
    private struct Saved {
        let name: String
        let path: String
        var expected: [Result<[Tensor], any Error>] = []
    }

    /// Numbers that have no finite value in a call: IEEE 754, and so Apus, gives a NaN or an infinity. PyTorch computes a program's numbers in
    /// Python, which has an error there, and no other node of a program file gives their roots and quotients.
    private static let pythonErrors: [(expression: String, call: Int, text: String)] = [
        ("float sqrt r", 3, "ValueError: math domain error"), ("float 1 / (r - 2)", 1, "ZeroDivisionError: float division by zero"),
    ]

    private func save(
        _ name: String, _ function: ([Tensor]) throws -> [Tensor], _ program: ExportedProgram, _ calls: [[Tensor]], _ path: String
    ) throws -> Saved {
        var saved = Saved(name: name, path: path)
        #expect(program.refusedByPyTorch.isEmpty)
        try program.save(to: path + ".pt2", pyTorch: .required)
        let loaded: ExportedProgram = try .load(from: path + ".pt2")
        var inputs: [String: Tensor] = [:]
        for (number, call) in calls.enumerated() {
            for (index, input) in call.enumerated() { inputs["\(number).in.\(index)"] = input }
            let eager: [Tensor]
            do { eager = try function(call) } catch {
                #expect(throws: (any Error).self, "\(name), call \(number)") { let _: [Tensor] = try program(call) }
                #expect(throws: (any Error).self, "\(name), call \(number), loaded") { let _: [Tensor] = try loaded(call) }
                saved.expected.append(.failure(error))
                continue
            }
            for (made, place) in [(program, "in memory"), (loaded, "loaded")] {
                let outputs: [Tensor] = try made(call)
                #expect(outputs.count == eager.count)
                for (a, b) in zip(eager, outputs) {
                    let found: String? = try difference(b, a, rtol: 0, atol: 0)
                    #expect(found == nil, "\(name), \(place), call \(number)")
                }
            }
            saved.expected.append(.success(eager))
        }
        try inputs.save(safetensors: path + ".in")
        return saved
    }

    /// PyTorch's answers, against eager code's.
    private func compare(_ saved: Saved, refusals: [String: String]) throws -> Int {
        let file: String = URL(fileURLWithPath: saved.path).lastPathComponent
        if refusals["\(file) load"] != nil { return 0 }
        let found = try [String: Tensor].load(safetensors: saved.path + ".out")
        var compared = 0
        for (call, expected) in saved.expected.enumerated() {
            let refusal: String? = refusals["\(file) \(call)"]
            let place = "\(saved.name), call \(call), in PyTorch"
            if let known = Self.pythonErrors.first(where: { saved.name.hasPrefix("\($0.expression) as ") && $0.call == call }) {
                #expect(refusal == known.text, "\(place)")
                continue
            }
            switch expected {
            case .failure(let error):
                // The check's own message, which is in the error here as well.
                let message: String? = ["not negative", "sometimes"].first { refusal == "RuntimeError: \($0)" }
                #expect(message.map { "\(error)".contains($0) } == true, "\(place): \(refusal ?? "no error"), expected: \(error)")
            case .success(let results):
                #expect(refusal == nil, "\(place)")
                for (index, result) in results.enumerated() {
                    let other: Tensor = try #require(found["\(call).out.\(index)"], "\(place)")
                    let difference: String? = try difference(other, result)
                    #expect(difference == nil, "\(place)")
                    compared += 1
                }
            }
        }
        return compared
    }

    @Test("What export accepts is saved, loaded, and opened by PyTorch")
    func allKindsInAllPlaces() throws {
        let folder = try TemporaryFolder()
        let calls: [[Tensor]] = [
            try Self.inputs(6, 5, 2.5), try Self.inputs(2, 1, 2), try Self.inputs(5, 5, 7.25), try Self.inputs(9, 2, -3.5),
        ]
        var saved: [Saved] = []
        var refused: [String] = []
        let example: [Tensor] = try Self.inputs(4, 3, 1.5)
        for (number, (name, function)) in SizeExpressionTable.programs.enumerated() {
            let program: ExportedProgram
            do {
                program = try export(function, args: example, constraints: [dynamicDim(example[0], 0).in(2...12)])
            } catch is ConstraintViolationError {
                // A condition on sizes that is not declared.
                refused.append(name)
                continue
            }
            do { saved.append(try save(name, function, program, calls, folder.file("\(number)"))) } catch {
                Issue.record("\(name): \(error)")
            }
        }
        #expect(refused == ["n > 4 as failing check", "n odd as failing check", "sqrt n < 3 as failing check"])
        let files: [String] = saved.flatMap { ["\($0.path).pt2", "\($0.path).in", "\($0.path).out"] }
        var refusals: [String: String] = [:]
        for line in try Python.runFile("Tests/Judges/check_pt2.py", files).split(separator: "\n") {
            let call = String(line.prefix { $0 != ":" })
            refusals[call] = String(line.dropFirst(call.count + ": ".count))
            if call.hasSuffix(" load") {
                let program: Saved = try #require(saved.first { $0.path == folder.file(String(call.dropLast(" load".count))) })
                Issue.record("PyTorch, \(program.name): \(line)")
            }
        }
        var compared = 0
        for program in saved { compared += try compare(program, refusals: refusals) }
        #expect(saved.count == SizeExpressionTable.programs.count - refused.count && saved.count > 650)
        #expect(compared > 2 * saved.count)
    }
}
