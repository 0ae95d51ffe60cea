import ApusExport
import ApusNN
import ApusProgram
import ApusTensor
import Testing

@testable import ApusArchive

private final class Total: Module {
    @Buffer var total: Tensor
    @Parameter var scale: Tensor

    init() throws {
        total = try Tensor([0, 0] as [Float], shape: [2])
        scale = try Tensor([2, 3] as [Float], shape: [2])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        total = try total + x * scale
        return total
    }
}

@Suite("Several programs in one file")
struct EntryPointFileTests {
    private let x: Tensor

    init() throws { x = try Tensor([1, 10] as [Float], shape: [2]) }

    private func programs() throws -> ExportedPrograms {
        let model = try Total()
        return try export(
            [
                "add": EntryPoint({ (x: Tensor) in try model.forward(x) }, args: x),
                "show": EntryPoint({ (x: Tensor) in try model.total * x }, args: x),
            ],
            of: model)
    }

    @Test("Weights are stored once, and state is shared again")
    func shared() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("two.pt2")
        try programs().save(to: path, extraFiles: ["notes.txt": "two entry points"])
        let files = try ZipReader(path: path).directory.entries.map(\.name)
        #expect(files.filter { $0.contains("/data/weights/weight_") } == ["two/data/weights/weight_0", "two/data/weights/weight_1"])
        let loaded = try ExportedPrograms.load(from: path)
        #expect(loaded.names.sorted() == ["add", "show"])
        let add = try loaded.program(named: "add")
        let show = try loaded.program(named: "show")
        _ = try add.run([x])
        _ = try add.run([x])
        #expect(try show.run([x])[0].array(of: Float.self) == [4, 600])
        #expect(try add.stateDict["total"]?.array(of: Float.self) == [4, 60])
        let output = try Python.run(
            """
            import sys, torch, logging
            logging.disable(logging.ERROR)
            from torch.export.pt2_archive._package import load_pt2
            contents = load_pt2(sys.argv[1])
            print(sorted(contents.exported_programs), contents.extra_files)
            with torch.no_grad(): print(contents.exported_programs["add"].module()(torch.tensor([1.0, 10.0])).tolist())
            """, [path])
        #expect(output == "['add', 'show'] {'notes.txt': 'two entry points'}\n[2.0, 30.0]\n")
    }

    @Test("A name that is not there is answered with those that are")
    func names() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("two.pt2")
        try programs().save(to: path)
        let error = archiveError(.missing) { _ = try ExportedProgram.load(from: path) }
        #expect(error?.description == "\(path): models/model.json: no program of this name; the archive holds 'add', 'show'")
        #expect(try ExportedProgram.load(from: path, name: "show").graphSignature.buffers == ["total"])
    }

    @Test("PyTorch opens the only program by torch.export.load, whatever its name; several by load_pt2")
    func inPyTorch() throws {
        let folder = try TemporaryFolder()
        let (one, two, named) = (folder.file("one.pt2"), folder.file("two.pt2"), folder.file("named.pt2"))
        let model = try Total()
        let only = try export(["show": EntryPoint({ (x: Tensor) in try model.scale * x }, args: x)], of: model)
        let program = try only.program(named: "show")
        try only.save(to: one, cases: ["show": [try program.makeCase("a case", inputs: [x])]])
        try programs().save(to: two)
        try ExportedPrograms([("other", program), ("model", program)]).save(to: named)
        let output = try Python.run(
            """
            import sys, torch, logging
            logging.disable(logging.ERROR)
            from torch.export.pt2_archive._package import load_pt2
            for path in sys.argv[1:]:
                try:
                    with torch.no_grad(): print(torch.export.load(path).module()(torch.tensor([1.0, 10.0])).tolist(), end=" ")
                except Exception as error: print(type(error).__name__, end=" ")
                print(list(load_pt2(path).exported_programs))
            """, [one, two, named])
        #expect(output == "[2.0, 30.0] ['model']\nKeyError ['add', 'show']\n[2.0, 30.0] ['other', 'model']\n")
        // Here it has its own name, and needs none.
        #expect(try ExportedPrograms.load(from: one).names == ["show"])
        #expect(try ExportedProgram.loadAll(from: one).keys.sorted() == ["show"])
        for name in [nil, "show"] {
            #expect(try ExportedProgram.load(from: one, name: name).run([x])[0].array(of: Float.self) == [2, 30])
            #expect(try ProgramCase.load(from: one, name: name).map(\.name) == ["a case"])
        }
        #expect(
            archiveError(.missing) { _ = try ExportedProgram.load(from: one, name: "model") }?.description
                == "\(one): models/model.json: no program of this name; the archive holds 'show'")
    }

    @Test("A file that names two programs alike is refused")
    func twoOfOneName() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("two.pt2")
        try programs().save(to: path)
        try Python.run(
            """
            import sys, zipfile
            with zipfile.ZipFile(sys.argv[1], "a") as file: file.writestr("two/data/names.json", '{"version": 1, "names": {"add": "show"}}')
            """, [path])
        #expect(
            archiveError(.invalidSchema) { _ = try ExportedPrograms.load(from: path) }?.description
                == "\(path): data/names.json: names: two programs have one name")
    }

    @Test("PyTorch's independent programs stay independent")
    func independent() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("torch.pt2")
        try Python.run(
            """
            import sys, torch, logging
            logging.disable(logging.ERROR)
            from torch.export.pt2_archive._package import package_pt2
            class M(torch.nn.Module):
                def __init__(self, v):
                    super().__init__()
                    self.register_buffer("total", torch.full((2,), v))
                def forward(self, x):
                    self.total.add_(x)
                    return self.total + 0
            x = torch.ones(2)
            package_pt2(sys.argv[1], exported_programs={"a": torch.export.export(M(1.0), (x,)), "b": torch.export.export(M(5.0), (x,))})
            """, [path])
        let loaded = try ExportedPrograms.load(from: path)
        #expect(loaded.names == ["a", "b"])
        #expect(try loaded.program(named: "a").run([x])[0].array(of: Float.self) == [2, 11])
        #expect(try loaded.program(named: "b").run([x])[0].array(of: Float.self) == [6, 15])
        #expect(try loaded.program(named: "a").run([x])[0].array(of: Float.self) == [3, 21])
    }
}
