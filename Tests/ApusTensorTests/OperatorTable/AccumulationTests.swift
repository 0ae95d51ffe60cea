import ApusSymbolic
import Testing

@testable import ApusTensor

/// What is added up in half precision is added up in float32 and rounded once: 5,000 ones are 5,000, though float16 has no odd numbers above 2,048,
/// and bfloat16 none above 256.
@Suite struct AccumulationTests {
    private static let n = 5000
    private static func index() throws -> Tensor { try Tensor.zeros([n], dtype: .int64) }

    private static func call(_ name: String, _ arguments: [OperatorArgument], result: Int = 0) throws -> Tensor {
        try applyTensors(#require(OperatorTable.find("aten::\(name)")), arguments)[result]
    }

    /// Ways to add up 5,000 ones.
    private static func sums(_ dtype: DType) throws -> [(name: String, value: Tensor)] {
        let (one, ones, index): (Tensor, Tensor, Tensor) = (
            try .ones([1], dtype: dtype), try .ones([n], dtype: dtype), try self.index()
        )
        let zero: Tensor = try one.zerosLike()
        let (row, column, square): (Tensor, Tensor, Tensor) = (
            try ones.unsqueezed(0), try ones.unsqueezed(1), try ones.expanded([n, n])
        )
        let start: [OperatorArgument] = [.tensor(zero), .int(0), .tensor(index)]
        return [
            ("scatter_add", try zero.scatterAdd(dim: 0, index, ones)),
            ("scatter.reduce", try call("scatter.reduce", start + [.tensor(ones), .string("add")])),
            ("scatter.value_reduce", try call("scatter.value_reduce", start + [.int(1), .string("add")])),
            ("scatter_reduce", try zero.scatterReduce(dim: 0, index, ones, reduce: "sum")),
            ("scatter_reduce without self", try one.scatterReduce(dim: 0, index, ones, reduce: "sum", includeSelf: false)),
            ("mean of meeting elements", try zero.scatterReduce(dim: 0, index, ones, reduce: "mean", includeSelf: false) * n),
            ("index_reduce", try call("index_reduce", start + [.tensor(ones), .string("mean"), .bool(false)]) * n),
            ("index_add", try zero.indexAdd(dim: 0, index, ones)),
            ("index_add with alpha", try zero.indexAdd(dim: 0, index, ones * 2, alpha: 0.5)),
            ("index_put", try zero.indexPut([index], ones, accumulate: true)),
            ("index_put of one value", try zero.indexPut([index], one, accumulate: true)),
            ("put", try call("put", [.tensor(zero), .tensor(index), .tensor(ones), .bool(true)])),
            (
                "_unsafe_masked_index_put_accumulate",
                try call(
                    "_unsafe_masked_index_put_accumulate",
                    [.tensor(zero), .tensor(Tensor.full([n], true)), .optionalTensors([index]), .tensor(ones)])
            ),
            (
                "embedding_dense_backward",
                try call("embedding_dense_backward", [.tensor(column), .tensor(index), .int(1), .int(-1), .bool(false)])
            ),
            (
                "embedding_dense_backward by frequency",
                try call("embedding_dense_backward", [.tensor(column), .tensor(index), .int(1), .int(-1), .bool(true)]) * n
            ),
            ("embedding_bag", try one.unsqueezed(0).embeddingBag(index, offsets: Tensor.zeros([1], dtype: .int64))),
            ("mean of a bag", try one.unsqueezed(0).embeddingBag(index, offsets: Tensor.zeros([1], dtype: .int64), mode: .mean) * n),
            ("histc", try ones.histogram(bins: 1, min: 0, max: 2)),
            ("bincount", try call("bincount", [.tensor(index), .tensor(ones), .int(0)]).to(dtype)),
            ("cumsum", try ones.cumsum(dim: 0)[n - 1]),
            ("logcumsumexp", try ones.zerosLike().logcumsumexp(dim: 0)[n - 1].to(.float64).exp().to(dtype)),
            (
                "cumulative_trapezoid",
                try call("cumulative_trapezoid.dx", [.tensor(Tensor.ones([n + 1], dtype: dtype)), .int(1), .int(-1)])[n - 1]
            ),
            ("trapezoid", try Tensor.ones([n + 1], dtype: dtype).trapezoid()),
            ("sum", try ones.sum()), ("sum over columns", try column.expanded([n, 2]).sum(dim: 0)[0]), ("nansum", try ones.nansum()),
            ("mean", try ones.mean() * n), ("nanmean", try ones.nanmean() * n), ("norm", try ones.norm(1)),
            ("trace", try call("trace", [.tensor(square)])),
            ("dot", try call("dot", [.tensor(ones), .tensor(ones)])), ("mv", try row.matmul(ones)), ("mm", try row.matmul(column)),
            ("bmm", try row.unsqueezed(0).matmul(column.unsqueezed(0))),
            ("cdist", try row.cdist(row.zerosLike(), p: 1)),
            (
                "conv1d",
                try call(
                    "conv1d",
                    [
                        .tensor(row.unsqueezed(0)), .tensor(row.unsqueezed(0)), .none, .ints([1]), .ints([0]), .ints([1]), .int(1),
                    ])
            ),
            (
                "col2im",
                try call(
                    "col2im",
                    [.tensor(square.unsqueezed(0)), .ints([1, 2 * n - 1]), .ints([1, n]), .ints([1, 1]), .ints([0, 0]), .ints([1, 1])])[
                        0, 0, 0, n - 1]
            ),
            ("unfold_backward", try call("unfold_backward", [.tensor(square), .ints([2 * n - 1]), .int(0), .int(n), .int(1)])[n - 1]),
        ]
    }

    /// Functions that use an element 5,000 times: their gradients.
    private static func uses(_ dtype: DType) throws -> [(name: String, value: Tensor)] {
        let (one, ones, index): (Tensor, Tensor, Tensor) = (
            try .ones([1], dtype: dtype), try .ones([n], dtype: dtype), try self.index()
        )
        let (plane, column): (Tensor, Tensor) = (try one.reshaped([1, 1, 1, 1]), try ones.unsqueezed(1))
        func gradient(_ name: String, at x: Tensor? = nil, _ function: (Tensor) throws -> Tensor) throws -> (String, Tensor) {
            (name, try ApusTensor.gradient(at: x ?? one) { try function($0).sum(dtype: .float64) })
        }
        let peak: Tensor = try Tensor.zeros([1, 1, 2 * n - 1], dtype: dtype).indexPut(
            [nil, nil, Tensor.full([1], n - 1, dtype: .int64)], one, accumulate: false)
        return try [
            gradient("gather") { try $0.gather(dim: 0, index) }, gradient("index_select") { try $0.indexSelect(dim: 0, index) },
            gradient("index") { try $0.index([index]) }, gradient("take") { try $0.take(index) },
            gradient("take_along_dim") { try $0.takeAlongDim(index, dim: 0) },
            gradient("embedding") { try $0.unsqueezed(0).embedding(index) }, gradient("expand") { try $0.expanded([n]) },
            gradient("broadcasting") { try $0 + ones }, gradient("repeat") { try $0.repeated([n]) },
            gradient("repeat_interleave") { try $0.repeatInterleave(SymInt(n)) },
            gradient("cat") { x in try Tensor.cat((0..<n).map { _ in x }) },
            gradient("uses one after another") { x in try (0..<n).reduce(x * 0) { sum, _ in try sum + x } },
            gradient("as_strided") { try call("as_strided", [.tensor($0), .ints([n]), .ints([0]), .none]) },
            gradient("unfold", at: peak.reshaped([-1])) { try $0.unfolded(dim: 0, size: n, step: 1) },
            gradient("cummax", at: peak.reshaped([-1]).narrowed(dim: 0, from: SymInt(n - 1), length: SymInt(n))) {
                try $0.cummax(dim: 0).values
            },
            gradient("max_pool1d", at: peak) { try $0.maxPool1d(n, stride: 1) },
            gradient("avg_pool1d", at: peak) { try $0.avgPool1d(n, stride: 1) * n },
            gradient("adaptive_avg_pool1d", at: plane.squeezed(dims: [0])) { try $0.adaptiveAvgPool1d(n) },
            gradient("nearest", at: plane) { try $0.interpolated(to: [1, SymInt(n)]) },
            gradient("bilinear", at: plane) { try $0.interpolated(to: [1, SymInt(n)], mode: "bilinear") },
            gradient("replication_pad1d", at: plane.squeezed(dims: [0])) {
                try call("replication_pad1d", [.tensor($0), .ints([n - 1, 0])])
            },
            gradient("grid_sampler_2d", at: plane) {
                try call(
                    "grid_sampler_2d", [.tensor($0), .tensor(Tensor.zeros([1, 1, n, 2], dtype: dtype)), .int(0), .int(0), .bool(false)])
            },
            gradient("layer_norm") { try column.layerNorm([1], bias: $0) },
            gradient("group_norm") { try column.groupNorm(groups: 1, bias: $0) },
            gradient("batch_norm") { try column.batchNorm(bias: $0) },
            gradient("linear") { try call("linear", [.tensor(column), .tensor(one.unsqueezed(0)), .tensor($0)]) },
            gradient("prelu") { try column.neg().prelu($0).neg() },
            gradient("cdist", at: one.unsqueezed(0) * 2) { try $0.cdist(column, p: 1) },
            gradient("convolution") {
                try call(
                    "conv1d",
                    [
                        .tensor(ones.reshaped([n, 1, 1])), .tensor(one.reshaped([1, 1, 1])), .tensor($0), .ints([1]), .ints([0]),
                        .ints([1]),
                        .int(1),
                    ])
            },
        ]
    }

    @Test(arguments: [DType.float16, .bfloat16]) func sumsAreRoundedOnce(_ dtype: DType) throws {
        let expected: Double = dtype == .float16 ? 5000 : 4992
        for (name, value) in try Self.sums(dtype) {
            #expect(value.dtype == dtype, "\(name)")
            // What is taken times 5,000 or through an exponential here is rounded before.
            let isExact: Bool = !name.contains("logcumsumexp")
            let result: Double = try value.array(of: Double.self)[0]
            #expect(isExact ? result == expected : (result - expected).magnitude < 0.04 * expected, "\(name) gives \(result)")
        }
    }

    @Test(arguments: [DType.float16, .bfloat16]) func gradientsOfManyUsesAreRoundedOnce(_ dtype: DType) throws {
        let expected: Double = dtype == .float16 ? 5000 : 4992
        for (name, value) in try Self.uses(dtype) {
            let result: Double = try value.array(of: Double.self).max() ?? .nan
            #expect(value.dtype == dtype && result == expected, "\(name) gives \(result)")
        }
    }

    /// Numbers beyond half precision beside tensors of it are what they are: PyTorch has the same.
    @Test func numbersAreNotRoundedToHalves() throws {
        let x = try Tensor.ones([3], dtype: .float16)
        func values(_ x: Tensor) throws -> Double {
            #expect(x.dtype == .float16)
            return try x.array(of: Double.self)[0]
        }
        #expect(try values(x / 100_000) == 1.0013580322265625e-05)
        #expect(try values(x * 0.001 * 100_000) == 100.0625)
        #expect(try values(x * 60_000 + 10_000 - 60_000) == .infinity)
        #expect(try values(x / Tensor.full([], 100_000)) == 1.0013580322265625e-05)
        // A number is a half where it is compared.
        #expect(try (x * 0.1 .== 0.1).all().item(Bool.self))
        #expect(try values(gradient(at: x) { try ($0 / 100_000).sum() }) == 1.0013580322265625e-05)
        #expect(try values(gradient(at: x) { try ($0 * 100_000).sum() * 0.001 }) == 100.0625)
        #expect(try values(gradient(at: Tensor.ones([], dtype: .float16)) { try $0 / 100_000 }) == 1.0013580322265625e-05)
        let many = try Tensor.ones([100_000], dtype: .float16)
        #expect(try values(gradient(at: many) { try $0.mean() }) == 1.0013580322265625e-05)
        let target = try Tensor.zeros([100_000], dtype: .int64)
        let scores = try Tensor.zeros([100_000, 2], dtype: .float16)
        let (loss, slopes) = try valueAndGradient(at: [scores]) { try $0[0].crossEntropy(target) }
        #expect(try values(loss) == 0.693359375 && values(slopes[0]) < 0)
    }

    /// Every operator of one tensor on 100,000 equal numbers, and its gradient, against float64: no sum or count on the way may exceed half
    /// precision where the result does not.
    @Test(arguments: [DType.float16, .bfloat16]) func manyEqualNumbersAreReduced(_ dtype: DType) throws {
        var count = 0
        // Interpolation has its positions in float32, as PyTorch does.
        for operation in OperatorTable.all where !operation.effects.contains(.random) && !operation.schema.name.contains("upsample") {
            var seen: Set<String> = []
            for (position, sample) in try operation.samples().enumerated() {
                guard case .tensor(let first) = sample[0], first.dtype == .float32, (1...3).contains(first.rank) else { continue }
                var others = 0
                for argument in sample.dropFirst() { argument.forEachReference { _ in others += 1 } }
                if others > 0 || !seen.insert("\(first.rank) \(sample.dropFirst())").inserted { continue }
                for dim in 0..<first.rank {
                    for number in [0.0, 1.0] {
                        guard let problem = try Self.problem(operation, sample, dtype, dim, number) else { continue }
                        count += 1
                        if !problem.isEmpty { Issue.record("\(operation), sample \(position), dimension \(dim) of \(number): \(problem)") }
                    }
                }
            }
        }
        #expect(count > 300)
    }

    /// What is wrong, nothing, or nil where the operator does not reduce.
    private static func problem(_ operation: Operator, _ sample: [OperatorArgument], _ dtype: DType, _ dim: Int, _ number: Double) throws
        -> String?
    {
        guard case .tensor(let first) = sample[0] else { return nil }
        var sizes: [Int] = try first.sizes.map { _ in 1 }
        sizes[dim] = 100_000
        func run(_ dtype: DType) throws -> [Tensor]? {
            let x = try Tensor.full(sizes, number, dtype: dtype)
            var arguments: [OperatorArgument] = [.tensor(x)] + sample.dropFirst()
            for (index, argument) in arguments.enumerated() { if case .dtype = argument { arguments[index] = .dtype(dtype) } }
            let announced: Int = try operation.rule(Call(operation, arguments)).reduce(0) {
                $0 + ($1.shape.elementCount.constant ?? 1 << 30)
            }
            guard announced < 100 else { return nil }
            var results: [Tensor] = []
            for result in try apply(operation, arguments) { result.forEachReference { results.append($0) } }
            results = results.filter { $0.dtype.isFloatingPoint }
            if results.isEmpty || !operation.isDifferentiable { return results }
            let gradient = try ApusTensor.gradient(at: x) { x in
                var total = try Tensor.zeros([], dtype: .float64)
                for result in try apply(operation, [.tensor(x)] + arguments.dropFirst()) {
                    try result.forEachReference { if $0.dtype.isFloatingPoint { total = try total + $0.to(.float64).sum() } }
                }
                return total
            }
            return results + [gradient]
        }
        let (half, wide): ([Tensor], [Tensor])
        do {
            guard let expected = try run(.float64), !expected.isEmpty, let found = try run(dtype) else { return nil }
            (half, wide) = (found, expected)
        } catch is TensorError { return nil }
        guard half.count == wide.count else { return "\(half.count) results, not \(wide.count)" }
        let limit: Double = dtype == .float16 ? 65504 : 3e38
        // As much as a number of half precision may be rounded by, twice.
        let (relative, absolute): (Double, Double) = dtype == .float16 ? (2e-3, 1e-7) : (1.6e-2, 1e-38)
        for (index, (a, b)) in zip(half, wide).enumerated() where a.layout.count > 0 {
            let isJudged: Tensor = try b.abs() .<= limit
            let beyond: Tensor = try (a.to(.float64) - b).abs() - (b.abs() * relative + absolute)
            // NaN for a number is wrong as well.
            let isWrong: Tensor = try (beyond .<= 0).logicalNot() & isJudged
            guard try isWrong.any().item(Bool.self) else { continue }
            let place = try SymInt(isWrong.flattened().to(.int64).argmax().item(Int.self))
            let (x, y) = (try a.flattened()[place].item(Double.self), try b.flattened()[place].item(Double.self))
            return "tensor \(index) of \(half.count) is \(x), not \(y)"
        }
        return ""
    }
}
