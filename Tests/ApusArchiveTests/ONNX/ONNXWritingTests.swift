import ApusExport
import ApusGraph
import ApusNN
import ApusONNXSchema
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import JudgeSupport
import SwiftProtobuf
import Testing

@testable import ApusArchive

/// Programs as ONNX models: what becomes of names, weights, sizes, branches and loops, judged by ONNX Runtime.
@Suite("Writing ONNX models") struct ONNXWritingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func model(_ program: ExportedProgram, name: String = "m.onnx", externalDataAbove limit: Int = 1 << 30) throws
        -> Onnx_ModelProto
    {
        try program.save(onnx: folder.file(name), externalDataAbove: limit)
        return try Onnx_ModelProto(serializedBytes: Data(folder.read(name)))
    }

    /// A program, and inputs of calls that run one after the other.
    private struct Written {
        let name: String
        let program: ExportedProgram
        let calls: [[Tensor]]
    }

    /// What ONNX Runtime gives, and the model opened again, against what the program gives.
    private func check(_ programs: [Written], externalDataAbove limit: Int = 1 << 30) throws {
        var files: [String] = []
        var expected: [String: [Tensor]] = [:]
        for written in programs {
            let path: String = folder.file(written.name + ".onnx")
            try written.program.save(onnx: path, externalDataAbove: limit)
            let changes: Bool = !written.program.graphSignature.buffersToMutate.isEmpty
            let again: ExportedProgram? = changes ? nil : try ExportedProgram.load(from: path)
            var inputs: [String: Tensor] = [:]
            for (number, call) in written.calls.enumerated() {
                for (index, tensor) in call.enumerated() { inputs["\(number).in.\(index)"] = tensor }
                let results: [Tensor] = try Self.results(written.program, call)
                for (index, tensor) in results.enumerated() { expected["\(written.name) \(number).out.\(index)", default: []] = [tensor] }
                guard let again else { continue }
                for (index, pair) in zip(try Self.results(again, call), results).enumerated() {
                    if let difference = try difference(pair.0, pair.1) {
                        Issue.record("\(written.name) \(index), opened again: \(difference)")
                    }
                }
            }
            try inputs.save(safetensors: folder.file(written.name + ".in"))
            files += [path, folder.file(written.name + ".in"), folder.file(written.name + ".out")]
        }
        let output: String = try Python.runFile("Tests/Judges/check_onnx.py", files)
        #expect(output.isEmpty, "\(output)")
        for written in programs {
            let found: [String: Tensor] = try .load(safetensors: folder.file(written.name + ".out"))
            for (place, tensors) in expected where place.hasPrefix(written.name + " ") {
                let other: Tensor = try #require(found[String(place.dropFirst(written.name.count + 1))], "\(place) is not given")
                if let difference = try difference(other, tensors[0]) { Issue.record("\(place): \(difference)") }
            }
        }
    }

    private static func results(_ program: ExportedProgram, _ inputs: [Tensor]) throws -> [Tensor] {
        try program.run(leaves: inputs.map { .tensor($0) }).compactMap { leaf in
            switch leaf {
            case .tensor(let tensor): tensor
            case .int(let size): try Tensor([try #require(size.constant)], shape: [])
            case .float(let number): try Tensor.full([], try #require(number.constant), dtype: .float64)
            case .bool(let truth): try Tensor([truth], shape: [])
            default: nil
            }
        }
    }

    // MARK: Names and weights

    private final class Net: Module {
        @Parameter var weight: Tensor
        @Parameter var tied: Tensor
        @Buffer var seen: Tensor

        init() throws {
            let weight: Tensor = try .randn([3, 3], seed: 1)
            (self.weight, tied) = (weight, weight)
            seen = try .zeros([])
        }

        func forward(_ x: Tensor) throws -> Tensor {
            seen = try seen + x.sum()
            return try x.matmul(weight).relu().matmul(tied) + seen
        }
    }

    @Test("Weights are initialisers, tied ones once; a buffer that changes is an input and a result") func weights() throws {
        let net = try Net()
        let x = try Tensor.randn([2, 3], seed: 2)
        let program = try export(
            net.forward, of: net, args: x, constraints: [dynamicDim(x, 0) >= 2], options: ExportOptions(names: ["größe.x"]))
        let written: Onnx_ModelProto = try model(program)
        #expect(written.graph.input.map(\.name) == ["größe.x", "seen"])
        #expect(written.graph.initializer.map(\.name).sorted() == ["seen", "weight"])
        #expect(written.graph.output.last?.name == "seen.updated")
        #expect(written.metadataProps.contains { $0.key == "apus.tied" && $0.value == "tied = weight" })
        #expect(written.metadataProps.contains { $0.key == "apus.ranges" && $0.value.contains("2") })
        #expect(written.graph.input[0].type.tensorType.shape.dim.map { $0.dimParam.isEmpty } == [false, true])
        try check([Written(name: "net", program: program, calls: [[x], [try Tensor.randn([5, 3], seed: 3)]])])
    }

    @Test("Weights above a limit lie in a file of their own, from which they are read") func externalWeights() throws {
        let x = try Tensor.randn([2, 3], seed: 2)
        let weight = try Tensor.randn([3, 4], seed: 3)
        let program = try export({ (x: Tensor) in try x.matmul(weight) + weight.sum(dim: 0) }, args: x, constraints: [])
        let written: Onnx_ModelProto = try model(program, externalDataAbove: 8)
        #expect(written.graph.initializer.allSatisfy { $0.dataLocation == .external && $0.rawData.isEmpty })
        #expect(try folder.contents.contains("m.onnx.data"))
        try check([Written(name: "outside", program: program, calls: [[x]])], externalDataAbove: 8)
    }

    // MARK: What a graph may give

    @Test("Inputs, constants and one value twice as results; unused inputs; numbers") func results() throws {
        let (x, y) = (try Tensor.randn([2, 3], seed: 1), try Tensor.randn([4], seed: 2))
        let fixed = try Tensor([1, 2] as [Float], shape: [2])
        let twice = try export(
            { (x: Tensor, y: Tensor) -> [Tensor] in
                let sum: Tensor = try x + 1
                return [x, sum, sum, fixed, try Tensor.ones([2, 2])]
            }, args: x, y, constraints: [dynamicDim(x, 0) >= 1])
        let empty = try Tensor.zeros([0, 3])
        let none = try export(
            { (x: Tensor) in [try x.sum(dim: 0), try x.reshaped([-1]), try Tensor.cat([x, x])] }, args: empty, constraints: [])
        let truth = try Tensor([true, false, true])
        let bits = try export(
            { (a: Tensor) -> [Tensor] in [try a & a.logicalNot(), try a.sum(), try a.to(.float16), try Tensor.where(a, a, a)] },
            args: truth, constraints: [])
        try check([
            Written(name: "twice", program: twice, calls: [[x, y], [try Tensor.randn([1, 3], seed: 4), y]]),
            Written(name: "empty", program: none, calls: [[empty]]), Written(name: "bits", program: bits, calls: [[truth]]),
        ])
    }

    // MARK: Sizes, branches, loops

    @Test("Sizes are computed in the graph, branches are If, loops Loop and Scan") func controlFlow() throws {
        let x = try Tensor.randn([4, 6], seed: 1)
        let sizes = try export(
            { (x: Tensor) -> [Tensor] in
                let (n, m) = (x.shape[0], x.shape[1])
                return [
                    try x.reshaped([m, n]), try x.narrowed(dim: 1, from: m / 2, length: m - m / 2), try x * (n * m),
                    try Tensor.zeros([n % 3, m + 1]),
                ]
            }, args: x, constraints: [dynamicDim(x, 0) >= 1, dynamicDim(x, 1) >= 1])
        let branch = try export(
            { (x: Tensor) -> Tensor in
                if x.shape[0] > 3 { return try x.sum(dim: 1) }
                return try cond(x.sum() .> 0) {
                    try x.sum(dim: 1) * 2
                } else: {
                    try x.amax(dim: 1) - 1
                }
            }, args: x, constraints: [dynamicDim(x, 0) >= 1])
        let loop = try export(
            { (x: Tensor) -> [Tensor] in
                let grown: Tensor = try whileLoop(x) {
                    try $0.abs().sum() .< 100
                } do: {
                    try $0 * 2
                }
                let (last, all) = try scan(x.sum(dim: 0), over: x) { (carried: Tensor, row: Tensor) in
                    let next: Tensor = try carried * 0.5 + row
                    return (next, try next.sin() + x.shape[0])
                }
                return [grown, last, all]
            }, args: x, constraints: [dynamicDim(x, 0) >= 1])
        let calls: [[Tensor]] = try [1, 2, 3, 4, 7].map { [try Tensor.randn([$0, 6], seed: UInt64($0))] }
        #expect(try model(branch).graph.node.contains { $0.opType == "If" })
        let types = Set(try model(loop).graph.node.map(\.opType))
        #expect(types.isSuperset(of: ["Loop", "Scan"]))
        try check([
            Written(name: "sizes", program: sizes, calls: calls), Written(name: "branch", program: branch, calls: calls),
            Written(name: "loop", program: loop, calls: calls),
        ])
    }

    /// Functions of a matrix [n, m] whose results hang on both sizes.
    private static let functions: [(name: String, function: @Sendable (Tensor) throws -> [Tensor])] = [
        (
            "shapes",
            { x in
                let (n, m) = (x.shape[0], x.shape[1])
                return [
                    try x.reshaped([n * m]), try x.transposed(0, 1), try x.unsqueezed(1).expanded([n, 3, m]), try x.flipped([0, 1]),
                    try x.repeated([2, 1, 2]), try x.tril(), try x.triu(diagonal: 1), try x.diagonal(), try x.diagonal(offset: -1),
                    try x.rolled(1, dim: 1), try Tensor.cat([x, x * 2], dim: 1), try Tensor.stack([x, x]),
                ]
            }
        ),
        (
            "parts",
            { x in
                let (n, m) = (x.shape[0], x.shape[1])
                return [
                    try x.narrowed(dim: 1, from: m / 2, length: m - m / 2), try x.select(dim: 0, index: n - 1), try x[0], try x[(-1)...],
                    try x.unfolded(dim: 1, size: 2, step: 1), try x.padded([1, n, 0, 2], value: 3),
                    try x.padded([1, 1, 0, 0], mode: "replicate"),
                ] + (try x.split(sizes: [m / 2, m - m / 2], dim: 1))
            }
        ),
        (
            "places",
            { x in
                let (n, m) = (x.shape[0], x.shape[1])
                let rows: Tensor = try .arange(n, dtype: .int64)
                let found = try x.topk(m / 2 + 1, dim: 1)
                return [
                    try x.sort(dim: 0).values, found.values, found.indices, try x.argmax(dim: 1), try x.cumsum(dim: 0),
                    try x.indexSelect(dim: 0, rows.flipped([0])), try x.gather(dim: 1, (x .> 0).to(.int64)),
                    try (rows % 3).oneHot(classes: 3),
                    try x[rows, rows % m], try x.scatter(dim: 0, rows.unsqueezed(1).flipped([0]), x[0..., ..<1]),
                    try x.maskedFill(x .> 0.5, -1), try x.maskedSelect(x .> 0), try x.nonzero(),
                ]
            }
        ),
        (
            "numbers",
            { x in
                let (n, m) = (x.shape[0], x.shape[1])
                return [
                    try x * (n * m) + n / 2, try x / m, try Tensor.full([n % 3 + 1, 2], m - n),
                    try Tensor.arange(n, n * m, dtype: .float32),
                    try x.std(dim: 1, correction: 0), try x.mean(), try x.softmax(dim: 1), try x.logSoftmax(dim: 0),
                    try x.amax(dims: [0, 1]),
                ]
            }
        ),
        (
            "layers",
            { x in
                let image: Tensor = try x.unsqueezed(0).unsqueezed(0)
                let weight: Tensor = try .ones([2, 1, 2, 2])
                let heads: Tensor = try image.expanded([2, 3, x.shape[0], x.shape[1]])
                return [
                    try image.conv2d(weight, padding: [1, 1]), try image.maxPool2d([2, 2], stride: [2, 2], padding: [1, 1]),
                    try image.adaptiveAvgPool2d([1, 3]),
                    try x.layerNorm([x.shape[1]]), try heads.scaledDotProductAttention(key: heads, value: heads),
                    try heads.scaledDotProductAttention(key: heads, value: heads, isCausal: true),
                    try image.interpolated(to: [x.shape[0] * 2, SymInt(5)], mode: "bilinear"),
                ]
            }
        ),
    ]

    @Test("Functions of sizes give the same at all sizes") func sizes() throws {
        let x = try Tensor.randn([4, 6], seed: 1)
        let programs: [Written] = try Self.functions.map { name, function in
            let program = try export(function, args: x, constraints: [dynamicDim(x, 0) >= 2, dynamicDim(x, 1) >= 2])
            let calls: [[Tensor]] = try [(2, 2), (4, 6), (5, 3), (3, 9)].map { [try Tensor.randn([$0, $1], seed: UInt64($0))] }
            return Written(name: name, program: program, calls: calls)
        }
        try check(programs)
    }

    @Test("NaN, nothing at all, numbers out of range and tensors without dimensions give what they give here") func edges() throws {
        let x = try Tensor([1, Float.nan, 3, 4, 5, -6], shape: [2, 3])
        let extremes = try export(
            { (x: Tensor) -> [Tensor] in
                [try x.amax(dims: [1]), try x.amin(dims: [0, 1]), try x.max(dim: 1).values, try x.min(dim: 0).values, try x.relu()]
            }, args: x, constraints: [])
        let means = try export(
            { (x: Tensor) -> [Tensor] in
                [try x.mean(dim: 0), try x.mean(), try x.std(dim: 1, correction: 1e300), try x.std(dim: 0, correction: 2.5)]
            }, args: try Tensor.randn([3, 4], seed: 1), constraints: [])
        let bytes = try Tensor([UInt8(0), 44, 200], shape: [3])
        let compared = try export(
            { (x: Tensor) -> [Tensor] in [try x .== 300, try x .> -1, try x .< 45] }, args: bytes, constraints: [])
        let image = try Tensor.arange(12, dtype: .float32).reshaped([1, 1, 3, 4])
        let resized = try export(
            { (x: Tensor) -> [Tensor] in
                [
                    try x.interpolated(by: [1.7, 2.3]), try x.interpolated(by: [1.7, 2.3], mode: "bilinear"),
                    try (x * 20).to(.uint8).interpolated(to: [5, 7], mode: "bilinear"),
                ]
            }, args: image, constraints: [])
        try check([
            Written(name: "extremes", program: extremes, calls: [[x]]),
            Written(name: "means", program: means, calls: [[try Tensor.randn([3, 4], seed: 1)]]),
            Written(name: "compared", program: compared, calls: [[bytes]]),
            Written(name: "resized", program: resized, calls: [[image]]),
        ])
    }

    // MARK: Refusals

    @Test("What ONNX lacks is refused by the operator's name and dtype, and nothing is written") func refusals() throws {
        let x = try Tensor.randn([3], seed: 1)
        for (function, parts) in [
            ({ try $0.lgamma() }, ["aten::lgamma", "float32"]), ({ try $0 + Tensor.randn([3]) }, ["random"]),
            ({ try $0.to(.complex64).viewAsReal() }, ["complex64"]),
        ] as [((Tensor) throws -> Tensor, [String])] {
            let program = try export(function, args: x, constraints: [])
            let error = try #require(throws: ArchiveError.self) { try program.save(onnx: folder.file("refused.onnx")) }
            #expect(error.code == .notRepresentable)
            for part in parts { #expect(error.description.contains(part), "\(error)") }
        }
        #expect(try !folder.contents.contains("refused.onnx"))
    }
}
