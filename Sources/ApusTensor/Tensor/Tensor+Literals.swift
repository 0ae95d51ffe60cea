import ApusSymbolic

/// What a tensor is made of in place: a number, a truth value, or arrays of them nested to one depth. Every integer type of Swift may stand
/// there; a floating-point number among integers makes Swift read all of them as `Double`.
///
///     try Tensor([[1, 2], [3, 4]])    // int64
///     try Tensor([[1, 2.5], [3, 4]])  // float32
public protocol TensorLiteral {
    /// The dtype that the numbers make unless told otherwise: int64, bool or float32. The type says it, so that an empty array has one too.
    static var literalDType: DType { get }
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

    /// Throws where a number can't be converted to an integer dtype.
    static func requireFit(_ values: [some ScalarConvertible], _ dtype: DType) throws {
        guard dtype.isInteger, let outside = values.first(where: { !$0.scalar.fits(dtype) }) else { return }
        throw TensorError(.overflow, in: "Tensor", "the number \(outside) can't be converted to \(dtype) without overflow")
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

extension TensorLiteral where Self: FixedWidthInteger {
    public static var literalDType: DType { .int64 }
    public static var nesting: Int { 0 }

    public func collect(into elements: inout LiteralElements, at position: [Int]) throws {
        guard let value = Int(exactly: self) else {
            throw TensorError(.overflow, in: "Tensor", "the number \(self) can't be converted to int64 without overflow")
        }
        elements.append(value)
    }
}

extension Int: TensorLiteral {}
extension Int8: TensorLiteral {}
extension Int16: TensorLiteral {}
extension Int32: TensorLiteral {}
extension Int64: TensorLiteral {}
extension UInt: TensorLiteral {}
extension UInt8: TensorLiteral {}
extension UInt16: TensorLiteral {}
extension UInt32: TensorLiteral {}
extension UInt64: TensorLiteral {}

extension TensorLiteral where Self: BinaryFloatingPoint {
    public static var literalDType: DType { .float32 }
    public static var nesting: Int { 0 }
    public func collect(into elements: inout LiteralElements, at position: [Int]) { elements.append(Double(self)) }
}

extension Double: TensorLiteral {}
extension Float: TensorLiteral {}

extension Bool: TensorLiteral {
    public static var literalDType: DType { .bool }
    public static var nesting: Int { 0 }
    public func collect(into elements: inout LiteralElements, at position: [Int]) { elements.append(self) }
}

extension Array: TensorLiteral where Element: TensorLiteral {
    public static var literalDType: DType { Element.literalDType }
    public static var nesting: Int { Element.nesting + 1 }

    public func collect(into elements: inout LiteralElements, at position: [Int]) throws {
        try elements.note(count, at: position)
        // Numbers have no parts, so that none of them needs a place of its own.
        guard Element.nesting > 0 else { return try forEach { try $0.collect(into: &elements, at: position) } }
        for (index, element) in enumerated() { try element.collect(into: &elements, at: position + [index]) }
    }
}

extension Tensor {
    /// A tensor of numbers written in place, or of an array: `Tensor([[1, 2], [3, 4]])`, `Tensor(3)`, `Tensor(ids)`.
    ///
    /// As in PyTorch, integers of any width make int64, truth values bool, and floating-point numbers, `Double` too, float32. An array with
    /// its own dtype kept is made with `Tensor(_:shape:)`.
    ///
    /// - Parameter dtype: another dtype. Numbers are cut off towards zero for an integer dtype, and rounded for a floating-point one.
    /// - Throws: `TensorError` where arrays beside each other differ in length; the message names the place. Where a number does not fit into
    ///   int64 or the integer dtype asked for.
    public init<Literal: TensorLiteral>(_ literal: Literal, dtype: DType? = nil) throws {
        var elements = LiteralElements(nesting: Literal.nesting)
        try literal.collect(into: &elements, at: [])
        let sizes: [Int] = elements.sizes.map { $0 ?? 0 }
        let dtype: DType = dtype ?? Literal.literalDType
        let made: Tensor
        switch elements.values {
        case .integers(let values):
            if dtype != .int64 { try LiteralElements.requireFit(values, dtype) }
            made = try Tensor(values, shape: sizes)
        case .numbers(let values):
            try LiteralElements.requireFit(values, dtype)
            made = try Tensor(values, shape: sizes)
        case .truths(let values): made = try Tensor(values, shape: sizes)
        case nil: made = try Tensor([Bool](), shape: sizes)
        }
        // A constant, also while a function is traced.
        self = try Interpreter.with(nil) { try made.to(dtype) }
    }
}
