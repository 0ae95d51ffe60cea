import Foundation
import JudgeSupport
import Testing

/// Models that people have, out of packages, on real inputs.
@Suite("ONNX models out of packages") struct ONNXModelTests {
    @Test("Detection, direction, recognition and file types, plain and quantised, and trees, give ONNX Runtime's answers")
    func all() throws {
        let folder: String = NSTemporaryDirectory() + "apus-onnx-models-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Python.runFile("Tests/Judges/onnx_models.py", [folder])
        let cases: [ONNXCase] = try ONNXCase.all(in: folder).cases
        #expect(cases.count >= 26)
        for one in cases {
            guard case .passed(fixing: false) = one.outcome(in: folder) else {
                Issue.record("\(one.name): \(one.outcome(in: folder))")
                continue
            }
        }
    }
}
