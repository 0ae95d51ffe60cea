import Apus
import Synchronization
import Testing

extension PageTests {
    @Test func errors() throws {
        let (a, b) = (try Tensor.zeros([2, 3]), try Tensor.zeros([2, 3]))
        // snippet
        do {
            _ = try a.matmul(b)
        } catch let error as TensorError where error.code == .shapeMismatch {
            print(error)
        }
        // snippet.end

        let (x, y) = (try Tensor.zeros([4, 6]), try Tensor.zeros([4, 6]))
        var violation: ConstraintViolationError?
        do {
            // snippet
            _ = try export({ (x: Tensor, y: Tensor) in try x.sin() + y }, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
            // snippet.end
        } catch let error as ConstraintViolationError { violation = error }
        let error = try #require(violation)
        #expect(try Self.missing("\(error)", in: "Errors") == [])
        // What it proposes is enough.
        _ = try export(
            { (x: Tensor, y: Tensor) in try x.sin() + y }, args: x, y,
            constraints: [dynamicDim(x, 0), dynamicDim(y, 0)] + error.suggestedFixes)
        let f: (Tensor, Tensor) throws -> Tensor = { x, y in try x.sin() + y }
        try inFolder { folder in
            // snippet
            let report = exportReport(f, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
            print(report)
            for failure in report.failures where failure.kind == .dataDependent { print(failure.site as Any) }
            if let program = report.program { try program.save(to: "\(folder)/model.pt2") }
            // snippet.end
            #expect(report.failures.count == 1 && report.program != nil)
        }
        try log()
    }

    private func log() throws {
        let x = try Tensor.zeros([4])
        let f: (Tensor) throws -> Tensor = { x in x.shape[0] > 3 ? try x.sin() : try x.cos() }
        // snippet
        _ = try export(f, args: x, constraints: [dynamicDim(x, 0) <= 8], options: ExportOptions(log: .lines { print($0) }))
        // snippet.end
        let lines = Mutex<[String]>([])
        _ = try export(
            f, args: x, constraints: [dynamicDim(x, 0) <= 8],
            options: ExportOptions(log: .lines { line in lines.withLock { $0.append(line) } }))
        #expect(try Self.missing(lines.withLock { $0.prefix(3).joined(separator: "\n") }, in: "Errors") == [])
    }
}
