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
#if arch(arm64)
extension Float16: TensorElement { public static var dtype: DType { .float16 } }
#endif
extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }

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

    /// The elements in row-major order, converted to the given type. Throws for a traced tensor, and where the memory for them can't be had.
    public func array<Element: TensorElement>(of type: Element.Type = Element.self) throws -> [Element] {
        try TensorError.throwPendingFault()
        guard !isTraced else {
            if let fault = trace?.fault { throw TensorError(.invalidArgument, in: "array", fault) }
            throw TensorError(.tracing, in: "array", "a tensor of \(spec) has no values while it is traced")
        }
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
