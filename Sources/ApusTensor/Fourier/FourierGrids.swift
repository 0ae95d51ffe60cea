import ApusSymbolic

// `torch.fft` over two and more dimensions.

extension Operator {
    static let fftn: Operator = fourierGrid("fft", "n", .complex) { x, grid, norm in try x.complexGrid(grid, norm, forward: true) }
    static let ifftn: Operator = fourierGrid("ifft", "n", .complex) { x, grid, norm in try x.complexGrid(grid, norm, forward: false) }
    static let rfftn: Operator = fourierGrid("rfft", "n", .real) { x, grid, norm in try x.realTransform(grid.dims, norm) }
    static let irfftn: Operator = fourierGrid("irfft", "n", .half) { x, grid, norm in
        try x.halfTransform(grid.dims, norm, grid.last, forward: false)
    }
    static let hfftn: Operator = fourierGrid("hfft", "n", .half) { x, grid, norm in try x.hermitianGrid(grid, norm) }
    static let ihfftn: Operator = fourierGrid("ihfft", "n", .real) { x, grid, norm in try x.inverseHermitianGrid(grid, norm) }

    static let fft2: Operator = fourierGrid("fft", "2", .complex) { x, grid, norm in try x.complexGrid(grid, norm, forward: true) }
    static let ifft2: Operator = fourierGrid("ifft", "2", .complex) { x, grid, norm in try x.complexGrid(grid, norm, forward: false) }
    static let rfft2: Operator = fourierGrid("rfft", "2", .real) { x, grid, norm in try x.realTransform(grid.dims, norm) }
    static let irfft2: Operator = fourierGrid("irfft", "2", .half) { x, grid, norm in
        try x.halfTransform(grid.dims, norm, grid.last, forward: false)
    }
    static let hfft2: Operator = fourierGrid("hfft", "2", .half) { x, grid, norm in try x.hermitianGrid(grid, norm) }
    static let ihfft2: Operator = fourierGrid("ihfft", "2", .real) { x, grid, norm in try x.inverseHermitianGrid(grid, norm) }

    static let fourierGrids: [Operator] = [fftn, ifftn, rfftn, irfftn, hfftn, ihfftn, fft2, ifft2, rfft2, irfft2, hfft2, ihfft2]

    private static func fourierGrid(
        _ name: String, _ suffix: String, _ input: FourierInput,
        _ transform: @escaping @Sendable (_ x: Tensor, _ grid: FourierGrid, _ norm: FourierNorm) throws -> Tensor
    ) -> Operator {
        let dims: String = suffix == "2" ? "int[1] dim=[-2, -1]" : "int[1]? dim=None"
        return composite(
            "aten::fft_\(name)\(suffix)(Tensor self, SymInt[1]? s=None, \(dims), str? norm=None) -> Tensor",
            "As `fft_\(name)` over \(suffix == "2" ? "two" : "several") dimensions"
                + (suffix == "2" ? "" : ", all unless `dim` or `s` says otherwise: `s` alone means the last ones")
                + (input == .complex ? "." : "; what is said of n holds for the last of them.") + " Sizes of -1 in `s` stay as they are.",
            samples: {
                let x: Tensor = try .sample([2, 3, 4], dtype: input == .real ? .float32 : .complex64)
                let none: OperatorArgument = suffix == "2" ? .ints([-2, -1]) : .none
                return [[.tensor(x), .none, none, .none], [.tensor(x), .ints([3, 5]), .ints([2, 0]), .string("ortho")]]
                    + (suffix == "2" ? [] : [[.tensor(x), .ints([2, -1]), .none, .string("forward")]])
            }
        ) { call in
            let x = try call.fourierInput(input, name + suffix)
            let grid = try FourierGrid(of: x, input, name + suffix, call)
            return [.tensor(try transform(grid.fitting(x, input), grid, call.fourierNorm(3)))]
        }
    }
}

/// The dimensions that a transform goes over, and how many elements each has on the side where it has them all.
struct FourierGrid: Sendable {
    let dims: [Int]
    let sizes: [SymInt]

    var last: SymInt { sizes[sizes.count - 1] }

    init(of x: Tensor, _ input: Operator.FourierInput, _ name: String, _ call: Call) throws {
        let given: [SymInt]? = try call.optionalInts(1)
        var dims: [Int]
        if try call.optionalInts(2) != nil {
            dims = try call.distinctDims(2, rank: x.rank)
        } else {
            dims = Array(0..<x.rank)
            if let given {
                guard given.count <= x.rank else {
                    throw call.error(
                        .invalidArgument, "got shape with \(given.count) values but input tensor only has \(x.rank) dimensions")
                }
                dims = Array(dims.suffix(given.count))
            }
        }
        if let given, given.count != dims.count {
            throw call.error(.invalidArgument, "when given, dim and shape arguments must have the same length")
        }
        guard input == .complex || !dims.isEmpty else { throw call.error(.invalidArgument, "\(name) must transform at least one axis") }
        self.dims = dims
        sizes = dims.enumerated().map { position, dim in
            if let size = given?[position], size.constant != -1 { return size }
            return input == .half && position == dims.count - 1 ? 2 * (x.shape[dim] - 1) : x.shape[dim]
        }
        for size in sizes { try Operator.requirePoints(size, call) }
    }

    /// The tensor with dimensions cut to these sizes, or with zeros up to them.
    func fitting(_ x: Tensor, _ input: Operator.FourierInput) throws -> Tensor {
        var result = x
        for (position, dim) in dims.enumerated() {
            let isHalf: Bool = input == .half && position == dims.count - 1
            result = try result.resized(dim, to: isHalf ? sizes[position] / 2 + 1 : sizes[position])
        }
        return result
    }
}

extension Tensor {
    fileprivate func complexGrid(_ grid: FourierGrid, _ norm: FourierNorm, forward: Bool) throws -> Tensor {
        try to(dtype.complex).complexTransform(grid.dims, norm, forward: forward)
    }

    /// The last dimension after the others, all forward.
    fileprivate func hermitianGrid(_ grid: FourierGrid, _ norm: FourierNorm) throws -> Tensor {
        let others: Tensor = try complexTransform(Array(grid.dims.dropLast()), norm, forward: true)
        return try others.halfTransform([grid.dims[grid.dims.count - 1]], norm, grid.last, forward: true)
    }

    fileprivate func inverseHermitianGrid(_ grid: FourierGrid, _ norm: FourierNorm) throws -> Tensor {
        let half: Tensor = try realTransform([grid.dims[grid.dims.count - 1]], norm, forward: false).conj()
        return try half.complexTransform(Array(grid.dims.dropLast()), norm, forward: false)
    }

    private func grid(_ operation: Operator, _ s: [any SymIntConvertible]?, _ dims: [Int]?, _ norm: FourierNorm) throws -> Tensor {
        try applySingle(operation, [.tensor(self), s.map { .ints($0) } ?? .none, dims.map { .ints($0) } ?? .none, .string(norm.rawValue)])
    }

    /// `fft` over several dimensions, all unless `dims` or `s` says otherwise; `s` cuts each or adds zeros, and alone means the last ones.
    public func fftn(s: [any SymIntConvertible]? = nil, dims: [Int]? = nil, norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.fftn, s, dims, norm)
    }
    /// The inverse of `fftn`.
    public func ifftn(s: [any SymIntConvertible]? = nil, dims: [Int]? = nil, norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.ifftn, s, dims, norm)
    }
    /// `rfft` over the last of several dimensions, then `fft` over the others.
    public func rfftn(s: [any SymIntConvertible]? = nil, dims: [Int]? = nil, norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.rfftn, s, dims, norm)
    }
    /// The inverse of `rfftn`.
    public func irfftn(s: [any SymIntConvertible]? = nil, dims: [Int]? = nil, norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.irfftn, s, dims, norm)
    }
    /// `fft` over several dimensions but the last, `hfft` over that.
    public func hfftn(s: [any SymIntConvertible]? = nil, dims: [Int]? = nil, norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.hfftn, s, dims, norm)
    }
    /// The inverse of `hfftn`.
    public func ihfftn(s: [any SymIntConvertible]? = nil, dims: [Int]? = nil, norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.ihfftn, s, dims, norm)
    }

    /// `fftn` over two dimensions.
    public func fft2(s: [any SymIntConvertible]? = nil, dims: [Int] = [-2, -1], norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.fft2, s, dims, norm)
    }
    /// `ifftn` over two dimensions.
    public func ifft2(s: [any SymIntConvertible]? = nil, dims: [Int] = [-2, -1], norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.ifft2, s, dims, norm)
    }
    /// `rfftn` over two dimensions.
    public func rfft2(s: [any SymIntConvertible]? = nil, dims: [Int] = [-2, -1], norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.rfft2, s, dims, norm)
    }
    /// `irfftn` over two dimensions.
    public func irfft2(s: [any SymIntConvertible]? = nil, dims: [Int] = [-2, -1], norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.irfft2, s, dims, norm)
    }
    /// `hfftn` over two dimensions.
    public func hfft2(s: [any SymIntConvertible]? = nil, dims: [Int] = [-2, -1], norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.hfft2, s, dims, norm)
    }
    /// `ihfftn` over two dimensions.
    public func ihfft2(s: [any SymIntConvertible]? = nil, dims: [Int] = [-2, -1], norm: FourierNorm = .backward) throws -> Tensor {
        try grid(.ihfft2, s, dims, norm)
    }
}
