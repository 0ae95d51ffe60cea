import ApusExport
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

private final class Counter: Module {
    @Buffer var count: Tensor
    let linear: Linear

    init() throws {
        count = try Tensor.zeros([1])
        linear = try Linear(3, 2)
    }

    func forward(_ x: Tensor) throws -> [Tensor] {
        count = try count + 1
        return [try linear(x) * count, x]
    }
}

@Suite("Cases saved with a program")
struct ProgramCaseTests {
    private let x: Tensor

    init() throws { x = try Tensor.randn([4, 3], seed: 1) }

    @Test("Cases are saved, loaded and checked; PyTorch passes over them")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("counter.pt2")
        let program = try export(try Counter(), args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        let cases = [
            try program.makeCase("four rows", inputs: [x]),
            try program.makeCase("one row", inputs: [try Tensor.randn([1, 3], seed: 2)], relativeTolerance: 1e-3, absoluteTolerance: 1e-4),
        ]
        // Making a case is no run of the program.
        #expect(try program.stateDict["count"]?.array(of: Float.self) == [0])
        #expect(cases[0].expected.keys.sorted() == ["buffer.count", "out.0", "out.1"])
        try program.save(to: path, cases: cases)
        let loaded = try ProgramCase.load(from: path)
        #expect(loaded.map(\.name) == ["four rows", "one row"])
        #expect(loaded.map(\.relativeTolerance) == [1e-5, 1e-3] && loaded.map(\.absoluteTolerance) == [1e-6, 1e-4])
        let again = try ExportedProgram.load(from: path)
        for item in loaded {
            let results = try again.check(item)
            #expect(results.map(\.label) == ["buffer.count", "out.0", "out.1"])
            #expect(results.allSatisfy { $0.passed && $0.largestError == 0 })
        }
        #expect(
            try Python.run(
                """
                import sys, torch, logging
                logging.disable(logging.ERROR)
                print(torch.export.load(sys.argv[1]).module()(torch.zeros(2, 3))[1].shape)
                """, [path]) == "torch.Size([2, 3])\n")
        // A file without cases has none.
        try program.save(to: path)
        #expect(try ProgramCase.load(from: path).isEmpty)
    }

    @Test("A wrong result is found, with its error")
    func mismatches() throws {
        let program = try export(try Counter(), args: x)
        var item = try program.makeCase("changed", inputs: [x])
        let first = try #require(item.expected["out.0"])
        item.expected["out.0"] = try first + 0.5
        item.expected["out.1"] = try Tensor.zeros([4, 4])
        item.expected["out.7"] = first
        let results = try program.check(item)
        #expect(results.map(\.passed) == [true, false, false, false])
        #expect(abs(results[1].largestError - 0.5) < 1e-5)
        #expect(results[2].note == "expected float32[4, 4], got float32[4, 3]")
        #expect(results[3].note == "the program gives no such result")
        item.expected = ["out.0": try first + 0.5]
        item.absoluteTolerance = 1
        #expect(try program.check(item).map(\.passed) == [true])
    }

    @Test("Numbers, NaN and infinities compare as they should")
    func comparisons() throws {
        func compare(_ a: [Float], _ b: [Float]) throws -> ResultComparison {
            try ResultComparison(
                "r", try Tensor(a, shape: [a.count]), try Tensor(b, shape: [b.count]), relativeTolerance: 0, absoluteTolerance: 0.1)
        }
        #expect(try compare([.nan, .infinity, 1], [.nan, .infinity, 1.05]).passed)
        #expect(try !compare([.nan], [1]).passed && compare([.nan], [1]).largestError == .infinity)
        #expect(try !compare([1], [.infinity]).passed && compare([1], [.infinity]).largestError == .infinity)
        #expect(try !compare([-.infinity], [.infinity]).passed)
        let big = 1 << 60
        #expect(
            try !ResultComparison(
                "r", try Tensor([big + 1], shape: [1]), try Tensor([big], shape: [1]), relativeTolerance: 0, absoluteTolerance: 0
            ).passed)
    }

    @Test("Entry points and joint programs have cases of their own")
    func entryPoints() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("two.pt2")
        let model = try Counter()
        let programs = try export(
            [
                "eval": EntryPoint({ (x: Tensor) in try model.linear(x) }, args: x),
                "train": .joint({ (x: Tensor) in try model.linear(x).square().mean() }, args: x, withRespectTo: [x]),
            ], of: model)
        let train = try programs.program(named: "train")
        try programs.save(to: path, cases: ["train": [try train.makeCase("gradients", inputs: [x])]])
        #expect(try ProgramCase.load(from: path, name: "eval").isEmpty)
        let item = try #require(try ProgramCase.load(from: path, name: "train").first)
        #expect(item.expected.keys.sorted() == ["gradient.input.x", "gradient.linear.bias", "gradient.linear.weight", "out.0"])
        #expect(try ExportedPrograms.load(from: path).program(named: "train").check(item).allSatisfy(\.passed))
        #expect(throws: ProgramError.self) { try programs.save(to: path, cases: ["test": []]) }
    }

    @Test("Tables that do not fit are refused")
    func damaged() throws {
        func parse(_ text: String) throws { _ = try CaseTable(json: try JSONParser.parse(text)) }
        #expect(throws: JSONMismatch.self) { try parse(#"{"version": 2, "cases": []}"#) }
        #expect(throws: JSONMismatch.self) { try parse(#"{"version": 1}"#) }
    }
}
