import ApusSymbolic
import ApusTensor
import ComplexModule

/// Turns a node's arguments, as the file names them, into an operator's arguments in schema order.
///
/// Arguments are bound by name, and what the file leaves out takes the schema's default. Names that the schema lacks are ignored where they
/// are settings of devices and memory, or not given; a later PyTorch's argument could change the result.
struct ArgumentImporter {
    /// The tensor that a name stands for now; nil for a name that is not a tensor's.
    let tensor: (String) throws -> Tensor
    /// The size or number that a name stands for.
    let symbol: (String) throws -> SymValue

    func arguments(of node: ProgramSchema.Node, for schema: Schema) throws -> [OperatorArgument] {
        var given: [String: ProgramSchema.Argument] = [:]
        for input in node.inputs {
            guard given.updateValue(input.argument, forKey: input.name) == nil else {
                throw ArchiveError(.invalidProgram, "the argument '\(input.name)' is given twice")
            }
        }
        let arguments: [OperatorArgument] = try schema.parameters.map { parameter in
            guard let argument = given[parameter.name] else { return try Self.standard(of: parameter) }
            do { return try convert(argument, to: parameter.kind) } catch let error as ArchiveError {
                var located = error
                if located.location == nil { located.location = "argument '\(parameter.name)'" }
                throw located
            }
        }
        for input in node.inputs where schema.index(of: input.name) == nil && !Self.settings.contains(input.name) {
            if case .none = input.argument { continue }
            throw ArchiveError(
                .unsupported, at: "argument '\(input.name)'", "is not one of the operator's here, and could change the result")
        }
        return arguments
    }

    /// Arguments that say where and how a result is computed, not what it is.
    private static let settings: Set<String> = [
        "device", "pin_memory", "memory_format", "non_blocking", "generator", "cudnn_enabled",
    ]

    // MARK: Defaults

    /// The value of a parameter's default. Layouts, devices and memory formats are not part of a value's meaning here: theirs is not given.
    static func standard<Reference>(of parameter: Schema.Parameter) throws -> ArgumentOf<Reference> {
        guard let text = parameter.defaultText else {
            throw ArchiveError(.invalidProgram, "the argument '\(parameter.name)' is missing")
        }
        guard let value: ArgumentOf<Reference> = standard(text, parameter.kind) else {
            throw ArchiveError(.unsupported, at: "argument '\(parameter.name)'", "its default '\(text)' is no \(parameter.kind)")
        }
        return value
    }

    /// What a default's text in a schema stands for; nil for a text that is none of the kind.
    private static func standard<Reference>(_ text: String, _ kind: Schema.Kind) -> ArgumentOf<Reference>? {
        if text == "None" { return ArgumentOf<Reference>.none }
        switch kind {
        case .optional(let inner): return standard(text, inner)
        case .bool: return truth(text).map { .bool($0) }
        case .int: return integer(text).map { .int($0) }
        case .float: return Double(text).map { .double($0) }
        case .scalar: return truth(text).map { .bool($0) } ?? Int(text).map { .int($0) } ?? Double(text).map { .double($0) }
        case .string: return .string(String(text.trimmingQuotes))
        case .list(let element, let count):
            // A single number stands for as many as there are places.
            let items: [String] =
                text.hasPrefix("[")
                ? text.dropFirst().dropLast().split(separator: ",").map { $0.filter { $0 != " " } }
                : Array(repeating: text, count: count ?? 1)
            switch element {
            case .int: return all(items.map(integer)).map { .ints($0) }
            case .float: return all(items.map { Double($0) }).map { .floats($0) }
            case .bool: return all(items.map(truth)).map { .bools($0) }
            case .tensor: return items.isEmpty ? .tensors([]) : nil
            default: return nil
            }
        // The only dtype that is a default, as PyTorch numbers them.
        case .dtype: return text == "4" ? .dtype(.int64) : nil
        case .layout, .device, .memoryFormat, .generator: return ArgumentOf<Reference>.none
        case .tensor, .graph: return nil
        }
    }

    private static func truth(_ text: String) -> Bool? { ["True": true, "False": false][text] }

    private static func integer(_ text: String) -> Int? { text == "Mean" ? 1 : Int(text) }

    private static func all<Item>(_ items: [Item?]) -> [Item]? {
        let known = items.compactMap { $0 }
        return known.count == items.count ? known : nil
    }

    // MARK: Values

    func convert(_ argument: ProgramSchema.Argument, to kind: Schema.Kind) throws -> OperatorArgument {
        if case .none = argument { return .none }
        switch kind {
        case .optional(let inner): return try convert(argument, to: inner)
        case .tensor: return try tensorOrNumber(argument)
        case .scalar, .int, .float, .bool: return try number(argument, kind)
        case .string:
            if case .string(let text) = argument { return .string(text) }
        case .dtype:
            if case .scalarType(let type) = argument { return .dtype(try DType(type)) }
            if case .int(let number) = argument, let type = ProgramSchema.ScalarType(rawValue: number) { return .dtype(try DType(type)) }
        case .layout:
            if case .layout(let layout) = argument {
                guard layout == .strided else { throw ArchiveError(.unsupported, "the layout \(layout) is not supported") }
                return .none
            }
        case .device, .memoryFormat, .generator: return .none
        case .list(let element, _): return try list(argument, of: element)
        case .graph: break
        }
        throw mismatch(argument, kind)
    }

    private func mismatch(_ argument: ProgramSchema.Argument, _ kind: Schema.Kind) -> ArchiveError {
        ArchiveError(.invalidProgram, "is given as '\(argument.variant)' where the operator takes \(kind)")
    }

    /// Operators on tensors take plain numbers too.
    private func tensorOrNumber(_ argument: ProgramSchema.Argument) throws -> OperatorArgument {
        switch argument {
        case .tensor(let reference), .optionalTensor(.tensor(let reference)): return .tensor(try tensor(reference.name))
        case .optionalTensor(.none): return .none
        default: return try number(argument, .scalar)
        }
    }

    private func number(_ argument: ProgramSchema.Argument, _ kind: Schema.Kind) throws -> OperatorArgument {
        let value: SymValue
        switch argument {
        case .int(let number), .symInt(.known(let number)): value = .int(SymInt(number))
        case .float(let number), .symFloat(.known(let number)): value = .float(SymFloat(number))
        case .bool(let flag), .symBool(.known(let flag)):
            if kind == .bool || kind == .scalar { return .bool(flag) }
            value = .bool(SymBool(flag))
        case .symInt(.name(let name)), .symFloat(.name(let name)), .symBool(.name(let name)): value = try symbol(name)
        case .complex(let number) where kind == .scalar: return .scalar(.complex(Complex(number.real, number.imaginary)))
        default: throw mismatch(argument, kind)
        }
        switch (kind, value) {
        case (.int, _):
            guard let size = value.int else { throw mismatch(argument, kind) }
            return .int(size)
        case (.float, _): return .scalar(.float(value.float))
        case (.bool, .bool(let condition)): return condition.constant.map { .bool($0) } ?? .symBool(condition)
        case (.bool, .int(let size)):
            guard let known = size.constant else { throw mismatch(argument, kind) }
            return .bool(known != 0)
        case (_, .int(let size)): return .int(size)
        case (_, .float(let float)): return .scalar(.float(float))
        case (_, .bool(let condition)): return condition.constant.map { .bool($0) } ?? .symBool(condition)
        }
    }

    private func list(_ argument: ProgramSchema.Argument, of element: Schema.Kind) throws -> OperatorArgument {
        switch (element, argument) {
        case (.tensor, .tensors(let references)): return .tensors(try references.map { try tensor($0.name) })
        case (.optional(.tensor), .tensors(let references)): return .optionalTensors(try references.map { try tensor($0.name) })
        case (.optional(.tensor), .optionalTensors(let references)):
            return .optionalTensors(
                try references.map { reference in
                    if case .tensor(let tensor) = reference { return try self.tensor(tensor.name) }
                    return nil
                })
        case (.int, .ints(let values)): return .ints(values)
        case (.int, .int(let value)): return .ints([value])
        case (.int, .symInts(let values)):
            return .ints(
                try values.map { value -> SymInt in
                    switch value {
                    case .known(let number): return SymInt(number)
                    case .name(let name):
                        guard let size = try symbol(name).int else { throw mismatch(argument, element) }
                        return size
                    }
                })
        case (.int, .symInt): return .ints([try integer(argument)])
        case (.float, .floats(let values)), (.scalar, .floats(let values)): return .floats(values)
        case (.float, .ints(let values)), (.scalar, .ints(let values)): return .floats(values.map(Double.init))
        case (.float, .symFloats(let values)):
            return .floats(
                try values.map { value in
                    switch value {
                    case .known(let number): return number
                    case .name(let name):
                        guard let known = try symbol(name).float.constant else {
                            throw ArchiveError(.unsupported, "a list of numbers that depend on sizes is not supported")
                        }
                        return known
                    }
                })
        case (.bool, .bools(let values)): return .bools(values)
        // An empty list is typed by what the writer thought of it.
        case (_, .ints([])), (_, .tensors([])):
            switch element {
            case .int: return .ints([] as [SymInt])
            case .float: return .floats([])
            case .bool: return .bools([])
            case .tensor: return .tensors([])
            case .optional(.tensor): return .optionalTensors([])
            default: throw mismatch(argument, .list(element, count: nil))
            }
        default: throw mismatch(argument, .list(element, count: nil))
        }
    }

    private func integer(_ argument: ProgramSchema.Argument) throws -> SymInt {
        guard case .scalar(.int(let size)) = try number(argument, .int) else { throw mismatch(argument, .int) }
        return size
    }
}

extension ProgramSchema.Argument {
    /// The key of the union, for messages.
    var variant: String {
        guard case .object(let object) = json else { return "?" }
        return object.members.first?.key ?? "?"
    }
}

extension String {
    fileprivate var trimmingQuotes: Substring {
        guard count >= 2, let first, first == last, first == "'" || first == "\"" else { return self[...] }
        return dropFirst().dropLast()
    }
}
