import ApusONNXSchema
import ApusSymbolic
import ApusTensor

/// One node of a model, with what its inputs stand for: what the meaning of an operator is written in terms of.
struct ONNXCall {
    let name: String
    /// The version of its domain that the model asks for.
    let version: Int
    var inputs: [ONNXValue?]
    let attributes: [String: Onnx_AttributeProto]
    /// For each output whether somebody may read it.
    let outputs: [Bool]
    let tensors: ONNXTensors
    /// What carries out a body: of branches and loops.
    let bodies: ONNXBodies?

    // MARK: Inputs

    func error(_ code: ArchiveError.Code, _ reason: String) -> ArchiveError { ArchiveError(code, "\(name) of opset \(version) \(reason)") }

    /// What the model is right to ask for, and is not read.
    func error(_ reason: String) -> ArchiveError { error(.unsupported, reason) }

    func value(_ index: Int) throws -> ONNXValue {
        guard index < inputs.count, let value = inputs[index] else { throw error(.invalidProgram, "lacks its input \(index)") }
        return value
    }

    func has(_ index: Int) -> Bool { index < inputs.count && inputs[index].map { !$0.isNothing } ?? false }

    func tensor(_ index: Int) throws -> Tensor { try value(index).tensor() }

    func optional(_ index: Int) throws -> Tensor? { has(index) ? try tensor(index) : nil }

    /// The operands of an operator of two. Before opset 7 an attribute says that the second is broadcast, and from which dimension on.
    func pair() throws -> (Tensor, Tensor) {
        let (a, b) = (try tensor(0), try tensor(1))
        guard version < 7, try flag("broadcast"), let axis = try int("axis") else { return (a, b) }
        let start: Int = try dim(axis, rank: a.rank)
        guard start + b.rank <= a.rank else { throw error(.invalidProgram, "broadcasts \(b.spec) from dimension \(axis) of \(a.spec) on") }
        return (a, try b.reshaped(b.shape.sizes + Array(repeating: SymInt(1), count: a.rank - start - b.rank)))
    }

    /// All inputs as tensors.
    func tensors(from start: Int = 0) throws -> [Tensor] { try (start..<Swift.max(start, inputs.count)).map { try tensor($0) } }

    func element(_ index: Int) throws -> ONNXElement { try value(index).element }

    /// The integers of an input that holds sizes, positions or counts. What only a run can know is read from the tensor there.
    func sizes(_ index: Int) throws -> [SymInt] {
        switch try value(index).content {
        case .sizes(let sizes): return sizes.values
        case .tensor(let tensor) where !tensor.isTraced:
            let count: Int = tensor.count.constant ?? 0
            guard tensor.dtype.isInteger, count <= ONNXSizes.limit else {
                throw error(.invalidProgram, "takes sizes as input \(index), not \(tensor.spec)")
            }
            return try tensor.knownIntegers().map { SymInt($0) }
        case .tensor(let tensor):
            guard tensor.dtype.isInteger, tensor.rank <= 1, let count = tensor.count.constant, count <= 64 else {
                throw error("takes sizes as input \(index); their number is open in \(tensor.spec)")
            }
            if tensor.rank == 0 { return [try tensor.item()] }
            return try (0..<count).map { try tensor.select(dim: 0, index: $0).item() }
        case .sequence, .nothing: throw error(.invalidProgram, "takes sizes as input \(index)")
        }
    }

    /// The one integer of an input.
    func size(_ index: Int) throws -> SymInt {
        guard let size = try sizes(index).first else { throw error(.invalidProgram, "takes one number as input \(index)") }
        return size
    }

    func constant(_ index: Int) throws -> Int {
        guard let number = try constants(index).first else { throw error(.invalidProgram, "takes one number as input \(index)") }
        return number
    }

    /// The dimensions behind those of the batch and the channels.
    func spatialDims(_ x: Tensor) throws -> [Int] {
        guard x.rank > 2 else { throw error(.invalidProgram, "takes a batch, channels and spatial dimensions, not \(x.spec)") }
        return Array(2..<x.rank)
    }

    /// Integers that have to be there while the model is read: they decide what is computed.
    func constants(_ index: Int) throws -> [Int] {
        let value: ONNXValue = try value(index)
        if case .sizes(let sizes) = value.content, let known = sizes.constants { return known }
        guard let tensor = value.known else {
            throw error("takes its input \(index) from constants only: what is computed depends on its values")
        }
        let count: Int = tensor.count.constant ?? 0
        guard tensor.dtype.isInteger || tensor.dtype == .bool, count <= 1 << 20 else {
            throw error(.invalidProgram, "takes integers as input \(index), not \(tensor.spec)")
        }
        return try tensor.knownIntegers()
    }

    /// A number that has to be there while the model is read.
    func number(_ index: Int) throws -> Double? {
        guard has(index) else { return nil }
        guard let tensor = try value(index).known, tensor.count.constant == 1 else {
            throw error("takes its input \(index) from one constant only: what is computed depends on it")
        }
        return try tensor.knownNumbers().first
    }

    func numbers(_ index: Int) throws -> [Double]? {
        guard has(index) else { return nil }
        guard let tensor = try value(index).known, (tensor.count.constant ?? .max) <= 1 << 20 else {
            throw error("takes its input \(index) from constants only: what is computed depends on its values")
        }
        return try tensor.knownNumbers()
    }

    // MARK: Attributes

    private func attribute(_ name: String, _ type: Onnx_AttributeProto.AttributeType) throws -> Onnx_AttributeProto? {
        guard let attribute = attributes[name] else { return nil }
        // Files before the type was written lack it.
        guard attribute.type == type || attribute.type == .undefined else {
            throw error(.invalidProgram, "has the attribute '\(name)' as \(attribute.type), \(type) is expected")
        }
        return attribute
    }

    func int(_ name: String) throws -> Int? { try attribute(name, .int).map { Int($0.i) } }
    func int(_ name: String, _ standard: Int) throws -> Int { try int(name) ?? standard }
    func flag(_ name: String, _ standard: Bool = false) throws -> Bool { try int(name, standard ? 1 : 0) != 0 }
    func float(_ name: String) throws -> Double? { try attribute(name, .float).map { Double($0.f) } }
    func float(_ name: String, _ standard: Double) throws -> Double { try float(name) ?? standard }
    func ints(_ name: String) throws -> [Int]? { try attribute(name, .ints).map { $0.ints.map { Int($0) } } }
    func floats(_ name: String) throws -> [Double]? { try attribute(name, .floats).map { $0.floats.map { Double($0) } } }
    func text(_ name: String) throws -> String? { try attribute(name, .string).map { String(decoding: $0.s, as: UTF8.self) } }
    func text(_ name: String, _ standard: String) throws -> String { try text(name) ?? standard }
    func texts(_ name: String) throws -> [String]? {
        try attribute(name, .strings).map { $0.strings.map { String(decoding: $0, as: UTF8.self) } }
    }
    func value(ofAttribute name: String) throws -> ONNXValue? { try attribute(name, .tensor).map { try tensors.shared($0.t) } }
    func graph(_ name: String) throws -> Onnx_GraphProto {
        guard let attribute = try attribute(name, .graph) else { throw error(.invalidProgram, "lacks its graph '\(name)'") }
        return attribute.g
    }
    func element(ofAttribute name: String) throws -> ONNXElement? { try int(name).map { try ONNXElement(number: $0) } }

    /// An attribute that must be one of some texts.
    func choice(_ name: String, _ standard: String, of choices: [String]) throws -> String {
        let text: String = try self.text(name, standard)
        guard choices.contains(text) else {
            throw error("has the \(name) '\(text)', which is not read; \(choices.joined(separator: ", ")) are")
        }
        return text
    }

    /// Dimensions given by an attribute in earlier opsets, and by an input in later ones; nil where neither is there.
    func axes(input index: Int = 1, attribute name: String = "axes") throws -> [Int]? {
        if has(index) { return try constants(index) }
        return try ints(name)
    }

    /// A dimension counted from the front.
    func axis(_ name: String = "axis", _ standard: Int, rank: Int) throws -> Int { try dim(try int(name, standard), rank: rank) }

    func dim(_ dim: Int, rank: Int) throws -> Int {
        guard dim >= -rank, dim < rank else { throw error(.invalidProgram, "names the dimension \(dim) of a tensor with \(rank)") }
        return dim < 0 ? dim + rank : dim
    }
}
