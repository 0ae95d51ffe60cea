import Apus
import Testing

@testable import ApusServing

/// Which programs are proven to keep their rows apart, and that those which are give each request what it gets alone.
@Suite struct BatchPlanTests {
    typealias Function = @Sendable (Tensor) throws -> Tensor

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// Of one row.
        let sizes: [Int]
        var dtype: DType = .float32
        let function: Function

        init(_ name: String, _ sizes: [Int], _ dtype: DType = .float32, _ function: @escaping Function) {
            (self.name, self.sizes, self.dtype, self.function) = (name, sizes, dtype, function)
        }

        var testDescription: String { name }

        func input(_ rows: Int, seed: UInt64) throws -> Tensor {
            let shape: [any SymIntConvertible] = [rows] + sizes
            return dtype == .float32 ? try Tensor.randn(shape, seed: seed) : try Tensor.randint(0, 5, shape, dtype: dtype, seed: seed)
        }

        func program() throws -> ExportedProgram {
            let example: Tensor = try input(3, seed: 1)
            return try export(function, args: example, constraints: [dynamicDim(example, 0).in(1...32)])
        }
    }

    private static let weight: Tensor = (try? Tensor.randn([4, 4], seed: 5)) ?? Tensor(spec: TensorSpec(.float32, .scalar))
    private static let table: Tensor = (try? Tensor.randn([5, 4], seed: 6)) ?? weight
    private static let kernel: Tensor = (try? Tensor.randn([2, 3, 3, 3], seed: 7)) ?? weight

    static let proven: [Case] = [
        Case("a linear layer", [4]) { try $0.matmul(weight).relu() + 1 },
        Case("a linear layer of sequences", [6, 4]) { try $0.matmul(weight).softmax(dim: -1) },
        Case("sums over features", [6, 4]) { try $0.sum(dim: 1) * $0.amax(dim: 2).sum(dim: 1, keepDim: true) },
        Case("a transpose and back", [6, 4]) { try $0.transposed(0, 1).exp().transposed(0, 1) },
        Case("heads folded into the batch", [6, 4]) { x in
            let heads: Tensor = try x.reshaped([x.shape[0], 6, 2, 2]).transposed(1, 2).reshaped([x.shape[0] * 2, 6, 2])
            let scores: Tensor = try heads.matmul(heads.transposed(1, 2)).softmax(dim: -1)
            return try scores.matmul(heads).reshaped([x.shape[0], 2, 6, 2])
        },
        Case("rows times columns", [4]) { try weight.matmul($0.transposed(0, 1)).transposed(0, 1) },
        Case("a layer norm", [4]) { try $0.layerNorm([4], weight: weight[0], bias: weight[1]) },
        Case("a convolution", [3, 8, 8]) { try $0.conv2d(kernel).maxPool2d([2, 2]).reshaped([$0.shape[0], -1]) },
        Case("an embedding", [6], .int64) { try table.embedding($0).mean(dim: 1) },
        Case("positions", [6, 4]) { x in try x + Tensor.arange(6, dtype: .float32).unsqueezed(1) },
        Case("a token in front", [6, 4]) { x in try Tensor.cat([Tensor.ones([1, 1, 4]).expanded([x.shape[0], 1, 4]), x], dim: 1) },
        Case("zeros of its shape", [4]) { x in try Tensor.cat([x, Tensor.zeros([x.shape[0], 2])], dim: 1) },
        Case("sorted features", [4]) { try $0.sort(dim: 1).values },
        Case("a part of the features", [6, 4]) { try $0[.all, 1..., 0] },
        Case("two in one", [4]) { try Tensor.stack([$0, $0.sin()], dim: 1) },
        Case("rows by their numbers", [6, 4]) { x in
            let rows: Tensor = try Tensor.arange(x.shape[0], dtype: .int64)
            return try x.index([rows, Tensor([2], shape: [1])])
        },
    ]

    static let refused: [Case] = [
        Case("a mean over the batch", [4]) { try $0 - $0.mean(dim: 0) },
        Case("a mean over all", [4]) { try $0 - $0.mean() },
        Case("softmax over the batch", [4]) { try $0.softmax(dim: 0) },
        Case("sums along the batch", [4]) { try $0.cumsum(dim: 0) },
        Case("the batch's size as a number", [4]) { try $0 / $0.shape[0] },
        Case("rows that attend to one another", [4]) { try $0.matmul($0.transposed(0, 1)).softmax(dim: 1).matmul($0) },
        Case("rows turned around", [4]) { try $0.flipped([0]) },
        Case("a row taken from the next", [4]) { try $0.rolled([1], dims: [0]) },
        Case("the first row for all", [4]) { try $0 + $0[0] },
        Case("rows counted", [4]) { x in try x + Tensor.arange(x.shape[0], dtype: .float32).unsqueezed(1) },
        Case("rows counted, then cast", [4]) { x in try x + Tensor.arange(x.shape[0], dtype: .int64).to(.float32).unsqueezed(1) },
        Case("rows' numbers too narrow", [4]) { x in try x + Tensor.arange(x.shape[0], dtype: .int8).to(.float32).unsqueezed(1) },
        Case("rows' numbers as other bits", [4]) { x in
            let halves: Tensor = try Tensor.arange(x.shape[0], dtype: .int64).unsqueezed(1).viewed(as: .int32)
            return try x.index([halves[.all, 1]])
        },
        Case("all but as many as there are rows", [4]) { x in
            let flat: Tensor = try x.reshaped([x.shape[0] * 4])
            return try flat.sliced(dim: 0, from: x.shape[0]).reshaped([x.shape[0], 3])
        },
        Case("rows mixed with features", [4]) { try $0.transposed(0, 1).reshaped([$0.shape[0], 4]) },
        Case("rows sorted", [4]) { try $0.sort(dim: 0).values },
        Case("random numbers", [4]) { try $0 + $0.randLike() },
        Case("rows by other rows' numbers", [4], .int64) { x in try table.embedding(x).index([(x[.all, 0]) % x.shape[0]]) },
        Case("another path for a large batch", [4]) { x in x.shape[0] > 8 ? try x.sin() : try x.cos() },
        Case("the number of rows", [4]) { x in try Tensor.full([1], 1.0) * x.shape[0] },
    ]

    @Test(arguments: proven) func provenProgramsGiveEachRequestItsOwn(_ test: Case) throws {
        let program: ExportedProgram = try test.program()
        let plan: BatchPlan = try BatchPlan.make(program, ModelConfiguration())
        #expect(plan.largest == 32)
        let rows: [Int] = [2, 1, 4]
        let requests: [[Tensor]] = try rows.enumerated().map { [try test.input($1, seed: UInt64($0 + 10))] }
        #expect(try Set(requests.map { try plan.key($0) }).count == 1)
        let whole: [Tensor] = try plan.join(requests)
        #expect(try plan.admits(7, like: whole))
        #expect(try !plan.admits(33, like: whole))
        let parts: [[LeafValue]] = try plan.part(program.run(leaves: whole.map { .tensor($0) }), rows: rows)
        for (part, request) in zip(parts, requests) {
            let (together, alone) = (try #require(part[0].tensor), try program.run(request)[0])
            let (sizes, wanted): ([Int], [Int]) = (try together.sizes, try alone.sizes)
            try #require(sizes == wanted)
            #expect(together.dtype == alone.dtype)
            let (a, b): ([Double], [Double]) = (try together.to(.float64).array(), try alone.to(.float64).array())
            for (x, y) in zip(a, b) { #expect(abs(x - y) <= 1e-5 * max(1, abs(y))) }
        }
    }

    @Test(arguments: refused) func programsWhoseRowsMeetAreRefused(_ test: Case) throws {
        let program: ExportedProgram = try test.program()
        let error = #expect(throws: NotProven.self) { try BatchPlan.make(program, ModelConfiguration()) }
        #expect(error?.reason.isEmpty == false)
    }

    @Test func anOwnerMayVouchForAProgram() throws {
        let example: Tensor = try Tensor.randn([3, 4])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x + Tensor.zeros([1]) * x.shape[0] }, args: example, constraints: [dynamicDim(example, 0).in(1...32)])
        var configuration = ModelConfiguration()
        #expect(throws: NotProven.self) { try BatchPlan.make(program, configuration) }
        configuration.batching = .rowsIndependent
        configuration.maxBatchSize = 8
        #expect(try BatchPlan.make(program, configuration).largest == 8)
        configuration.batching = .never
        #expect(throws: NotProven.self) { try BatchPlan.make(program, configuration) }
    }

    /// A guard that the batch's size has a part in is asked before requests are put together.
    @Test func guardsBoundTheBatch() throws {
        let example: Tensor = try Tensor.randn([4, 6])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x.relu() }, args: example,
            constraints: [
                dynamicDim(example, 0).in(1...64), dynamicDim(example, 1).in(1...64),
                dynamicDim(example, 0) * dynamicDim(example, 1) <= 100,
            ])
        let plan: BatchPlan = try BatchPlan.make(program, ModelConfiguration())
        let request: [Tensor] = [try Tensor.randn([2, 10])]
        #expect(try plan.admits(10, like: request))
        #expect(try !plan.admits(11, like: request))
        #expect(try plan.key(request) != plan.key([Tensor.randn([2, 9])]))
    }

    @Test func allInputsMustBeOfTheBatch() throws {
        let (x, y): (Tensor, Tensor) = (try Tensor.randn([3, 4]), try Tensor.randn([4]))
        let program: ExportedProgram = try export(
            { (x: Tensor, y: Tensor) in try x + y }, args: x, y, constraints: [dynamicDim(x, 0).in(1...8)])
        let error = #expect(throws: NotProven.self) { try BatchPlan.make(program, ModelConfiguration()) }
        #expect(error?.reason.hasSuffix("has no dimension of the batch's size alone") == true)
    }
}
