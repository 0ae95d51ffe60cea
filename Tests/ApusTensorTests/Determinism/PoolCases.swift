import ApusSymbolic
import ApusTensor
import CApusKernels

/// Work that is large enough to be cut into pieces, for every file of the kernels that gives work to the pool.
struct PoolCase: Sendable, CustomStringConvertible {
    /// The kernels' file.
    let file: String
    let name: String
    let run: @Sendable () throws -> [Tensor]

    var description: String { "\(file): \(name)" }
}

extension PoolCase {
    static let all: [PoolCase] = [
        products, rowsAndBatches, convolutions, pooling, normalization, reductions, elementwise, indexing, sorting, copies, draws,
        distances, transforms,
    ].flatMap { $0 }

    private static func normal(_ sizes: [Int], _ dtype: DType = .float32, seed: UInt64 = 1) throws -> Tensor {
        try Tensor.randn(sizes.map { SymInt($0) }, seed: seed).to(dtype)
    }

    /// The value and the gradients with respect to all that it is given.
    private static func withGradients(_ inputs: [Tensor], _ function: ([Tensor]) throws -> Tensor) throws -> [Tensor] {
        let weights = try normal(try function(inputs).sizes, inputs[0].dtype, seed: 99)
        let found = try valueAndGradient(at: inputs) { try (function($0) * weights).sum() }
        return [try function(inputs), found.value] + found.gradients
    }

    // MARK: Products

    /// Rows, terms, columns: square, tall, wide, thin, vectors, and what no block divides.
    private static let shapes: [(m: Int, k: Int, n: Int)] = [
        (64, 64, 64), (100, 100, 100), (130, 90, 70), (300, 302, 301), (1, 1500, 3000), (3000, 1500, 1), (2000, 64, 100), (64, 100, 3000),
        (520, 70, 1030), (7, 999, 513), (1000, 999, 7), (600, 600, 40), (40, 600, 600), (1, 40_000, 1), (1030, 64, 1050),
    ]

    private static let dtypes: [DType] = [.float32, .float64, .float16, .bfloat16, .complex64, .complex128, .int32]

    private static let products: [PoolCase] = dtypes.flatMap { (dtype: DType) -> [PoolCase] in
        let isMain: Bool = dtype == .float32 || dtype == .float64
        return shapes.filter { isMain || $0.m * $0.k * $0.n < 6_000_000 }.map { product(dtype, $0.m, $0.k, $0.n) }
    }

    private static func product(_ dtype: DType, _ m: Int, _ k: Int, _ n: Int) -> PoolCase {
        PoolCase(file: "matmul/gemm.c", name: "\(dtype) [\(m), \(k)] [\(k), \(n)], each as it is and transposed") {
            let (a, b) = (try normal([m, k], dtype), try normal([k, n], dtype, seed: 2))
            // The same matrices with the other order in memory.
            let (c, d) = (try a.transposed(0, 1).contiguous().transposed(0, 1), try b.transposed(0, 1).contiguous().transposed(0, 1))
            return [try a.matmul(b), try c.matmul(b), try a.matmul(d), try c.matmul(d)]
        }
    }

    private static let rowsAndBatches: [PoolCase] = [
        PoolCase(file: "matmul/gemm.c", name: "linear with few rows") {
            let (w, bias) = (try normal([1536, 384]), try normal([1536], seed: 3))
            return try [1, 4, 16].map { try normal([$0, 384]).linear(w, bias: bias) }
        },
        PoolCase(file: "matmul/matmul.c", name: "batches, few and many") {
            var results: [Tensor] = []
            for (batch, size) in [(2, 90), (5, 90), (40, 48), (64, 40)] {
                results.append(try normal([batch, size, 80]).matmul(normal([batch, 80, size + 3], seed: 2)))
            }
            results.append(try normal([12, 50, 60]).matmul(normal([60, 70], seed: 2)))
            results.append(try normal([9, 70, 64], .float64).matmul(normal([9, 64, 65], .float64)))
            return results
        },
        PoolCase(file: "attention/attention.c", name: "one head, many heads, a mask, causal") {
            var results: [Tensor] = []
            for (batch, heads, length) in [(1, 1, 60), (1, 1, 300), (2, 6, 130)] {
                let inputs: [Tensor] = try (1...3).map { try normal([batch, heads, length, 64], seed: $0) }
                let mask: Tensor = try normal([length, length], seed: 4)
                results.append(try inputs[0].scaledDotProductAttention(key: inputs[1], value: inputs[2], isCausal: true))
                results.append(try inputs[0].scaledDotProductAttention(key: inputs[1], value: inputs[2], mask: mask))
                results += try withGradients(inputs) { try $0[0].scaledDotProductAttention(key: $0[1], value: $0[2]) }
            }
            return results
        },
    ]

    // MARK: Windows

    /// Convolutions with their gradients.
    /// - Parameter shapes: batch, channels, filters, size, kernel, stride, groups
    private static func convolved(_ file: String, _ name: String, _ shapes: [[Int]]) -> PoolCase {
        PoolCase(file: file, name: name) {
            try shapes.flatMap { (s: [Int]) -> [Tensor] in
                let x: Tensor = try normal([s[0], s[1], s[3], s[3]])
                let w: Tensor = try normal([s[2], s[1] / s[6], s[4], s[4]], seed: 2)
                return try withGradients([x, w, normal([s[2]], seed: 3)]) {
                    try $0[0].conv2d($0[1], bias: $0[2], stride: [s[5]], padding: [s[4] / 2], groups: s[6])
                }
            }
        }
    }

    private static let convolutions: [PoolCase] = [
        convolved(
            "convolution/convolution.c", "forward and both backward, strided, grouped, pointwise, of one sample and several",
            [
                [1, 3, 16, 65, 7, 2, 1], [1, 24, 40, 33, 3, 2, 1], [4, 32, 48, 17, 3, 2, 1], [1, 64, 96, 30, 1, 1, 1],
                [3, 24, 24, 28, 3, 2, 4], [1, 48, 50, 8, 3, 1, 1], [2, 18, 18, 40, 3, 1, 18],
            ]),
        convolved(
            "convolution/runs.c", "strides of 2 and small planes",
            [[2, 64, 128, 56, 3, 2, 1], [1, 320, 256, 7, 1, 1, 1], [4, 40, 80, 28, 2, 2, 1], [1, 64, 128, 56, 1, 2, 1]]),
        convolved("convolution/depthwise.c", "depthwise, strided and not", [[2, 40, 40, 61, 5, 1, 40], [3, 24, 24, 80, 3, 2, 24]]),
        convolved("convolution/strips.c", "depthwise in wide registers", [[1, 32, 32, 112, 3, 1, 32], [2, 96, 96, 14, 7, 1, 96]]),
        convolved(
            "convolution/gradient.c", "by the weight",
            [[8, 16, 32, 24, 3, 1, 1], [16, 3, 32, 32, 5, 1, 1], [2, 120, 120, 14, 5, 1, 120]]),
        convolved("convolution/turned.c", "by the input, strided", [[4, 16, 24, 40, 3, 2, 1], [2, 32, 16, 33, 5, 3, 1]]),
        PoolCase(file: "convolution/convolution.c", name: "float64, bfloat16 and one dimension") {
            var results: [Tensor] = try withGradients([normal([2, 40, 900]), normal([64, 40, 5], seed: 2)]) {
                try $0[0].conv1d($0[1], padding: 2)
            }
            for dtype in [DType.float64, .bfloat16] {
                let inputs: [Tensor] = [try normal([2, 12, 30, 30], dtype), try normal([20, 12, 3, 3], dtype, seed: 2)]
                results += try withGradients(inputs) { try $0[0].conv2d($0[1], padding: [1]) }
            }
            return results
        },
        PoolCase(file: "convolution/direct.c", name: "padded planes, depthwise, and large enough for several blocks") {
            // Batch, channels, filters, size, kernel, stride, groups.
            try [[1, 3, 16, 97, 7, 2, 1], [2, 24, 24, 60, 5, 1, 24], [1, 64, 72, 30, 1, 2, 1]].map { (s: [Int]) -> Tensor in
                let (x, w): (Tensor, Tensor) = (
                    try normal([s[0], s[1], s[3], s[3]]), try normal([s[2], s[1] / s[6], s[4], s[4]], seed: 2)
                )
                return try x.conv2d(w, bias: normal([s[2]], seed: 3), stride: [s[5]], padding: [s[4] / 2], groups: s[6])
            }
        },
        PoolCase(file: "convolution/winograd.c", name: "three by three") {
            // Batch, channels, filters, size.
            try [[1, 16, 24, 57], [3, 32, 20, 30]].flatMap { (s: [Int]) -> [Tensor] in
                let inputs: [Tensor] = [
                    try normal([s[0], s[1], s[3], s[3]]), try normal([s[2], s[1], 3, 3], seed: 2), try normal([s[2]], seed: 3),
                ]
                return try withGradients(inputs) { try $0[0].conv2d($0[1], bias: $0[2], padding: [1]) }
            }
        },
        PoolCase(file: "convolution/integers.c", name: "int32") {
            let x = try Tensor.randint(-9, 9, [2, 8, 40, 40], dtype: .int32, seed: 1)
            return [try x.conv2d(Tensor.randint(-9, 9, [16, 8, 3, 3], dtype: .int32, seed: 2), padding: [1])]
        },
    ]

    private static let pooling: [PoolCase] = [
        PoolCase(file: "convolution/pooling.c", name: "largest, mean, adaptive, resized") {
            let x = try normal([4, 20, 61, 61])
            let functions: [(Tensor) throws -> Tensor] = [
                { try $0.maxPool2d([3], stride: [2], padding: [1]) }, { try $0.avgPool2d([3], stride: [2]) },
                { try $0.adaptiveAvgPool2d([7, 5]) },
                { try $0.adaptiveMaxPool2d([7, 5]).values }, { try $0.interpolated(to: [90, 77], mode: "bilinear") },
                { try $0.interpolated(to: [90, 77]) },
            ]
            return try functions.flatMap { function in try withGradients([x]) { try function($0[0]) } }
        }
    ]

    // MARK: Rows

    private static let normalization: [PoolCase] = [
        PoolCase(file: "normalize/layer_norm.c", name: "layer and root mean square, forward and backward") {
            try [DType.float32, .float64, .float16].flatMap { (dtype: DType) -> [Tensor] in
                let inputs: [Tensor] = [
                    try normal([700, 130], dtype), try normal([130], dtype, seed: 2), try normal([130], dtype, seed: 3),
                ]
                var results: [Tensor] = try withGradients(inputs) { try $0[0].layerNorm([130], weight: $0[1], bias: $0[2]) }
                results += try withGradients(Array(inputs.prefix(2))) { try $0[0].rmsNorm([130], weight: $0[1]) }
                return results
            }
        },
        PoolCase(file: "normalize/channel_norm.c", name: "channels of planes, some of large numbers") {
            try [[1, 384, 14, 14], [2, 96, 28, 28], [3, 40, 5, 5]].map { (s: [Int]) -> Tensor in
                var x: Tensor = try normal(s)
                try x.set(0, 3, 1, 2, to: 1e20)
                let out: Tensor = try Tensor.zeros(s)
                apus_channel_norm(Int64(s[0]), Int64(s[1]), Int64(s[2] * s[3]), 1e-6, x.baseAddress, nil, nil, out.baseAddress)
                return withExtendedLifetime(x) { out }
            }
        },
        PoolCase(file: "normalize/batch_norm.c", name: "batch and group, forward and backward") {
            let inputs: [Tensor] = [try normal([6, 24, 31, 31]), try normal([24], seed: 2), try normal([24], seed: 3)]
            var results: [Tensor] = [try inputs[0].batchNorm(runningMean: inputs[1], runningVariance: inputs[2].abs() + 1)]
            results += try withGradients(inputs) { try $0[0].batchNorm(weight: $0[1], bias: $0[2]) }
            results += try withGradients(inputs) { try $0[0].groupNorm(groups: 4, weight: $0[1], bias: $0[2]) }
            return results
        },
        PoolCase(file: "view/lines.c", name: "softmax, running sums, along either dimension") {
            try [DType.float32, .float64, .float16].flatMap { (dtype: DType) -> [Tensor] in
                let x = try normal([500, 301], dtype)
                var results: [Tensor] = [try x.cumsum(dim: 0), try x.cumsum(dim: 1), try x.reshaped([-1]).cumsum(dim: 0)]
                results += try withGradients([x]) { try $0[0].softmax(dim: 1) }
                results += try withGradients([x]) { try $0[0].logSoftmax(dim: 0) }
                return results
            }
        },
    ]

    // MARK: Reductions

    private static let reductions: [PoolCase] = [
        PoolCase(file: "reduce/reduce.c", name: "rows, columns, all, few outputs and many") {
            let shapes: [[Int]] = [[3, 150_001], [150_001, 3], [40, 70, 90], [1, 400_000], [900, 333]]
            return try [DType.float32, .float64, .float16, .bfloat16, .complex64].flatMap { (dtype: DType) -> [Tensor] in
                try shapes.flatMap { (sizes: [Int]) -> [Tensor] in
                    let x = try normal(sizes, dtype)
                    return [
                        try x.sum(), try x.mean(dim: 0), try x.sum(dim: -1), try x.sum(dims: [0, -1]), try x.norm(2), try x.prod(dim: 0),
                    ]
                }
            }
        },
        PoolCase(file: "reduce/variance.c", name: "of rows, columns and all") {
            let x = try normal([301, 700])
            return [try x.var(), try x.var(dim: 0), try x.std(dim: 1), try x.reshaped([-1]).std()]
        },
        PoolCase(file: "reduce/index.c", name: "largest and where") {
            let x = try normal([301, 700])
            return [try x.argmax(), try x.argmax(dim: 0), try x.argmax(dim: 1), try x.amax(dim: 0), try x.median(dim: 1).values]
        },
    ]

    // MARK: Elements

    private static let elementwise: [PoolCase] = [
        PoolCase(file: "pointwise/single.c", name: "contiguous, of every kind of function") {
            try [DType.float32, .float64, .float16, .bfloat16].flatMap { (dtype: DType) -> [Tensor] in
                let x = try normal([200_003], dtype)
                let positive: Tensor = try x.abs() + 0.5
                let functions: [(Tensor) throws -> Tensor] = [
                    { try $0.exp() }, { try $0.log() }, { try $0.tanh() }, { try $0.sin() }, { try $0.pow(2.5) }, { try $0.erf() },
                    { try $0.sigmoid() },
                    { try $0.gelu() }, { try $0.lgamma() }, { try $0 / x },
                ]
                return try functions.flatMap { [try $0(x), try $0(positive)] }
            }
        },
        PoolCase(file: "pointwise/run.c", name: "strided and broadcast") {
            let x = try normal([403, 507])
            let y = try x.transposed(0, 1)
            return [
                try y.exp() * normal([403], seed: 2), try y + normal([507, 1], seed: 3), try y.to(.float64).sin(), try x[.all, 3...].tanh(),
            ]
        },
    ]

    private static let indexing: [PoolCase] = [
        PoolCase(file: "indexing/gather.c", name: "gather and scatter, with repeated places") {
            let x = try normal([600, 300])
            let index = try Tensor.randint(300, [600, 400], seed: 2)
            let source = try normal([600, 400], seed: 3)
            var results: [Tensor] = [try x.transposed(0, 1).scatterAdd(dim: 0, index.transposed(0, 1), source.transposed(0, 1))]
            results += try withGradients([x]) { try $0[0].gather(dim: 1, index) }
            results += try withGradients([x, source]) { try $0[0].scatterAdd(dim: 1, index, $0[1]) }
            return results
        },
        PoolCase(file: "indexing/select.c", name: "rows and columns, and their gradients") {
            let x = try normal([500, 400])
            let rows = try Tensor.randint(400, [900], seed: 2)
            let functions: [(Tensor) throws -> Tensor] = [
                { try $0.indexSelect(dim: 0, rows) }, { try $0.indexSelect(dim: 1, rows) }, { try $0.embedding(rows) },
            ]
            return try functions.flatMap { function in try withGradients([x]) { try function($0[0]) } }
        },
        PoolCase(file: "indexing/advanced.c", name: "get and put, accumulating") {
            let x = try normal([500, 400])
            let (rows, columns) = (try Tensor.randint(500, [60_000], seed: 2), try Tensor.randint(400, [60_000], seed: 3))
            let values = try normal([60_000], seed: 4)
            let put: Tensor = try x.indexPut([rows, columns], values, accumulate: true)
            return [put] + (try withGradients([x]) { try $0[0].index([rows, columns]) })
        },
    ]

    private static let sorting: [PoolCase] = [
        PoolCase(file: "indexing/mask.c", name: "choosing by masks") {
            let x = try normal([3, 100_001])
            let mask: Tensor = try x .> 0
            return [try x.maskedSelect(mask), try mask.nonzero(), try x.maskedScatter(mask, normal([300_003], seed: 2))]
        },
        PoolCase(file: "indexing/bincount.c", name: "counting numbers") {
            let numbers: Tensor = try (normal([300_001]).abs() * 100).to(.int64)
            return [try numbers.bincount()]
        },
        PoolCase(file: "sort/search.c", name: "searching") {
            let x = try normal([5000]).sort().values
            return [try x.searchsorted(normal([70_000], seed: 2))]
        },
        PoolCase(file: "view/lines.c", name: "sorting") {
            let x = try normal([300, 401])
            let (down, along) = (try x.sort(dim: 0), try x.sort(descending: true))
            return [down.values, down.indices, along.values, along.indices]
        },
    ]

    private static let copies: [PoolCase] = [
        PoolCase(file: "copy/copy.c", name: "of any layout and dtype") {
            let x = try normal([600, 501])
            return [
                try x.transposed(0, 1).contiguous(), try x.flipped([0, 1]), try x.to(.bfloat16), try x[.all, 1...].contiguous(),
                try Tensor.cat([x, x], dim: 1),
            ]
        },
        PoolCase(file: "copy/fill.c", name: "ranges and triangles") {
            [try Tensor.arange(0.1, 9000, dtype: .float32), try normal([700, 500]).tril(diagonal: 3), try Tensor.full([300_000], 0.1)]
        },
    ]

    private static let draws: [PoolCase] = [
        PoolCase(file: "random/random.c", name: "numbers of a seed") {
            [
                try Tensor.randn([300_001], seed: 5), try Tensor.rand([300_001], dtype: .float64, seed: 5),
                try Tensor.randint(77, [300_001], seed: 5),
            ]
        }
    ]

    private static let distances: [PoolCase] = [
        PoolCase(file: "distance/distance.c", name: "of two matrices and of one, with gradients") {
            let inputs = [try normal([2, 300, 70]), try normal([2, 210, 70], seed: 2)]
            return try [0, 1, 2, 3, Double.infinity].flatMap { p in
                try withGradients(inputs) { try $0[0].cdist($0[1], p: p) } + withGradients([inputs[0][0]]) { try $0[0].pdist(p: p) }
            }
        },
        PoolCase(file: "loss/multilabel_margin.c", name: "rows of classes") {
            let target = try Tensor.randint(300, [200, 300], seed: 3)
            return try withGradients([try normal([200, 300])]) { try $0[0].multilabelMarginLoss(target, reduction: .none) }
        },
        PoolCase(file: "loss/ctc.c", name: "sequences of different lengths") {
            let targets = try Tensor.randint(1, 20, [70, 12], seed: 5)
            let (inputs, lengths) = (try Tensor.randint(30, 41, [70], seed: 6), try Tensor.randint(0, 13, [70], seed: 7))
            return try withGradients([try normal([40, 70, 20])]) {
                try $0[0].logSoftmax(dim: 2).ctcLoss(targets, inputLengths: inputs, targetLengths: lengths, reduction: .none)
            }
        },
        PoolCase(file: "indexing/histogram.c", name: "counting between edges") {
            [try normal([700_001]).histogram(bins: 100), try normal([300_001], .float64).histogram(bins: 7, min: -1, max: 2)]
        },
    ]

    private static let transforms: [PoolCase] = [DType.float32, .float64].map { dtype in
        PoolCase(file: "fourier/fourier.c", name: "\(dtype), lines side by side and by themselves, and a prime length") {
            try [[300, 64], [64, 300], [70, 480], [50, 331]].flatMap { (sizes: [Int]) -> [Tensor] in
                let x = try normal(sizes, dtype)
                return [try x.fft(dim: 0), try x.rfft(), try x.rfft(dim: 0).irfft(n: sizes[0], dim: 0), try x.rfft().irfft(n: sizes[1])]
            }
        }
    }
}
