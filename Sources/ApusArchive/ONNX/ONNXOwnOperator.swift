import ApusONNXSchema
import ApusTensor

/// A call of an operator of the user's own: one that the table has under the domain and name of a node. Inputs are its tensors in order,
/// attributes its other arguments by name.
struct ONNXOwnOperator {
    let operation: Operator

    func results(_ call: ONNXCall) throws -> [ONNXValue] {
        var place = 0
        func next<Input>(_ input: (Int) throws -> Input, _ count: Int = 1) rethrows -> Input {
            defer { place += count }
            return try input(place)
        }
        let arguments: [OperatorArgument] = try operation.schema.parameters.map { parameter in
            switch parameter.kind {
            case .tensor: return .tensor(try next(call.tensor))
            case .optional(.tensor): return try next(call.optional).map { .tensor($0) } ?? .none
            case .list(.tensor, _): return .tensors(try next(call.tensors(from:), call.inputs.count))
            default:
                guard let attribute = call.attributes[parameter.name] else { return try ArgumentImporter.standard(of: parameter) }
                return try argument(attribute, parameter.kind, call)
            }
        }
        guard place >= call.inputs.count else {
            throw call.error(.invalidProgram, "has \(call.inputs.count) inputs, the operator takes \(place)")
        }
        return try applyTensors(operation, arguments).map { ONNXValue($0) }
    }

    private func argument(_ attribute: Onnx_AttributeProto, _ kind: Operator.Schema.Kind, _ call: ONNXCall) throws -> OperatorArgument {
        if case .optional(let inner) = kind { return try argument(attribute, inner, call) }
        switch (attribute.type, kind) {
        case (.int, .bool): return .bool(attribute.i != 0)
        case (.int, _): return .int(Int(attribute.i))
        case (.float, _): return .double(Double(attribute.f))
        case (.string, _): return .string(String(decoding: attribute.s, as: UTF8.self))
        case (.ints, _): return .ints(attribute.ints.map { Int($0) })
        case (.floats, _): return .floats(attribute.floats.map { Double($0) })
        default: throw call.error("has the attribute '\(attribute.name)' as \(attribute.type), which no operator takes")
        }
    }
}
