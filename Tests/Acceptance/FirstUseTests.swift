import Apus
import Foundation
import JudgeSupport
import Testing

/// What a newcomer writes, with Foundation beside it.
@Suite struct FirstUseTests {
    @Test func programsGiveATensorWhereNothingSaysOtherwise() throws {
        let x: Tensor = try Tensor([1.0, 2])
        let program = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [])
        let doubled = try program(x)
        #expect(try doubled.array(of: Float.self) == [2, 4])
        #expect(try program(x).sum().item(Float.self) == 6)
        let typed: Tensor = try program(x)
        #expect(try typed.equal(doubled))
        let pair = try export({ (x: Tensor) in [try x + 1, try x - 1] }, args: x, constraints: [])
        let both: [Tensor] = try pair(x)
        #expect(both.count == 2)
    }

    @Test func mistakesAreToldInTheUsersTerms() throws {
        let x: Tensor = try Tensor.ones([2, 3])
        let program = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [])
        let structure = try #require(throws: ProgramError.self) { let _: Tensor = try program(x, x) }
        #expect(
            structure.description.hasPrefix(
                "the arguments have the structure (*, *) where the program takes (*): pass 1 argument rather than 2"))
    }

    private static let line: Int = #line + 3
    /// More follows the call, whose frame an optimised build would leave out otherwise.
    @inline(never) private static func multiply(_ x: Tensor) throws -> Tensor {
        let product: Tensor = try x.matmul(x)
        return try product.exp() + product
    }

    /// However an error is printed, with the line of the user's program.
    @Test func printedErrorsNameTheLine() throws {
        let x: Tensor = try Tensor.ones([2, 3])
        let error = try #require(throws: TensorError.self) { try Self.multiply(x) }
        let text: String =
            "matmul: shapes [2, 3] and [2, 3] can't be multiplied: the inner sizes are 3 and 2 (at FirstUseTests.swift:\(Self.line))"
        let printed: [String] = [
            "\(error)", String(describing: error), String(reflecting: error), (error as any Error).localizedDescription,
        ]
        #expect(printed == Array(repeating: text, count: 4))
        #expect(error.message == "shapes [2, 3] and [2, 3] can't be multiplied: the inner sizes are 3 and 2")

        let traced: Int = #line + 1
        let failure = try #require(throws: TensorError.self) { try export({ (x: Tensor) in try x.matmul(x) }, args: x, constraints: []) }
        #expect("\(failure)".hasSuffix("(at FirstUseTests.swift:\(traced))"))

        let program = try export({ (x: Tensor) in try x + 1 }, args: x, constraints: [dynamicDim(x, 0) <= 4])
        let large = try #require(throws: ProgramError.self) { let _: Tensor = try program(Tensor.ones([5, 3])) }
        #expect("\(large)".hasPrefix("x.shape[0] must be in 1...4, got 5"))
    }

    @Test func errorsSayToFoundationWhatTheySay() throws {
        let x: Tensor = try Tensor.ones([2, 3])
        let error = try #require(throws: TensorError.self) { try x.matmul(x) }
        #expect((error as any Error).localizedDescription == error.description)
        let missing = try #require(throws: StateDictMismatch.self) { try Linear(2, 3).load([:]) }
        #expect((missing as any Error).localizedDescription == "Linear: the state dictionary does not fit\n  missing: weight, bias")
        let file = try #require(throws: ArchiveError.self) { try ExportedProgram.load(from: "absent.pt2") }
        #expect((file as any Error).localizedDescription == file.description)
    }

    @Test func tensorsAreCoded() throws {
        for x in [
            try Tensor([[1.5, -.infinity, .nan], [0, 2, 3]]), try Tensor([true, false]), try Tensor(7), try Tensor.zeros([0, 2]),
        ] {
            let data: Data = try JSONEncoder().encode(["mean": x])
            let back: Tensor = try #require(try JSONDecoder().decode([String: Tensor].self, from: data)["mean"])
            #expect(back.spec.description == x.spec.description)
            #expect(try back.data() == x.data())
        }
        let text: Data = Data(#"{"dtype": "float32", "shape": [3], "data": "AAA="}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Tensor.self, from: text) }
        #expect(try Tensor(Data([0, 0, 128, 63]), dtype: .float32, shape: []).item(Float.self) == 1)
    }

    @Test func modelsArePrinted() throws {
        final class Classifier: Module {
            let hidden: Linear
            let body: Sequential
            @Parameter var scale: Tensor
            init() throws {
                hidden = try Linear(4, 3)
                body = Sequential(ReLU(), try Linear(3, 2, bias: false))
                scale = try Tensor.ones([2])
            }
        }
        #expect(
            "\(try Classifier())" == """
                Classifier: 23 parameters
                  hidden: Linear, 15
                  body: Sequential, 6
                    0: ReLU
                    1: Linear, 6
                """)
        #expect("\(StateDictMismatch(moduleType: "Linear"))" == "Linear: the state dictionary fits")
    }

    @Test func filesOfOtherFormatsSayWhatToDo() throws {
        let folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let onnx: String = folder.appendingPathComponent("model.onnx").path
        try Data([8, 7, 18, 0]).write(to: URL(fileURLWithPath: onnx))
        let error = try #require(throws: ArchiveError.self) { try ExportedProgram.load(from: onnx) }
        #expect(error.reason == "is no ONNX model: it holds no graph")
        let pickled: String = folder.appendingPathComponent("model.pt").path
        try Python.run("import sys, torch; torch.save({'weight': torch.ones(2)}, sys.argv[1])", [pickled])
        let other = try #require(throws: ArchiveError.self) { try ExportedProgram.load(from: pickled) }
        #expect(other.code == .pickled)
        #expect(
            other.reason.hasPrefix(
                "holds pickled objects that torch.save wrote, which are never read: save a program with torch.export.save"))
    }
}
