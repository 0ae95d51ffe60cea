import ApusSymbolic

// The frequencies that the results of Fourier transforms belong to, and their order.

extension Operator {
    static let fftfreq: Operator = frequencies(
        "fftfreq", "The frequencies of n results of `fft_fft`, 0 up and then negative ones, for samples that are `d` apart."
    ) { n in
        let positions: Tensor = try Tensor.arange(n)
        return try positions - (positions .>= n - n / 2).to(.int64) * n
    }

    static let rfftfreq: Operator = frequencies("rfftfreq", "The n / 2 + 1 frequencies of `fft_rfft`, for samples that are `d` apart.") {
        n in
        try Tensor.arange(n / 2 + 1)
    }

    static let fftshift: Operator = shift("fftshift", "Puts the frequency 0 in the middle of dimensions, all of them by default.") {
        $0 / 2
    }
    static let ifftshift: Operator = shift("ifftshift", "The inverse of `fft_fftshift`.") { ($0 + 1) / 2 }

    static let fourierFrequencies: [Operator] = [fftfreq, rfftfreq, fftshift, ifftshift]

    private static func frequencies(_ name: String, _ documentation: String, _ numbers: @escaping @Sendable (SymInt) throws -> Tensor)
        -> Operator
    {
        composite(
            "aten::fft_\(name)(int n, float d=1., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            documentation + " float32 unless asked for otherwise.",
            samples: {
                [
                    [.int(5), .double(1), .none, .none, .none, .none], [.int(6), .double(0.5), .dtype(.float64), .none, .none, .none],
                ]
            }
        ) { call in
            let (n, dtype) = (try call.int(0), try call.dtype(2) ?? .float32)
            guard dtype.isFloatingPoint || dtype.isComplex else {
                throw call.error(.dtypeMismatch, "\(name) requires a floating point or complex dtype, not \(dtype)")
            }
            try require(n >= 0, call.error(.invalidArgument, "the number of elements is negative: \(n)"))
            return [.tensor(try numbers(n).to(dtype) * (1 / (SymFloat(n) * call.double(1))))]
        }
    }

    private static func shift(_ name: String, _ documentation: String, _ amount: @escaping @Sendable (SymInt) -> SymInt) -> Operator {
        composite(
            "aten::fft_\(name)(Tensor self, int[1]? dim=None) -> Tensor", documentation,
            samples: { [[.tensor(try .sample([3, 4])), .none], [.tensor(try .sample([3, 5])), .ints([1])]] }
        ) { call in
            let x = try call.tensor(0)
            let dims: [Int] = try call.optionalInts(1) == nil ? Array(0..<x.rank) : call.givenDims(1, rank: x.rank)
            return [.tensor(try dims.isEmpty ? x.clone() : x.rolled(dims.map { amount(x.shape[$0]) }, dims: dims))]
        }
    }
}

extension Tensor {
    /// The frequencies of `n` results of `fft`, for samples that are `d` apart: 0, 1 ... and then the negative ones, over `n d`.
    public static func fftfreq(_ n: some SymIntConvertible, d: any ScalarConvertible = 1.0, dtype: DType = .float32) throws -> Tensor {
        try applySingle(.fftfreq, [.int(n), .float(d), .dtype(dtype), .none, .none, .none])
    }
    /// The `n / 2 + 1` frequencies of `rfft`, for samples that are `d` apart.
    public static func rfftfreq(_ n: some SymIntConvertible, d: any ScalarConvertible = 1.0, dtype: DType = .float32) throws -> Tensor {
        try applySingle(.rfftfreq, [.int(n), .float(d), .dtype(dtype), .none, .none, .none])
    }
    /// The frequency 0 in the middle of dimensions, all of them by default.
    public func fftshift(dims: [Int]? = nil) throws -> Tensor {
        try applySingle(.fftshift, [.tensor(self), dims.map { .ints($0) } ?? .none])
    }
    /// The inverse of `fftshift`.
    public func ifftshift(dims: [Int]? = nil) throws -> Tensor {
        try applySingle(.ifftshift, [.tensor(self), dims.map { .ints($0) } ?? .none])
    }
}
