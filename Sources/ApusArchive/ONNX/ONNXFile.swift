import ApusONNXSchema
import ApusProgram
import ApusTensor
import Foundation
import SwiftProtobuf

/// A file that holds a model in ONNX's format.
struct ONNXFile {
    private let model: Onnx_ModelProto
    private let path: String
    private let isMapped: Bool

    /// What its program is called among those of a file.
    static let name = "model"

    /// Reads the messages of a file.
    /// - Throws: `ArchiveError` where they are none, or cut off.
    init(_ file: MappedFile, isMapped: Bool) throws {
        self.isMapped = isMapped
        path = file.path
        model = try Self.decode(file.bytes)
        guard model.hasGraph else { throw ArchiveError(.wrongFormat, "is no ONNX model: it holds no graph") }
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer) throws -> Onnx_ModelProto {
        do {
            // The bytes stay where they are while they are read; what is kept of them is copied.
            guard let start = bytes.baseAddress else { throw ArchiveError(.wrongFormat, "is empty") }
            let data = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
            var options = BinaryDecodingOptions()
            options.messageDepthLimit = 3 * 64 + 16
            options.discardUnknownFields = true
            return try Onnx_ModelProto(serializedBytes: data, partial: true, options: options)
        } catch let error as BinaryDecodingError {
            switch error {
            case .truncated: throw ArchiveError(.truncated, "ends inside of a message, or is no ONNX model")
            case .messageDepthLimit: throw ArchiveError(.limit, "nests its messages deeper than any model does")
            default: throw ArchiveError(.malformed, "is no ONNX model, or damaged: a message can't be read (\(error))")
            }
        } catch let error as ArchiveError {
            throw error
        } catch {
            throw ArchiveError(.malformed, "is no ONNX model, or damaged: \(error)")
        }
    }

    /// The program that the model is.
    /// - Parameter fixed: inputs that become constants of the program, by name: sizes and other numbers that decide what is computed.
    func program(operators: OperatorTable, fixing fixed: [String: Tensor] = [:]) throws -> ExportedProgram {
        try withStackRoom(deepStack) {
            var reader = try ONNXReader(
                model, tensors: ONNXTensors(model: path, isMapped: isMapped), operators: operators, fixing: fixed)
            return try reader.read()
        }
    }
}

extension ONNXFile {
    /// The model in a file; nil where it holds something else. What it holds decides; the name only which error a file of neither kind is.
    static func open(path: String, options: ProgramOptions) throws -> ONNXFile? {
        let file = try MappedFile(path: path, isMapped: options.mapsFile)
        if ZipEnd.isStart(ByteReader(bytes: file.bytes)) { return nil }
        do { return try ONNXFile(file, isMapped: options.mapsFile) } catch  where !path.hasSuffix(".onnx") { return nil }
    }
}

extension ExportedProgram {
    /// Opens an ONNX model, some of whose inputs become constants of the program.
    package static func load(onnx path: String, fixing fixed: [String: Tensor]) throws -> ExportedProgram {
        try naming(file: path) {
            guard let file = try ONNXFile.open(path: path, options: ProgramOptions()) else {
                throw ArchiveError(.wrongFormat, "is no ONNX model")
            }
            return try file.program(operators: .standard, fixing: fixed)
        }
    }
}
