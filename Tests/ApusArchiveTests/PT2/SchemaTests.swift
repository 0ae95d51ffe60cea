import Testing

@testable import ApusArchive

@Suite("Schema of programs")
struct SchemaTests {
    private func json(_ reader: ZipReader, _ suffix: String) throws -> JSON {
        let entry = try #require(reader.directory.entries.first { $0.name.hasSuffix(suffix) })
        return try reader.read(entry).withUnsafeBytes { try JSONParser.parse($0) }
    }

    /// The same document with absent defaults and null fields left out on both sides.
    private func normalised(_ json: JSON) -> JSON {
        switch json {
        case .array(let elements): return .array(elements.map(normalised))
        case .object(let object):
            let members = object.members.filter { $0.value != .null }.sorted { $0.key < $1.key }
            return .object(JSONObject(members.map { .init(key: $0.key, value: normalised($0.value)) }))
        default: return json
        }
    }

    @Test("Every program of PyTorch's decodes, and encodes to the same document")
    func roundTrip() throws {
        for path in try TorchArchives.paths {
            let reader = try ZipReader(path: path)
            let document = try json(reader, "models/model.json")
            let program = try ProgramSchema.Program(json: document)
            #expect(normalised(program.json) == normalised(document), "\(path)")
            for table in ["data/weights/model_weights_config.json", "data/constants/model_constants_config.json"] {
                let document = try json(reader, table)
                #expect(normalised(try ProgramSchema.PayloadConfig(json: document).json) == normalised(document), "\(path)")
            }
        }
    }

    @Test(
        "Every argument variant, both ways",
        arguments: [
            #"{"as_none": true}"#, #"{"as_tensor": {"name": "x"}}"#, #"{"as_tensors": [{"name": "x"}]}"#,
            #"{"as_int": 9223372036854775807}"#,
            #"{"as_ints": [1, -1]}"#, #"{"as_float": 0.5}"#, #"{"as_float": "-Infinity"}"#, #"{"as_floats": [0.5, "NaN"]}"#,
            #"{"as_string": "a"}"#,
            #"{"as_strings": []}"#, #"{"as_sym_int": {"as_name": "s"}}"#, #"{"as_sym_ints": [{"as_name": "s"}, {"as_int": 2}]}"#,
            #"{"as_scalar_type": 7}"#, #"{"as_memory_format": 1}"#, #"{"as_layout": 7}"#, #"{"as_device": {"type": "cuda", "index": 1}}"#,
            #"{"as_bool": false}"#, #"{"as_bools": [true]}"#, #"{"as_sym_bool": {"as_name": "b"}}"#,
            #"{"as_sym_bools": [{"as_bool": true}]}"#,
            #"{"as_optional_tensors": [{"as_tensor": {"name": "x"}}, {"as_none": true}]}"#,
            #"{"as_custom_obj": {"name": "o", "class_fqn": "c"}}"#, #"{"as_operator": "torch.ops.aten.add.Tensor"}"#,
            #"{"as_sym_float": {"as_float": 1.5}}"#, #"{"as_sym_floats": [{"as_name": "f"}]}"#,
            #"{"as_optional_tensor": {"as_none": true}}"#,
            #"{"as_complex": {"real": 1.0, "imag": -2.0}}"#, #"{"as_nested_tensors": [[{"name": "x"}], []]}"#,
            #"{"as_int_lists": [[1], []]}"#,
            #"{"as_float_lists": [[1.5]]}"#, #"{"as_string_to_argument": {"k": {"as_int": 1}}}"#,
            #"{"as_graph": {"name": "g", "graph": {"inputs": [], "outputs": [], "nodes": [], "tensor_values": {}, "sym_int_values": {}, "sym_bool_values": {}, "is_single_tensor_return": true, "custom_obj_values": {}, "sym_float_values": {}}}}"#,
        ])
    func arguments(text: String) throws {
        let document = try JSONParser.parse(text)
        #expect(normalised(try ProgramSchema.Argument(json: document).json) == normalised(document))
    }

    private static let minimal = """
        {"graph_module": {"graph": {"inputs": [], "outputs": [], "nodes": [%NODE%], "tensor_values": {}, "sym_int_values": {}, "sym_bool_values": {}},
         "signature": {"input_specs": [%SPEC%], "output_specs": []}, "module_call_graph": []},
         "opset_version": {}, "range_constraints": {"s0": {"min_val": 2, "max_val": null}}, "schema_version": {"major": 8, "minor": 99}, "future": 1}
        """

    private func mismatch(node: String = "", spec: String = "") throws -> String {
        let text = Self.minimal.replacing("%NODE%", with: node).replacing("%SPEC%", with: spec)
        do {
            _ = try ProgramSchema.Program(json: try JSONParser.parse(text))
            return "no error"
        } catch let error as JSONMismatch {
            return "\(error.location): \(error.reason)"
        }
    }

    @Test("Absent defaults, unknown keys, newer minor versions")
    func tolerant() throws {
        let program = try ProgramSchema.Program(
            json: try JSONParser.parse(Self.minimal.replacing("%NODE%", with: "").replacing("%SPEC%", with: "")))
        #expect(program.verifiers == [])
        #expect(program.torchVersion == "<=2.4")
        #expect(program.rangeConstraints["s0"] == .init(minimum: 2, maximum: nil))
        #expect(program.graphModule.graph.isSingleTensorReturn == false)
    }

    @Test("Errors give the path and the reason")
    func errors() throws {
        func node(_ argument: String) -> String {
            #"{"target": "t", "inputs": [{"name": "a", "arg": \#(argument)}], "outputs": [], "metadata": {}}"#
        }
        let prefix = "graph_module.graph.nodes[0]"
        #expect(try mismatch(node: node("{}")) == "\(prefix).inputs[0].arg: expected exactly one key (Argument), found 0")
        #expect(
            try mismatch(node: node(#"{"as_int": 1, "as_bool": true}"#))
                == "\(prefix).inputs[0].arg: expected exactly one key (Argument), found 2 (as_int, as_bool)")
        #expect(try mismatch(node: node(#"{"as_what": 1}"#)) == "\(prefix).inputs[0].arg: 'as_what' is not a variant of Argument")
        #expect(
            try mismatch(node: node(#"{"as_int": 1.5}"#))
                == "\(prefix).inputs[0].arg.as_int: expected an integer of at most 64 bits, found another number")
        #expect(
            try mismatch(node: node(#"{"as_ints": [1, "2"]}"#)) == "\(prefix).inputs[0].arg.as_ints[1]: expected an integer, found a string"
        )
        #expect(
            try mismatch(node: node(#"{"as_scalar_type": 99}"#)) == "\(prefix).inputs[0].arg.as_scalar_type: 99 is not a known ScalarType")
        #expect(try mismatch(node: node("[]")) == "\(prefix).inputs[0].arg: expected an object (Argument), found an array")
        #expect(try mismatch(node: #"{"inputs": [], "outputs": [], "metadata": {}}"#) == "\(prefix): the key 'target' is missing")
        #expect(
            try mismatch(spec: #"{"parameter": {"arg": {"name": "p"}}}"#)
                == "graph_module.signature.input_specs[0].parameter: the key 'parameter_name' is missing")
    }

    @Test("Another major version is said to be that")
    func version() throws {
        for (major, minor, accepted) in [(8, 20, true), (8, 0, true), (0, 0, true), (7, 3, false), (9, 0, false)] {
            let text = Self.minimal.replacing("%NODE%", with: "").replacing("%SPEC%", with: "").replacing(
                #""major": 8, "minor": 99"#, with: #""major": \#(major), "minor": \#(minor)"#)
            let document = try JSONParser.parse(text)
            if accepted {
                _ = try ProgramSchema.Program(json: document)
            } else {
                #expect(throws: UnsupportedSchemaVersion.self) { try ProgramSchema.Program(json: document) }
            }
        }
    }
}
