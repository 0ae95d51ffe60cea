// PyTorch's names for what Swift says otherwise: a verb that makes a new tensor is a participle here, as `sorted` is beside `sort`. None of
// these can be called; the compiler offers what is.

extension Tensor {
    @available(*, unavailable, renamed: "reshaped(_:)")
    public func reshape(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "reshaped(_:)")
    public func view(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "reshaped(_:)")
    public func viewAs(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "reshaped(_:)")
    public func reshapeAs(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "expanded(_:)")
    public func expand(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "expanded(_:)")
    public func expandAs(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "expanded(_:)")
    public func broadcastTo(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "permuted(_:)")
    public func permute(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "transposed(_:_:)")
    public func transpose(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "swapaxes(_:_:)")
    public func swapdims(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "unsqueezed(_:)")
    public func unsqueeze(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "squeezed(_:)")
    public func squeeze(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "flattened(from:to:)")
    public func flatten(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "unflattened(_:_:)")
    public func unflatten(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "flipped(_:)")
    public func flip(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "rolled(_:dims:)")
    public func roll(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "repeated(_:)")
    public func `repeat`(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "tiled(_:)")
    public func tile(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "padded(_:mode:value:)")
    public func pad(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "narrowed(dim:from:length:)")
    public func narrow(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "sliced(dim:from:to:step:)")
    public func slice(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "unfolded(dim:size:step:)")
    public func unfold(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "detached()")
    public func detach(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "movedDim(from:to:)")
    public func movedim(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "movedDim(from:to:)")
    public func moveaxis(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "split(sizes:dim:)")
    public func splitWithSizes(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "summed(to:)")
    public func sumToSize(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "interpolated(to:mode:alignsCorners:antialias:)")
    public func interpolate(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "abs()")
    public func absolute(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "neg()")
    public func negative(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "trunc()")
    public func fix(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "acos()")
    public func arccos(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "acosh()")
    public func arccosh(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "asin()")
    public func arcsin(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "asinh()")
    public func arcsinh(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "atan()")
    public func arctan(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "atanh()")
    public func arctanh(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "atan2(_:)")
    public func arctan2(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "mul(_:)")
    public func multiply(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "sub(_:alpha:)")
    public func subtract(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "div(_:)")
    public func divide(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "div(_:)")
    public func trueDivide(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "clamp(min:max:)")
    public func clip(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "clamp(min:max:)")
    public func clampMin(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "clamp(min:max:)")
    public func clampMax(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "sigmoid()")
    public func expit(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "lgamma()")
    public func gammaln(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "digamma()")
    public func psi(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "mvlgamma(_:)")
    public func multigammaln(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "isIn(_:)")
    public func isin(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "histogram(bins:min:max:)")
    public func histc(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "trapezoid(dx:dim:)")
    public func trapz(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "inverse()")
    public func inv(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "norm(_:dims:keepDim:)")
    public func vectorNorm(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "outer(_:)")
    public func ger(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "fullLike(_:)")
    public func fill(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "array(of:)")
    public func tolist(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "array(of:)")
    public func numpy(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, renamed: "crossEntropy(_:weight:ignoreIndex:labelSmoothing:reduction:)")
    public func crossEntropyLoss(_ arguments: Any...) throws -> Tensor { self }

    @available(*, unavailable, renamed: "multiDot(_:)")
    public static func chainMatmul(_ tensors: Any...) throws -> Tensor { try Tensor.empty([]) }
    @available(*, unavailable, renamed: "cat(_:dim:)")
    public static func concatenate(_ tensors: Any...) throws -> Tensor { try Tensor.empty([]) }
    @available(*, unavailable, renamed: "vstack(_:)")
    public static func rowStack(_ tensors: Any...) throws -> Tensor { try Tensor.empty([]) }
    @available(*, unavailable, renamed: "broadcast(_:)")
    public static func broadcastTensors(_ tensors: Any...) throws -> Tensor { try Tensor.empty([]) }
    @available(*, unavailable, renamed: "scalar(_:dtype:)")
    public static func scalarTensor(_ tensors: Any...) throws -> Tensor { try Tensor.empty([]) }

    @available(*, unavailable, message: "write a .== b")
    public func eq(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .!= b")
    public func ne(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .< b")
    public func lt(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .<= b")
    public func le(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .> b")
    public func gt(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .>= b")
    public func ge(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .> b")
    public func greater(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .>= b")
    public func greaterEqual(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .< b")
    public func less(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .<= b")
    public func lessEqual(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a .!= b")
    public func notEqual(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a & b")
    public func bitwiseAnd(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a | b")
    public func bitwiseOr(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a ^ b")
    public func bitwiseXor(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write ~a")
    public func bitwiseNot(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a << b")
    public func bitwiseLeftShift(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write a >> b")
    public func bitwiseRightShift(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write b - a")
    public func rsub(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write x.shape[dim]")
    public func size(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write x.rank")
    public func dim(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write x.numel")
    public func nelement(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write to(.float32)")
    public func float(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write to(.float64)")
    public func double(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write to(.float16)")
    public func half(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write to(.bfloat16)")
    public func bfloat16(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write to(.int64)")
    public func long(_ arguments: Any...) throws -> Tensor { self }
    @available(*, unavailable, message: "write valueAndGradient(at:_:)")
    public func backward(_ arguments: Any...) throws -> Tensor { self }
}
