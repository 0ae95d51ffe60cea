import ApusSymbolic
import CApusKernels

// Identity matrices and triangles.

extension Operator {
    static let eye: Operator = identity("aten::eye(SymInt n, *, \(options)) -> Tensor", rows: 0, columns: 0)
    static let eyeM: Operator = identity("aten::eye.m(SymInt n, SymInt m, *, \(options)) -> Tensor", rows: 0, columns: 1)

    static let tril: Operator = triangle("tril", isUpper: false)
    static let triu: Operator = triangle("triu", isUpper: true)

    static let trilIndices: Operator = triangleIndices("tril_indices", isUpper: false)
    static let triuIndices: Operator = triangleIndices("triu_indices", isUpper: true)

    static let triangles: [Operator] = [eye, eyeM, tril, triu, trilIndices, triuIndices]

    private static func identity(_ schema: String, rows: Int, columns: Int) -> Operator {
        Operator(
            schema,
            "A matrix with ones on the diagonal and zeros elsewhere; float32 unless asked for otherwise. Negative sizes are an error.",
            rule: { call in
                let shape = try Shape([call.int(rows), call.int(columns)], in: call.name)
                return [TensorSpec(try call.dtype(columns + 1) ?? .float32, shape)]
            },
            kernel: .compute { call, outputs in
                let output = outputs[0]
                try call.fill(output, with: 0)
                let count = Swift.min(output.layout.size(0), output.layout.size(1))
                guard let diagonal = Layout.strided([count], strides: [output.layout.size(1) &+ 1]) else { return }
                try call.fill(Tensor(storage: output.storage, dtype: output.dtype, layout: diagonal, offset: output.storageOffset), with: 1)
            },
            samples: {
                let sizes: [OperatorArgument] = columns == 0 ? [.int(3)] : [.int(2), .int(4)]
                return [DType?.none, .float64, .bool, .int64].map { sizes + [.optional($0), .none, .none, .none] }
            })
    }

    private static func triangle(_ name: String, isUpper: Bool) -> Operator {
        Operator(
            "aten::\(name)(Tensor self, SymInt diagonal=0) -> Tensor",
            "The \(isUpper ? "upper" : "lower") triangle of each matrix, zeros elsewhere; the diagonal counts up to the right. Needs two dimensions.",
            rule: { call in
                let x = try call.tensor(0)
                guard x.rank >= 2 else { throw call.error(.shapeMismatch, "needs a matrix, not a tensor of shape \(x.shape)") }
                _ = try call.int(1)
                return [x.spec]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                var (input, out) = (x.view, outputs[0].view)
                try check(apus_triangle(isUpper, Int64(call.constant(1)), &input, &out), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in [.tensor(try applySingle(g.call.operator, [.tensor(g.gradient), g.call[1]]))] },
            samples: {
                [
                    [.tensor(try .sample([3, 4])), .int(0)], [.tensor(try .sample([2, 3, 3], dtype: .int64)), .int(1)],
                    [.tensor(try .sample([4, 3], dtype: .complex64).transposed(0, 1)), .int(-1)],
                    [.tensor(try .sample([2, 0])), .int(0)], [.tensor(try .sample([3, 3], dtype: .bool)), .int(7)],
                ]
            })
    }

    private static func triangleIndices(_ name: String, isUpper: Bool) -> Operator {
        Operator(
            "aten::\(name)(int row, int col, int offset=0, *, \(options.replacingDefaultDType)) -> Tensor",
            "The rows and columns of a triangle's elements, in row-major order: int64 [2, count] unless asked for otherwise.",
            rule: { call in
                let triangle = try TriangleShape(call, isUpper: isUpper)
                return [TensorSpec(try call.dtype(3) ?? .int64, try Shape([2, triangle.count], in: call.name))]
            },
            kernel: .compute { call, outputs in
                let triangle = try TriangleShape(call, isUpper: isUpper)
                var (rows, columns): ([Int], [Int]) = ([], [])
                for row in triangle.occupiedRows {
                    for column in triangle.columns(row) {
                        rows.append(row)
                        columns.append(column)
                    }
                }
                try call.copy(Tensor(rows + columns, shape: [2, triangle.count]), to: outputs[0])
            },
            samples: {
                [(3, 3, 0), (3, 2, -1), (2, 4, 1), (4, 2, 2), (3, 3, -5), (0, 3, 0)].map { rows, columns, offset in
                    [.int(rows), .int(columns), .int(offset), .dtype(.int64), .none, .none, .none]
                }
            })
    }
}

extension String {
    /// The usual options with int64 as the default dtype, as PyTorch writes it in schemas.
    var replacingDefaultDType: String { "ScalarType? dtype=4" + dropFirst("ScalarType? dtype=None".count) }
}

/// Which elements of a matrix lie in a triangle.
private struct TriangleShape {
    private let rows: Int
    private let width: Int
    private let offset: Int
    private let isUpper: Bool

    init(_ call: Call, isUpper: Bool) throws {
        (rows, width) = (try call.constant(0), try call.constant(1))
        guard rows >= 0, width >= 0 else { throw call.error(.invalidArgument, "a matrix of \(rows) by \(width) does not exist") }
        guard Layout.elementCount([2, rows, width]) != nil, rows <= Int.max / 16, width <= Int.max / 16 else {
            throw call.error(.overflow, "a matrix of \(rows) by \(width) is too large")
        }
        // Beyond the matrix, the offset makes no difference.
        offset = Swift.max(-rows, Swift.min(try call.constant(2), width))
        self.isUpper = isUpper
    }

    /// The columns of a row that belong to the triangle.
    func columns(_ row: Int) -> Range<Int> {
        let split = Swift.max(0, Swift.min(row + offset + (isUpper ? 0 : 1), width))
        return isUpper ? split..<width : 0..<split
    }

    /// The rows that have elements in the triangle.
    var occupiedRows: Range<Int> {
        if width == 0 { return 0..<0 }
        return isUpper ? 0..<Swift.max(0, Swift.min(rows, width - offset)) : Swift.min(rows, Swift.max(0, -offset))..<rows
    }

    /// The number of elements: whole rows, and rows whose lengths change by one.
    var count: Int {
        let lower: Int = lowerCount(isUpper ? offset - 1 : offset)
        return isUpper ? rows * width - lower : lower
    }

    /// The elements at or below the diagonal.
    private func lowerCount(_ offset: Int) -> Int {
        let first = Swift.min(rows, Swift.max(0, -offset))
        let full = Swift.max(first, Swift.min(rows, width - offset - 1))
        let growing = full - first
        let firstLength = Swift.max(0, Swift.min(first + offset + 1, width))
        return growing * firstLength + growing * (growing - 1) / 2 + (rows - full) * width
    }
}

extension Tensor {
    /// The identity matrix, or with `columns` a matrix with ones on its diagonal.
    public static func eye(_ rows: any SymIntConvertible, _ columns: (any SymIntConvertible)? = nil, dtype: DType = .float32) throws
        -> Tensor
    {
        guard let columns else { return try applySingle(.eye, [.int(rows), .dtype(dtype), .none, .none, .none]) }
        return try applySingle(.eyeM, [.int(rows), .int(columns), .dtype(dtype), .none, .none, .none])
    }

    /// The lower triangle of each matrix, zeros elsewhere.
    public func tril(diagonal: any SymIntConvertible = 0) throws -> Tensor { try applySingle(.tril, [.tensor(self), .int(diagonal)]) }
    /// The upper triangle of each matrix, zeros elsewhere.
    public func triu(diagonal: any SymIntConvertible = 0) throws -> Tensor { try applySingle(.triu, [.tensor(self), .int(diagonal)]) }

    /// The rows and columns of the lower triangle of a matrix, [2, count].
    public static func trilIndices(
        _ rows: any SymIntConvertible, _ columns: any SymIntConvertible, offset: any SymIntConvertible = 0, dtype: DType = .int64
    ) throws -> Tensor {
        try applySingle(.trilIndices, [.int(rows), .int(columns), .int(offset), .dtype(dtype), .none, .none, .none])
    }

    /// The rows and columns of the upper triangle of a matrix, [2, count].
    public static func triuIndices(
        _ rows: any SymIntConvertible, _ columns: any SymIntConvertible, offset: any SymIntConvertible = 0, dtype: DType = .int64
    ) throws -> Tensor {
        try applySingle(.triuIndices, [.int(rows), .int(columns), .int(offset), .dtype(dtype), .none, .none, .none])
    }
}
