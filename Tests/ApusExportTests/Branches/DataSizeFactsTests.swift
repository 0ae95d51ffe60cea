import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// What is known of sizes that only values tell, beside the range that any size has.
@Suite("Facts of sizes that values tell") struct DataSizeFactsTests {
    /// Records whose results grow with the values themselves, which no size bounds.
    private static let unbounded: Set<String> = [
        "aten::bincount", "aten::repeat_interleave.Tensor", "aten::repeat_interleave.self_Tensor",
    ]

    /// Every record with such results: with sizes of 1 to 6 none has more than the operands have elements.
    @Test func boundsOfEveryRecord() throws {
        var records = 0
        for record in OperatorTable.all where record.effects.contains(.dataDependent) {
            guard record.schema.results.allSatisfy(\.holdsTensors), !record.schema.results.isEmpty else { continue }
            records += 1
            for sample in try record.samples() {
                var tensors: [Tensor] = []
                for argument in sample { argument.forEachReference { tensors.append($0) } }
                var constraints: [any ConstraintConvertible] = []
                var named: [Int: DynamicDimension] = [:]
                for tensor in tensors {
                    for (dim, size) in try tensor.sizes.enumerated() where size <= 6 {
                        let dimension = dynamicDim(tensor, dim)
                        if let first = named[size] {
                            constraints.append(first == dimension)
                        } else {
                            constraints.append(dimension.in(1...6))
                        }
                        named[size] = named[size] ?? dimension
                    }
                }
                let largest: Int = try tensors.map { try $0.sizes.reduce(1) { $0 * max($1, 6) } }.max() ?? 0
                let program = try export(
                    { (inputs: [Tensor]) -> [Tensor] in
                        var next = inputs[...]
                        return try applyTensors(record, sample.map { $0.map { _ in next.removeFirst() } })
                    }, args: tensors, constraints: constraints, options: ExportOptions(selfCheck: false))
                let counts = program.symbolToRange.filter { !$0.key.isBacked }
                #expect(counts.isEmpty == false, "\(record.name)")
                for (symbol, range) in counts where !Self.unbounded.contains(record.name) {
                    #expect(range.upperBound <= largest, "\(record.name): \(symbol) in \(range)")
                }
            }
        }
        #expect(records == 11)
    }

    @Test("The facts settle questions, and hold behind a branch") func questions() throws {
        let x = try Tensor([0.5, -1, 2, 0] as [Float], shape: [4])
        let program = try export(
            { (x: Tensor) -> Tensor in
                let (found, distinct) = (try x.nonzero(), try x.unique().values)
                if found.shape[0] > x.shape[0] || distinct.shape[0] < 1 { return x }
                if x.shape[0] > 3 { return try x.narrowed(dim: 0, from: 0, length: found.shape[0]).sum() }
                return try x.narrowed(dim: 0, from: x.shape[0] - distinct.shape[0], length: 1).sum()
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(program.paths.count == 2)
        #expect(!program.graph.nodes.contains { $0.operator.schema.name == "_assert_scalar" }, "\(program)")
    }

    @Test("At least as many counts as are asked for") func leastCounts() throws {
        let x = try Tensor([1, 3, 1] as [Int], shape: [3])
        let program = try export({ (x: Tensor) in try x.bincount(minLength: 6)[0..<6] }, args: x)
        #expect(!program.graph.nodes.contains { $0.operator.schema.name == "_assert_scalar" }, "\(program)")
        let error = #expect(throws: TensorError.self) { try export({ (x: Tensor) in try x.bincount(minLength: -1) }, args: x) }
        #expect(error?.unplaced == "bincount: the minimal length is negative: -1")
    }
}
