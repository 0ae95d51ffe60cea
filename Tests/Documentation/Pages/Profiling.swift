import Apus
import Testing

extension PageTests {
    @Test func profiling() throws {
        let x = try Tensor.randn([4], seed: 0)
        try inFolder { folder in
            try export({ (x: Tensor) in try x.sin().exp() }, args: x).save(to: "\(folder)/model.pt2")
            // snippet
            let profiler = Profiler()
            let program = try ExportedProgram.load(from: "\(folder)/model.pt2", profiler: profiler)
            _ = try program.run([x], profiler: profiler)
            print(profiler.summary)
            // snippet.end
            #expect(Set(profiler.events.map(\.kind)) == [.load, .bind, .run, .step])
        }
    }
}
