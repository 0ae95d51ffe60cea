import ApusSymbolic
import CApusKernels

// Tensors filled with one number.

extension Operator {
    static let full: Operator = Operator(
        "aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        "A tensor of one number. Without a dtype: bool, int64, float32 or complex64 after the number.",
        rule: { call in
            let dtype = try call.dtype(2) ?? call.scalar(1).defaultDType
            return [TensorSpec(dtype, try Shape(try call.ints(0), in: call.name))]
        },
        kernel: .compute { call, outputs in try call.fill(outputs[0], with: try call.scalar(1)) },
        gradient: { _ in [] }, samples: { [[.ints([2, 3]), .double(1.5), .none, .none, .none, .none]] })

    static let creation: [Operator] = [full]
}

extension Call {
    /// Writes one number everywhere.
    func fill(_ output: Tensor, with scalar: Scalar) throws {
        var out = output.view
        if let value = scalar.intValue {
            try check(apus_fill_int(Int64(value), &out), self)
        } else if case .complex(let value) = scalar {
            try check(apus_fill(value.real, value.imaginary, &out), self)
        } else if let value = scalar.doubleValue {
            try check(apus_fill(value, 0, &out), self)
        } else {
            throw error(.tracing, "the number \(scalar) is symbolic outside of its trace")
        }
        withExtendedLifetime(output) {}
    }
}

extension Tensor {
    /// A tensor of one number. Without a dtype: bool, int64, float32 or complex64 after the number.
    public static func full(_ sizes: [SymInt], _ value: some ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.full, [.ints(sizes), .scalar(value.scalar), .optional(dtype), .none, .none, .none])
    }

    public static func zeros(_ sizes: [SymInt], dtype: DType = .float32) throws -> Tensor { try full(sizes, 0, dtype: dtype) }
    public static func ones(_ sizes: [SymInt], dtype: DType = .float32) throws -> Tensor { try full(sizes, 1, dtype: dtype) }

    /// Zeros of this tensor's shape and dtype.
    public func zerosLike() throws -> Tensor { try Tensor.full(shape.sizes, 0, dtype: dtype) }
    /// Ones of this tensor's shape and dtype.
    public func onesLike() throws -> Tensor { try Tensor.full(shape.sizes, 1, dtype: dtype) }

    /// One number in this tensor's shape and dtype.
    public func fullLike(_ value: some ScalarConvertible) throws -> Tensor { try Tensor.full(shape.sizes, value, dtype: dtype) }

    /// A zero-dimensional tensor of a number.
    public static func scalar(_ value: Scalar, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.full, [.ints([SymInt]()), .scalar(value), .dtype(dtype ?? value.defaultDType), .none, .none, .none])
    }
}
