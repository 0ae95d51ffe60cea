import ApusSymbolic

extension Tensor: CustomStringConvertible {
    /// The elements as NumPy prints them: nested brackets, aligned columns, lines of at most 75 characters; of more than 1000 elements only
    /// the three at each end of a dimension. A traced tensor has no elements: its dtype and shape.
    public var description: String {
        if let tracedValue { return tracedValue.fault.map { "Tensor(\($0))" } ?? "Tensor(\(spec), traced)" }
        do {
            return try Interpreter.with(nil) { try TensorPrinter(self).text }
        } catch {
            return "Tensor(\(spec): \(error.unplaced))"
        }
    }
}

/// Lays a tensor's elements out in lines.
private struct TensorPrinter {
    private static let lineWidth = 75
    private static let edge = 3
    private static let threshold = 1000

    /// The printed positions along each dimension, nil for the dots between two edges.
    private let positions: [[Int?]]
    private let elements: PrintedElements
    private let format: ElementFormat
    private let count: Int

    init(_ tensor: Tensor) throws {
        let sizes = try tensor.sizes
        let isSummary: Bool = tensor.layout.count > TensorPrinter.threshold
        let edge = TensorPrinter.edge
        positions = sizes.map { size in
            isSummary && size > 2 * edge ? Array(0..<edge) + [nil] + Array(edge..<(2 * edge)) : (0..<size).map { $0 }
        }
        count = tensor.layout.count
        var shown: Tensor = tensor
        for (dim, size) in sizes.enumerated() where isSummary && size > 2 * edge {
            let ends: [Tensor] = [
                try shown.sliced(dim: dim, to: SymInt(edge)), try shown.sliced(dim: dim, from: SymInt(size - edge)),
            ]
            shown = try Tensor.cat(ends, dim: dim)
        }
        elements = try TensorPrinter.elements(shown)
        format = elements.format
    }

    private static func elements(_ tensor: Tensor) throws -> PrintedElements {
        switch tensor.dtype.kind {
        case .bool: return .truths(try tensor.array(of: Bool.self))
        case .integer: return .wholes(try tensor.array(of: Int.self))
        case .floating: return .reals(try tensor.array(of: Double.self), tensor.dtype)
        default:
            let parts: [Double] = try tensor.contiguous().viewAsReal().array(of: Double.self)
            return .complexes(stride(from: 0, to: parts.count, by: 2).map { (parts[$0], parts[$0 + 1]) }, tensor.dtype)
        }
    }

    var text: String {
        if positions.isEmpty { return elements.textAlone() }
        if count == 0 { return "[]" }
        return block(0, offset: 0, indent: " ", width: TensorPrinter.lineWidth)
    }

    /// The elements of one part: `offset` is the row-major position of its first shown element in units of this dimension's parts.
    private func block(_ dim: Int, offset: Int, indent: String, width: Int) -> String {
        let shown: [Int?] = positions[dim]
        let size: Int = shown.count { $0 != nil }
        let isLast: Bool = dim == positions.count - 1
        var text = ""
        var line: String = indent
        for (number, position) in shown.enumerated() {
            let isEnd: Bool = number == shown.count - 1
            let part: String
            if let position {
                let index: Int = offset * size + position
                part = isLast ? elements.text(index, format) : block(dim + 1, offset: index, indent: indent + " ", width: width - 1)
            } else {
                part = "..."
            }
            if isLast {
                if line.count + part.count > width - 1 && line.count > indent.count {
                    while line.last == " " { line.removeLast() }
                    text += line + "\n"
                    line = indent
                }
                line += part + (isEnd ? "" : " ")
            } else {
                text += indent + part + (isEnd ? "" : String(repeating: "\n", count: positions.count - dim - 1))
            }
        }
        if isLast { text += line }
        return "[" + text.dropFirst(indent.count) + "]"
    }
}
