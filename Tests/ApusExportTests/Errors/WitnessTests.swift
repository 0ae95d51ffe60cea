import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// 'fails at': the function does throw at the sizes that an error names.
@Suite("What errors say of where a function fails") struct WitnessTests {
    private struct Case: CustomTestStringConvertible {
        let testDescription: String
        let x: [Int]
        let y: [Int]
        /// The dynamic dimensions of either.
        let dims: ([Int], [Int])
        let function: @Sendable (Tensor, Tensor) throws -> Tensor

        init(
            _ name: String, _ x: [Int], _ y: [Int], _ dims: ([Int], [Int]),
            _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
        ) {
            (testDescription, self.x, self.y, self.dims, self.function) = (name, x, y, dims, function)
        }
    }

    private static let cases: [Case] = [
        Case("add of two", [4, 6], [4, 6], ([0], [0])) { try $0 + $1 },
        Case("add of one and a constant", [4, 6], [1, 6], ([1], [])) { try $0 + $1 },
        Case("add where the example stretches", [1, 6], [3, 6], ([0], [])) { try $0 + $1 },
        Case("add of three dimensions", [4, 6, 2], [4, 1, 2], ([0, 2], [0])) { try $0 + $1 },
        Case("matrix product", [4, 6], [6, 3], ([1], [])) { try $0.matmul($1) },
        Case("batches of matrices", [4, 2, 3], [4, 3, 2], ([0], [0])) { try $0.matmul($1) },
        Case("reshape", [4, 6], [1], ([0], [])) { x, _ in try x.reshaped([-1, 8]) },
        Case("narrow", [4, 6], [1], ([0], [])) { x, _ in try x.narrowed(dim: 0, from: 1, length: 3) },
        Case("select", [4, 6], [1], ([0], [])) { x, _ in try x.select(dim: 0, index: 2) },
        Case("expand", [4, 6], [1], ([0], [])) { x, _ in try x.expanded([4, 6]) },
        Case("concatenation", [4, 6], [4, 5], ([0], [])) { try Tensor.cat([$0, $1], dim: 1) },
        Case("stack", [4, 6], [4, 6], ([0], [])) { try Tensor.stack([$0, $1]) },
        Case("where", [4, 6], [4, 6], ([1], [])) { try Tensor.where($0 .> 0, $0, $1) },
        Case("written into a part", [4, 6], [2, 6], ([], [0])) { x, y in
            var x = x
            try x.set(0..<2, to: y)
            return x
        },
        Case("gather", [4, 6], [4, 6], ([0], [])) { try $0.gather(dim: 1, $1.to(.int64)) },
        Case("masked", [4, 6], [4, 6], ([0], [])) { try $0.maskedFill($1 .> 0, 1) },
        Case("several at once", [4, 6], [4, 6], ([0], [0])) { x, y in
            try x.reshaped([-1, 2, 6]).sum() + (x * y).narrowed(dim: 0, from: 0, length: 3).sum()
        },
        Case("a path of two", [4, 6], [4, 6], ([0], [0])) { x, y in x.shape[0] > 5 ? try x + y : x },
        Case("a check", [4, 6], [1], ([0, 1], [])) { x, _ in
            try check(x.shape[0] * 2 > x.shape[1], "twice as many rows as columns")
            return x
        },
    ]

    private func tensor(_ name: String, _ sizes: [Int], _ witness: String) throws -> Tensor {
        var sizes: [Int] = sizes
        for part in witness.split(separator: ", ") {
            let sides = part.split(separator: " = ")
            guard sides.count == 2, let value = Int(sides[1]) else { continue }
            for dim in sizes.indices where sides[0] == "\(name).shape[\(dim)]" { sizes[dim] = value }
        }
        return try Tensor.zeros(sizes.map { SymInt($0) })
    }

    @Test(arguments: cases) private func throwsAtTheWitness(_ given: Case) throws {
        let (x, y) = (try Tensor.zeros(given.x.map { SymInt($0) }), try Tensor.zeros(given.y.map { SymInt($0) }))
        let constraints: [any ConstraintConvertible] = given.dims.0.map { dynamicDim(x, $0) } + given.dims.1.map { dynamicDim(y, $0) }
        let error = try #require(
            #expect(throws: ConstraintViolationError.self) {
                _ = try export(given.function, args: x, y, constraints: constraints, options: ExportOptions(names: ["x", "y"]))
            })
        #expect(!error.violations.isEmpty)
        for violation in error.violations {
            let witness: String = try "\(#require(violation.witness))"
            let inputs = (try tensor("x", given.x, witness), try tensor("y", given.y, witness))
            #expect(throws: (any Error).self, "\(error) at \(witness)") { _ = try given.function(inputs.0, inputs.1) }
        }
        // What is suggested makes it succeed.
        if error.violations.allSatisfy({ !$0.isBrokenByExample }) {
            _ = try export(
                given.function, args: x, y, constraints: constraints + error.suggestedFixes, options: ExportOptions(names: ["x", "y"]))
        }
    }

    /// Swift's own `precondition` ends the process on the path where it does not hold; `check` is an assertion of the program.
    @Test func preconditions() async throws {
        await #expect(processExitsWith: .failure) {
            let y = try Tensor([3] as [Int], shape: [])
            _ = try export(
                { (y: Tensor) -> Tensor in
                    let k = try y.item()
                    precondition(k > 0)
                    return try y * 2
                }, args: y)
        }
        let y = try Tensor([3] as [Int], shape: [])
        let program = try export(
            { (y: Tensor) -> Tensor in
                let k = try y.item()
                try check(k > 0, "y must be positive")
                return try y * 2
            }, args: y)
        let twice: Tensor = try program(y)
        #expect(try twice.array(of: Int.self) == [6])
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(try Tensor([0] as [Int], shape: [])) }
        #expect(error?.description.contains("y must be positive") == true)
    }
}
