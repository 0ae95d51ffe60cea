import Apus
import ApusView
import ArgumentParser

/// Tensors in and out of files, by the files' endings.
enum TensorFiles {
    /// The tensors that a program takes, from the given files: .npy files in the order of the inputs, or one .npz or .safetensors file
    /// whose names are those of the inputs (or `in.0`, `in.1` ...).
    static func inputs(_ paths: [String], for program: ExportedProgram) throws -> [Tensor] {
        let names = inputNames(program)
        if paths.count == 1, let path = paths.first, !path.hasSuffix(".npy") {
            let tensors = try load(path)
            return try names.enumerated().map { index, name in
                guard let tensor = tensors[name] ?? tensors["in.\(index)"] else {
                    throw ValidationError(
                        "\(path) has no tensor '\(name)' (nor 'in.\(index)'); it has: \(tensors.keys.sorted().joined(separator: ", "))")
                }
                return tensor
            }
        }
        guard paths.count == names.count else {
            throw ValidationError("The program takes \(names.count) tensors (\(names.joined(separator: ", "))), got \(paths.count) files.")
        }
        return try paths.map { try Tensor.load(npy: $0) }
    }

    /// The names of the tensors that a caller passes.
    static func inputNames(_ program: ExportedProgram) -> [String] {
        zip(program.leafNames, program.leafRoles).compactMap { name, role in
            if case .input = role { name } else { nil }
        }
    }

    static func load(_ path: String) throws -> [String: Tensor] {
        if path.hasSuffix(".npy") { return ["in.0": try Tensor.load(npy: path)] }
        if path.hasSuffix(".npz") { return try [String: Tensor].load(npz: path) }
        if path.hasSuffix(".safetensors") { return try [String: Tensor].load(safetensors: path) }
        throw ValidationError("\(path): tensors are read from .npy, .npz and .safetensors files.")
    }

    static func save(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws {
        let named = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        if path.hasSuffix(".npz") { return try named.save(npz: path) }
        if path.hasSuffix(".safetensors") { return try named.save(safetensors: path) }
        guard path.hasSuffix(".npy") else { throw ValidationError("\(path): tensors are written to .npy, .npz and .safetensors files.") }
        guard tensors.count == 1, let only = tensors.first else {
            throw ValidationError("\(path): a .npy file holds one tensor, the program gives \(tensors.count); use .npz or .safetensors.")
        }
        try only.tensor.save(npy: path)
    }
}

extension ExportedProgram {
    /// Runs the program on the tensors that files gave, with the plain values it was made with.
    func run(tensors: [Tensor], profiler: Profiler? = nil) throws -> [(name: String, value: LeafValue)] {
        return zip(graphSignature.userOutputs, try run(leaves: leaves(with: tensors), profiler: profiler)).map { ($0, $1) }
    }
}
