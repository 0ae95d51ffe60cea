import Apus
import Testing

extension PageTests {
    @Test func lowering() throws {
        let x = try Tensor.randn([4, 6], seed: 0)
        let model = try Linear(6, 2)
        try inFolder { folder in
            let program = try export({ (x: Tensor) in try model(x.cos() * 2).relu() }, of: model, args: x)
            try program.save(to: "\(folder)/model.pt2")
            // snippet
            let (small, report) = try program.reducingWeights(to: .int8)
            for weight in report.kept { print(weight.name, weight.reason) }
            let difference = try small.check(program.makeCase("mine", inputs: [x]))[0]  // largestError, meanError
            // snippet.end
            // snippet
            let plain = try program.skipping(LoweringPipeline.standard.names)  // none of them
            let suspect = try ExportedProgram.load(from: "\(folder)/model.pt2", options: ProgramOptions(skipping: ["fuse-rows"]))
            // snippet.end
            #expect(report.reduced.count == 1 && report.kept.isEmpty && difference.largestError < 0.1)
            let (a, b, c): (Tensor, Tensor, Tensor) = (try program(x), try plain(x), try suspect(x))
            #expect(try a.allclose(b) && a.allclose(c))
            #expect(try Self.missing(LoweringPipeline.standard.names.map { "| `\($0)`" }.joined(separator: "\n"), in: "Lowering") == [])
            #expect(try program.loweredText(for: [x]).hasPrefix("passes: dead-code, simplify-views, common-subexpressions, "))
        }
    }
}
