import Apus
import Foundation

/// One operator of PyTorch as a program, with inputs and the answers that PyTorch gave.
struct ConformanceCase {
    let id: String
    let targets: [String]
    let inputs: [Entry]
    let outputs: [Entry]
    /// Inputs and outputs at another size, where a dimension is dynamic.
    let alternative: (inputs: [Entry], outputs: [Entry])?
    let rtol: Double
    let atol: Double
    /// Positions among equal values may be told differently.
    let hasTies: Bool
    let folder: String

    struct Entry {
        /// PyTorch's name of the dtype; nil for a plain value.
        let dtype: String?
    }

    private init?(_ json: [String: Any], folder: String) {
        guard let id = json["id"] as? String, let targets = json["targets"] as? [String: Any],
            let inputs = json["inputs"] as? [[String: Any]],
            let outputs = json["outputs"] as? [[String: Any]], let rtol = json["rtol"] as? NSNumber, let atol = json["atol"] as? NSNumber
        else { return nil }
        self.id = id
        self.targets = targets.keys.sorted()
        self.inputs = inputs.map { Entry(dtype: $0["dtype"] as? String) }
        self.outputs = outputs.map { Entry(dtype: $0["dtype"] as? String) }
        if let inputs = json["alt_inputs"] as? [[String: Any]], let outputs = json["alt_outputs"] as? [[String: Any]] {
            alternative = (inputs.map { Entry(dtype: $0["dtype"] as? String) }, outputs.map { Entry(dtype: $0["dtype"] as? String) })
        } else {
            alternative = nil
        }
        self.rtol = rtol.doubleValue
        self.atol = atol.doubleValue
        hasTies = json["index_ties"] as? Bool ?? false
        self.folder = folder
    }

    /// The cases of a folder that `make_cases.py` filled.
    static func all(in folder: String) throws -> [ConformanceCase] {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/index.json"))
        guard let index = try JSONSerialization.jsonObject(with: data) as? [String: Any], let cases = index["cases"] as? [[String: Any]]
        else {
            throw ConformanceFailure("\(folder)/index.json is not an index of cases")
        }
        return cases.compactMap { ConformanceCase($0, folder: folder) }
    }

    /// Opens the program, runs it on every set of inputs and compares. Throws for a difference.
    func check() throws {
        let program = try ExportedProgram.load(from: "\(folder)/\(id).pt2")
        let tensors = try [String: Tensor].load(safetensors: "\(folder)/\(id).safetensors")
        try check(program, tensors, inputs, outputs, "")
        if let alternative { try check(program, tensors, alternative.inputs, alternative.outputs, "alt.") }
    }

    private func check(_ program: ExportedProgram, _ tensors: [String: Tensor], _ inputs: [Entry], _ outputs: [Entry], _ prefix: String)
        throws
    {
        let given = try inputs.enumerated().map { index, entry in try tensor(tensors, "\(prefix)in.\(index)", entry) }
        let results = try program.run(leaves: given.map { .tensor($0) })
        guard results.count == outputs.count else { throw ConformanceFailure("\(results.count) results, \(outputs.count) expected") }
        let hasFloats = outputs.contains { $0.dtype?.contains("float") ?? false }
        // Behind values stand their positions.
        func isPosition(_ index: Int) -> Bool { hasTies && (hasFloats || index > 0) }
        for (index, (result, entry)) in zip(results, outputs).enumerated() {
            guard entry.dtype != nil else { continue }
            guard case .tensor(let actual) = result else { throw ConformanceFailure("output \(index) is no tensor: \(result)") }
            let expected = try tensor(tensors, "\(prefix)out.\(index)", entry)
            if isPosition(index), expected.dtype == .int64, actual.dtype == .int64, try actual.sizes == expected.sizes { continue }
            if let difference = try difference(actual, expected) { throw ConformanceFailure("\(prefix)output \(index): \(difference)") }
        }
    }

    /// A stored tensor; complex ones are stored as pairs.
    private func tensor(_ tensors: [String: Tensor], _ name: String, _ entry: Entry) throws -> Tensor {
        guard let tensor = tensors[name] else { throw ConformanceFailure("no tensor '\(name)'") }
        guard entry.dtype?.hasPrefix("complex") ?? false else { return tensor }
        guard let operation = OperatorTable.find("aten::view_as_complex") else { throw ConformanceFailure("no aten::view_as_complex") }
        return try applySingle(operation, [.tensor(tensor)])
    }

    private func difference(_ actual: Tensor, _ expected: Tensor) throws -> String? {
        guard actual.dtype == expected.dtype else { return "dtype \(actual.dtype), expected \(expected.dtype)" }
        guard try actual.sizes == expected.sizes else { return "shape \(actual.shape), expected \(expected.shape)" }
        let (a, b) = (try parts(actual), try parts(expected))
        for (index, (x, y)) in zip(a, b).enumerated() {
            if x == y || (x.isNaN && y.isNaN) { continue }
            if x.isFinite, y.isFinite, (x - y).magnitude <= atol + rtol * y.magnitude { continue }
            return "element \(index) is \(x), expected \(y)"
        }
        return nil
    }

    private func parts(_ tensor: Tensor) throws -> [Double] {
        guard tensor.dtype.isComplex, let operation = OperatorTable.find("aten::view_as_real") else {
            return try tensor.array(of: Double.self)
        }
        return try applySingle(operation, [.tensor(tensor)]).array(of: Double.self)
    }
}

struct ConformanceFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
