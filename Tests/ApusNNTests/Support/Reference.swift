import ApusSymbolic
import ApusTensor
import Foundation
import Testing

/// A tensor as the judges' scripts write it.
struct ReferenceTensor: Decodable {
    let shape: [Int]
    let dtype: String
    let data: [Double]

    func tensor() throws -> Tensor {
        let dtype = try #require(DType(name: dtype))
        return try Tensor(data, shape: shape).to(dtype)
    }
}

/// Runs a judge's script and reads the JSON that it prints.
func judge<Answer: Decodable>(_ script: String, as type: Answer.Type = Answer.self) throws -> Answer {
    try JSONDecoder().decode(Answer.self, from: Data(try Python.runFile("Tests/Judges/\(script)").utf8))
}

/// Expects a tensor to have the judge's shape and dtype, and each element to be within `rtol` of it, relative to the largest.
func expectClose(
    _ tensor: Tensor, _ reference: ReferenceTensor, rtol: Double, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(tensor.dtype.description == reference.dtype, "\(what): dtype", sourceLocation: sourceLocation)
    #expect(try tensor.sizes == reference.shape, "\(what): shape", sourceLocation: sourceLocation)
    let values = try tensor.array(of: Double.self)
    guard values.count == reference.data.count else { return }
    let scale: Double = max(reference.data.reduce(0) { max($0, abs($1)) }, 1e-3)
    var worst = (position: -1, error: 0.0)
    for (position, (a, b)) in zip(values, reference.data).enumerated() {
        let error = abs(a - b) / scale
        if !(error <= max(worst.error, rtol)) { worst = (position, error) }
    }
    #expect(
        worst.position < 0,
        "\(what): element \(worst.position) is \(worst.position < 0 ? 0 : values[worst.position]), PyTorch has \(worst.position < 0 ? 0 : reference.data[worst.position])",
        sourceLocation: sourceLocation)
}
