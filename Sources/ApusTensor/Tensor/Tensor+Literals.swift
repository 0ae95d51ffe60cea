import ApusSymbolic

/// What a tensor is made of in place: a number, a truth value, or arrays of them nested to one depth.
///
///     try Tensor([[1, 2], [3, 4]])
public protocol TensorLiteral {
    /// How deep arrays are nested: 0 for a number.
    static var nesting: Int { get }
    /// Adds the numbers in row-major order. `position` says where in the whole this part stands.
    func collect(into elements: inout LiteralElements, at position: [Int]) throws
}

/// The numbers of a literal and the sizes that they were found to have.
public struct LiteralElements {
    enum Values {
        case integers([Int])
        case numbers([Double])
        case truths([Bool])
    }

    private(set) var values: Values?
    private(set) var sizes: [Int?]

    init(nesting: Int) { sizes = Array(repeating: nil, count: nesting) }

    /// Notes the number of parts at a depth; throws where an earlier part had another.
    mutating func note(_ count: Int, at position: [Int]) throws {
        let depth = position.count
        guard let known = sizes[depth] else {
            sizes[depth] = count
            return
        }
        guard known == count else {
            throw TensorError(
                .shapeMismatch, in: "Tensor",
                "the literal is ragged: the part at \(position) has \(count) elements, but those before it have \(known)")
        }
    }

    mutating func append(_ value: Int) {
        guard case .integers(var list) = values else {
            values = .integers([value])
            return
        }
        values = nil
        list.append(value)
        values = .integers(list)
    }

    mutating func append(_ value: Double) {
        guard case .numbers(var list) = values else {
            values = .numbers([value])
            return
        }
        values = nil
        list.append(value)
        values = .numbers(list)
    }

    mutating func append(_ value: Bool) {
        guard case .truths(var list) = values else {
            values = .truths([value])
            return
        }
        values = nil
        list.append(value)
        values = .truths(list)
    }
}

extension Int: TensorLiteral {
    public static var nesting: Int { 0 }
    public func collect(into elements: inout LiteralElements, at position: [Int]) { elements.append(self) }
}

extension Double: TensorLiteral {
    public static var nesting: Int { 0 }
    public func collect(into elements: inout LiteralElements, at position: [Int]) { elements.append(self) }
}

extension Float: TensorLiteral {
    public static var nesting: Int { 0 }
    public func collect(into elements: inout LiteralElements, at position: [Int]) { elements.append(Double(self)) }
}

extension Bool: TensorLiteral {
    public static var nesting: Int { 0 }
    public func collect(into elements: inout LiteralElements, at position: [Int]) { elements.append(self) }
}

extension Array: TensorLiteral where Element: TensorLiteral {
    public static var nesting: Int { Element.nesting + 1 }

    public func collect(into elements: inout LiteralElements, at position: [Int]) throws {
        try elements.note(count, at: position)
        for (index, element) in enumerated() { try element.collect(into: &elements, at: position + [index]) }
    }
}

extension Tensor {
    /// A tensor of numbers written in place: `Tensor([[1, 2], [3, 4]])`, `Tensor(3)`.
    ///
    /// - Parameter dtype: float32 where absent, bool for truth values.
    /// - Throws: `TensorError` where arrays beside each other differ in length; the message names the place.
    public init<Literal: TensorLiteral>(_ literal: Literal, dtype: DType? = nil) throws {
        var elements = LiteralElements(nesting: Literal.nesting)
        try literal.collect(into: &elements, at: [])
        let sizes: [Int] = elements.sizes.map { $0 ?? 0 }
        let (made, natural): (Tensor, DType) =
            switch elements.values {
            case .integers(let values): (try Tensor(values, shape: sizes), .float32)
            case .numbers(let values): (try Tensor(values, shape: sizes), .float32)
            case .truths(let values): (try Tensor(values, shape: sizes), .bool)
            case nil: (try Tensor([Float](), shape: sizes), .float32)
            }
        // A constant, also while a function is traced.
        self = try Interpreter.with(nil) { try made.to(dtype ?? natural) }
    }
}
