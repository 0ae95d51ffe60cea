import ApusProgram
import ApusTensor
import JudgeSupport
import Testing

@testable import ApusArchive

@Suite("Program files that cannot be opened")
struct LoadErrorTests {
    /// The error of opening a PyTorch program after a change to its members; the file's path is left out of the text.
    private func error(
        of program: String = "counter", _ code: ArchiveError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        change: (inout [(name: String, text: String?)]) throws -> Void
    ) throws -> String? {
        let folder = try TemporaryFolder()
        let reader = try ZipReader(path: try TorchArchives.folder.file(program + ".pt2"))
        let root = program + "/"
        var members: [(name: String, text: String?)] = reader.directory.entries.map { (String($0.name.dropFirst(root.count)), nil) }
        try change(&members)
        let written: [ZipMember] = try members.map { name, text in
            if let text { return ZipMember(root + name, text: text) }
            let entry = try #require(reader.entry(root + name))
            return ZipMember(root + name, ByteSource(try reader.read(entry).withUnsafeBytes { Array($0) }))
        }
        let path = folder.file("p.pt2")
        try ZipWriter.write(written, to: path)
        let error = archiveError(code, sourceLocation: sourceLocation) { _ = try ExportedProgram.load(from: path) }
        #expect(error?.file == path, sourceLocation: sourceLocation)
        return error?.description.replacing(path + ": ", with: "")
    }

    /// The same after replacing a text in one member.
    private func error(
        of program: String = "counter", _ code: ArchiveError.Code, in member: String, replacing old: String, with new: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String? {
        try error(of: program, code, sourceLocation: sourceLocation) { members in
            let reader = try ZipReader(path: try TorchArchives.folder.file(program + ".pt2"))
            let entry = try #require(reader.entry("\(program)/\(member)"), sourceLocation: sourceLocation)
            let text = try reader.read(entry).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            #expect(text.contains(old), "\(old) is not in \(member)", sourceLocation: sourceLocation)
            let index = try #require(members.firstIndex { $0.name == member })
            members[index].text = text.replacing(old, with: new, maxReplacements: 1)
        }
    }

    private let model = "models/model.json"
    private let weights = "data/weights/model_weights_config.json"

    @Test("Containers")
    func containers() throws {
        #expect(
            try error(.unsupportedVersion, in: "archive_version", replacing: "0", with: "1") == "archive_version: says '1', '0' is expected"
        )
        #expect(
            try error(.wrongFormat, in: "archive_format", replacing: "pt2", with: "pt3") == "archive_format: says 'pt3', 'pt2' is expected")
        #expect(try error(.missing) { $0.removeAll { $0.name == "archive_format" } } == "archive_format: is missing")
        #expect(
            try error(.missing) { $0.removeAll { $0.name == "models/model.json" } }
                == "models/model.json: no program of this name; the archive holds none")
        #expect(
            try error(.missing) { $0.removeAll { $0.name == "data/weights/weight_0" } }
                == "\(weights): config.count: its file 'weight_0' is missing")
        #expect(
            try error(.missing) { $0.removeAll { $0.name == "data/constants/model_constants_config.json" } }
                == "data/constants/model_constants_config.json: is missing")
        let folder = try TemporaryFolder()
        let path = folder.file("two.pt2")
        try ZipWriter.write([ZipMember("a/x", text: ""), ZipMember("b/y", text: "")], to: path)
        #expect(
            archiveError(.wrongFormat) { _ = try ExportedProgram.load(from: path) }?.description
                == "\(path): b/y: lies outside of the archive's root folder 'a/'")
        try ZipWriter.write([ZipMember("version", text: "")], to: path)
        #expect(
            archiveError(.wrongFormat) { _ = try ExportedProgram.load(from: path) }?.reason
                == "is a zip file, but not a program: its members lie in no common folder")
    }

    @Test("Schema")
    func schema() throws {
        #expect(
            try error(.unsupportedVersion, in: model, replacing: #""major": 8"#, with: #""major": 9"#)
                == "models/model.json: the program's schema has version 9.20; 8.x is read")
        #expect(
            try error(.invalidSchema, in: model, replacing: #"{"as_int": 1}"#, with: #"{"as_int": true}"#)
                == "models/model.json: graph_module.graph.nodes[0].inputs[1].arg.as_int: expected an integer, found a boolean")
        #expect(try error(.invalidJSON, in: model, replacing: "{", with: "[")?.hasPrefix("models/model.json: byte ") == true)
        let tree = try error(.invalidTreeSpec, in: model, replacing: #""in_spec": "[1,"#, with: #""in_spec": "[true,"#)
        #expect(
            tree == "models/model.json: graph_module.module_call_graph[0].signature.in_spec: expected [version, tree], found an array")
    }

    @Test("Weights")
    func weightsTable() throws {
        #expect(
            try error(.pickled, in: weights, replacing: #""use_pickle": false"#, with: #""use_pickle": true"#)
                == "\(weights): config.count: is stored as a Python pickle, which is never loaded")
        #expect(
            try error(.outOfBounds, in: weights, replacing: #""sizes": [{"as_int": 3}]"#, with: #""sizes": [{"as_int": 4}]"#)
                == "\(weights): config.sum: sizes [4] with strides [1] at offset 0 reach outside the 3 elements of 'weight_1'")
        #expect(
            try error(
                .outOfBounds, in: weights, replacing: #""sizes": [{"as_int": 3}]"#, with: #""sizes": [{"as_int": 9223372036854775807}]"#)
                == "\(weights): config.sum: the sizes [9223372036854775807] with strides [1] are negative, overflow, or differ in number")
        #expect(
            try error(.unsupportedDType, in: weights, replacing: #""dtype": 7"#, with: #""dtype": 29"#)
                == "\(weights): config.sum: the dtype float8E4M3FN has no counterpart among Apus's types")
        #expect(
            try error(.missing, in: weights, replacing: #""path_name": "weight_1""#, with: #""path_name": "../../../etc/passwd""#)
                == "\(weights): config.sum: its file '../../../etc/passwd' is missing")
        #expect(
            try error(.missing, in: weights, replacing: #""sum": {"#, with: #""other": {"#) == "\(weights): config: has no entry for 'sum'")
    }

    @Test("Graphs")
    func graphs() throws {
        #expect(
            try error(.unknownOperators) { members in
                let reader = try ZipReader(path: try TorchArchives.folder.file("counter.pt2"))
                let entry = try #require(reader.entry("counter/models/model.json"))
                let text = try reader.read(entry).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                let changed = text.replacing("torch.ops.aten.add_.Tensor", with: "torch.ops.my.add_.Tensor").replacing(
                    "torch.ops.aten.div.Tensor", with: "torch.relu")
                let index = try #require(members.firstIndex { $0.name == "models/model.json" })
                members[index].text = changed
            }
                == "models/model.json: graph_module.graph: the program calls 2 operators that are not known, with the number of calls: torch.ops.my.add_.Tensor (2), torch.relu (1); load it with operators: OperatorTable.standard.adding([...]) where they are your own"
        )
        #expect(
            try error(
                .invalidProgram, in: model, replacing: #"{"name": "other", "arg": {"as_tensor": {"name": "mul"}}"#,
                with: #"{"name": "other", "arg": {"as_tensor": {"name": "div"}}"#)
                == "models/model.json: graph_module.graph.nodes[2] (torch.ops.aten.add_.Tensor): argument 'other': the name 'div' is used before it is defined"
        )
        #expect(
            try error(
                .invalidProgram, in: model, replacing: #""name": "other", "arg": {"as_tensor": {"name": "b_scale"}}"#,
                with: #""name": "another", "arg": {"as_tensor": {"name": "b_scale"}}"#)
                == "models/model.json: graph_module.graph.nodes[1] (torch.ops.aten.mul.Tensor): the argument 'other' is missing")
        #expect(
            try error(
                of: "linear", .outOfBounds, in: weights, replacing: #""sizes": [{"as_int": 2}, {"as_int": 3}]"#,
                with: #""sizes": [{"as_int": 3}, {"as_int": 2}]"#)
                == "\(weights): config.weight: sizes [3, 2] with strides [3, 1] at offset 0 reach outside the 6 elements of 'weight_0'")
        #expect(
            try error(
                of: "size_branch", .invalidProgram, in: model, replacing: #""min_val": 2, "max_val": 8"#,
                with: #""min_val": 9, "max_val": 8"#)
                == "models/model.json: graph_module.graph.tensor_values.x: range_constraints.s77: the range 9...8 admits no size")
    }

    @Test("Weights are the file's own memory; tied ones share it")
    func memory() throws {
        let program = try ExportedProgram.load(from: try TorchArchives.folder.file("tied.pt2"))
        let state = program.stateDict
        let (first, second) = (try #require(state["embedding.weight"]), try #require(state["head.weight"]))
        #expect(first.storage === second.storage)
        #expect(first.storage.isWritable == false)
        #expect(UInt(bitPattern: first.baseAddress) % 64 == 0)
    }

    @Test("Inputs outside of the file's ranges are rejected before anything runs")
    func ranges() throws {
        let program = try ExportedProgram.load(from: try TorchArchives.folder.file("size_branch.pt2"))
        for size in [9, 0] {
            let x = try Tensor([Float](repeating: 1, count: size * 4), shape: [size, 4])
            #expect(throws: ProgramError.self) { try program.run([x]) }
        }
        let one = try Tensor([1, 2, 3, 4] as [Float], shape: [1, 4])
        #expect(try program.run([one])[0].sizes == [1, 4])
        let item = try ExportedProgram.load(from: try TorchArchives.folder.file("item.pt2"))
        let x = try Tensor([1, 2, 3] as [Float], shape: [3])
        for value in [2, 6] { #expect(throws: TensorError.self) { try item.run([x, try Tensor([value], shape: [])]) } }
    }

    @Test("What a file says twice it must say alike")
    func redundancy() throws {
        #expect(try error(.unsupported, in: "byteorder", replacing: "little", with: "big") == "byteorder: says 'big', 'little' is expected")
        let reader = try ZipReader(path: try TorchArchives.folder.file("strided_weights.pt2"))
        let entry = try #require(reader.entry("strided_weights/\(weights)"))
        let table: ProgramSchema.PayloadConfig = try .init(
            json: try reader.read(entry).withUnsafeBytes { try JSONParser.parse($0) })
        // Every tensor's dtype, sizes and strides, one at a time.
        for name in table.config.keys {
            let meta = try #require(table.config[name]?.tensorMeta)
            var changes: [(String, ProgramSchema.TensorMeta)] = []
            func add(_ what: String, _ change: (inout ProgramSchema.TensorMeta) -> Void) {
                var changed = meta
                change(&changed)
                if changed != meta { changes.append((what, changed)) }
            }
            // Changes that stay inside of the bytes, and mean something.
            let hasElements = !meta.sizes.contains(.known(0)) && meta.sizes != [.known(1)]
            add("dtype") { $0.dtype = $0.dtype == .uint8 ? .int8 : .uint8 }
            add("shape") { if hasElements, let first = $0.sizes.first, first != .known(1) { $0.sizes[0] = .known(1) } }
            add("strides") { if hasElements, let first = $0.sizes.first, first != .known(1) { $0.strides[0] = .known(0) } }
            for (what, changed) in changes {
                var config = table
                config.config[name]?.tensorMeta = changed
                let message = try error(of: "strided_weights", .invalidProgram) { members in
                    let index = try #require(members.firstIndex { $0.name == weights })
                    members[index].text = JSONWriter.text(config.json)
                }
                #expect(
                    message?.contains("its \(what) is ") == true && message?.contains("the table of weights says") == true,
                    "\(message ?? "")")
            }
        }
        // A result under another name would be another tensor.
        let model = try ZipReader(path: try TorchArchives.folder.file("counter.pt2"))
        let program: ProgramSchema.Program = try .init(
            json: try model.read(try #require(model.entry("counter/models/model.json"))).withUnsafeBytes { try JSONParser.parse($0) })
        for index in program.graphModule.graph.outputs.indices {
            var changed = program
            changed.graphModule.graph.outputs[index] = program.graphModule.graph.inputs[0]
            if changed == program { continue }
            let message = try error(.invalidProgram) { members in
                let place = try #require(members.firstIndex { $0.name == "models/model.json" })
                members[place].text = JSONWriter.text(changed.json)
            }
            #expect(
                message?.contains("output_specs[\(index)]: the graph's output 'b_count' and its entry in the signature, ") == true,
                "\(message ?? "")")
        }
    }

    @Test("A small file of much text takes little time and memory")
    func textThatWasDeflated() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("p.pt2")
        for (text, reason) in [
            ("b'[' + b'[],' * 100_000_000 + b'0]'", "claims 300000003 bytes of text out of"),
            ("b'[' + b'[],' * 20_000_000 + b'0]'", "more values than a file of this size has"),
            ("b'\"' + b'a' * 200_000_000 + b'\"'", "claims 200000002 bytes of text out of"),
        ] {
            try Python.run(
                """
                import sys, zipfile
                with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
                    z.writestr("p/archive_format", "pt2")
                    z.writestr("p/archive_version", "0")
                    z.writestr("p/models/model.json", \(text))
                """, [path])
            let error = archiveError(.limit) { _ = try ExportedProgram.load(from: path) }
            #expect(error?.reason.contains(reason) == true, "\(error.map { "\($0)" } ?? "")")
        }
    }
}
