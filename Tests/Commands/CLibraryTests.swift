import Apus
import Foundation
import JudgeSupport
import Testing

private final class Counter: Module {
    @Buffer var total: Tensor = try! Tensor.zeros([])

    func add(_ x: Tensor) throws -> Tensor {
        total = try total + x
        return total
    }
}

/// The C library, as C programs use it: compiled against its header, linked with what was built beside the tests.
@Suite("The C library") struct CLibraryTests {
    private func run(_ source: String, _ options: [String], _ arguments: String..., in folder: TemporaryFolder) throws -> Built.Outcome {
        let program: String = folder.file("program")
        let library: String = Built.folder.path
        let compiled = try Built.run(
            "/usr/bin/env",
            ["clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", Python.root + "/Sources/CApus/include", Python.root + source]
                + options + ["-L", library, "-lApusC", "-lpthread", "-Wl,-rpath," + library, "-o", program])
        #expect(compiled.status == 0, "\(compiled.messages)")
        return try Built.run(program, arguments)
    }

    private func save(in folder: TemporaryFolder) throws {
        let x = try Tensor.ones([2, 3])
        try export({ x in (try x * 2, try x.sum(), x.shape[0]) }, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
            .save(to: folder.file("two.pt2"))
        let counter = Counter()
        try export(counter.add, of: counter, args: Tensor.zeros([])).save(to: folder.file("counter.pt2"))
    }

    @Test("Every function does what the header says, and refuses what is wrong") func calls() throws {
        let folder = try TemporaryFolder()
        try save(in: folder)
        let outcome = try run("/Tests/CLibrary/calls.c", [], folder.path, in: folder)
        #expect(outcome.status == 0 && outcome.output == "passed\n", "\(outcome.output) \(outcome.messages)")
    }

    @Test("The example runs a program") func example() throws {
        let folder = try TemporaryFolder()
        try save(in: folder)
        let outcome = try run("/Examples/C/run.c", [], folder.file("two.pt2"), in: folder)
        #expect(outcome.status == 0, "\(outcome.messages)")
        #expect(
            outcome.lines.first?.hasPrefix("input x: type 8, [") == true && outcome.output.contains("in 1...8, 3]"), "\(outcome.output)")
        #expect(outcome.output.contains("result 0: 1 3, 12 bytes\nresult 1:, 4 bytes\nresult 2:, 8 bytes\n"), "\(outcome.output)")
    }

    @Test("The header is C++ as well") func header() throws {
        let compiled = try Built.run(
            "/usr/bin/env",
            ["clang", "-x", "c++", "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", Python.root + "/Sources/CApus/include/apus.h"])
        #expect(compiled.status == 0, "\(compiled.messages)")
    }
}
