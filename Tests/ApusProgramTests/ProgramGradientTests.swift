import ApusExport
import ApusGraph
import ApusNN
import ApusRuntime
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

/// A weight, and a buffer that each call changes.
private final class Counting: Module {
    @Parameter var weight: Tensor
    @Buffer var total: Tensor

    init() throws {
        weight = try numbers([3, 2], seed: 5)
        total = try Tensor.zeros([2])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        let y = try x.matmul(weight).tanh()
        total = try total + y.sum(dim: 0)
        return try y * total
    }
}

/// Gradients through exported programs: those of the functions that they were made of.
@Suite struct ProgramGradientTests {
    typealias Function = (Tensor) throws -> Tensor

    /// Functions of an n x 3 tensor, by what their programs hold.
    static let functions: [(name: String, function: @Sendable (Tensor) throws -> Tensor)] = [
        ("a chain", { x in try (x.sin() * x).exp().matmul(x.transposed(0, 1)).tanh() }),
        ("fused and reduced", { x in try (x * 2 + 1).sigmoid().softmax(dim: -1).logSoftmax(dim: 0) * x.sum(dim: 0) }),
        ("views", { x in try Tensor.cat([x[1..., .all], x.permuted([1, 0]).reshaped([-1, 3])], dim: 0).pow(3) }),
        ("a branch on a size", { x in x.shape[0] > 3 ? try x.cos() : try x.sin() * x }),
        ("a branch on a value", { x in try x.sum().item(SymFloat.self) > 0 ? try x.exp() : try x * x }),
        (
            "cond",
            { x in
                try cond(try x.sum() .> 0) {
                    try x.exp() * x
                } else: {
                    try x.sin()
                }
            }
        ),
        (
            "cond of a size",
            { x in
                let n = x.shape[0]
                return try cond(n % 2 == 0) {
                    try x.reshaped([n / 2, 6]).sin()
                } else: {
                    try x.cos()
                }
            }
        ),
        (
            "scan",
            { x in
                let (last, all) = try scan(x[0], over: x) { h, x in
                    let next = try (h * 0.5 + x).tanh()
                    return (next, try next * x)
                }
                return try all + last
            }
        ),
        (
            "a scan of branches",
            { x in
                try scan(x[0], over: x) { h, x in
                    let next = try cond(try x.sum() .> 0) {
                        try h + x.sin()
                    } else: {
                        try h * x
                    }
                    return (next, next)
                }.1
            }
        ),
        ("sizes of data", { x in try (x * x)[x .> 0].exp() }),
        (
            "a loop over what has no gradient",
            { x in
                let steps = try whileLoop(Tensor.zeros([], dtype: .int64)) { i in
                    try i .< 3
                } do: { i in
                    try i + 1
                }
                return try x.sin() * steps.to(.float32)
            }
        ),
        ("random numbers", { x in try x * Tensor.rand([3], seed: 7) }),
    ]

    /// The gradient of the sum of squares of what the function gives.
    private static func slope(_ x: Tensor, _ function: Function) throws -> Tensor {
        try gradient(at: x) { x in
            let y = try function(x)
            return try (y * y).sum()
        }
    }

    /// The gradient of the gradient's own sum of squares.
    private static func slopeOfSlope(_ x: Tensor, _ function: Function) throws -> Tensor {
        try slope(x) { x in try slope(x, function) }
    }

    @Test("is the function's, of any size, by a call and by run", arguments: functions.indices)
    func first(_ index: Int) throws {
        let (name, function) = Self.functions[index]
        let example = try numbers([6, 3], seed: 11)
        let program = try export(function, args: example, constraints: [dynamicDim(example, 0).in(2...6)])
        for size in 2...6 {
            let x = try numbers([size, 3], seed: UInt64(size))
            let expected = try Self.slope(x, function)
            #expect(try expected.array(of: Float.self).contains { $0 != 0 }, "\(name)")
            try expectClose(try Self.slope(x) { x in try program(x) }, expected, "\(name) at \(size)")
            try expectClose(try Self.slope(x) { x in try program.run([x])[0] }, expected, "\(name) at \(size)")
        }
        // Nothing is left behind: the plain call is what it was.
        let x = try numbers([4, 3], seed: 2)
        let plain: Tensor = try program(x)
        try expectClose(plain, try function(x), name)
    }

    @Test("is the function's in a gradient of a gradient", arguments: functions.indices)
    func second(_ index: Int) throws {
        let (name, function) = Self.functions[index]
        let example = try numbers([6, 3], seed: 11)
        let program = try export(function, args: example, constraints: [dynamicDim(example, 0).in(2...6)])
        for size in [2, 5] {
            let x = try numbers([size, 3], seed: UInt64(size) + 3)
            try expectClose(
                try Self.slopeOfSlope(x) { x in try program(x) }, try Self.slopeOfSlope(x, function), "\(name) at \(size)", tolerance: 1e-4)
        }
    }

    @Test func throughALoopOfValuesIsTheErrorThatEagerCodeHas() throws {
        let function: Function = { x in
            try whileLoop(x) { x in
                try x.sum() .< 100
            } do: { x in
                try x * 2
            }
        }
        let x = try Tensor([1.0, 2, 3])
        let program = try export(function, args: x)
        func message(_ function: Function) -> String? {
            do { _ = try Self.slope(x, function) } catch { return error.unplaced }
            return nil
        }
        #expect(message(function) != nil)
        #expect(message { x in try program(x) } == message(function))
        let final: Tensor = try program(x)
        try expectClose(final, try function(x))
    }

    @Test func reachesTheParametersThatAreWatched() throws {
        let model = try Linear(3, 2)
        let x = try numbers([5, 3])
        let program = try export(model, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        let expected = try gradient(of: model) { try ($0(x) * $0(x)).sum() }
        let recorder = GradientRecorder()
        let weight = try #require(program.stateDict["weight"])
        let bias = try #require(program.stateDict["bias"])
        for tensor in [weight, bias] { try recorder.watch(tensor) }
        let loss = try Interpreter.with(recorder) { () -> Tensor in
            let y: Tensor = try program(x)
            return try (y * y).sum()
        }
        let found = try recorder.gradients(of: loss, with: [weight, bias])
        try expectClose(try #require(found[0]), try #require(expected["weight"]))
        try expectClose(try #require(found[1]), try #require(expected["bias"]))
    }

    @Test func buffersChangeAsInEveryCallAndHaveNoGradient() throws {
        let x = try numbers([4, 3])
        let model = try Counting()
        let program = try export(model, args: x)
        // Two calls in one gradient: the first's sum is a number for the second.
        let found = try Self.slope(x) { x in
            let first: Tensor = try program(x)
            let second: Tensor = try program(x)
            return try first + second
        }
        var total = try Tensor.zeros([2])
        let expected = try Self.slope(x) { x in
            func call() throws -> Tensor {
                let y = try x.matmul(model.weight).tanh()
                let sum = try total + y.sum(dim: 0)
                total = try Tensor(sum.array(of: Float.self))
                return try y * sum
            }
            return try call() + call()
        }
        try expectClose(found, expected)
        try expectClose(try #require(program.stateDict["total"]), total)
        #expect(program.stateDict["total"]?.isTraced == false)
    }

    @Test func profilesRunNodeByNodeUnderAGradient() throws {
        let x = try numbers([4, 3])
        let program = try export({ (x: Tensor) in try x.sin().exp() }, args: x)
        let profiler = Profiler()
        let found = try gradient(at: x) { x in try program.run([x], profiler: profiler)[0].sum() }
        try expectClose(found, try gradient(at: x) { x in try x.sin().exp().sum() })
        #expect(profiler.events.contains { $0.operators == ["aten::sin"] })
    }
}
