import ApusSymbolic
import CApusKernels

// Tensors filled with one number.

extension Operator {
    static let full: Operator = filling(
        "full(SymInt[] size, Scalar fill_value, *, \(options)) -> Tensor", "A tensor of one number.", value: 1)
    static let zeros: Operator = filling("zeros(SymInt[] size, *, \(options)) -> Tensor", "Zeros; float32 unless asked for otherwise.")
    static let ones: Operator = filling(
        "ones(SymInt[] size, *, \(options)) -> Tensor", "Ones; float32 unless asked for otherwise.", constant: 1)
    static let empty: Operator = filling(
        "empty.memory_format(SymInt[] size, *, \(options), MemoryFormat? memory_format=None) -> Tensor",
        "A tensor whose elements the caller will write; they are zeros, so that nothing depends on what was in memory.")

    static let fullLike: Operator = filling(
        "full_like(Tensor self, Scalar fill_value, *, \(likeOptions)) -> Tensor", "One number in a tensor's shape.", value: 1)
    static let zerosLike: Operator = filling("zeros_like(Tensor self, *, \(likeOptions)) -> Tensor", "Zeros in a tensor's shape.")
    static let onesLike: Operator = filling("ones_like(Tensor self, *, \(likeOptions)) -> Tensor", "Ones in a tensor's shape.", constant: 1)
    static let emptyLike: Operator = filling(
        "empty_like(Tensor self, *, \(likeOptions)) -> Tensor", "Zeros in a tensor's shape, as `empty`.")

    static let newFull: Operator = filling(
        "new_full(Tensor self, SymInt[] size, Scalar fill_value, *, \(options)) -> Tensor", "One number in a tensor's dtype.", value: 2)
    static let newZeros: Operator = filling("new_zeros(Tensor self, SymInt[] size, *, \(options)) -> Tensor", "Zeros in a tensor's dtype.")
    static let newOnes: Operator = filling(
        "new_ones(Tensor self, SymInt[] size, *, \(options)) -> Tensor", "Ones in a tensor's dtype.", constant: 1)
    static let newEmpty: Operator = filling(
        "new_empty(Tensor self, SymInt[] size, *, \(options)) -> Tensor", "Zeros in a tensor's dtype, as `empty`.")

    static let scalarTensor: Operator = filling(
        "scalar_tensor(Scalar s, *, \(options)) -> Tensor", "A zero-dimensional tensor of a number; float32 unless asked for otherwise.",
        value: 0)
    static let fillScalar: Operator = filling(
        "fill.Scalar(Tensor self, Scalar value) -> Tensor", "One number in a tensor's shape and dtype.", value: 1)

    static let fillTensor: Operator = composite(
        "aten::fill.Tensor(Tensor self, Tensor value) -> Tensor", "A zero-dimensional tensor's value in a tensor's shape and dtype.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([], dtype: .float64))]] },
        { call in
            let (x, value) = (try call.tensor(0), try call.tensor(1))
            guard value.rank == 0 else {
                throw call.error(.shapeMismatch, "the value must be zero-dimensional, but has shape \(value.shape)")
            }
            return [.tensor(try value.to(x.dtype).expanded(x.shape).clone())]
        })

    static let fillings: [Operator] = [
        full, zeros, ones, empty, fullLike, zerosLike, onesLike, emptyLike, newFull, newZeros, newOnes, newEmpty, scalarTensor, fillScalar,
        fillTensor,
    ]

    static let options = "ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None"
    static let likeOptions = "\(options), MemoryFormat? memory_format=None"

    /// A tensor of one number.
    ///
    /// - Parameters:
    ///   - constant: the number, where no argument gives it.
    ///   - value: the position of the argument that gives it.
    private static func filling(_ schema: String, _ documentation: String, constant: Scalar = 0, value: Int? = nil) -> Operator {
        let parsed = try? Schema("aten::" + schema)
        let (size, dtype, like) = (parsed?.index(of: "size"), parsed?.index(of: "dtype"), parsed?.index(of: "self"))
        let isScalarTensor: Bool = parsed?.name == "scalar_tensor"
        return Operator(
            "aten::" + schema, documentation + (value == 0 || size == nil ? "" : " Negative sizes are an error."),
            rule: { call in
                let shape: Shape =
                    try size.map { try Shape(call.ints($0), in: call.name) } ?? like.map { try call.tensor($0).shape } ?? .scalar
                let number: Scalar = try value.map { try call.scalar($0) } ?? constant
                let natural: DType = value == nil || isScalarTensor ? .float32 : number.defaultDType
                let result: DType = try dtype.flatMap { try call.dtype($0) } ?? like.map { try call.tensor($0).dtype } ?? natural
                try call.requireFits(number, result.fillRange)
                return [TensorSpec(result, shape)]
            },
            kernel: .compute { call, outputs in try call.fill(outputs[0], with: value.map { try call.scalar($0) } ?? constant) },
            gradient: cut,
            samples: {
                func arguments(_ tensor: Tensor, _ number: Scalar, _ asked: DType?) -> [OperatorArgument] {
                    (parsed?.parameters ?? []).map { parameter in
                        switch parameter.name {
                        case "self": .tensor(tensor)
                        case "size": .ints([2, 3])
                        case "fill_value", "value", "s": .scalar(number)
                        case "dtype": .optional(asked)
                        default: .none
                        }
                    }
                }
                return [
                    arguments(try .sample([2, 3]), 1.5, nil), arguments(try .sample([0, 3], dtype: .int64), 2, nil),
                    arguments(try .sample([], dtype: .float64), 3, .float16), arguments(try .sample([2], dtype: .bool), true, nil),
                ]
            })
    }
}

extension Call {
    /// Writes one number everywhere.
    func fill(_ output: Tensor, with scalar: Scalar) throws {
        // A number that was symbolic in the rule is known here.
        try requireFits(scalar, output.dtype.fillRange)
        var out = output.view
        if let value = scalar.intValue {
            try check(apus_fill_int(Int64(value), &out), self)
        } else if case .complex(let value) = scalar {
            try check(apus_fill(value.real, value.imaginary, &out), self)
        } else if let value = scalar.doubleValue {
            try check(apus_fill(value, 0, &out), self)
        } else {
            throw unknown(scalar)
        }
        withExtendedLifetime(output) {}
    }
}

extension DType {
    /// The dtype whose range a number that fills a tensor must fit: PyTorch fills halves through float32, and what is too large becomes infinite.
    fileprivate var fillRange: DType { self == .float16 || self == .bfloat16 ? .float64 : self }
}

extension Tensor {
    /// A tensor of one number. Without a dtype: bool, int64, float32 or complex64 after the number.
    public static func full(_ sizes: [any SymIntConvertible], _ value: some ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.full, [.ints(sizes), .scalar(value.scalar), .optional(dtype), .none, .none, .none])
    }

    /// Zeros.
    public static func zeros(_ sizes: [any SymIntConvertible], dtype: DType = .float32) throws -> Tensor {
        try naming("zeros") { try full(sizes, 0, dtype: dtype) }
    }
    /// Ones.
    public static func ones(_ sizes: [any SymIntConvertible], dtype: DType = .float32) throws -> Tensor {
        try naming("ones") { try full(sizes, 1, dtype: dtype) }
    }

    /// A tensor of another one's shape, filled with one number: `Tensor.full(x.shape, 1)`.
    public static func full(_ shape: Shape, _ value: some ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        try full(shape.sizes, value, dtype: dtype)
    }
    /// Zeros of another tensor's shape.
    public static func zeros(_ shape: Shape, dtype: DType = .float32) throws -> Tensor { try zeros(shape.sizes, dtype: dtype) }
    /// Ones of another tensor's shape.
    public static func ones(_ shape: Shape, dtype: DType = .float32) throws -> Tensor { try ones(shape.sizes, dtype: dtype) }
    /// A tensor of another one's shape whose elements are not promised to be anything.
    public static func empty(_ shape: Shape, dtype: DType = .float32) throws -> Tensor { try empty(shape.sizes, dtype: dtype) }

    /// Zeros of this tensor's shape and dtype.
    public func zerosLike() throws -> Tensor { try naming("zeros_like") { try Tensor.full(shape.sizes, 0, dtype: dtype) } }
    /// Ones of this tensor's shape and dtype.
    public func onesLike() throws -> Tensor { try naming("ones_like") { try Tensor.full(shape.sizes, 1, dtype: dtype) } }
    /// One number in this tensor's shape and dtype.
    public func fullLike(_ value: some ScalarConvertible) throws -> Tensor {
        try naming("full_like") { try Tensor.full(shape.sizes, value, dtype: dtype) }
    }

    /// A zero-dimensional tensor of a number. Without a dtype: bool, int64, float32 or complex64 after the number.
    public static func scalar(_ value: any ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        let number: Scalar = value.scalar
        return try applySingle(.full, [.ints([SymInt]()), .scalar(number), .dtype(dtype ?? number.defaultDType), .none, .none, .none])
    }

    /// A tensor whose elements are not promised to be anything; zeros while nothing is written.
    public static func empty(_ sizes: [any SymIntConvertible], dtype: DType = .float32) throws -> Tensor {
        try applySingle(.empty, [.ints(sizes), .dtype(dtype), .none, .none, .none, .none])
    }

    /// A tensor of this shape and dtype whose elements are not promised to be anything.
    public func emptyLike() throws -> Tensor { try applySingle(.emptyLike, [.tensor(self), .none, .none, .none, .none, .none]) }

    /// A tensor of one number in this tensor's dtype.
    public func newFull(_ sizes: [any SymIntConvertible], _ value: some ScalarConvertible) throws -> Tensor {
        try applySingle(.newFull, [.tensor(self), .ints(sizes), .scalar(value.scalar), .none, .none, .none, .none])
    }

    /// Zeros in this tensor's dtype.
    public func newZeros(_ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.newZeros, [.tensor(self), .ints(sizes), .none, .none, .none, .none])
    }

    /// Ones in this tensor's dtype.
    public func newOnes(_ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.newOnes, [.tensor(self), .ints(sizes), .none, .none, .none, .none])
    }

    /// A tensor in this one's dtype whose elements are not promised to be anything.
    public func newEmpty(_ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.newEmpty, [.tensor(self), .ints(sizes), .none, .none, .none, .none])
    }
}
