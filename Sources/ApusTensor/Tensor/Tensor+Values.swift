import ApusSymbolic

/// A Swift type that is an element of tensors of one dtype.
public protocol TensorElement: Sendable, BitwiseCopyable {
    static var dtype: DType { get }
}

extension Bool: TensorElement { public static var dtype: DType { .bool } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension Float16: TensorElement { public static var dtype: DType { .float16 } }
extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }

extension [any SymIntConvertible] {
    /// The sizes as plain numbers. In a trace a size gets the value of the example, as by `Int(size)`: a tensor of given elements has a size that
    /// no run changes.
    func plainSizes() throws -> [Int] {
        for size in self {
            do { try size.symInt.requireValid() } catch { throw TensorError(error, ofTrace: size.symInt.scope != nil, in: "Tensor") }
        }
        return map { Int($0.symInt) }
    }
}

extension Tensor {
    /// A tensor of the elements in row-major order. Throws where their number does not fit the sizes.
    public init<Element: TensorElement>(_ elements: [Element], shape sizes: [Int]) throws {
        let shape = try Shape(sizes, in: "Tensor")
        guard let layout = shape.layout, layout.count == elements.count else {
            throw TensorError(.shapeMismatch, in: "Tensor", "\(elements.count) elements don't fill the shape \(shape)")
        }
        self = try Tensor.uninitialized(shape, dtype: Element.dtype, in: "Tensor")
        elements.withUnsafeBytes { source in
            if let base = source.baseAddress { baseAddress.copyMemory(from: base, byteCount: source.count) }
        }
    }

    /// A tensor of the elements in row-major order, of sizes of both kinds, such as `[s, n]` of a `SymInt` and an `Int`.
    @_disfavoredOverload
    public init<Element: TensorElement>(_ elements: [Element], shape sizes: [any SymIntConvertible]) throws {
        try self.init(elements, shape: sizes.plainSizes())
    }

    /// The elements in row-major order as numbers of the given type, as `item` gives one.
    ///
    /// - `Float` and `Double`: every real number, rounded to the type where it has to be.
    /// - Integers: whole numbers within the type's range; the error names the first element that is none, such as 2.5, NaN, or 300 for `UInt8`.
    /// - `Bool`: integers are true where they are not 0. Floating-point numbers are no truth values.
    ///
    /// Complex numbers are none of these. Of a traced tensor of integers or truth values each element is asked for, as `item()` is: every
    /// value that it may have is a path. Floats can't be told like that and throw `TensorError` with code `tracing`, as more elements than a
    /// trace asks for. Throws also where the memory for
    /// them can't be had.
    public func array<Element: TensorElement>(of type: Element.Type = Element.self) throws -> [Element] {
        try TensorError.throwPendingFault()
        guard !isTraced else {
            if let fault = tracedValue?.fault { throw TensorError(.invalidArgument, in: "array", fault) }
            guard dtype.isInteger || dtype == .bool else {
                throw TensorError(
                    .tracing, in: "array",
                    "a tensor of \(spec) has no values while it is traced; compute with it by operations of tensors, "
                        + "or read its elements by array(of: SymFloat.self), which stay symbolic")
            }
            let values: [Int] = try dtype == .bool ? items(Bool.self).map { $0 ? 1 : 0 } : items(Int.self)
            return try Interpreter.with(nil) { try Tensor(values, shape: [values.count]).array(of: Element.self) }
        }
        if !Interpreter.hasValues { try Interpreter.current?.readWithoutValues() }
        try requireElements(of: Element.dtype)
        let source = try Interpreter.with(nil) { try self.to(Element.dtype).contiguous() }
        let byteCount: Int = source.layout.count * MemoryLayout<Element>.stride
        // A Swift array ends the process where its memory can't be had: whether it can is asked of the allocator, which knows the machine.
        if byteCount > 1 << 20, Storage(byteCount: byteCount) == nil {
            throw TensorError(.outOfMemory, in: "array", "no memory for an array of \(source.layout.count) elements, \(byteCount) bytes")
        }
        return withExtendedLifetime(source) {
            Array(unsafeUninitializedCapacity: source.layout.count) { buffer, count in
                count = source.layout.count
                if let base = buffer.baseAddress {
                    UnsafeMutableRawPointer(base).copyMemory(from: source.baseAddress, byteCount: count * MemoryLayout<Element>.stride)
                }
            }
        }
    }

    /// Throws where an element is no number of a dtype that is read.
    private func requireElements(of wanted: DType) throws {
        if dtype.isComplex {
            throw TensorError(
                .dtypeMismatch, in: "array", "the elements are of \(dtype), no real numbers: take their parts with viewAsReal() first")
        }
        if wanted == .bool, dtype.isFloatingPoint {
            throw TensorError(.dtypeMismatch, in: "array", "the elements are of \(dtype), no truth values: compare them first, as in x > 0")
        }
        let range: ClosedRange<Int> = wanted.integerRange
        guard wanted.isInteger else { return }
        if dtype.isFloatingPoint {
            let numbers = try array(of: Double.self)
            guard let index = numbers.firstIndex(where: { number in Int(exactly: number).map { !range.contains($0) } ?? true }) else {
                return
            }
            throw try refusal(index, "\(numbers[index])", wanted)
        }
        guard dtype.isInteger, !range.contains(dtype.integerRange) else { return }
        let numbers = try array(of: Int.self)
        if let index = numbers.firstIndex(where: { !range.contains($0) }) { throw try refusal(index, "\(numbers[index])", wanted) }
    }

    /// Element `index` in row-major order is no number of the dtype.
    private func refusal(_ index: Int, _ number: String, _ wanted: DType) throws -> TensorError {
        var (rest, place) = (index, [Int]())
        for size in try sizes.reversed() {
            place.insert(rest % size, at: 0)
            rest /= size
        }
        return TensorError(
            .dtypeMismatch, in: "array",
            "the element at \(place) is \(number), no \(wanted): read it as \(dtype), or convert with to(.\(wanted)) first")
    }

    /// The elements of a tensor of integers or truth values, in row-major order. While tracing, fresh symbols, of which nothing is assumed.
    public func array(of type: SymInt.Type) throws -> [SymInt] {
        isTraced ? try items(SymInt.self) : try array(of: Int.self).map { SymInt($0) }
    }

    /// The elements of a tensor of real numbers, in row-major order. While tracing, fresh symbols, of which nothing is assumed.
    public func array(of type: SymFloat.Type) throws -> [SymFloat] {
        isTraced ? try items(SymFloat.self) : try array(of: Double.self).map { SymFloat($0) }
    }

    /// The elements, each read by itself.
    private func items<Item: TensorItem>(_ type: Item.Type) throws -> [Item] {
        let count: Int = try settle(
            count: self.count, of: "elements of shape \(shape)", in: "array", "compute with the tensor as a whole")
        guard count <= Tensor.readingLimit else {
            throw TensorError(
                .tracing, in: "array",
                "\(count) elements are more than the \(Tensor.readingLimit) that are read one by one while tracing; compute with the tensor as a whole"
            )
        }
        let flat: Tensor = try reshaped([count])
        return try (0..<count).map { try flat.select(dim: 0, index: SymInt($0)).item(type) }
    }

    /// A trace reads no more elements of one tensor.
    private static let readingLimit = 64

    /// Data for the operator records' samples: a fixed sequence of numbers between -2 and 2, or between 0 and 9 for integers.
    static func sample(_ sizes: [Int], dtype: DType = .float32, seed: UInt64 = 1) throws -> Tensor {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        let count = Layout.elementCount(sizes) ?? 0
        let values: [Double] = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let unit = Double(state >> 40) / Double(1 << 24)
            return dtype.isInteger ? (unit * 9).rounded() : unit * 4 - 2
        }
        return try Tensor(values, shape: sizes).to(dtype)
    }
}
