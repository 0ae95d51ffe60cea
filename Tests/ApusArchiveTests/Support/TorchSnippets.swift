import ApusExport
import ApusProgram
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// A function of one tensor for PyTorch to export, in a few lines of Python.
struct TorchSnippet: Encodable {
    let name: String
    /// The body of `forward(self, x)`.
    let forward: String
    /// An expression that makes the input.
    let input: String
    /// Statements of the module's initialiser.
    var setup = "pass"
    /// `dynamic_shapes` of the export.
    var dynamic = "None"
    /// Whether the program is decomposed before it is saved.
    var isCore = false

    /// The first dimension of the input may vary.
    static let rows = "({0: Dim('n', min=1, max=8)},)"
}

/// Programs that PyTorch exported for one test, with its answers.
struct TorchSnippets {
    private let folder: TemporaryFolder

    init(_ snippets: [TorchSnippet]) throws {
        folder = try TemporaryFolder()
        let list = String(decoding: try JSONEncoder().encode(snippets), as: UTF8.self)
        try Python.run(
            #"""
            import json, logging, sys, warnings
            warnings.simplefilter("ignore")
            logging.disable(logging.ERROR)
            import torch
            from safetensors.torch import save_file
            from torch.export import Dim

            def body(text):
                return "".join("        " + line + "\n" for line in text.splitlines())

            folder = sys.argv[1]
            for snippet in json.loads(sys.argv[2]):
                names = {"torch": torch, "Dim": Dim}
                head = "class Model(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
                exec(head + body(snippet["setup"]) + "    def forward(self, x):\n" + body(snippet["forward"]), names)
                x = eval(snippet["input"], names)
                program = torch.export.export(names["Model"](), (x.clone(),), dynamic_shapes=eval(snippet["dynamic"], names))
                if snippet["isCore"]: program = program.run_decompositions()
                torch.export.save(program, f"{folder}/{snippet['name']}.pt2")
                outputs = names["Model"]()(x.clone())
                outputs = outputs if isinstance(outputs, tuple) else (outputs,)
                tensors = {f"out.{index}": output.detach().clone().contiguous() for index, output in enumerate(outputs)}
                save_file({"in": x} | tensors, f"{folder}/{snippet['name']}.safetensors")
            """#, [folder.path, list])
    }

    func path(_ name: String) -> String { folder.file(name + ".pt2") }

    /// Loads a program, runs it on its input, and compares with what PyTorch's module gave.
    func check(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let program = try ExportedProgram.load(from: path(name))
        let tensors: [String: Tensor] = try [String: Tensor].load(safetensors: folder.file(name + ".safetensors"))
        let outputs: [Tensor] = try program.run([try #require(tensors["in"], sourceLocation: sourceLocation)])
        #expect(outputs.count == tensors.count - 1, "\(name)", sourceLocation: sourceLocation)
        for (index, output) in outputs.enumerated() {
            let expected: Tensor = try #require(tensors["out.\(index)"], sourceLocation: sourceLocation)
            let found: String? = try difference(output, expected)
            #expect(found == nil, "\(name), output \(index)", sourceLocation: sourceLocation)
        }
    }

    /// The error of loading a program.
    func refusal(_ name: String, _ code: ArchiveError.Code, sourceLocation: SourceLocation = #_sourceLocation) -> ArchiveError? {
        archiveError(code, sourceLocation: sourceLocation) { _ = try ExportedProgram.load(from: path(name)) }
    }
}

/// Changes the document of a program file: statements in Python, for which `program` is the document and `graph` its graph.
func editProgram(_ path: String, _ statements: String) throws {
    try Python.run(
        #"""
        import json, re, sys, zipfile
        path, statements = sys.argv[1:]
        with zipfile.ZipFile(path) as file: members = {name: file.read(name) for name in file.namelist()}
        document = next(name for name in members if name.endswith("/models/model.json"))
        program = json.loads(members[document])
        graph = program["graph_module"]["graph"]
        exec(statements)
        members[document] = json.dumps(program)
        with zipfile.ZipFile(path, "w") as file:
            for name, data in members.items(): file.writestr(name, data)
        """#, [path, statements])
}
