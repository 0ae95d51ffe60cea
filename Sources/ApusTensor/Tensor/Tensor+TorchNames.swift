// swift-format-ignore-file: AlwaysUseLowerCamelCase

// PyTorch's names for what Swift says otherwise: a verb that makes a new tensor is a participle here, as `sorted` is beside `sort`. None of
// these can be called; the compiler offers what is. Names that differ by their case only stand in `Tensor+TorchSpellings.swift`, which is
// made from the page of names.

/// The type of PyTorch's names that the compiler corrects: whatever they are called with, what is said of the call is the name to write.
@dynamicCallable
public struct TorchName: Sendable {
    package init() {}

    public func dynamicallyCall(withKeywordArguments arguments: KeyValuePairs<String, Any>) throws -> Tensor {
        throw TensorError(.unsupported, in: "TorchName", "a name of PyTorch's")
    }
}

extension Tensor {
    @available(*, unavailable, renamed: "reshaped(_:)") public var reshape: TorchName { TorchName() }
    @available(*, unavailable, renamed: "reshaped(_:)") public func view(_ sizes: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "reshaped(_:)") public var view_as: TorchName { TorchName() }
    @available(*, unavailable, renamed: "reshaped(_:)") public var reshape_as: TorchName { TorchName() }
    @available(*, unavailable, renamed: "expanded(_:)") public var expand: TorchName { TorchName() }
    @available(*, unavailable, renamed: "expanded(_:)") public var expand_as: TorchName { TorchName() }
    @available(*, unavailable, renamed: "expanded(_:)") public var broadcast_to: TorchName { TorchName() }
    @available(*, unavailable, renamed: "permuted(_:)") public var permute: TorchName { TorchName() }
    @available(*, unavailable, renamed: "transposed(_:_:)") public var transpose: TorchName { TorchName() }
    @available(*, unavailable, renamed: "swapaxes(_:_:)") public var swapdims: TorchName { TorchName() }
    @available(*, unavailable, renamed: "unsqueezed(_:)") public var unsqueeze: TorchName { TorchName() }
    @available(*, unavailable, renamed: "squeezed(_:)") public var squeeze: TorchName { TorchName() }
    @available(*, unavailable, renamed: "flattened(from:to:)") public var flatten: TorchName { TorchName() }
    @available(*, unavailable, renamed: "unflattened(_:_:)") public var unflatten: TorchName { TorchName() }
    @available(*, unavailable, renamed: "flipped(_:)") public var flip: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rolled(_:dims:)") public var roll: TorchName { TorchName() }
    @available(*, unavailable, renamed: "repeated(_:)") public var `repeat`: TorchName { TorchName() }
    @available(*, unavailable, renamed: "tiled(_:)") public var tile: TorchName { TorchName() }
    @available(*, unavailable, renamed: "padded(_:mode:value:)") public var pad: TorchName { TorchName() }
    @available(*, unavailable, renamed: "narrowed(dim:from:length:)") public var narrow: TorchName { TorchName() }
    @available(*, unavailable, renamed: "sliced(dim:from:to:step:)") public var slice: TorchName { TorchName() }
    @available(*, unavailable, renamed: "unfolded(dim:size:step:)") public var unfold: TorchName { TorchName() }
    @available(*, unavailable, renamed: "detached()") public var detach: TorchName { TorchName() }
    @available(*, unavailable, renamed: "movedDim(from:to:)") public var movedim: TorchName { TorchName() }
    @available(*, unavailable, renamed: "movedDim(from:to:)") public var moveaxis: TorchName { TorchName() }
    @available(*, unavailable, renamed: "split(sizes:dim:)") public var split_with_sizes: TorchName { TorchName() }
    @available(*, unavailable, renamed: "summed(to:)") public var sum_to_size: TorchName { TorchName() }
    @available(*, unavailable, renamed: "interpolated(to:mode:alignsCorners:antialias:)") public var interpolate: TorchName { TorchName() }
    @available(*, unavailable, renamed: "abs()") public var absolute: TorchName { TorchName() }
    @available(*, unavailable, renamed: "neg()") public var negative: TorchName { TorchName() }
    @available(*, unavailable, renamed: "trunc()") public var fix: TorchName { TorchName() }
    @available(*, unavailable, renamed: "acos()") public var arccos: TorchName { TorchName() }
    @available(*, unavailable, renamed: "acosh()") public var arccosh: TorchName { TorchName() }
    @available(*, unavailable, renamed: "asin()") public var arcsin: TorchName { TorchName() }
    @available(*, unavailable, renamed: "asinh()") public var arcsinh: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atan()") public var arctan: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atanh()") public var arctanh: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atan2(_:)") public var arctan2: TorchName { TorchName() }
    @available(*, unavailable, renamed: "mul(_:)") public var multiply: TorchName { TorchName() }
    @available(*, unavailable, renamed: "sub(_:alpha:)") public var subtract: TorchName { TorchName() }
    @available(*, unavailable, renamed: "div(_:)") public var divide: TorchName { TorchName() }
    @available(*, unavailable, renamed: "div(_:)") public var true_divide: TorchName { TorchName() }
    @available(*, unavailable, renamed: "clamp(min:max:)") public var clip: TorchName { TorchName() }
    @available(*, unavailable, renamed: "clamp(min:max:)") public var clamp_min: TorchName { TorchName() }
    @available(*, unavailable, renamed: "clamp(min:max:)") public var clamp_max: TorchName { TorchName() }
    @available(*, unavailable, renamed: "sigmoid()") public var expit: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logSigmoid()") public var logsigmoid: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logSigmoid()") public var log_sigmoid: TorchName { TorchName() }
    @available(*, unavailable, renamed: "lgamma()") public var gammaln: TorchName { TorchName() }
    @available(*, unavailable, renamed: "digamma()") public var psi: TorchName { TorchName() }
    @available(*, unavailable, renamed: "mvlgamma(_:)") public var multigammaln: TorchName { TorchName() }
    @available(*, unavailable, renamed: "isIn(_:)") public var isin: TorchName { TorchName() }
    @available(*, unavailable, renamed: "histogram(bins:min:max:)") public var histc: TorchName { TorchName() }
    @available(*, unavailable, renamed: "trapezoid(dx:dim:)") public var trapz: TorchName { TorchName() }
    @available(*, unavailable, renamed: "inverse()") public var inv: TorchName { TorchName() }
    @available(*, unavailable, renamed: "norm(_:dims:keepDim:)") public var vector_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "outer(_:)") public var ger: TorchName { TorchName() }
    @available(*, unavailable, renamed: "fullLike(_:)") public var fill: TorchName { TorchName() }
    @available(*, unavailable, renamed: "array(of:)") public var tolist: TorchName { TorchName() }
    @available(*, unavailable, renamed: "array(of:)") public var numpy: TorchName { TorchName() }
    @available(*, unavailable, renamed: "crossEntropy(_:weight:ignoreIndex:labelSmoothing:reduction:)")
    public var cross_entropy_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "multiDot(_:)") public static var chain_matmul: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cat(_:dim:)") public static var concatenate: TorchName { TorchName() }
    @available(*, unavailable, renamed: "vstack(_:)") public static var row_stack: TorchName { TorchName() }
    @available(*, unavailable, renamed: "broadcast(_:)") public static var broadcast_tensors: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scalar(_:dtype:)") public static var scalar_tensor: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .== b") public var eq: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .!= b") public var ne: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .< b") public var lt: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .<= b") public var le: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .> b") public var gt: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .>= b") public var ge: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .> b") public var greater: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .>= b") public var greater_equal: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .< b") public var less: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .<= b") public var less_equal: TorchName { TorchName() }
    @available(*, unavailable, message: "write a .!= b") public var not_equal: TorchName { TorchName() }
    @available(*, unavailable, message: "write a & b") public var bitwise_and: TorchName { TorchName() }
    @available(*, unavailable, message: "write a | b") public var bitwise_or: TorchName { TorchName() }
    @available(*, unavailable, message: "write a ^ b") public var bitwise_xor: TorchName { TorchName() }
    @available(*, unavailable, message: "write ~a") public var bitwise_not: TorchName { TorchName() }
    @available(*, unavailable, message: "write a << b") public var bitwise_left_shift: TorchName { TorchName() }
    @available(*, unavailable, message: "write a >> b") public var bitwise_right_shift: TorchName { TorchName() }
    @available(*, unavailable, message: "write b - a") public var rsub: TorchName { TorchName() }
    @available(*, unavailable, message: "write x.shape[dim]") public var size: TorchName { TorchName() }
    @available(*, unavailable, message: "write x.rank") public var dim: TorchName { TorchName() }
    @available(*, unavailable, message: "write x.numel") public var nelement: TorchName { TorchName() }
    @available(*, unavailable, renamed: "embeddingRenorm(_:maxNorm:p:)") public var embedding_renorm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "igamma(_:)") public var gammainc: TorchName { TorchName() }
    @available(*, unavailable, renamed: "igammac(_:)") public var gammaincc: TorchName { TorchName() }
    @available(*, unavailable, renamed: "i0()") public var modified_bessel_i0: TorchName { TorchName() }
    @available(*, unavailable, renamed: "i1()") public var modified_bessel_i1: TorchName { TorchName() }
    @available(*, unavailable, renamed: "lu()") public var lu_unpack: TorchName { TorchName() }
    @available(*, unavailable, renamed: "ldlFactor(hermitian:)") public var ldl_factor_ex: TorchName { TorchName() }
    @available(*, unavailable, renamed: "householderProduct(_:)") public var orgqr: TorchName { TorchName() }
    @available(*, unavailable, renamed: "solveTriangular(_:upper:unitriangular:)") public var triangular_solve: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixNorm(named:dims:keepDim:)") public var nuclear_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixNorm(named:dims:keepDim:)") public var frobenius_norm: TorchName { TorchName() }
    @available(*, unavailable, message: "write to(.float32)") public var float: TorchName { TorchName() }
    @available(*, unavailable, message: "write to(.float64)") public var double: TorchName { TorchName() }
    @available(*, unavailable, message: "write to(.float16)") public var half: TorchName { TorchName() }
    @available(*, unavailable, message: "write to(.bfloat16)") public var bfloat16: TorchName { TorchName() }
    @available(*, unavailable, message: "write to(.int64)") public var long: TorchName { TorchName() }
    @available(*, unavailable, message: "write valueAndGradient(at:_:)") public var backward: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rank") public var ndim: Int { rank }
    @available(*, unavailable, renamed: "matrixTrace()") public var trace: TorchName { TorchName() }
    @available(*, unavailable, renamed: "seed(_:)") public static var manual_seed: TorchName { TorchName() }
    @available(*, unavailable, message: "write Tensor([1, 2])") public static var tensor: TorchName { TorchName() }
    @available(*, unavailable, message: "write gradient(at:_:)") public var requires_grad_: TorchName { TorchName() }
}
