import Apus
import Foundation
import JudgeSupport
import Testing

/// ONNX's own backend tests: a model for each operator and each of its settings, with inputs and answers.
///
/// What is read and what is refused stands in a page of the documentation, which this writes and compares: a case that passes no more, or
/// another answer, is a difference. APUS_ONNX_CASES names a folder that `Tests/Judges/onnx_cases.py` has filled, APUS_ONNX_REPORT a file for
/// what is wrong with each case.
@Suite("ONNX's own tests")
struct ONNXTests {
    private static let page = "Sources/Apus/Apus.docc/ONNXOperators.md"
    /// Of those that hold neither texts nor sequences as inputs and do not train.
    private static let target = 0.95

    private struct Row {
        var passed = 0
        var fixing = 0
        var refused: [String] = []
        var count: Int { passed + refused.count }
    }

    private static func folder() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["APUS_ONNX_CASES"] { return folder }
        let folder = NSTemporaryDirectory() + "apus-onnx-\(ProcessInfo.processInfo.processIdentifier)"
        try Python.runFile("Tests/Judges/onnx_cases.py", [folder])
        return folder
    }

    @Test("Models give ONNX's answers, or are refused as the page says")
    func all() throws {
        let folder: String = try Self.folder()
        defer { if ProcessInfo.processInfo.environment["APUS_ONNX_CASES"] == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let (cases, without) = try ONNXCase.all(in: folder)
        var rows: [String: Row] = [:]
        var wrong: [String] = []
        var report: [String] = []
        for one in cases {
            var row: Row = rows[one.operator] ?? Row()
            switch one.outcome(in: folder) {
            case .passed(let fixing):
                row.passed += 1
                if fixing { row.fixing += 1 }
            case .refused(let reason):
                row.refused.append(one.name)
                report.append("refused \(one.operator) \(one.name): \(reason)")
            case .wrong(let difference):
                row.refused.append(one.name)
                wrong.append("\(one.name): \(difference)")
                report.append("wrong \(one.operator) \(one.name): \(difference)")
            }
            rows[one.operator] = row
        }
        if let path = ProcessInfo.processInfo.environment["APUS_ONNX_REPORT"] {
            try report.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        }
        let passed: Int = rows.values.reduce(0) { $0 + $1.passed }
        print("ONNX: \(passed) of \(cases.count) cases pass, \(wrong.count) give other answers")
        #expect(wrong.isEmpty, "\(wrong.prefix(40).joined(separator: "\n"))")
        #expect(Double(passed) >= Self.target * Double(cases.count))
        try expectRecorded(Self.page(rows, cases.count, passed, without), in: Self.page)
    }

    private static func page(_ rows: [String: Row], _ count: Int, _ passed: Int, _ without: [String: Int]) -> String {
        let kinds: [(key: String, name: String)] = [
            ("texts", "hold texts"), ("sequence", "take sequences"), ("training", "train"), ("nothing", "leave an input open"),
        ]
        let rest: String = kinds.compactMap { kind in without[kind.key].map { "\($0) that \(kind.name)" } }.joined(separator: ", ")
        var lines: [String] = [
            "# ONNX's operators", "",
            "How many of ONNX's own tests of each operator Apus gives the answers of, and which it refuses.", "",
            "## Overview", "",
            "\(passed) of \(count) tests pass; no other answer is given. Not among them are \(rest). Behind a plus sign stands how many of the "
                + "tests pass only with small inputs as constants (sizes, limits, scales), on whose values depends what is computed.", "",
            "| Operator | Tests | Passed | Refused |", "| --- | --- | --- | --- |",
        ]
        for (name, row) in rows.sorted(by: { $0.key < $1.key }) {
            let fixing: String = row.fixing == 0 ? "" : " (+\(row.fixing))"
            let refused: String = row.refused.map { $0.replacingOccurrences(of: "test_", with: "") }.joined(separator: ", ")
            lines.append("| \(name) | \(row.count) | \(row.passed - row.fixing)\(fixing) | \(refused) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
