import ApusSymbolic
import ApusTensor
import Foundation
import Synchronization
import Testing

@testable import ApusExport

@Suite struct ReportTests {
    private let x: Tensor
    private let y: Tensor

    init() throws {
        x = try Tensor.ones([4, 6])
        y = try Tensor.ones([4, 6])
    }

    @Test func everyFailureOfOneProgram() throws {
        struct TooLong: Error, CustomStringConvertible { var description: String { "at most 100 rows" } }
        let line: Int = #line + 2
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let sum = try x + y
            if x.shape[0] > 100 { throw TooLong() }
            if x.shape[1] > 8 { return try sum.reshaped([-1, 2]).sum() }
            return try sum.sum() * Double(Int(x.shape[1] * 4))
        }
        let declared: [any ConstraintConvertible] = [
            dynamicDim(x, 0), dynamicDim(x, 1), dynamicDim(y, 0), dynamicDim(y, 1) % 2 == 0,
        ]
        let report = exportReport(f, args: x, y, constraints: declared, options: ExportOptions(branches: .explore(limit: 128)))
        #expect(
            report.description == """
                The function can't be exported as declared: 2 failures and 1 rejection of inputs.
                1. A condition that the constraints do not imply.
                    required by  x.shape[0] == y.shape[0]
                    because      add: shapes [x.shape[0], x.shape[1]] and [y.shape[0], y.shape[1]] do not broadcast: dimension -2 is x.shape[0] and y.shape[0]
                    fails at     x.shape[0] = 2, y.shape[0] = 3
                    in           ReportTests.swift:\(line)
                2. A condition that the constraints do not imply.
                    required by  x.shape[1] == y.shape[1]
                    because      add: shapes [x.shape[0], x.shape[1]] and [y.shape[0], y.shape[1]] do not broadcast: dimension -1 is x.shape[1] and y.shape[1]
                    fails at     x.shape[1] = 3, y.shape[1] = 2
                    in           ReportTests.swift:\(line)
                3. Inputs that the program rejects.
                    because      at most 100 rows
                    fails at     x.shape[0] = 101
                With these constraints as well a program could be made:
                    dynamicDim(x, 0) == dynamicDim(y, 0), dynamicDim(x, 1) == dynamicDim(y, 1)
                """)
        #expect(!report.isExportable)
        let program = try #require(report.program)
        let output: Tensor = try program(try Tensor.ones([50, 6]), try Tensor.ones([50, 6]))
        #expect(try output.array(of: Float.self) == [600 * 24])
        let same = try export(
            f, args: x, y, constraints: declared + report.assumedConstraints, options: ExportOptions(branches: .explore(limit: 128)))
        #expect(same.graph.description == program.graph.description)
    }

    @Test func numbersOfSizesAndValues() throws {
        let line: Int = #line + 2
        let f = { (x: Tensor, n: Tensor) in
            let scaled = try x * Double(Int(x.shape[0]))
            return try scaled + Double(Int(n.item()))
        }
        let report = exportReport(
            f, args: x, try Tensor([Int64(2)], shape: []), constraints: [dynamicDim(x, 0)], options: ExportOptions(names: ["x", "n"]))
        #expect(
            report.description == """
                The function can't be exported as declared: 2 failures.
                1. A size turned into one number.
                    required by  x.shape[0] == 4
                    because      Int(_:) asks for one number where any in 1...max is possible; keep a SymInt, or declare at most 16 values, each of which is then tried
                    fails at     x.shape[0] = 1
                    in           ReportTests.swift:\(line)
                2. A number that depends on values.
                    required by  n.item() == 1
                    because      Int(_:) asks for one number where any in min...max is possible; keep a SymInt, or bound what is read by constrainAsValue(_:min:max:) to at most 16 values, each of which is then tried
                    fails at     n.item() = 0
                    in           ReportTests.swift:\(line + 1)
                Assumed so far:
                    dynamicDim(x, 0) == 4
                No program could be made.
                """)
    }

    @Test func aFunctionWithoutFailures() throws {
        let report = exportReport({ (x: Tensor) in try x + 1 }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(report.isExportable && report.failures.isEmpty && report.program != nil)
        #expect(report.description == "The function can be exported as declared.")
    }

    @Test func failuresThatNoConstraintMends() throws {
        let line: Int = #line + 2
        let f = { (x: Tensor) in
            if x.shape[0] > 5 { return try x.matmul(x.sum(dim: 0, keepDim: true)) }
            if x.shape[0] > 3 { return try x * x.sum().item(Double.self) }
            return try x.reshaped([-1, 4])
        }
        let report = exportReport(f, args: x, constraints: [dynamicDim(x, 0)])
        #expect(report.program == nil)
        #expect(
            report.description == """
                The function can't be exported as declared: 2 failures and 1 rejection of inputs.
                1. A condition that the constraints do not imply.
                    required by  x.shape[0] % 2 == 0
                    because      reshape: shape [x.shape[0], 6] with 6*x.shape[0] elements can't be reshaped to [-1, 4]
                    fails at     x.shape[0] = 1
                    in           ReportTests.swift:\(line + 2)
                2. Inputs that the program rejects.
                    because      matmul: shapes [x.shape[0], 6] and [1, 6] can't be multiplied: the inner sizes are 6 and 1
                    fails at     x.shape[0] = 6
                    in           ReportTests.swift:\(line)
                3. A number that depends on values.
                    because      item: the element f0 has no value while it is traced; ask for item(SymFloat.self), which stays symbolic
                    in           ReportTests.swift:\(line + 1)
                Assumed so far:
                    dynamicDim(x, 0) % 2 == 0
                No program could be made.
                """)
        #expect(report.failures.first { $0.kind == .dataDependent }?.site?.location?.line == line + 1)
    }

    @Test func tooManyPathsAndLeaks() throws {
        let many = exportReport(
            { (x: Tensor) in
                var y = x
                for i in 1...10 where x.shape[0] % SymInt(i + 1) == 0 { y = try y + 1 }
                return y
            }, args: x, constraints: [dynamicDim(x, 0)], options: ExportOptions(branches: .explore(limit: 4)))
        #expect(many.failures.map(\.kind) == [.overBudget] && many.program == nil)
        var kept: [Tensor] = []
        let leak = exportReport(
            { (x: Tensor) in
                kept.append(x)
                return x.shape[0] > 2 ? try x.sin() : try x.cos()
            }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(leak.failures.map(\.kind) == [.leakedValue])
        #expect(kept.count == 2)
    }

    @Test func theLogOfAnExport() throws {
        let lines = Mutex<[String]>([])
        let first: Int = #line + 2
        let f = { (x: Tensor, n: Tensor) in
            if x.shape[0] > 3 { return try x.sin() }
            let k = try constrainAsValue(n.item(), min: 1, max: 2)
            if x.shape[0] < 1 { return x }
            return try x * Double(Int(k))
        }
        _ = try export(
            f, args: x, try Tensor([Int64(1)], shape: []), constraints: [dynamicDim(x, 0) <= 8],
            options: ExportOptions(names: ["x", "n"], log: .lines { line in lines.withLock { $0.append(line) } }))
        let found: [String] = lines.withLock { $0 }
        // The witnesses are the solver's choice.
        let texts: [String] = found.map { line in
            let parts = line.dropFirst(16).components(separatedBy: "        ")
            let head = line.prefix(16) + parts[0].components(separatedBy: "; ")[0]
            return parts.count > 1 ? "\(head) | \(parts[parts.count - 1])" : String(head)
        }
        let file = "ReportTests.swift"
        #expect(
            texts == [
                "symbol          s0 = x.shape[0] in 1...8, 4 in the example",
                "question        x.shape[0] >= 4: both, true first | \(file):\(first)",
                "end of path     1 decisions, 1 operations",
                "question        x.shape[0] >= 4: false on this path | \(file):\(first)",
                "symbol          u0 = n.item() in min...max | \(file):\(first + 1)",
                "requirement     n.item() >= 1: checked when the program runs | \(file):\(first + 1)",
                "requirement     n.item() <= 2: checked when the program runs | \(file):\(first + 1)",
                "question        n.item() == 1: both, true first | \(file):\(first + 3)",
                "end of path     2 decisions, 4 operations",
                "question        x.shape[0] >= 4: false on this path | \(file):\(first)",
                "requirement     n.item() >= 1: checked when the program runs | \(file):\(first + 1)",
                "requirement     n.item() <= 2: checked when the program runs | \(file):\(first + 1)",
                "question        n.item() == 1: false on this path | \(file):\(first + 3)",
                "end of path     2 decisions, 4 operations",
                // The function might catch what the requirements throw.
                "question        x.shape[0] >= 4: false on this path | \(file):\(first)",
                "requirement     n.item() >= 1: checked when the program runs | \(file):\(first + 1)",
                "requirement     n.item() <= 2: fails on this path | \(file):\(first + 1)",
                "end of path     1 decisions, 2 operations, threw",
                "question        x.shape[0] >= 4: false on this path | \(file):\(first)",
                "requirement     n.item() >= 1: fails on this path | \(file):\(first + 1)",
                "end of path     1 decisions, 1 operations, threw",
            ])
        let forks = found.filter { $0.contains("both, true first") }
        #expect(forks.allSatisfy { $0.contains("; true at x.shape[0] = ") && $0.contains("; false at x.shape[0] = ") })
    }
}
