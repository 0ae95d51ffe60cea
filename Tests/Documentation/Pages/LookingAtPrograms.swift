import Apus
import ApusView
import Foundation
import Testing

extension PageTests {
    @Test func lookingAtPrograms() throws {
        let x = try Tensor.randn([4], seed: 0)
        let program = try export({ (x: Tensor) in try x.sin() * 2 }, args: x)
        let changed = try export({ (x: Tensor) in try x.sin() * 3 }, args: x)
        try inFolder { folder in
            // snippet
            let page = try ProgramPage(program, title: "classifier", inputs: [x], isProfiled: true)
            try page.html.write(toFile: "\(folder)/classifier.html", atomically: true, encoding: .utf8)
            // snippet.end
            #expect(page.html.hasPrefix("<!doctype html>"))
            // snippet
            let difference = try ProgramDifference(program, changed, inputs: [x])
            print(difference.verdict)  // different
            print(difference.firstDifference?.operator ?? "")  // aten::mul.Tensor
            // snippet.end
            #expect(difference.verdict == .different && difference.firstDifference?.operator == "aten::mul.Tensor")
            // snippet
            let digest = try program.digest()
            // snippet.end
            #expect(try digest.count == 64 && digest != changed.digest())
            // snippet
            let profiler = Profiler()
            _ = try program.run([x], profiler: profiler)
            try ChromeTrace(profiler.events).json.write(toFile: "\(folder)/trace.json", atomically: true, encoding: .utf8)
            // snippet.end
            #expect(FileManager.default.fileExists(atPath: "\(folder)/trace.json"))
        }
    }
}
