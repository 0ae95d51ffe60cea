import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Functions that would keep the exporter asking for ever: each ends in its error, in bounded time.
@Suite("Exports that end", .timeLimit(.minutes(20))) struct EndlessTests {
    private let x: Tensor

    init() throws { x = try Tensor([1, 2, 3] as [Float], shape: [3]) }

    private func failure(
        _ branches: BranchPolicy = .explore(), _ constraints: [any ConstraintConvertible] = [], _ f: (Tensor) throws -> Tensor
    ) throws -> ProgramError? {
        let error = #expect(throws: ProgramError.self) {
            _ = try export(f, args: x, constraints: constraints, options: ExportOptions(branches: branches))
        }
        return error
    }

    /// CE5a of the audit.
    @Test("guardExample of a value in a loop") func guardedValue() throws {
        let error = try failure(.guardExample) { x in
            var y = try x.sum()
            while true {
                if try y.item(SymFloat.self) >= 100 { break }
                y = try y + 1
            }
            return y
        }
        #expect(error?.code == .untraceable)
        #expect(error?.message.contains("depends on a value that only a run knows") == true)
    }

    /// CE5b of the audit.
    @Test("A large limit of paths") func largeLimit() throws {
        let error = try failure(.explore(limit: 1024), [dynamicDim(x, 0) <= 1000]) { x in
            var y = x
            for i in 1... {
                if x.shape[0] == SymInt(i) { break }
                y = try y + 1
            }
            return y
        }
        #expect(error?.code == .overBudget)
        #expect(error?.message.hasPrefix("more than 256 questions on one path; the last one is 'x.shape[0] == 257'.") == true)
    }

    /// CE5c of the audit.
    @Test("A loop in the body of a loop, by what the body carries") func bodies() throws {
        let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
            let n = x.shape[0]
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < n
            } do: { i, y in
                var z = y
                for _ in 0..<i { z = try z + 1 }
                return (i + 1, z)
            }
            return end.1
        }
        #expect(error?.code == .untraceable)
        #expect(error?.message.hasPrefix("the body of whileLoop asks whether") == true)
    }

    @Test("A loop in the body of a loop that only asks") func bodiesThatOnlyAsk() throws {
        let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
            let n = x.shape[0]
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                i < n
            } do: { i, y in
                var count = 0
                while SymInt(count) < i { count += 1 }
                return (i + 1, try y + count)
            }
            return end.1
        }
        #expect(error?.message.hasPrefix("the body of whileLoop asks whether") == true)
    }

    @Test("A loop that only asks, for either answer or for two at once") func loopsThatOnlyAsk() throws {
        for answer in [true, false] {
            let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
                var i = 2
                while (answer ? x.shape[0] * 3 >= SymInt(i) : x.shape[0] * 3 <= SymInt(i)) == answer { i += 1 }
                return try x + i
            }
            #expect(error?.code == .overBudget)
        }
        let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
            func isAbove(_ i: Int) -> Bool { x.shape[0] > SymInt(i) }
            var i = 0
            while isAbove(2 * i) || isAbove(2 * i + 1) { i += 1 }
            return try x + i
        }
        #expect(error?.code == .overBudget)
    }

    @Test("guardExample in a loop that only asks about values") func guardedLoopThatOnlyAsks() throws {
        let error = try failure(.guardExample) { x in
            let v = try x.sum().item(SymFloat.self)
            var i = 0
            while v > Double(i) { i += 1 }
            return try x + i
        }
        #expect(error?.code == .untraceable)
    }

    @Test("guardExample of sizes in a loop") func guardedSizes() throws {
        let large = try Tensor.ones([5000])
        let error = #expect(throws: ProgramError.self) {
            _ = try export(
                { (x: Tensor) in
                    var count = 0
                    while SymInt(count) < x.shape[0] { count += 1 }
                    return try x + count
                }, args: large, constraints: [dynamicDim(large, 0)], options: ExportOptions(branches: .guardExample))
        }
        #expect(error?.code == .overBudget)
        #expect(error?.message.hasPrefix("more than 1024 questions on one path") == true)
    }

    @Test("A run that differs from an earlier one") func diverging() throws {
        var runs = 0
        let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
            runs += 1
            var y = x
            if runs == 1 { return x.shape[0] > 3 ? try y.sin() : y }
            for i in 5... {
                if x.shape[0] == SymInt(i) { break }
                y = try y + 1
            }
            return y
        }
        #expect(error?.code == .notDeterministic)
    }

    @Test("A question whose answer is known, without end") func knownAnswers() throws {
        let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
            if x.shape[0] <= 5 { return x }
            while x.shape[0] > 3 {}
            return try x.sin()
        }
        #expect(error?.code == .overBudget)
        #expect(error?.message.hasSuffix("Is it a loop that does not end?") == true)
    }

    @Test("A number that can't be computed, in a loop") func faults() throws {
        let error = try failure(.explore(), [dynamicDim(x, 0)]) { x in
            var y = x
            while !(x.shape[0] / (SymInt(3) - 3) > 2) { y = try y + 1 }
            return y
        }
        #expect(error?.message.hasPrefix("a size can't be computed: division by zero") == true)
    }

    @Test("A report of such a function") func reports() throws {
        let report = exportReport(
            { (x: Tensor) in
                var y = try x.sum()
                while try y.item(SymFloat.self) < 100 { y = try y + 1 }
                return y
            }, args: x, options: ExportOptions(branches: .explore(limit: 4)))
        #expect(report.program == nil)
        #expect(report.failures.contains { $0.kind == .overBudget })
    }
}
