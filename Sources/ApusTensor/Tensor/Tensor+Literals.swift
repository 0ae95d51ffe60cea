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
    /// Adds parts that lie beside each other in row-major order, numbers all at once. `position` says where in the whole they stand.
    static func collect(_ parts: [Self], into elements: inout LiteralElements, at position: [Int]) throws
}

/// The numbers of a literal, which are all of one kind, and the sizes that they were found to have.
public struct LiteralElements {
    fileprivate var integers: [Int] = []
    fileprivate var floats: [Float] = []
    fileprivate var numbers: [Double] = []
    fileprivate var truths: [Bool] = []
    fileprivate var sizes: [Int?]

    fileprivate init(nesting: Int) { sizes = Array(repeating: nil, count: nesting) }

    /// Notes the number of parts at a depth; throws where an earlier part had another.
    fileprivate mutating func note(_ count: Int, at position: [Int]) throws {
        let depth = position.count - 1
        guard let known = sizes[depth] else {
            sizes[depth] = count
            return
        }
        guard known == count else {
            throw TensorError(
                .shapeMismatch, in: "Tensor",
                "the literal is ragged: the part at \(Array(position.dropFirst())) has \(count) elements, but those before it have \(known)"
            )
        }
    }

    /// Throws where a number can't be converted to an integer dtype.
    fileprivate static func requireFit(_ values: [some ScalarConvertible], _ dtype: DType) throws {
        guard dtype.isInteger, let outside = values.first(where: { !$0.scalar.fits(dtype) }) else { return }
        throw TensorError(.overflow, in: "Tensor", "the number \(outside) can't be converted to \(dtype) without overflow")
    }

    /// An array that is the first is taken as it is: one flat array is copied once, into the tensor.
    fileprivate static func add<Number>(_ row: [Number], to list: inout [Number]) {
        if list.isEmpty { list = row } else { list += row }
    }
}

extension TensorLiteral where Self: FixedWidthInteger {
    public static var literalDType: DType { .int64 }
    public static var nesting: Int { 0 }

    public static func collect(_ parts: [Self], into elements: inout LiteralElements, at position: [Int]) throws {
        let row: [Int] = try parts.map { part in
            guard let value = Int(exactly: part) else {
                throw TensorError(.overflow, in: "Tensor", "the number \(part) can't be converted to int64 without overflow")
            }
            return value
        }
        LiteralElements.add(row, to: &elements.integers)
    }
}

extension Int: TensorLiteral {
    public static func collect(_ parts: [Int], into elements: inout LiteralElements, at position: [Int]) {
        LiteralElements.add(parts, to: &elements.integers)
    }
}
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
}

extension Double: TensorLiteral {
    public static func collect(_ parts: [Double], into elements: inout LiteralElements, at position: [Int]) {
        LiteralElements.add(parts, to: &elements.numbers)
    }
}

extension Float16: TensorLiteral {
    public static func collect(_ parts: [Float16], into elements: inout LiteralElements, at position: [Int]) {
        LiteralElements.add(parts.map { Float($0) }, to: &elements.floats)
    }
}

extension Float: TensorLiteral {
    public static func collect(_ parts: [Float], into elements: inout LiteralElements, at position: [Int]) {
        LiteralElements.add(parts, to: &elements.floats)
    }
}

extension Bool: TensorLiteral {
    public static var literalDType: DType { .bool }
    public static var nesting: Int { 0 }
    public static func collect(_ parts: [Bool], into elements: inout LiteralElements, at position: [Int]) {
        LiteralElements.add(parts, to: &elements.truths)
    }
}

extension Array: TensorLiteral where Element: TensorLiteral {
    public static var literalDType: DType { Element.literalDType }
    public static var nesting: Int { Element.nesting + 1 }

    public static func collect(_ parts: [[Element]], into elements: inout LiteralElements, at position: [Int]) throws {
        for (index, part) in parts.enumerated() {
            let place: [Int] = position + [index]
            try elements.note(part.count, at: place)
            try Element.collect(part, into: &elements, at: place)
        }
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
        try Literal.collect([literal], into: &elements, at: [])
        let sizes: [Int] = elements.sizes.map { $0 ?? 0 }
        let dtype: DType = dtype ?? Literal.literalDType
        let made: Tensor
        if !elements.integers.isEmpty {
            if dtype != .int64 { try LiteralElements.requireFit(elements.integers, dtype) }
            made = try Tensor(elements.integers, shape: sizes)
        } else if !elements.floats.isEmpty {
            try LiteralElements.requireFit(elements.floats, dtype)
            made = try Tensor(elements.floats, shape: sizes)
        } else if !elements.numbers.isEmpty {
            try LiteralElements.requireFit(elements.numbers, dtype)
            made = try Tensor(elements.numbers, shape: sizes)
        } else {
            made = try Tensor(elements.truths, shape: sizes)
        }
        // A constant, also while a function is traced.
        self = try Interpreter.with(nil) { try made.to(dtype) }
    }
}
