import ApusExport
import ApusProgram
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

@Suite("Weights that share a member of the archive")
struct SharedMemberTests {
    /// Two buffers of a program, read from one member that holds the bytes 0 and 7.
    private func buffers(_ first: String, _ second: String) throws -> ExportedProgram {
        let folder = try TemporaryFolder()
        let path = folder.file("p.pt2")
        try Python.run(
            """
            import json, sys, torch, zipfile
            path, dtypes = sys.argv[1], sys.argv[2:]
            class Model(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    for name, dtype in zip("ab", dtypes):
                        self.register_buffer(name, torch.tensor([0, 7], dtype=torch.uint8).to(getattr(torch, dtype)))
                def forward(self, x): return x + self.a, x + self.b
            torch.export.save(torch.export.export(Model(), (torch.zeros(2),)), path)
            with zipfile.ZipFile(path) as file: members = {name: file.read(name) for name in file.namelist()}
            table = next(name for name in members if name.endswith("weights_config.json"))
            config = json.loads(members[table])
            config["config"]["b"]["path_name"] = config["config"]["a"]["path_name"]
            members[table] = json.dumps(config)
            members[table.rsplit("/", 1)[0] + "/" + config["config"]["a"]["path_name"]] = bytes([0, 7])
            with zipfile.ZipFile(path, "w") as file:
                for name, data in members.items(): file.writestr(name, data)
            """, [path, first, second])
        return try ExportedProgram.load(from: path)
    }

    @Test("Each dtype sees the bytes as its own", arguments: [["bool", "uint8"], ["uint8", "bool"], ["uint8", "int8"]])
    func dtypes(_ names: [String]) throws {
        let program = try buffers(names[0], names[1])
        let outputs = try program.run([try Tensor.zeros([2])])
        for (name, output) in zip(names, outputs) {
            #expect(try output.array(of: Float.self) == [0, name == "bool" ? 1 : 7], "\(name)")
        }
        #expect(try program.stateDict["a"]?.array(of: Int.self) == [0, names[0] == "bool" ? 1 : 7])
    }

    @Test("One dtype shares the memory")
    func memory() throws {
        let program = try buffers("uint8", "uint8")
        #expect(program.stateDict["a"]?.baseAddress == program.stateDict["b"]?.baseAddress)
    }
}
