import ApusRun
import ApusServing

extension JSONReader {
    /// A tensor of the numbers in an array, flat or nested, in row-major order.
    static func tensor(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ dtype: DType, _ shape: [Int], count: Int) throws
        -> Tensor
    {
        // Each element takes two bytes of text, its comma among them: no more memory is taken than the request could fill.
        guard count <= range.count / 2 else {
            throw ServingError(.invalidRequest, "fewer elements than the \(count) that the shape \(shape) has")
        }
        var reader = JSONReader(bytes, from: range.lowerBound)
        switch dtype {
        case .bool: return try reader.tensor(shape, count) { try $0.truth() }
        case .uint8: return try reader.tensor(shape, count) { try $0.fixed(UInt8.self) }
        case .int8: return try reader.tensor(shape, count) { try $0.fixed(Int8.self) }
        case .int16: return try reader.tensor(shape, count) { try $0.fixed(Int16.self) }
        case .int32: return try reader.tensor(shape, count) { try $0.fixed(Int32.self) }
        case .int64: return try reader.tensor(shape, count) { try $0.fixed(Int64.self) }
        case .float64: return try reader.tensor(shape, count) { try $0.number() }
        case .float32: return try reader.tensor(shape, count) { Float(try $0.number()) }
        default: return try reader.tensor(shape, count) { Float(try $0.number()) }.to(dtype)
        }
    }

    private mutating func tensor<Element: TensorElement>(
        _ shape: [Int], _ count: Int, _ element: (inout JSONReader) throws -> Element
    ) throws -> Tensor {
        var elements: [Element] = []
        elements.reserveCapacity(count)
        try collect(&elements, count, element)
        guard elements.count == count else {
            throw ServingError(.invalidRequest, "\(elements.count) elements where the shape \(shape) has \(count)")
        }
        return try Tensor(elements, shape: shape)
    }

    /// The reader stands at a bracket of what is known to be well-formed.
    private mutating func collect<Element>(_ elements: inout [Element], _ count: Int, _ element: (inout JSONReader) throws -> Element)
        throws
    {
        advance()
        if take(UInt8(ascii: "]")) { return }
        repeat {
            skipSpace()
            if peek == UInt8(ascii: "[") {
                try collect(&elements, count, element)
            } else {
                guard elements.count < count else {
                    throw ServingError(.invalidRequest, "more elements than the \(count) that the shape has")
                }
                elements.append(try element(&self))
            }
        } while take(UInt8(ascii: ","))
        _ = take(UInt8(ascii: "]"))
    }

    private mutating func fixed<Integer: FixedWidthInteger>(_ type: Integer.Type) throws -> Integer {
        let start: Int = position
        if let value = try integer() {
            guard let fitting = Integer(exactly: value) else { throw fault("\(value) is no \(type)") }
            return fitting
        }
        move(to: start)
        // 3.0 is an integer too.
        let value: Double = try number()
        guard let fitting = Integer(exactly: value) else { throw fault("\(value) is no \(type)") }
        return fitting
    }

    private mutating func truth() throws -> Bool {
        if take("true") { return true }
        if take("false") { return false }
        switch try fixed(UInt8.self) {
        case 0: return false
        case 1: return true
        case let other: throw fault("\(other) is no truth value")
        }
    }
}
