import Apus
import Foundation
import JudgeSupport
import Testing

/// Programs of one operator each, made by PyTorch out of its own operator database, with its own answers.
///
/// The programs are made when the tests run, a fixed choice of operators; APUS_CONFORMANCE_CASES names a folder with others (see
/// `Tests/Judges/make_cases.py`). A program that calls an operator that Apus does not have is counted, not failed.
@Suite("PyTorch's operators, one program each")
struct ConformanceTests {
    /// The families that are checked every day; all others through APUS_CONFORMANCE_CASES.
    private static let everyDay =
        "^(add|sub|mul|div|pow|neg|abs|sign|minimum|maximum|clamp|exp|log|sqrt|rsqrt|sin|cos|tanh|sigmoid|erf|where|eq|lt|ge|logical_and|sum|"
        + "mean|amax|amin|argmax|prod|any|all|var|softmax|log_softmax|cumsum|mm|bmm|addmm|matmul|view|reshape|permute|transpose|expand|unsqueeze|"
        + "squeeze|select|cat|stack|split|index_select|gather|flatten|unbind|masked_fill|index_put|index_add|scatter|take_along_dim|"
        + "nn.functional.(relu|gelu|silu|layer_norm|linear|embedding|conv1d|conv2d|max_pool2d|avg_pool2d|batch_norm|pad|softplus|hardswish))$"

    private static func cases() throws -> [ConformanceCase] {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["APUS_CONFORMANCE_CASES"] { return try ConformanceCase.all(in: folder) }
        let folder = NSTemporaryDirectory() + "apus-conformance-\(ProcessInfo.processInfo.processIdentifier)"
        try Python.runFile(
            "Tests/Judges/make_cases.py",
            ["--out", folder, "--limit-per-op", "1", "--dtypes", "float32,int64", "--dynamic", "--inplace", "--ops-regex", everyDay])
        return try ConformanceCase.all(in: folder)
    }

    @Test("Every program whose operators Apus has gives PyTorch's answers")
    func all() throws {
        var passed = 0
        var missing: [String: Int] = [:]
        var failures: [String] = []
        let cases = try Self.cases()
        for one in cases {
            do {
                try one.check()
                passed += 1
            } catch let error as ArchiveError where error.code == .unknownOperators {
                for target in one.targets { missing[target, default: 0] += 1 }
            } catch {
                failures.append("\(one.id) (\(one.targets.joined(separator: ", "))): \(error)")
            }
        }
        let uncovered = cases.count - passed - failures.count
        print(
            "Conformance: \(passed) of \(cases.count) programs give PyTorch's answers, \(failures.count) do not, \(uncovered) call operators that are missing"
        )
        if let report = ProcessInfo.processInfo.environment["APUS_CONFORMANCE_REPORT"] {
            let lines = failures + missing.sorted { $0.value > $1.value }.map { "missing \($0.value) \($0.key)" }
            try lines.joined(separator: "\n").write(toFile: report, atomically: true, encoding: .utf8)
        }
        #expect(passed > 0)
        #expect(failures.isEmpty, "\(failures.prefix(40).joined(separator: "\n"))")
    }
}
