import ApusArchive
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation

// What users of Foundation expect: its errors say what they say, and tensors come from bytes, go into them, and are encoded.

extension TensorError: LocalizedError { public var errorDescription: String? { description } }
extension SymbolicError: LocalizedError { public var errorDescription: String? { description } }
extension SchemaError: LocalizedError { public var errorDescription: String? { description } }
extension StateDictMismatch: LocalizedError { public var errorDescription: String? { description } }
extension DeadlineExceededError: LocalizedError { public var errorDescription: String? { description } }
extension PassError: LocalizedError { public var errorDescription: String? { description } }
extension VerificationError: LocalizedError { public var errorDescription: String? { "\(self)" } }
extension ProgramError: LocalizedError { public var errorDescription: String? { "\(self)" } }
extension ArchiveError: LocalizedError { public var errorDescription: String? { description } }

extension Tensor {
    /// A tensor of the elements that bytes hold in row-major order, in the machine's byte order: a copy. Throws where their number does not fit.
    public init(_ data: Data, dtype: DType, shape: [any SymIntConvertible]) throws {
        try self.init(bytes: data, dtype: dtype, shape: shape)
    }

    /// The elements' bytes in row-major order, in the machine's byte order. Throws for a traced tensor, which has no values.
    public func data() throws -> Data { try withUnsafeBytes { Data($0) } }
}

/// Dtype, shape and bytes: for tensors among other values, such as a table of means. Large ones belong into files of their own.
extension Tensor: Codable {
    private enum CodingKeys: String, CodingKey { case dtype, shape, data }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try container.decode(String.self, forKey: .dtype)
        guard let dtype = DType(name: name) else {
            throw DecodingError.dataCorruptedError(forKey: .dtype, in: container, debugDescription: "there is no dtype '\(name)'")
        }
        let (shape, data) = (try container.decode([Int].self, forKey: .shape), try container.decode(Data.self, forKey: .data))
        do {
            try self.init(data, dtype: dtype, shape: shape)
        } catch let error as TensorError {
            throw DecodingError.dataCorruptedError(forKey: .data, in: container, debugDescription: error.unplaced)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("\(dtype)", forKey: .dtype)
        try container.encode(sizes, forKey: .shape)
        try container.encode(data(), forKey: .data)
    }
}
