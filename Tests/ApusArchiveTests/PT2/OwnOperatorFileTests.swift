import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusTensor
import Testing

@testable import ApusArchive

extension Operator {
    /// Times a factor; with a gradient and a default.
    fileprivate static func times(_ name: String = "mine::times") throws -> Operator {
        Operator(
            try Schema("\(name)(Tensor self, Tensor? extra=None, float factor=2.) -> Tensor"), rule: { [try $0.tensor(0).spec] },
            kernel: .host { call in
                let product = try call.tensor(0) * call.double(2)
                return [.tensor(try call.optionalTensor(1).map { try product + $0 } ?? product)]
            }, gradient: { g in [.tensor(try g.gradient * g.call.double(2))] })
    }
}

@Suite("Files with operators of the user's own") struct OwnOperatorFileTests {
    private let times: Operator
    private let table: OperatorTable
    private let x: Tensor

    init() throws {
        times = try .times()
        table = try OperatorTable.standard.adding([times])
        x = try Tensor([1, -2, 3] as [Float], shape: [3])
    }

    private func apply(_ x: Tensor, _ factor: Double = 2) throws -> Tensor {
        try applySingle(times, [.tensor(x), .none, .double(factor)])
    }

    @Test("They load with a table that has them, with cases, and run") func roundTrip() throws {
        let folder = try TemporaryFolder()
        let (path, again) = (folder.file("own.pt2"), folder.file("again.pt2"))
        let x = x
        let program = try export(
            { (x: Tensor) in try cond(x.sum() .> 0, then: { try apply(x, 3).exp() }, else: { try apply(x) }) }, args: x,
            constraints: [dynamicDim(x, 0).in(1...8)])
        try program.save(to: path, cases: [try program.makeCase("three", inputs: [x])])
        let loaded = try ExportedProgram.load(from: path, operators: table)
        for input in [x, try -x, try Tensor([5] as [Float], shape: [1])] {
            #expect(try difference(loaded.run([input])[0], program.run([input])[0], rtol: 0, atol: 0) == nil)
        }
        for saved in try ProgramCase.load(from: path) { #expect(try loaded.check(saved).allSatisfy { $0.passed }) }
        // What was loaded is saved and loaded once more, alone and among others.
        try loaded.save(to: again)
        #expect(try ExportedProgram.loadAll(from: again, operators: table)["model"]?.run([x])[0].array(of: Float.self).count == 3)
        #expect(try ExportedPrograms.load(from: again, operators: table).names == ["model"])
    }

    @Test("A joint program goes through their gradients") func gradient() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("joint.pt2")
        let program = try exportJoint({ (x: Tensor) in try apply(x, 5).square().sum() }, args: x, withRespectTo: [x])
        try program.save(to: path)
        let results = try ExportedProgram.load(from: path, operators: table).valueAndGradients(x)
        #expect(try results.loss.item(Float.self) == 350)
        #expect(try results.inputGradients.values.map { try $0.array(of: Float.self) } == [[50, -100, 150]])
    }

    @Test("PyTorch runs them where it has them") func inPyTorch() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("own.pt2")
        try export({ (x: Tensor) in try apply(x, 3) }, args: x).save(to: path)
        let output = try Python.run(
            """
            import sys, torch, logging
            logging.disable(logging.ERROR)
            library = torch.library.Library("mine", "DEF")
            library.define("times(Tensor self, Tensor? extra=None, float factor=2.) -> Tensor")
            library.impl("times", lambda self, extra=None, factor=2.0: self * factor, "CompositeExplicitAutograd")
            print(torch.export.load(sys.argv[1]).module()(torch.tensor([1.0, -2.0, 3.0])).tolist())
            """, [path])
        #expect(output == "[3.0, -6.0, 9.0]\n")
    }

    @Test("Without the table, the error names them and says how to give it") func missing() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("own.pt2")
        try export({ (x: Tensor) in try apply(apply(x)) }, args: x).save(to: path)
        let expected =
            "\(path): models/model.json: graph_module.graph: the program calls 1 operator that is not known, with the number of calls: "
            + "torch.ops.mine.times.default (2); load it with operators: OperatorTable.standard.adding([...]) where they are your own"
        #expect(archiveError(.unknownOperators) { _ = try ExportedProgram.load(from: path) }?.description == expected)
        #expect(archiveError(.unknownOperators) { _ = try ExportedPrograms.load(from: path) }?.description == expected)
        let other = try OperatorTable.standard.adding([.times("mine::other")])
        #expect(archiveError(.unknownOperators) { _ = try ExportedProgram.load(from: path, operators: other) }?.description == expected)
    }

    @Test("An operator of the name with other parameters is an error that names them") func otherSchema() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("own.pt2")
        try export({ (x: Tensor) in try apply(x, 3) }, args: x).save(to: path)
        let bare = Operator(
            try Schema("mine::times(Tensor self) -> Tensor"), rule: { [try $0.tensor(0).spec] }, kernel: .host { [$0[0]] })
        let table = try OperatorTable.standard.adding([bare])
        let error = archiveError(.unsupported) { _ = try ExportedProgram.load(from: path, operators: table) }
        #expect(error?.description.contains("argument 'factor': is not one of the operator's here, and could change the result") == true)
        let odd = Operator(
            try Schema("mine::times(Tensor self, Tensor? extra=None, float factor=2., int depth=deep) -> Tensor"),
            rule: { [try $0.tensor(0).spec] }, kernel: .host { [$0[0]] })
        let defaults = archiveError(.unsupported) {
            _ = try ExportedProgram.load(from: path, operators: OperatorTable.standard.adding([odd]))
        }
        #expect(defaults?.description.contains("argument 'depth': its default 'deep' is no int") == true)
    }

    @Test("A name stands for one operator") func clash() throws {
        for (name, added) in [("mine::times", [times, try .times()]), ("aten::sin", [try .times("aten::sin")])] {
            do {
                _ = try OperatorTable.standard.adding(added)
                Issue.record("nothing was thrown")
            } catch let error as TensorError {
                #expect(error.code == .invalidArgument)
                #expect(error.message == "two operators are named '\(name)': give one another name or namespace")
            }
        }
    }
}
