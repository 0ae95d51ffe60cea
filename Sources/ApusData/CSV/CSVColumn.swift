import ApusTensor

/// The values of one column, as they are read.
protocol CSVColumn {
    /// Adds a field; false where it is no value of the column.
    mutating func append(_ field: String) -> Bool
    /// Adds what stands for an empty field; false where the column has nothing of the kind.
    mutating func appendMissing() -> Bool
    func tensor() throws -> Tensor
}

/// Elements of one Swift type, which become a tensor of `dtype`.
private struct ElementColumn<Element: TensorElement>: CSVColumn {
    let dtype: DType
    let missing: Element?
    let parse: (Substring) -> Element?
    var elements: [Element] = []

    mutating func append(_ field: String) -> Bool {
        guard let element = parse(trimmed(field)) else { return false }
        elements.append(element)
        return true
    }

    mutating func appendMissing() -> Bool {
        guard let missing else { return false }
        elements.append(missing)
        return true
    }

    func tensor() throws -> Tensor { try Tensor(elements, shape: [elements.count]).to(dtype) }
}

/// The field without the blanks around it: numbers are often lined up.
private func trimmed(_ field: String) -> Substring {
    var rest = field[...]
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return rest
}

/// A column for values of a dtype.
/// - Throws: `DataError` (`.invalidArgument`) for complex dtypes.
func csvColumn(_ dtype: DType, name: String, nanForMissing: Bool) throws -> any CSVColumn {
    func integers<Integer: TensorElement & FixedWidthInteger>(_ type: Integer.Type) -> any CSVColumn {
        ElementColumn<Integer>(dtype: dtype, missing: nil) { Integer($0) }
    }
    // Read as the type itself, so that a number is rounded once.
    func floats<Number: TensorElement & BinaryFloatingPoint & LosslessStringConvertible>(_ type: Number.Type) -> any CSVColumn {
        ElementColumn<Number>(dtype: dtype, missing: nanForMissing ? .nan : nil) { Number(String($0)) }
    }
    switch dtype {
    case .bool:
        let truths: [String: Bool] = ["0": false, "1": true, "false": false, "true": true]
        return ElementColumn<Bool>(dtype: .bool, missing: nil) { truths[$0.lowercased()] }
    case .uint8: return integers(UInt8.self)
    case .int8: return integers(Int8.self)
    case .int16: return integers(Int16.self)
    case .int32: return integers(Int32.self)
    case .int64: return integers(Int64.self)
    case .float16: return floats(Float16.self)
    case .float32, .bfloat16: return floats(Float.self)
    case .float64: return floats(Double.self)
    case .complex64, .complex128:
        throw DataError(.invalidArgument, column: name, "can't be read as \(dtype): a field holds one number")
    }
}
