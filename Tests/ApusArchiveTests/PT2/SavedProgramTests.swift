import ApusExport
import ApusNN
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

private final class Counter: Module {
    @Buffer var count: Tensor
    @Buffer var total: Tensor
    @Parameter var scale: Tensor

    init() throws {
        count = try Tensor([0] as [Int], shape: [])
        total = try Tensor([0, 0, 0] as [Float], shape: [3])
        scale = try Tensor([1, 2, 3] as [Float], shape: [3])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        count = try count + 1
        total = try total + x * scale
        return try total / count.to(.float32)
    }
}

@Suite("Programs that Apus saves, opened by PyTorch")
struct SavedProgramTests {
    private func samples() throws -> [JudgedProgram] {
        let x = try numbers([4, 3], seed: 1)
        let y = try numbers([4, 3], seed: 2)
        let captured = try numbers([3], seed: 3)
        func calls(_ sizes: [[Int]]) throws -> [[Tensor]] { try sizes.enumerated().map { [try numbers($1, seed: UInt64(10 + $0))] } }
        return [
            JudgedProgram(
                name: "static", program: try export({ (x: Tensor, y: Tensor) in try (x * y).sin() + 1 }, args: x, y), calls: [[x, y]]),
            JudgedProgram(
                name: "captured", program: try export({ (x: Tensor) in try x * captured + captured.cos() }, args: x), calls: [[x]]),
            JudgedProgram(
                name: "dynamic",
                program: try export({ (x: Tensor) in try x.sum(dim: 0) * x.shape[0] }, args: x, constraints: [dynamicDim(x, 0).in(1...9)]),
                calls: try calls([[1, 3], [4, 3], [9, 3]])),
            JudgedProgram(
                name: "arithmetic",
                program: try export(
                    { (x: Tensor) -> (Tensor, Tensor, SymInt) in
                        let n = x.shape[0]
                        return (try x.reshaped([n * 3]) * (n / 2 + 1), try Tensor.full([n % 4 + 1, max(n, 5)], 2.5), n * 2 - 1)
                    }, args: x, constraints: [dynamicDim(x, 0).in(2...9)]),
                calls: try calls([[2, 3], [4, 3], [9, 3]])),
            JudgedProgram(
                name: "branch",
                program: try export(
                    { (x: Tensor) in x.shape[0] > 3 ? try x.cos() : try x.sin() * captured }, args: x,
                    constraints: [dynamicDim(x, 0).in(3...6)]),
                calls: try calls([[3, 3], [4, 3], [6, 3]])),
            JudgedProgram(
                name: "branch_sizes",
                program: try export(
                    { (x: Tensor) in
                        let n = x.shape[0]
                        return n % 2 == 0
                            ? try x.reshaped([n / 2, 6]).sum(dim: 0) * n : try x.sum(dim: 0, keepDim: true).expanded([2, 3]).reshaped([6])
                    }, args: x, constraints: [dynamicDim(x, 0).in(2...9)]),
                calls: try calls([[2, 3], [5, 3], [8, 3]])),
            // The sides give other sizes, and what follows stands once: there the joined size is a symbol of its own.
            JudgedProgram(
                name: "shared_tail",
                program: try export(
                    { (x: Tensor) in
                        let y: Tensor = x.shape[0] > 4 ? try x[0..<2] : try Tensor.cat([x, x])
                        return try (y.exp() + y).reshaped([1, -1]) * y.shape[0]
                    }, args: x, constraints: [dynamicDim(x, 0).in(2...9)]),
                calls: try calls([[2, 3], [4, 3], [5, 3], [9, 3]])),
            JudgedProgram(
                name: "nested",
                program: try export(
                    { (x: Tensor, y: [String: Tensor]) -> [String: [Tensor]] in ["sum": [try x + (y["a"] ?? x)], "pair": [x, try x * 2]] },
                    args: x,
                    ["a": y]), calls: [[x, y]]),
            JudgedProgram(name: "counter", program: try export(try Counter(), args: captured), calls: try calls([[3], [3], [3]])),
        ]
    }

    private func check(_ options: [String], leavingOut excluded: [String] = []) throws {
        try JudgedProgram.check(try samples().filter { !excluded.contains($0.name) }, options)
    }

    @Test("PyTorch runs them with the same results") func opened() throws { try check([]) }
    @Test("PyTorch saves and opens them once more") func resaved() throws { try check(["--resave"]) }
    @Test("PyTorch decomposes them to core operators")
    func decomposed() throws {
        // While decomposing, PyTorch turns what a branch requires of a size (here: to be even) into an assertion of the whole program.
        // And its tracer takes a size that is chosen only where both choices are symbols, not where one is a number.
        try check(["--decompose", "--resave"], leavingOut: ["branch_sizes", "shared_tail"])
    }
}
