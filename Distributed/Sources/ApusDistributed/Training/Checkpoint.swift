import Apus
import Foundation

/// Where a training stands: a safetensors file that is there whole or not at all, whenever the job ends.
public struct Checkpoint: Sendable {
    /// How many steps were taken.
    public var step: Int
    public var model: [String: Tensor]
    public var optimizer: [String: Tensor]

    public init(step: Int, model: [String: Tensor], optimizer: [String: Tensor]) {
        (self.step, self.model, self.optimizer) = (step, model, optimizer)
    }

    /// Writes the file, whole or not at all. Called by one process.
    ///
    /// - Throws: `ArchiveError` where it can't be written.
    public func save(to path: String) throws {
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in model { tensors["model.\(name)"] = tensor }
        for (name, tensor) in optimizer { tensors["optimizer.\(name)"] = tensor }
        try tensors.save(safetensors: path, metadata: ["step": "\(step)"])
    }

    /// Reads a file; nil where there is none.
    ///
    /// - Throws: `ArchiveError` for a file that is no checkpoint.
    public static func load(from path: String) throws -> Checkpoint? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let step = try [String: Tensor].metadata(safetensors: path)["step"].flatMap({ Int($0) }), step >= 0 else {
            throw ArchiveError(.missing, file: path, "the file does not say after how many steps it was written")
        }
        var checkpoint = Checkpoint(step: step, model: [:], optimizer: [:])
        for (name, tensor) in try [String: Tensor].load(safetensors: path) {
            if name.hasPrefix("model.") {
                checkpoint.model[String(name.dropFirst(6))] = tensor
            } else if name.hasPrefix("optimizer.") {
                checkpoint.optimizer[String(name.dropFirst(10))] = tensor
            } else {
                throw ArchiveError(.wrongFormat, file: path, "'\(name)' belongs neither to a model nor to an optimizer")
            }
        }
        return checkpoint
    }
}
