import Apus
import Foundation

/// A folder of small models for the server.
struct ModelFiles {
    let path: String

    init(at path: String = NSTemporaryDirectory() + "apus-served-\(UUID().uuidString)") throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func save(_ program: ExportedProgram, to name: String) throws {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(atPath: file.deletingLastPathComponent().path, withIntermediateDirectories: true)
        try program.save(to: file.path, pyTorch: .notNeeded)
    }

    func write(_ text: String, to name: String) throws { try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }

    /// Sums what it was given since it began.
    private final class Counter: Module {
        @Buffer var total: Tensor

        init() throws { total = try Tensor.zeros([2]) }

        func add(_ x: Tensor) throws -> Tensor {
            total = try total + x
            return total
        }
    }

    /// Two versions of a model that runs in batches, one that does not load, one that keeps state, one for each element type, and one that takes long.
    func saveAll() throws {
        let x: Tensor = try Tensor.ones([3, 4])
        let rows: [any ConstraintConvertible] = [dynamicDim(x, 0).in(1...100)]
        try save(export({ (x: Tensor) in try x * 3 }, args: x, constraints: rows).naming("x"), to: "dense/1/model.pt2")
        try save(
            export({ (x: Tensor) in (try x * 2 + 1, try x.sum(dim: 1)) }, args: x, constraints: rows).naming("x"), to: "dense/2/model.pt2")
        try write("this is no model", to: "broken.pt2")
        let counter = try Counter()
        try save(export(counter.add, of: counter, args: Tensor.ones([2])).naming("x"), to: "counter.pt2")
        try write(#"{"max_sequences": 3}"#, to: "counter.json")
        let dtypes: [(String, DType)] = [
            ("bool", .bool), ("uint8", .uint8), ("int8", .int8), ("int16", .int16), ("int32", .int32), ("int64", .int64),
            ("fp16", .float16),
            ("bf16", .bfloat16), ("fp32", .float32), ("fp64", .float64),
        ]
        for (name, dtype) in dtypes {
            let example: Tensor = try Tensor.zeros([8], dtype: dtype)
            try save(export({ (x: Tensor) in try x.flipped([0]) }, args: example).naming("x"), to: "reversed-\(name).pt2")
        }
        let some: Tensor = try Tensor.zeros([3])
        try save(
            export({ (x: Tensor) in try x.flipped([0]) }, args: some, constraints: [dynamicDim(some, 0).in(0...8)]).naming("x"),
            to: "reversed-empty.pt2")
        try save(
            export(
                { (x: Tensor) in
                    var y: Tensor = try Tensor.ones([256, 256]) * 0.001 + x
                    for _ in 0..<200 { y = try y.matmul(y).tanh() }
                    return try y.sum()
                }, args: Tensor.ones([1])
            ).naming("x"), to: "slow.pt2")
        try write(#"{"queue": 4}"#, to: "slow.json")
    }
}

extension ExportedProgram {
    /// The same program with another name for its only input.
    fileprivate func naming(_ name: String) throws -> ExportedProgram {
        var parts: ProgramParts = parts
        parts.leafNames = [name]
        return try ExportedProgram(parts)
    }
}
