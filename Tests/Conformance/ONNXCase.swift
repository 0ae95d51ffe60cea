import Apus
import Foundation

/// One of ONNX's own tests: a model with inputs and answers.
struct ONNXCase: Decodable {
    let name: String
    /// The operator that it is about, or the collection that it is of.
    let `operator`: String
    /// Whether the operator's function stands in the model in its place.
    let isExpanded: Bool
    let inputs: [String]
    let outputs: Int
    /// How far a result may be from the answer, as a share of the largest; what ONNX's own runner allows where it is missing.
    let within: Double?

    enum Outcome {
        /// - Parameter fixing: whether inputs became constants of the program, without which what it computes is not known.
        case passed(fixing: Bool)
        case refused(String)
        case wrong(String)
    }

    private struct Index: Decodable {
        let cases: [ONNXCase]
        let without: [String: Int]
    }

    /// The cases of a folder that `onnx_cases.py` filled, and how many there are of those that no reader of tensors is asked.
    static func all(in folder: String) throws -> (cases: [ONNXCase], without: [String: Int]) {
        let index = try JSONDecoder().decode(Index.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/index.json")))
        return (index.cases, index.without)
    }

    func outcome(in folder: String) -> Outcome {
        do {
            let tensors = try [String: Tensor].load(safetensors: "\(folder)/\(name).safetensors")
            let given: [Tensor] = try inputs.indices.map { try tensor(tensors, "in.\($0)") }
            let expected: [Tensor] = try (0..<outputs).map { try tensor(tensors, "out.\($0)") }
            var refusal = ""
            // As it is; with sizes and limits as constants; with all that is small.
            for least in [Int.max, 1, 0] {
                let fixed: [Int] = given.indices.filter { $0 >= least && given[$0].rank <= 1 }
                if least != .max, fixed.isEmpty { continue }
                do {
                    let constants = Dictionary(uniqueKeysWithValues: fixed.map { (inputs[$0], given[$0]) })
                    let program = try ExportedProgram.load(onnx: "\(folder)/\(name).onnx", fixing: constants)
                    let rest: [Tensor] = given.indices.filter { !fixed.contains($0) }.map { given[$0] }
                    let results: [Tensor] = try program.run(rest)
                    guard results.count == expected.count else { return .wrong("\(results.count) results, \(expected.count) expected") }
                    for (index, pair) in zip(results, expected).enumerated() {
                        if isRandom(index) { continue }
                        if let difference = try difference(pair.0, pair.1) { return .wrong("output \(index): \(difference)") }
                    }
                    return .passed(fixing: !fixed.isEmpty)
                } catch { if refusal.isEmpty || least == 0 { refusal = "\(error)" } }
            }
            return .refused(refusal)
        } catch {
            return .wrong("\(error)")
        }
    }

    private func tensor(_ tensors: [String: Tensor], _ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else { throw ConformanceFailure("no tensor '\(name)'") }
        return tensor
    }

    /// Drawn numbers are theirs and ours: of these only the type and shape are compared, by the program's own check.
    private func isRandom(_ output: Int) -> Bool {
        `operator` == "Bernoulli" || (name.hasPrefix("test_training_dropout") && !name.contains("zero_ratio"))
    }

    /// What ONNX's own runner allows.
    private func difference(_ actual: Tensor, _ expected: Tensor) throws -> String? {
        guard actual.dtype == expected.dtype else { return "dtype \(actual.dtype), expected \(expected.dtype)" }
        guard try actual.sizes == expected.sizes else { return "shape \(actual.shape), expected \(expected.shape)" }
        let (a, b) = (try actual.to(.float64).array(of: Double.self), try expected.to(.float64).array(of: Double.self))
        // Half precision is rounded in other places here and there.
        let slack: Double = [.float16, .bfloat16].contains(actual.dtype) ? (actual.dtype == .bfloat16 ? 1.6e-2 : 2e-3) : 1e-3
        let allowed: Double? = within.map { $0 * (b.lazy.map(\.magnitude).max() ?? 0) }
        for (index, (x, y)) in zip(a, b).enumerated() {
            if x == y || (x.isNaN && y.isNaN) { continue }
            if let allowed, (x - y).magnitude <= allowed { continue }
            if within != nil { return "element \(index) is \(x), expected \(y)" }
            if x.isFinite, y.isFinite, (x - y).magnitude <= 1e-6 + slack * y.magnitude { continue }
            return "element \(index) is \(x), expected \(y)"
        }
        return nil
    }
}
