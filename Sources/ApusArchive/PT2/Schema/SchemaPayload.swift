extension ProgramSchema {
    /// The table of weights or constants: which file holds each tensor, and how to view its bytes.
    struct PayloadConfig: JSONConvertible, Equatable, Sendable {
        var config: JSONTable<PayloadMeta> = [:]
    }

    struct PayloadMeta: JSONConvertible, Equatable, Sendable {
        /// A file in the same folder as the table.
        var pathName: String
        var isParam: Bool
        /// The file is a Python pickle; such entries are refused, never loaded.
        var usePickle: Bool
        var tensorMeta: TensorMeta?
    }
}

extension ProgramSchema.PayloadConfig {
    init(json: JSON) throws { config = try JSONFields(json, of: "PayloadConfig").required("config") }
    var json: JSON { .object(["config": config.json]) }
}

extension ProgramSchema.PayloadMeta {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "PayloadMeta")
        pathName = try fields.required("path_name")
        isParam = try fields.required("is_param")
        usePickle = try fields.required("use_pickle")
        tensorMeta = try fields.nullable("tensor_meta")
    }

    var json: JSON {
        .object([
            "path_name": .string(pathName), "is_param": .bool(isParam), "use_pickle": .bool(usePickle),
            "tensor_meta": tensorMeta.json,
        ])
    }
}
