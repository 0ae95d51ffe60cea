extension ProgramSchema {
    struct Graph: JSONConvertible, Equatable, Sendable {
        var inputs: [Argument]
        var outputs: [Argument]
        var nodes: [Node]
        var tensorValues: JSONTable<TensorMeta> = [:]
        var symIntValues: JSONTable<SymIntValue> = [:]
        var symBoolValues: JSONTable<SymBoolValue> = [:]
        var symFloatValues: JSONTable<SymFloatValue> = [:]
        var customObjValues: JSONTable<CustomObjArgument> = [:]
        var isSingleTensorReturn = false
    }

    struct Node: JSONConvertible, Equatable, Sendable {
        /// For example `torch.ops.aten.add.Tensor` or `_operator.mul`.
        var target: String
        var inputs: [NamedArgument]
        var outputs: [Argument]
        var metadata: JSONTable<String> = [:]
        var isHopSingleTensorReturn: Bool?
        var name: String?
    }

    struct NamedArgument: JSONConvertible, Equatable, Sendable {
        /// The operator schema's argument name; empty for higher-order operators.
        var name: String
        var argument: Argument
        var kind: ArgumentKind?
    }

    enum ArgumentKind: Int, JSONEnumeration, Sendable {
        case unknown = 0
        case positional = 1
        case keyword = 2
    }

    /// What is known of a tensor when the program was made; sizes may be symbolic.
    struct TensorMeta: JSONConvertible, Equatable, Sendable {
        var dtype: ScalarType
        var sizes: [SymIntValue]
        var requiresGrad = false
        var device = Device()
        var strides: [SymIntValue]
        var storageOffset: SymIntValue = .known(0)
        var layout: Layout = .strided
    }

    struct Device: JSONConvertible, Equatable, Sendable {
        var type: String = "cpu"
        var index: Int?
    }

    /// A symbolic expression as text, with the value it had at export.
    struct Expression: JSONConvertible, Equatable, Sendable {
        var text: String
        var hint: Hint?

        enum Hint: Equatable, Sendable {
            case int(Int)
            case bool(Bool)
            case float(Double)
        }
    }

    /// A number of the program, as an expression unless it is known.
    enum NumberValue<Known: KnownNumber>: JSONConvertible, Equatable, Sendable {
        case expression(Expression)
        case known(Known)
    }

    typealias SymIntValue = NumberValue<Int>
    typealias SymFloatValue = NumberValue<Double>
    typealias SymBoolValue = NumberValue<Bool>
}

extension ProgramSchema.Graph {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "Graph")
        inputs = try fields.required("inputs")
        outputs = try fields.required("outputs")
        nodes = try fields.required("nodes")
        tensorValues = try fields.required("tensor_values")
        symIntValues = try fields.required("sym_int_values")
        symBoolValues = try fields.required("sym_bool_values")
        symFloatValues = try fields.value("sym_float_values", default: [:])
        customObjValues = try fields.value("custom_obj_values", default: [:])
        isSingleTensorReturn = try fields.value("is_single_tensor_return", default: false)
    }

    var json: JSON {
        .object([
            "inputs": inputs.json, "outputs": outputs.json, "nodes": nodes.json, "tensor_values": tensorValues.json,
            "sym_int_values": symIntValues.json, "sym_bool_values": symBoolValues.json,
            "is_single_tensor_return": .bool(isSingleTensorReturn), "custom_obj_values": customObjValues.json,
            "sym_float_values": symFloatValues.json,
        ])
    }
}

extension ProgramSchema.Node {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "Node")
        target = try fields.required("target")
        inputs = try fields.required("inputs")
        outputs = try fields.required("outputs")
        metadata = try fields.required("metadata")
        isHopSingleTensorReturn = try fields.optional("is_hop_single_tensor_return")
        name = try fields.optional("name")
    }

    var json: JSON {
        .object([
            "target": .string(target), "inputs": inputs.json, "outputs": outputs.json, "metadata": metadata.json,
            "is_hop_single_tensor_return": isHopSingleTensorReturn.json, "name": name.json,
        ])
    }
}

extension ProgramSchema.NamedArgument {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "NamedArgument")
        name = try fields.required("name")
        argument = try fields.required("arg")
        kind = try fields.optional("kind")
    }

    var json: JSON { .object(["name": .string(name), "arg": argument.json, "kind": kind.json]) }
}

extension ProgramSchema.TensorMeta {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "TensorMeta")
        dtype = try fields.required("dtype")
        sizes = try fields.required("sizes")
        requiresGrad = try fields.required("requires_grad")
        device = try fields.required("device")
        strides = try fields.required("strides")
        storageOffset = try fields.required("storage_offset")
        layout = try fields.required("layout")
    }

    var json: JSON {
        .object([
            "dtype": dtype.json, "sizes": sizes.json, "requires_grad": .bool(requiresGrad), "device": device.json,
            "strides": strides.json, "storage_offset": storageOffset.json, "layout": layout.json,
        ])
    }
}

extension ProgramSchema.Device {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "Device")
        type = try fields.required("type")
        index = try fields.optional("index")
    }

    var json: JSON { .object(["type": .string(type), "index": index.json]) }
}

extension ProgramSchema.Expression {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "SymExpr")
        text = try fields.required("expr_str")
        hint = try fields.optional("hint")
    }

    var json: JSON { .object(["expr_str": .string(text), "hint": hint.json]) }
}

extension ProgramSchema.Expression.Hint: JSONConvertible {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: "SymExprHint")
        switch variant.key {
        case "as_int": self = .int(try variant.decode())
        case "as_bool": self = .bool(try variant.decode())
        case "as_float": self = .float(try variant.decode())
        default: throw variant.unknown
        }
    }

    var json: JSON {
        switch self {
        case .int(let value): .object(["as_int": value.json])
        case .bool(let value): .object(["as_bool": value.json])
        case .float(let value): .object(["as_float": value.json])
        }
    }
}

extension ProgramSchema.NumberValue {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: Known.symbolic)
        switch variant.key {
        case "as_expr": self = .expression(try variant.decode())
        case Known.variant: self = .known(try variant.decode())
        default: throw variant.unknown
        }
    }

    var json: JSON {
        switch self {
        case .expression(let value): .object(["as_expr": value.json])
        case .known(let value): .object([Known.variant: value.json])
        }
    }
}
