import ApusSymbolic

// `torch.fft` over one dimension.

/// By what the results of discrete Fourier transforms are divided. The raw values are PyTorch's.
public enum FourierNorm: String, Sendable {
    /// Backward transforms by the number of elements.
    case backward
    /// Both by its root: lengths stay.
    case ortho
    /// Forward transforms by the number of elements.
    case forward
}

extension Operator {
    static let fft: Operator = fourier(
        "fft", "The discrete Fourier transform over a dimension, `sum of x[j] e^(-2 pi i j k / n)`, complex also of real numbers.", .complex
    ) { x, dims, norm, _ in try x.complexTransform(dims, norm, forward: true) }

    static let ifft: Operator = fourier("ifft", "The inverse of `fft_fft`.", .complex) { x, dims, norm, _ in
        try x.complexTransform(dims, norm, forward: false)
    }

    static let rfft: Operator = fourier(
        "rfft", "The first n / 2 + 1 results of the transform of n real numbers; the others are conjugates.", .real
    ) {
        x, dims, norm, _ in try x.realTransform(dims, norm)
    }

    static let irfft: Operator = fourier(
        "irfft", "The inverse of `fft_rfft`: n real numbers, 2 (m - 1) of m elements unless `n` is given.", .half
    ) { x, dims, norm, n in try x.halfTransform(dims, norm, n, forward: false) }

    static let hfft: Operator = fourier(
        "hfft",
        "The transform of numbers whose other half are conjugates, which is real: n results, 2 (m - 1) of m elements unless `n` is given.",
        .half
    ) { x, dims, norm, n in try x.halfTransform(dims, norm, n, forward: true) }

    static let ihfft: Operator = fourier("ihfft", "The inverse of `fft_hfft`: the first n / 2 + 1 results.", .real) { x, dims, norm, _ in
        try x.realTransform(dims, norm, forward: false).conj()
    }

    static let fourierLines: [Operator] = [fft, ifft, rfft, irfft, hfft, ihfft]

    /// What a transform takes: complex numbers (real ones are made so), real ones, or the first half of numbers whose other half are their conjugates.
    enum FourierInput: Sendable { case complex, real, half }

    private static func fourier(
        _ name: String, _ documentation: String, _ input: FourierInput,
        _ transform: @escaping @Sendable (_ x: Tensor, _ dims: [Int], _ norm: FourierNorm, _ n: SymInt) throws -> Tensor
    ) -> Operator {
        composite(
            "aten::fft_\(name)(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            documentation
                + " `n` cuts the dimension, or adds zeros. A `norm` divides: \"backward\" (the default) by n what goes backward, \"forward\" "
                + "what goes forward, \"ortho\" both by its root.",
            samples: {
                let dtype: DType = input == .real ? .float32 : .complex64
                let x: Tensor = try .sample([3, 4], dtype: dtype)
                return [
                    [.tensor(x), .none, .int(-1), .none], [.tensor(x), .int(5), .int(0), .string("ortho")],
                    [.tensor(x), .int(3), .int(1), .string("forward")],
                ] + (input == .complex ? [[.tensor(try .sample([2, 3])), .none, .int(1), .none]] : [])
            }
        ) { call in
            let x = try call.fourierInput(input, name)
            let dim: Int = try call.dimension(2, rank: x.rank)
            let n: SymInt = try call.optionalInt(1) ?? (input == .half ? 2 * (x.shape[dim] - 1) : x.shape[dim])
            try requirePoints(n, call)
            return [.tensor(try transform(x.resized(dim, to: input == .half ? n / 2 + 1 : n), [dim], call.fourierNorm(3), n))]
        }
    }
}

extension Call {
    /// The tensor in a dtype that transforms take: integers count as float32, and halves have none.
    func fourierInput(_ input: Operator.FourierInput, _ name: String) throws -> Tensor {
        let x = try tensor(0)
        guard x.dtype != .float16, x.dtype != .bfloat16 else { throw error(.dtypeMismatch, "unsupported dtype \(x.dtype)") }
        guard input != .real || !x.dtype.isComplex else {
            throw error(.dtypeMismatch, "\(name) expects a real input tensor, but got \(x.dtype)")
        }
        let floating: DType = x.dtype.floating
        return try x.to(input == .half ? floating.complex : floating)
    }

    func fourierNorm(_ index: Int) throws -> FourierNorm {
        guard let name = try optionalString(index) else { return .backward }
        guard let norm = FourierNorm(rawValue: name) else { throw error(.invalidArgument, "invalid normalization mode: \"\(name)\"") }
        return norm
    }
}

extension FourierNorm {
    /// The normalization that the transforms of graphs take.
    func number(forward: Bool) -> OperatorArgument {
        switch self {
        case .backward: .int(forward ? 0 : 2)
        case .ortho: .int(1)
        case .forward: .int(forward ? 2 : 0)
        }
    }
}

extension Tensor {
    /// The transform of complex or real numbers over dimensions, complex.
    func complexTransform(_ dims: [Int], _ norm: FourierNorm, forward: Bool) throws -> Tensor {
        if dtype.isComplex || dims.isEmpty {
            return try applySingle(.fftComplex, [.tensor(to(dtype.complex)), .ints(dims), norm.number(forward: forward), .bool(forward)])
        }
        let result: Tensor = try applySingle(.fftFromReal, [.tensor(self), .ints(dims), norm.number(forward: forward), .bool(false)])
        return forward ? result : try result.conj()
    }

    /// Half the transform of real numbers; `forward` is what the norm asks.
    func realTransform(_ dims: [Int], _ norm: FourierNorm, forward: Bool = true) throws -> Tensor {
        try applySingle(.fftFromReal, [.tensor(self), .ints(dims), norm.number(forward: forward), .bool(true)])
    }

    /// The real transform of numbers whose other half are their conjugates.
    func halfTransform(_ dims: [Int], _ norm: FourierNorm, _ n: SymInt, forward: Bool) throws -> Tensor {
        let x: Tensor = try forward ? conj() : self
        return try applySingle(.fftToReal, [.tensor(x), .ints(dims), norm.number(forward: forward), .int(n)])
    }

    private func line(_ operation: Operator, _ n: (any SymIntConvertible)?, _ dim: Int, _ norm: FourierNorm) throws -> Tensor {
        try applySingle(operation, [.tensor(self), n.map { .int($0) } ?? .none, .int(dim), .string(norm.rawValue)])
    }

    /// The discrete Fourier transform over a dimension, cut to `n` elements or with zeros up to them: `sum of x[j] e^(-2 pi i j k / n)`.
    ///
    /// Complex: complex128 of float64 and complex128, else complex64. O(n log n) for every n; n must be at least 1.
    public func fft(n: (any SymIntConvertible)? = nil, dim: Int = -1, norm: FourierNorm = .backward) throws -> Tensor {
        try line(.fft, n, dim, norm)
    }
    /// The inverse of `fft`.
    public func ifft(n: (any SymIntConvertible)? = nil, dim: Int = -1, norm: FourierNorm = .backward) throws -> Tensor {
        try line(.ifft, n, dim, norm)
    }
    /// The first `n / 2 + 1` results of `fft` for real numbers, whose others are conjugates.
    public func rfft(n: (any SymIntConvertible)? = nil, dim: Int = -1, norm: FourierNorm = .backward) throws -> Tensor {
        try line(.rfft, n, dim, norm)
    }
    /// The inverse of `rfft`: `n` real numbers, by default twice one less than there are elements.
    public func irfft(n: (any SymIntConvertible)? = nil, dim: Int = -1, norm: FourierNorm = .backward) throws -> Tensor {
        try line(.irfft, n, dim, norm)
    }
    /// The real transform of numbers of which the second half, not given, are the conjugates of the first.
    public func hfft(n: (any SymIntConvertible)? = nil, dim: Int = -1, norm: FourierNorm = .backward) throws -> Tensor {
        try line(.hfft, n, dim, norm)
    }
    /// The inverse of `hfft`: half of the results, whose others are conjugates.
    public func ihfft(n: (any SymIntConvertible)? = nil, dim: Int = -1, norm: FourierNorm = .backward) throws -> Tensor {
        try line(.ihfft, n, dim, norm)
    }
}
