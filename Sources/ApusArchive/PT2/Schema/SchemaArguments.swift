extension ProgramSchema {
    struct TensorArgument: JSONConvertible, Equatable, Sendable {
        var name: String
    }

    enum OptionalTensorArgument: JSONConvertible, Equatable, Sendable {
        case tensor(TensorArgument)
        case none
    }

    /// A number that a node takes, by the name of what computes it unless it is known.
    enum NumberArgument<Known: KnownNumber>: JSONConvertible, Equatable, Sendable {
        case name(String)
        case known(Known)
    }

    typealias SymIntArgument = NumberArgument<Int>
    typealias SymFloatArgument = NumberArgument<Double>
    typealias SymBoolArgument = NumberArgument<Bool>

    struct CustomObjArgument: JSONConvertible, Equatable, Sendable {
        var name: String
        var classFqn: String
    }

    struct ComplexValue: JSONConvertible, Equatable, Sendable {
        var real: Double
        var imaginary: Double
    }

    struct GraphArgument: JSONConvertible, Equatable, Sendable {
        var name: String
        var graph: Graph
    }

    /// Anything that a node takes or gives.
    indirect enum Argument: JSONConvertible, Equatable, Sendable {
        case none
        case tensor(TensorArgument)
        case tensors([TensorArgument])
        case int(Int)
        case ints([Int])
        case float(Double)
        case floats([Double])
        case string(String)
        case strings([String])
        case symInt(SymIntArgument)
        case symInts([SymIntArgument])
        case scalarType(ScalarType)
        case memoryFormat(MemoryFormat)
        case layout(Layout)
        case device(Device)
        case bool(Bool)
        case bools([Bool])
        case symBool(SymBoolArgument)
        case symBools([SymBoolArgument])
        case graph(GraphArgument)
        case optionalTensors([OptionalTensorArgument])
        case customObj(CustomObjArgument)
        case `operator`(String)
        case symFloat(SymFloatArgument)
        case symFloats([SymFloatArgument])
        case optionalTensor(OptionalTensorArgument)
        case complex(ComplexValue)
        case nestedTensors([[TensorArgument]])
        case intLists([[Int]])
        case floatLists([[Double]])
        case stringToArgument(JSONTable<Argument>)
    }
}

extension ProgramSchema.Argument {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: "Argument")
        switch variant.key {
        case "as_none": self = .none
        case "as_tensor": self = .tensor(try variant.decode())
        case "as_tensors": self = .tensors(try variant.decode())
        case "as_int": self = .int(try variant.decode())
        case "as_ints": self = .ints(try variant.decode())
        case "as_float": self = .float(try variant.decode())
        case "as_floats": self = .floats(try variant.decode())
        case "as_string": self = .string(try variant.decode())
        case "as_strings": self = .strings(try variant.decode())
        case "as_sym_int": self = .symInt(try variant.decode())
        case "as_sym_ints": self = .symInts(try variant.decode())
        case "as_scalar_type": self = .scalarType(try variant.decode())
        case "as_memory_format": self = .memoryFormat(try variant.decode())
        case "as_layout": self = .layout(try variant.decode())
        case "as_device": self = .device(try variant.decode())
        case "as_bool": self = .bool(try variant.decode())
        case "as_bools": self = .bools(try variant.decode())
        case "as_sym_bool": self = .symBool(try variant.decode())
        case "as_sym_bools": self = .symBools(try variant.decode())
        case "as_graph": self = .graph(try variant.decode())
        case "as_optional_tensors": self = .optionalTensors(try variant.decode())
        case "as_custom_obj": self = .customObj(try variant.decode())
        case "as_operator": self = .operator(try variant.decode())
        case "as_sym_float": self = .symFloat(try variant.decode())
        case "as_sym_floats": self = .symFloats(try variant.decode())
        case "as_optional_tensor": self = .optionalTensor(try variant.decode())
        case "as_complex": self = .complex(try variant.decode())
        case "as_nested_tensors": self = .nestedTensors(try variant.decode())
        case "as_int_lists": self = .intLists(try variant.decode())
        case "as_float_lists": self = .floatLists(try variant.decode())
        case "as_string_to_argument": self = .stringToArgument(try variant.decode())
        default: throw variant.unknown
        }
    }

    var json: JSON {
        switch self {
        case .none: Self.wrap("as_none", true)
        case .tensor(let value): Self.wrap("as_tensor", value)
        case .tensors(let value): Self.wrap("as_tensors", value)
        case .int(let value): Self.wrap("as_int", value)
        case .ints(let value): Self.wrap("as_ints", value)
        case .float(let value): Self.wrap("as_float", value)
        case .floats(let value): Self.wrap("as_floats", value)
        case .string(let value): Self.wrap("as_string", value)
        case .strings(let value): Self.wrap("as_strings", value)
        case .symInt(let value): Self.wrap("as_sym_int", value)
        case .symInts(let value): Self.wrap("as_sym_ints", value)
        case .scalarType(let value): Self.wrap("as_scalar_type", value)
        case .memoryFormat(let value): Self.wrap("as_memory_format", value)
        case .layout(let value): Self.wrap("as_layout", value)
        case .device(let value): Self.wrap("as_device", value)
        case .bool(let value): Self.wrap("as_bool", value)
        case .bools(let value): Self.wrap("as_bools", value)
        case .symBool(let value): Self.wrap("as_sym_bool", value)
        case .symBools(let value): Self.wrap("as_sym_bools", value)
        case .graph(let value): Self.wrap("as_graph", value)
        case .optionalTensors(let value): Self.wrap("as_optional_tensors", value)
        case .customObj(let value): Self.wrap("as_custom_obj", value)
        case .operator(let value): Self.wrap("as_operator", value)
        case .symFloat(let value): Self.wrap("as_sym_float", value)
        case .symFloats(let value): Self.wrap("as_sym_floats", value)
        case .optionalTensor(let value): Self.wrap("as_optional_tensor", value)
        case .complex(let value): Self.wrap("as_complex", value)
        case .nestedTensors(let value): Self.wrap("as_nested_tensors", value)
        case .intLists(let value): Self.wrap("as_int_lists", value)
        case .floatLists(let value): Self.wrap("as_float_lists", value)
        case .stringToArgument(let value): Self.wrap("as_string_to_argument", value)
        }
    }

    private static func wrap(_ key: String, _ value: some JSONConvertible) -> JSON { .object([key: value.json]) }
}

extension ProgramSchema.TensorArgument {
    init(json: JSON) throws { name = try JSONFields(json, of: "TensorArgument").required("name") }
    var json: JSON { .object(["name": .string(name)]) }
}

extension ProgramSchema.OptionalTensorArgument {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: "OptionalTensorArgument")
        switch variant.key {
        case "as_tensor": self = .tensor(try variant.decode())
        case "as_none": self = .none
        default: throw variant.unknown
        }
    }

    var json: JSON {
        switch self {
        case .tensor(let value): .object(["as_tensor": value.json])
        case .none: .object(["as_none": .bool(true)])
        }
    }
}

/// A number that a union of the schema has as it is.
protocol KnownNumber: JSONConvertible, Equatable, Sendable {
    /// The name of the type in unions.
    static var variant: String { get }
    /// The schema's name for a number of the type that may be symbolic.
    static var symbolic: String { get }
}

extension Int: KnownNumber {
    static var variant: String { "as_int" }
    static var symbolic: String { "SymInt" }
}

extension Double: KnownNumber {
    static var variant: String { "as_float" }
    static var symbolic: String { "SymFloat" }
}

extension Bool: KnownNumber {
    static var variant: String { "as_bool" }
    static var symbolic: String { "SymBool" }
}

extension ProgramSchema.NumberArgument {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: Known.symbolic + "Argument")
        switch variant.key {
        case "as_name": self = .name(try variant.decode())
        case Known.variant: self = .known(try variant.decode())
        default: throw variant.unknown
        }
    }

    var json: JSON {
        switch self {
        case .name(let value): .object(["as_name": value.json])
        case .known(let value): .object([Known.variant: value.json])
        }
    }
}

extension ProgramSchema.CustomObjArgument {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "CustomObjArgument")
        name = try fields.required("name")
        classFqn = try fields.required("class_fqn")
    }

    var json: JSON { .object(["name": .string(name), "class_fqn": .string(classFqn)]) }
}

extension ProgramSchema.ComplexValue {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "ComplexValue")
        real = try fields.required("real")
        imaginary = try fields.required("imag")
    }

    var json: JSON { .object(["real": real.json, "imag": imaginary.json]) }
}

extension ProgramSchema.GraphArgument {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "GraphArgument")
        name = try fields.required("name")
        graph = try fields.required("graph")
    }

    var json: JSON { .object(["name": .string(name), "graph": graph.json]) }
}
