import Apus
import Foundation

/// A file that is whole, of each format, from which damaged ones are made.
struct FileSample: Sendable {
    enum Format: String, Sendable {
        case program = "pt2"
        case model = "onnx"
        case arrays = "npz"
        case array = "npy"
        case tensors = "safetensors"

        /// Whether the archive has checksums.
        var isZip: Bool { self == .program || self == .arrays }
    }

    let name: String
    let format: Format
    let path: String

    /// Writes the samples of all formats into a folder.
    static func all(in folder: String) throws -> [FileSample] {
        func path(_ name: String, _ format: Format) -> String { "\(folder)/\(name).\(format.rawValue)" }
        var samples: [FileSample] = []
        for (name, program) in try programs() {
            let sample = FileSample(name: name, format: .program, path: path(name, .program))
            try program.save(to: sample.path, cases: [])
            samples.append(sample)
        }
        let tensors: [String: Tensor] = [
            "weight": try Tensor.randn([7, 5], seed: 1), "half": try Tensor.randn([33], seed: 2).to(.float16),
            "index": try Tensor.arange(12).reshaped([3, 4]), "mask": try Tensor.randn([9], seed: 3) .> 0,
        ]
        let (arrays, safe) = (path("arrays", .arrays), path("tensors", .tensors))
        try tensors.save(npz: arrays)
        try tensors.save(safetensors: safe, metadata: ["made": "here"])
        samples += [
            FileSample(name: "arrays", format: .arrays, path: arrays), FileSample(name: "tensors", format: .tensors, path: safe),
        ]
        let model = path("model", .model)
        try Data(base64Encoded: Self.model)?.write(to: URL(fileURLWithPath: model))
        samples.append(FileSample(name: "model", format: .model, path: model))
        let array = path("array", .array)
        try Tensor.randn([6, 8], seed: 4).save(npy: array)
        samples.append(FileSample(name: "array", format: .array, path: array))
        return samples
    }

    private final class Counter: Module {
        @Buffer var count: Tensor
        let linear: Linear

        init() throws {
            count = try Tensor.zeros([])
            linear = try Linear(4, 3)
        }

        func forward(_ x: Tensor) throws -> Tensor {
            count = try count + 1
            return try linear(x).tanh() * count
        }
    }

    private static func programs() throws -> [(String, ExportedProgram)] {
        let x = try Tensor.ones([3, 4])
        let counter = try Counter()
        return [
            ("counter", try export(counter, args: x, constraints: [dynamicDim(x, 0).in(1...8)])),
            (
                "branch",
                try export(
                    { (x: Tensor) in x.shape[0] > 2 ? try x.cos().sum(dim: 1) : try x.sin().sum(dim: 1) * 0.5 }, args: x,
                    constraints: [dynamicDim(x, 0).in(1...8)])
            ),
            (
                "loop",
                try export(
                    { (x: Tensor) in
                        var y = x
                        for _ in 0..<3 { y = try (y * 1.5 - 0.25).clamp(min: -1, max: 1) }
                        return try (y.transposed(0, 1), y.sum(dim: 0, keepDim: true)).0.contiguous()
                    }, args: x)
            ),
        ]
    }
}
