import ApusSymbolic

// Elements as bytes, and memory that somebody else owns.

extension Tensor {
    /// Calls the body with the elements' bytes in row-major order, in the machine's byte order. The bytes live as long as the body runs.
    ///
    /// Costs nothing for a contiguous tensor; another is copied. Throws for a traced tensor, which has no values.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try TensorError.throwPendingFault()
        guard !isTraced else {
            if let fault = tracedValue?.fault { throw TensorError(.invalidArgument, in: "withUnsafeBytes", fault) }
            throw TensorError(.tracing, in: "withUnsafeBytes", "a tensor of \(spec) has no values while it is traced")
        }
        if !Interpreter.hasValues { try Interpreter.current?.readWithoutValues() }
        let dense: Tensor = try Interpreter.with(nil) { try contiguous() }
        return try withExtendedLifetime(dense) {
            try body(UnsafeRawBufferPointer(start: dense.baseAddress, count: dense.layout.count * dtype.byteWidth))
        }
    }

    /// The elements' bytes in row-major order, in the machine's byte order.
    public func bytes() throws -> [UInt8] { try withUnsafeBytes { Array($0) } }

    /// A tensor of the elements that bytes hold in row-major order, in the machine's byte order: a copy. Throws where their number does not fit.
    public init(bytes: some Collection<UInt8>, dtype: DType, shape sizes: [any SymIntConvertible]) throws {
        let shape = try Shape(sizes.plainSizes(), in: "Tensor")
        let wanted: Int = (shape.layout?.count ?? 0) * dtype.byteWidth
        guard bytes.count == wanted else {
            throw TensorError(
                .shapeMismatch, in: "Tensor", "\(bytes.count) bytes don't fill \(TensorSpec(dtype, shape)), which has \(wanted)")
        }
        try Tensor.requireTruthValues(bytes, dtype)
        self = try Tensor.uninitialized(shape, dtype: dtype, in: "Tensor")
        let memory = UnsafeMutableRawBufferPointer(start: baseAddress, count: wanted)
        // Bytes mostly lie in one piece; asked for one by one they take fifty times as long, which a server's images feel.
        if bytes.withContiguousStorageIfAvailable({ memory.copyMemory(from: UnsafeRawBufferPointer($0)) }) == nil {
            _ = memory.initializeMemory(as: UInt8.self, from: bytes)
        }
    }

    /// A tensor over memory that the caller owns, without a copy. Its elements lie in row-major order.
    ///
    /// - Parameters:
    ///   - bytes: must stay where they are for as long as the owner lives, and be aligned for the dtype. They are never written: a tensor that
    ///     is changed in place is copied first.
    ///   - owner: kept alive by the tensor and all that share its memory.
    /// - Throws: `TensorError` where there are fewer bytes than elements need, or the memory is not aligned.
    public init(sharing bytes: UnsafeRawBufferPointer, dtype: DType, shape sizes: [any SymIntConvertible], owner: AnyObject) throws {
        let shape = try Shape(sizes.plainSizes(), in: "Tensor")
        let layout: Layout = shape.layout ?? .scalar
        let wanted: Int = layout.count * dtype.byteWidth
        guard bytes.count >= wanted else {
            throw TensorError(
                .shapeMismatch, in: "Tensor", "\(bytes.count) bytes are too few for \(TensorSpec(dtype, shape)), which has \(wanted)")
        }
        guard let start = bytes.baseAddress, wanted > 0 else {
            self = try Tensor.uninitialized(shape, dtype: dtype, in: "Tensor")
            return
        }
        guard Int(bitPattern: start) % dtype.byteWidth == 0 else {
            throw TensorError(
                .invalidArgument, in: "Tensor",
                "the memory is not aligned to the \(dtype.byteWidth) bytes of \(dtype): copy it with Tensor(bytes:)")
        }
        try Tensor.requireTruthValues(bytes.prefix(wanted), dtype)
        let storage = Storage(pointer: UnsafeMutableRawPointer(mutating: start), byteCount: wanted, isWritable: false, owner: owner)
        self = try Tensor(storage: storage, dtype: dtype, layout: layout, offset: 0)
    }

    /// A truth value is a byte of 0 or 1; kernels rely on it.
    private static func requireTruthValues(_ bytes: some Sequence<UInt8>, _ dtype: DType) throws {
        guard dtype == .bool, let other = bytes.first(where: { $0 > 1 }) else { return }
        throw TensorError(.invalidArgument, in: "Tensor", "a byte is \(other), but truth values are bytes of 0 or 1")
    }
}

// MARK: - Nested arrays

/// A number, or arrays of numbers nested to one depth: what a tensor of as many dimensions is read as.
public protocol TensorNesting {
    /// The innermost type.
    associatedtype Leaf: TensorElement
    /// How deep arrays are nested: 0 for a number.
    static var depth: Int { get }
    /// The value of the elements of one part, of which there are as many as the sizes say.
    static func nested(_ elements: ArraySlice<Leaf>, _ sizes: ArraySlice<Int>) -> Self?
}

extension TensorNesting where Self: TensorElement {
    public static var depth: Int { 0 }
    public static func nested(_ elements: ArraySlice<Self>, _ sizes: ArraySlice<Int>) -> Self? { elements.first }
}

extension Bool: TensorNesting {}
extension UInt8: TensorNesting {}
extension Int8: TensorNesting {}
extension Int16: TensorNesting {}
extension Int32: TensorNesting {}
extension Int64: TensorNesting {}
extension Int: TensorNesting {}
extension Float16: TensorNesting {}
extension Float: TensorNesting {}
extension Double: TensorNesting {}

extension Array: TensorNesting where Element: TensorNesting {
    public typealias Leaf = Element.Leaf
    public static var depth: Int { Element.depth + 1 }

    public static func nested(_ elements: ArraySlice<Element.Leaf>, _ sizes: ArraySlice<Int>) -> [Element]? {
        guard let count = sizes.first else { return nil }
        let width: Int = count == 0 ? 0 : elements.count / count
        return (0..<count).compactMap {
            let start: Int = elements.startIndex + $0 * width
            return Element.nested(elements[start..<start + width], sizes.dropFirst())
        }
    }
}

extension Tensor {
    /// The elements as arrays nested as deep as the tensor has dimensions: `let rows: [[Float]] = try x.nested()`. Numbers are converted, and
    /// refused, as `array(of:)` does.
    public func nested<Elements: TensorNesting>(as type: Elements.Type = Elements.self) throws -> Elements {
        guard rank == Elements.depth else {
            throw TensorError(
                .shapeMismatch, in: "nested", "\(spec) has \(rank) dimensions, but \(Elements.self) is nested \(Elements.depth) deep")
        }
        let elements: [Elements.Leaf] = try array(of: Elements.Leaf.self)
        guard let result = Elements.nested(elements[...], try sizes[...]) else {
            throw TensorError(.shapeMismatch, in: "nested", "\(spec) can't be read as \(Elements.self)")
        }
        return result
    }
}
