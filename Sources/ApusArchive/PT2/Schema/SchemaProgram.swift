import ApusSymbolic

/// PyTorch's JSON schema of an exported program, version 8: one Swift type per record and union of that schema.
///
/// The types hold what the file says and nothing else: names are not resolved, operators not looked up. Rules common to all:
/// unknown keys are ignored, a union is an object with exactly one key, enumerations are integers.
enum ProgramSchema {
    /// The version that is written. Readers accept every minor version of the same major one.
    static let version = Version(major: 8, minor: 20)

    struct Program: JSONConvertible, Equatable, Sendable {
        var graphModule: GraphModule
        var opsetVersion: JSONTable<Int> = ["aten": 10]
        var rangeConstraints: JSONTable<RangeConstraint> = [:]
        var schemaVersion: Version = ProgramSchema.version
        var verifiers: [String] = ["TRAINING"]
        var torchVersion: String = "<=2.4"
        var guardsCode: [String] = []
    }

    struct Version: JSONConvertible, Equatable, Sendable {
        var major: Int
        var minor: Int
    }

    /// Bounds of a symbol, inclusive; nil is unbounded.
    struct RangeConstraint: JSONConvertible, Equatable, Sendable {
        var minimum: Int?
        var maximum: Int?
    }

    struct GraphModule: JSONConvertible, Equatable, Sendable {
        var graph: Graph
        var signature: GraphSignature
        var moduleCallGraph: [ModuleCallEntry]
        var metadata: JSONTable<String> = [:]
        var treespecNamedtupleFields: JSONTable<NamedTupleFields> = [:]
    }

    struct NamedTupleFields: JSONConvertible, Equatable, Sendable {
        var fieldNames: [String]
    }

    struct ModuleCallEntry: JSONConvertible, Equatable, Sendable {
        var fqn: String
        var signature: ModuleCallSignature?
    }

    struct ModuleCallSignature: JSONConvertible, Equatable, Sendable {
        var inputs: [Argument]
        var outputs: [Argument]
        /// Tree specification of (positional arguments, keyword arguments).
        var inSpec: String
        var outSpec: String
        var forwardArgNames: [String]?
    }
}

extension ProgramSchema.Program {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "ExportedProgram")
        // The version first: a file of another version should say so rather than complain about some field.
        schemaVersion = try fields.required("schema_version")
        guard schemaVersion.major == ProgramSchema.version.major || (schemaVersion.major == 0 && schemaVersion.minor == 0) else {
            throw UnsupportedSchemaVersion(version: schemaVersion)
        }
        graphModule = try fields.required("graph_module")
        opsetVersion = try fields.required("opset_version")
        rangeConstraints = try fields.required("range_constraints")
        verifiers = try fields.value("verifiers", default: [])
        torchVersion = try fields.value("torch_version", default: "<=2.4")
        guardsCode = try fields.value("guards_code", default: [])
    }

    var json: JSON {
        .object([
            "graph_module": graphModule.json, "opset_version": opsetVersion.json, "range_constraints": rangeConstraints.json,
            "schema_version": schemaVersion.json, "verifiers": verifiers.json, "torch_version": torchVersion.json,
            "guards_code": guardsCode.json,
        ])
    }
}

/// The file's schema has another major version.
struct UnsupportedSchemaVersion: Error {
    let version: ProgramSchema.Version
}

extension ProgramSchema.Version {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "SchemaVersion")
        major = try fields.required("major")
        minor = try fields.required("minor")
    }

    var json: JSON { .object(["major": .int(major), "minor": .int(minor)]) }
}

extension ProgramSchema.RangeConstraint {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "RangeConstraint")
        minimum = try fields.nullable("min_val")
        maximum = try fields.nullable("max_val")
    }

    var json: JSON { .object(["min_val": minimum.json, "max_val": maximum.json]) }

    init(_ range: SymRange) {
        self.init(minimum: range.hasLowerBound ? range.lowerBound : nil, maximum: range.hasUpperBound ? range.upperBound : nil)
    }

    var range: SymRange {
        // PyTorch's own sentinel for "no bound" is one below the largest integer.
        SymRange(lowerBound: minimum ?? .min, upperBound: maximum.map { $0 >= Int.max - 1 ? .max : $0 } ?? .max)
    }
}

extension ProgramSchema.GraphModule {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "GraphModule")
        graph = try fields.required("graph")
        signature = try fields.required("signature")
        moduleCallGraph = try fields.required("module_call_graph")
        metadata = try fields.value("metadata", default: [:])
        treespecNamedtupleFields = try fields.value("treespec_namedtuple_fields", default: [:])
    }

    var json: JSON {
        .object([
            "graph": graph.json, "signature": signature.json, "module_call_graph": moduleCallGraph.json,
            "metadata": metadata.json, "treespec_namedtuple_fields": treespecNamedtupleFields.json,
        ])
    }
}

extension ProgramSchema.NamedTupleFields {
    init(json: JSON) throws { fieldNames = try JSONFields(json, of: "NamedTupleDef").required("field_names") }
    var json: JSON { .object(["field_names": fieldNames.json]) }
}

extension ProgramSchema.ModuleCallEntry {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "ModuleCallEntry")
        fqn = try fields.required("fqn")
        signature = try fields.optional("signature")
    }

    var json: JSON { .object(["fqn": .string(fqn), "signature": signature.json]) }
}

extension ProgramSchema.ModuleCallSignature {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "ModuleCallSignature")
        inputs = try fields.required("inputs")
        outputs = try fields.required("outputs")
        inSpec = try fields.required("in_spec")
        outSpec = try fields.required("out_spec")
        forwardArgNames = try fields.optional("forward_arg_names")
    }

    var json: JSON {
        .object([
            "inputs": inputs.json, "outputs": outputs.json, "in_spec": .string(inSpec), "out_spec": .string(outSpec),
            "forward_arg_names": forwardArgNames.json,
        ])
    }
}
