import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// What the user reads when a function has too many paths: the exact text, and that each piece of its advice helps.
@Suite("Budgets") struct BudgetTests {
    private func bySizes(_ x: Tensor) throws -> Tensor {
        var y = x
        if x.shape[0] % 2 == 0 { y = try y + 1 }
        for i in 1...3 where x.shape[0] > SymInt(10 * i) { y = try y.sin() }
        return y
    }

    private let sizesLine = #line - 5

    @Test func tooManyPathsOverSizes() throws {
        let x = try Tensor.ones([4])
        let error = #expect(throws: ProgramError.self) {
            _ = try export(bySizes, args: x, constraints: [dynamicDim(x, 0)], options: ExportOptions(branches: .explore(limit: 4)))
        }
        #expect(error?.code == .overBudget)
        #expect(
            error?.description == """
                the function has more than 4 paths. The questions asked most:
                    9 times 'x.shape[0] >= 11' at BudgetTests.swift:\(sizesLine + 1)
                        declare a narrower range or a set for x.shape[0], now in 1...max, or use cond, whileLoop or scan
                    4 times 'x.shape[0] % 2 == 0' at BudgetTests.swift:\(sizesLine)
                        declare a narrower range or a set for x.shape[0], now in 1...max, or use cond, whileLoop or scan
                Or raise the limit: ExportOptions(branches: .explore(limit: 16)). (at BudgetTests.swift:\(sizesLine + 1))
                """)
        // Each advice, applied.
        #expect(
            try export(bySizes, args: x, constraints: [dynamicDim(x, 0) <= 9], options: ExportOptions(branches: .explore(limit: 4))).paths
                .count == 2)
        #expect(
            try export(
                bySizes, args: x, constraints: [dynamicDim(x, 0).in([4, 8, 16])], options: ExportOptions(branches: .explore(limit: 4))
            ).paths.count == 2)
        #expect(
            try export(bySizes, args: x, constraints: [dynamicDim(x, 0)], options: ExportOptions(branches: .explore(limit: 16))).paths.count
                == 8)
        let byCond = { (x: Tensor) in
            var y = x
            for i in 1...3 {
                y = try cond(x.shape[0] > SymInt(10 * i)) {
                    try y.sin()
                } else: {
                    y
                }
            }
            return y
        }
        let program = try export(byCond, args: x, constraints: [dynamicDim(x, 0)], options: ExportOptions(branches: .explore(limit: 4)))
        #expect(program.paths.count == 1)
    }

    private func byValues(_ x: Tensor) throws -> Tensor {
        var y = x
        for i in 0..<3 { if try x[i].item(SymFloat.self) > 0 { y = try y.sin() } }
        return y
    }

    private let valuesLine = #line - 4

    @Test func tooManyPathsOverValues() throws {
        let x = try Tensor.ones([4])
        let error = #expect(throws: ProgramError.self) {
            _ = try export(byValues, args: x, options: ExportOptions(branches: .explore(limit: 4)))
        }
        #expect(
            error?.description == """
                the function has more than 4 paths. The questions asked most:
                    12 times '0.0 < f0' at BudgetTests.swift:\(valuesLine)
                        bound the value with constrainAsValue, compute with it through where, or use cond or whileLoop
                Or raise the limit: ExportOptions(branches: .explore(limit: 16)). (at BudgetTests.swift:\(valuesLine))
                """)
        #expect(try export(byValues, args: x, options: ExportOptions(branches: .explore(limit: 16))).paths.count == 8)
        let byWhere = { (x: Tensor) in
            var y = x
            for i in 0..<3 { y = try Tensor.where(x[i] .> 0, y.sin(), y) }
            return y
        }
        #expect(try export(byWhere, args: x, options: ExportOptions(branches: .explore(limit: 4))).paths.count == 1)
    }
}
