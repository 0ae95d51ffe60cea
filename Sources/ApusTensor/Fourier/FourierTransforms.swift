import ApusSymbolic
import CApusKernels

// Discrete Fourier transforms over dimensions, from complex to complex, real to complex and complex to real numbers: what graphs hold. Other
// transforms are made of these.

extension Operator {
    static let fftComplex: Operator = Operator(
        "aten::_fft_c2c(Tensor self, SymInt[] dim, int normalization, bool forward) -> Tensor",
        "The discrete Fourier transform over dimensions, `sum of x[j] e^(-2 pi i j k / n)`, or backward with the conjugate exponents. "
            + "`normalization` 1 divides by the root of the number of elements, 2 by their number. O(n log n) for every n.",
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype.isComplex else { throw call.error(.dtypeMismatch, "only supports complex dtypes, but found \(x.dtype)") }
            _ = try call.fourierDims(from: x.shape.sizes)
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            let (x, output) = (try call.tensor(0), outputs[0])
            let dims: [Int] = try call.fourierDims(from: output.shape.sizes)
            guard !dims.isEmpty else { return try call.copy(x, to: output) }
            let sizes: [Int] = dims.map { output.layout.size($0) }
            let scale: Double = try call.fourierScale(sizes)
            for (step, dim) in dims.enumerated() {
                let last: Bool = step == dims.count - 1
                try call.transform(step == 0 ? x : output, output, dim, sizes[step], isForward: call.bool(3), scale: last ? scale : 1)
            }
        },
        gradient: { g in
            [.tensor(try applySingle(.fftComplex, [.tensor(g.gradient), g.call[1], g.call[2], .bool(!g.call.bool(3))]))]
        },
        samples: {
            let x: Tensor = try .sample([3, 4], dtype: .complex64)
            return [
                [.tensor(x), .ints([1]), .int(0), .bool(true)], [.tensor(x), .ints([0, 1]), .int(2), .bool(false)],
                [.tensor(try .sample([5, 2], dtype: .complex128)), .ints([0]), .int(1), .bool(true)],
            ]
        })

    static let fftFromReal: Operator = Operator(
        "aten::_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor",
        "The discrete Fourier transform of real numbers over dimensions. With `onesided` the last of them has n / 2 + 1 results: the others are their "
            + "conjugates. See `_fft_c2c`.",
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype == .float32 || x.dtype == .float64 else {
                throw call.error(.dtypeMismatch, "only supports float32 and float64, but found \(x.dtype)")
            }
            var sizes: [SymInt] = x.shape.sizes
            guard let last = try call.fourierDims(from: sizes).last else {
                throw call.error(.invalidArgument, "must transform at least one axis")
            }
            if try call.bool(3) { sizes[last] = sizes[last] / 2 + 1 }
            return [TensorSpec(x.dtype.complex, try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (x, output) = (try call.tensor(0), outputs[0])
            let dims: [Int] = try call.fourierDims(from: x.shape.sizes)
            guard let last = dims.last else { return }
            let scale: Double = try call.fourierScale(dims.map { x.layout.size($0) })
            let n: Int = x.layout.size(last)
            var half = StridedView(output.layout)
            half.slice(last, start: 0, length: n / 2 + 1, step: 1)
            try call.transform(x, Tensor(half, of: output, call), last, n, isForward: true, scale: dims.count == 1 ? scale : 1)
            if try !call.bool(3) {
                var out = output.view
                try check(apus_fft_mirror(Int32(last), &out), call)
            }
            for (step, dim) in dims.dropLast().enumerated() {
                let isDone: Bool = step == dims.count - 2
                try call.transform(output, output, dim, x.layout.size(dim), isForward: true, scale: isDone ? scale : 1)
            }
        },
        gradient: { g in
            let last: Int = try normalize(dim: g.call.constants(1).last ?? 0, rank: g.call.tensor(0).rank, in: g.call.name)
            // As if the results left out had no gradient.
            let whole: Tensor = try g.gradient.resized(last, to: g.call.tensor(0).shape[last])
            return [.tensor(try applySingle(.fftComplex, [.tensor(whole), g.call[1], g.call[2], .bool(false)]).real())]
        },
        samples: {
            let x: Tensor = try .sample([3, 4])
            return [
                [.tensor(x), .ints([1]), .int(0), .bool(true)], [.tensor(x), .ints([1, 0]), .int(2), .bool(true)],
                [.tensor(x), .ints([0, 1]), .int(0), .bool(false)],
                [.tensor(try .sample([2, 5], dtype: .float64)), .ints([1]), .int(1), .bool(true)],
            ]
        })

    static let fftToReal: Operator = Operator(
        "aten::_fft_c2r(Tensor self, int[] dim, int normalization, SymInt last_dim_size) -> Tensor",
        "The backward transform whose results are real: the last dimension holds the first n / 2 + 1 of n elements, of which the others are the "
            + "conjugates. Imaginary parts of elements that are their own conjugates are ignored. See `_fft_c2c`.",
        rule: { call in
            let (x, n) = (try call.tensor(0), try call.int(3))
            guard x.dtype.isComplex else { throw call.error(.dtypeMismatch, "only supports complex dtypes, but found \(x.dtype)") }
            var sizes: [SymInt] = x.shape.sizes
            guard let last = try call.fourierDims(from: sizes).last else {
                throw call.error(.invalidArgument, "must transform at least one axis")
            }
            try requirePoints(n, call)
            try require(
                sizes[last] == n / 2 + 1,
                call.error(.shapeMismatch, "\(n) results need \(n / 2 + 1) elements in dimension \(last) of shape \(x.shape)"))
            sizes[last] = n
            return [TensorSpec(x.dtype.real, try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in
            var x = try call.tensor(0)
            let dims: [Int] = try call.fourierDims(from: x.shape.sizes)
            guard let last = dims.last else { return }
            let n: Int = outputs[0].layout.size(last)
            let scale: Double = try call.fourierScale(dims.map { outputs[0].layout.size($0) })
            if dims.count > 1 {
                let copy = try Tensor.uninitialized(x.shape, dtype: x.dtype, in: call.name)
                for dim in dims.dropLast() {
                    try call.transform(x, copy, dim, copy.layout.size(dim), isForward: false, scale: 1)
                    x = copy
                }
            }
            try call.transform(x, outputs[0], last, n, isForward: false, scale: scale)
        },
        gradient: { g in
            let last: Int = try normalize(dim: g.call.constants(1).last ?? 0, rank: g.call.tensor(0).rank, in: g.call.name)
            let n: SymInt = try g.call.int(3)
            let half: Tensor = try applySingle(.fftFromReal, [.tensor(g.gradient), g.call[1], g.call[2], .bool(true)])
            // Elements stand for their conjugates too, but those that are their own.
            let isOwn: Tensor = try (half.positions(along: last) * 2) % n .== 0
            return [.tensor(try half * (isOwn.logicalNot().to(half.dtype.real) + 1))]
        },
        samples: {
            let x: Tensor = try .sample([3, 4], dtype: .complex64)
            return [
                [.tensor(x), .ints([1]), .int(2), .int(6)], [.tensor(x), .ints([0, 1]), .int(0), .int(7)],
                [.tensor(try .sample([3, 2], dtype: .complex128)), .ints([0]), .int(1), .int(4)],
            ]
        })

    static let fourierTransforms: [Operator] = [fftComplex, fftFromReal, fftToReal]

    static func requirePoints(_ n: SymInt, _ call: Call) throws {
        try require(n >= 1, call.error(.invalidArgument, "invalid number of data points (\(n)) specified"))
    }
}

extension Call {
    /// The dimensions of argument 1, counted from the front; each must have elements.
    fileprivate func fourierDims(from sizes: [SymInt]) throws -> [Int] {
        guard (0...2).contains(try constant(2)) else {
            throw error(.invalidArgument, "normalization must be 0 (none), 1 (by the root) or 2 (by n), not \(try constant(2))")
        }
        let dims: [Int] = try distinctDims(1, rank: sizes.count)
        for dim in dims { try Operator.requirePoints(sizes[dim], self) }
        return dims
    }

    /// Dimensions that an argument names, counted from the front, of a tensor that must have them.
    func givenDims(_ index: Int, rank: Int) throws -> [Int] {
        let given: [Int] = try constants(index)
        if rank == 0, let first = given.first {
            throw error(.indexOutOfRange, "dimension specified as \(first) but tensor has no dimensions")
        }
        return try given.map { try normalize(dim: $0, rank: rank, in: name) }
    }

    /// The same, each once.
    func distinctDims(_ index: Int, rank: Int) throws -> [Int] {
        let dims: [Int] = try givenDims(index, rank: rank)
        guard Set(dims).count == dims.count else { throw error(.invalidArgument, "FFT dims must be unique") }
        return dims
    }

    /// What results are multiplied by.
    fileprivate func fourierScale(_ sizes: [Int]) throws -> Double {
        let count: Double = sizes.reduce(1) { $0 * Double($1) }
        switch try constant(2) {
        case 1: return 1 / count.squareRoot()
        case 2: return 1 / count
        default: return 1
        }
    }

    fileprivate func transform(_ x: Tensor, _ output: Tensor, _ dim: Int, _ n: Int, isForward: Bool, scale: Double) throws {
        guard output.layout.count > 0 else { return }
        let isReal: Bool = !x.dtype.isComplex || !output.dtype.isComplex
        guard let plan = FourierPlan.plan(.init(length: n, dtype: x.dtype.real, isReal: isReal)) else {
            throw error(.outOfMemory, "there is no memory for transforms of length \(n)")
        }
        var (input, out) = (x.view, output.view)
        try check(apus_fft(plan.pointer, isForward, scale, Int32(dim), &input, &out), self)
        withExtendedLifetime((x, output, plan)) {}
    }
}

extension Tensor {
    /// A dimension cut to a size, or with zeros up to it.
    func resized(_ dim: Int, to size: SymInt) throws -> Tensor {
        let current: SymInt = shape[dim]
        if decide(current == size) == true { return self }
        var result = self
        if decide(size < current) != true {
            let behind: SymInt = decide(size > current) == true ? size - current : ApusSymbolic.max(size - current, 0)
            result = try padded(Array(repeating: 0, count: 2 * (rank - 1 - dim)) + [0, behind])
        }
        return decide(size > current) == true ? result : try result.narrowed(dim: dim, from: 0, length: size)
    }
}
