extension ProgramSchema {
    struct GraphSignature: JSONConvertible, Equatable, Sendable {
        var inputSpecs: [InputSpec]
        var outputSpecs: [OutputSpec]
    }

    /// The role of a graph input, by position.
    enum InputSpec: JSONConvertible, Equatable, Sendable {
        case userInput(Argument)
        case parameter(TensorArgument, name: String)
        case buffer(TensorArgument, name: String, persistent: Bool)
        case tensorConstant(TensorArgument, name: String)
        case customObj(CustomObjArgument, name: String)
        case token(TensorArgument)
        case constantInput(name: String, ConstantValue)
    }

    /// A Python value that was baked into the program; the caller must pass the same one.
    enum ConstantValue: JSONConvertible, Equatable, Sendable {
        case none
        case int(Int)
        case float(Double)
        case string(String)
        case bool(Bool)
    }

    /// The role of a graph output, by position.
    enum OutputSpec: JSONConvertible, Equatable, Sendable {
        case userOutput(Argument)
        case lossOutput(TensorArgument)
        case bufferMutation(TensorArgument, buffer: String)
        case parameterMutation(TensorArgument, parameter: String)
        case userInputMutation(TensorArgument, input: String)
        case gradientToParameter(TensorArgument, parameter: String)
        case gradientToUserInput(TensorArgument, input: String)
        case token(TensorArgument)
    }
}

extension ProgramSchema.GraphSignature {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "GraphSignature")
        inputSpecs = try fields.required("input_specs")
        outputSpecs = try fields.required("output_specs")
    }

    var json: JSON { .object(["input_specs": inputSpecs.json, "output_specs": outputSpecs.json]) }
}

extension ProgramSchema.InputSpec {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: "InputSpec")
        self = try decoding(variant.key) {
            let fields = try JSONFields(variant.value, of: "InputSpec.\(variant.key)")
            switch variant.key {
            case "user_input": return .userInput(try fields.required("arg"))
            case "parameter": return .parameter(try fields.required("arg"), name: try fields.required("parameter_name"))
            case "buffer":
                return .buffer(
                    try fields.required("arg"), name: try fields.required("buffer_name"), persistent: try fields.required("persistent"))
            case "tensor_constant":
                return .tensorConstant(try fields.required("arg"), name: try fields.required("tensor_constant_name"))
            case "custom_obj": return .customObj(try fields.required("arg"), name: try fields.required("custom_obj_name"))
            case "token": return .token(try fields.required("arg"))
            case "constant_input": return .constantInput(name: try fields.required("name"), try fields.required("value"))
            default: throw variant.unknown
            }
        }
    }

    var json: JSON {
        switch self {
        case .userInput(let argument): .object(["user_input": .object(["arg": argument.json])])
        case .parameter(let argument, let name):
            .object(["parameter": .object(["arg": argument.json, "parameter_name": .string(name)])])
        case .buffer(let argument, let name, let persistent):
            .object(["buffer": .object(["arg": argument.json, "buffer_name": .string(name), "persistent": .bool(persistent)])])
        case .tensorConstant(let argument, let name):
            .object(["tensor_constant": .object(["arg": argument.json, "tensor_constant_name": .string(name)])])
        case .customObj(let argument, let name):
            .object(["custom_obj": .object(["arg": argument.json, "custom_obj_name": .string(name)])])
        case .token(let argument): .object(["token": .object(["arg": argument.json])])
        case .constantInput(let name, let value):
            .object(["constant_input": .object(["name": .string(name), "value": value.json])])
        }
    }
}

extension ProgramSchema.ConstantValue {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: "ConstantValue")
        switch variant.key {
        case "as_none": self = .none
        case "as_int": self = .int(try variant.decode())
        case "as_float": self = .float(try variant.decode())
        case "as_string": self = .string(try variant.decode())
        case "as_bool": self = .bool(try variant.decode())
        default: throw variant.unknown
        }
    }

    var json: JSON {
        switch self {
        case .none: .object(["as_none": .bool(true)])
        case .int(let value): .object(["as_int": value.json])
        case .float(let value): .object(["as_float": value.json])
        case .string(let value): .object(["as_string": value.json])
        case .bool(let value): .object(["as_bool": value.json])
        }
    }
}

extension ProgramSchema.OutputSpec {
    init(json: JSON) throws {
        let variant = try JSONVariant(json, of: "OutputSpec")
        self = try decoding(variant.key) {
            let fields = try JSONFields(variant.value, of: "OutputSpec.\(variant.key)")
            switch variant.key {
            case "user_output": return .userOutput(try fields.required("arg"))
            case "loss_output": return .lossOutput(try fields.required("arg"))
            case "buffer_mutation": return .bufferMutation(try fields.required("arg"), buffer: try fields.required("buffer_name"))
            case "parameter_mutation":
                return .parameterMutation(try fields.required("arg"), parameter: try fields.required("parameter_name"))
            case "user_input_mutation":
                return .userInputMutation(try fields.required("arg"), input: try fields.required("user_input_name"))
            case "gradient_to_parameter":
                return .gradientToParameter(try fields.required("arg"), parameter: try fields.required("parameter_name"))
            case "gradient_to_user_input":
                return .gradientToUserInput(try fields.required("arg"), input: try fields.required("user_input_name"))
            case "token": return .token(try fields.required("arg"))
            default: throw variant.unknown
            }
        }
    }

    var json: JSON {
        switch self {
        case .userOutput(let argument): .object(["user_output": .object(["arg": argument.json])])
        case .lossOutput(let argument): .object(["loss_output": .object(["arg": argument.json])])
        case .bufferMutation(let argument, let name):
            .object(["buffer_mutation": .object(["arg": argument.json, "buffer_name": .string(name)])])
        case .parameterMutation(let argument, let name):
            .object(["parameter_mutation": .object(["arg": argument.json, "parameter_name": .string(name)])])
        case .userInputMutation(let argument, let name):
            .object(["user_input_mutation": .object(["arg": argument.json, "user_input_name": .string(name)])])
        case .gradientToParameter(let argument, let name):
            .object(["gradient_to_parameter": .object(["arg": argument.json, "parameter_name": .string(name)])])
        case .gradientToUserInput(let argument, let name):
            .object(["gradient_to_user_input": .object(["arg": argument.json, "user_input_name": .string(name)])])
        case .token(let argument): .object(["token": .object(["arg": argument.json])])
        }
    }
}
