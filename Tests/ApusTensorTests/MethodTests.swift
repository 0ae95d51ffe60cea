import ApusTensor
import JudgeSupport
import Testing

/// Methods that only pass their arguments on to a record, judged by PyTorch as its users write them: a swapped argument shows here.
@Suite struct MethodTests {
    private static let inputs = """
        import torch, math
        F = torch.nn.functional
        x = torch.arange(12.).reshape(3, 4) / 10 - 0.5
        y = torch.arange(12.).flip(0).reshape(3, 4) / 5
        v = torch.tensor([1., 3, 2, 3, -1])
        w = torch.tensor([2., 0, 1, 4, 5])
        i = torch.tensor([0, 3, 1])
        m = torch.tensor([[4., 1, 0], [1, 3, 1], [0, 1, 2]])
        b = torch.arange(24.).reshape(2, 3, 4) / 7
        z = torch.complex(x, y)
        p = torch.arange(32.).reshape(1, 2, 4, 4).sin()
        """

    private struct Inputs {
        let x, y, v, w, i, m, b, z, p: Tensor

        init() throws {
            x = try Tensor.arange(12, dtype: .float32).reshaped([3, 4]) / 10 - 0.5
            y = try Tensor.arange(12, dtype: .float32).flipped([0]).reshaped([3, 4]) / 5
            v = try Tensor([1.0, 3, 2, 3, -1])
            w = try Tensor([2.0, 0, 1, 4, 5])
            i = try Tensor([0, 3, 1])
            m = try Tensor([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])
            b = try Tensor.arange(24, dtype: .float32).reshaped([2, 3, 4]) / 7
            z = try Tensor.complex(x, y)
            p = try Tensor.arange(32, dtype: .float32).reshaped([1, 2, 4, 4]).sin()
        }
    }

    private typealias Row = (torch: String, apus: @Sendable (Inputs) throws -> Tensor)

    @Test(arguments: 0..<7)
    func methodsDoWhatTheirNamesSay(_ family: Int) throws {
        let rows: [Row] = [Self.elementwise, Self.reductions, Self.shapes, Self.indexing, Self.matrices, Self.losses, Self.windows][family]
        let script: String =
            Self.inputs + """

                import sys
                for text in sys.argv[1:]:
                    value = eval(text)
                    value = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
                    print(list(value.shape), *value.double().flatten().tolist(), sep=';')
                """
        let theirs: [String] = try Python.run(script, rows.map(\.torch)).split(separator: "\n").map(String.init)
        try #require(theirs.count == rows.count)
        let inputs = try Inputs()
        for (row, text) in zip(rows, theirs) {
            do {
                var mine: Tensor = try row.apus(inputs)
                if mine.dtype.isComplex { mine = try mine.viewAsReal() }
                let numbers: [Double] = text.split(separator: ";").dropFirst().compactMap { Double($0) }
                #expect(try "\(mine.sizes)" == String(text.prefix { $0 != ";" }), "\(row.torch)")
                let found: [Double] = try mine.to(.float64).array(of: Double.self)
                let fits: Bool = zip(found, numbers).allSatisfy {
                    $0 == $1 || ($0.isNaN && $1.isNaN) || abs($0 - $1) <= 1e-5 * max(1, abs($1))
                }
                #expect(found.count == numbers.count && fits, "\(row.torch): \(found), in PyTorch \(numbers)")
            } catch {
                Issue.record("\(row.torch): \(error)")
            }
        }
    }

    private static let elementwise: [Row] = [
        ("torch.nextafter(x, y)", { try $0.x.nextafter($0.y) }), ("torch.copysign(y, torch.tensor(-1.))", { try $0.y.copysign(-1) }),
        ("torch.ldexp(x, i[:1])", { try $0.x.ldexp($0.i[0..<1]) }), ("torch.frexp(y).mantissa", { try $0.y.frexp().mantissa }),
        ("torch.frexp(y).exponent", { try $0.y.frexp().exponent }), ("torch.float_power(y, 2)", { try $0.y.floatPower(2) }),
        ("torch.float_power(y, y)", { try $0.y.floatPower($0.y) }), ("torch.deg2rad(x)", { try $0.x.deg2rad() }),
        ("torch.rad2deg(x)", { try $0.x.rad2deg() }), ("z.real", { try $0.z.real() }), ("z.imag", { try $0.z.imag() }),
        ("torch.polar(y, x)", { try Tensor.polar($0.y, $0.x) }), ("torch.complex(y, x)", { try Tensor.complex($0.y, $0.x) }),
        ("torch.isreal(z)", { try $0.z.isreal() }),
        ("torch.isclose(x, y, rtol=0.1, atol=0.5)", { try $0.x.isclose($0.y, rtol: 0.1, atol: 0.5) }),
        ("torch.isposinf(x / 0)", { try ($0.x / 0).isposinf() }), ("torch.isneginf(x / 0)", { try ($0.x / 0).isneginf() }),
        ("torch.signbit(x)", { try $0.x.signbit() }), ("~i", { try ~$0.i }), ("F.celu(x, 2)", { try $0.x.celu(alpha: 2) }),
        ("torch.special.zeta(y + 2, y + 1)", { try ($0.y + 2).zeta($0.y + 1) }), ("torch.special.i0e(x)", { try $0.x.i0e() }),
        ("torch.special.i1(x)", { try $0.x.i1() }), ("torch.special.i1e(x)", { try $0.x.i1e() }),
        ("torch.special.entr(y)", { try $0.y.entr() }),
        ("torch.special.ndtr(x)", { try $0.x.ndtr() }), ("torch.special.xlog1py(x, y)", { try $0.x.xlog1py($0.y) }),
        ("torch.mul(x, y)", { try $0.x.mul($0.y) }), ("torch.div(x, y + 1)", { try $0.x.div($0.y + 1) }),
        ("torch.remainder(x, y + 1)", { try $0.x.remainder($0.y + 1) }),
    ]

    private static let reductions: [Row] = [
        ("torch.aminmax(x).min", { try $0.x.aminmax().min }), ("torch.aminmax(x, dim=1).max", { try $0.x.aminmax(dim: 1).max }),
        ("torch.mode(v).values", { try $0.v.mode().values }), ("torch.nanmedian(x / x.round())", { try ($0.x / $0.x.round()).nanmedian() }),
        ("torch.nanmedian(x, dim=0).indices", { try $0.x.nanmedian(dim: 0).indices }),
        ("torch.nanquantile(v, 0.3)", { try $0.v.nanquantile(0.3) }), ("torch.trapezoid(v, w)", { try $0.v.trapezoid($0.w) }),
        ("torch.cumulative_trapezoid(v, dx=0.5)", { try $0.v.cumulativeTrapezoid(dx: 0.5) }),
        ("torch.cumulative_trapezoid(v, w)", { try $0.v.cumulativeTrapezoid($0.w) }),
        ("torch.gradient(x, spacing=2)[1]", { try $0.x.gradient(spacing: 2)[1] }),
        ("torch.gradient(x, dim=0, edge_order=2)[0]", { try $0.x.gradient(dim: 0, edgeOrder: 2)[0] }),
        ("torch.renorm(y, 2, 0, 1)", { try $0.y.renorm(p: 2, dim: 0, maxNorm: 1) }),
        ("torch.std_mean(x, dim=1, correction=0)[0]", { try $0.x.stdMean(dim: 1, correction: 0).deviation }),
        ("torch.std_mean(x, dim=0)[1]", { try $0.x.stdMean(dims: [0]).mean }),
        ("torch.var_mean(x, dim=1)[0]", { try $0.x.varMean(dim: 1).variance }),
        ("torch.count_nonzero(x, dim=(0, 1))", { try $0.x.countNonzero(dims: [0, 1]) }),
        ("torch.norm(x, 3, dim=1)", { try $0.x.norm(3, dim: 1) }), ("F.normalize(x, dim=1)", { try $0.x.normalize() }),
        ("F.normalize(x, p=1, dim=0)", { try $0.x.normalize(p: 1, dim: 0) }), ("torch.nansum(x, dim=0)", { try $0.x.nansum(dim: 0) }),
        ("torch.nanmean(x, dim=1, keepdim=True)", { try $0.x.nanmean(dim: 1, keepDim: true) }),
        ("torch.kthvalue(v, 2).values", { try $0.v.kthvalue(2).values }),
        ("torch.kthvalue(x, 2, dim=0).indices", { try $0.x.kthvalue(2, dim: 0).indices }),
        ("torch.msort(y)", { try $0.y.msort() }),
    ]

    private static let shapes: [Row] = [
        ("torch.swapaxes(b, 0, 2)", { try $0.b.swapaxes(0, 2) }), ("b.permute(2, 1, 0)", { try $0.b.T }), ("b.mT", { try $0.b.mT }),
        ("z.mH", { try $0.z.mH }), ("torch.rot90(x)", { try $0.x.rot90() }),
        ("torch.rot90(b, 3, [1, 2])", { try $0.b.rot90(3, dims: [1, 2]) }),
        ("torch.fliplr(x)", { try $0.x.fliplr() }), ("torch.flipud(x)", { try $0.x.flipud() }),
        ("F.channel_shuffle(b.reshape(1, 4, 3, 2), 2)", { try $0.b.reshaped([1, 4, 3, 2]).channelShuffle(2) }),
        ("x.ravel()", { try $0.x.ravel() }), ("torch.atleast_1d(x.sum())", { try $0.x.sum().atleast1d() }),
        ("torch.atleast_2d(v)", { try $0.v.atleast2d() }), ("torch.atleast_3d(v)", { try $0.v.atleast3d() }),
        ("b.sum_to_size(3, 1)", { try $0.b.summed(to: [3, 1]) }), ("torch.diag(x, 1)", { try $0.x.diag(1) }),
        ("torch.diag(v)", { try $0.v.diag() }),
        ("torch.diagflat(v, 1)", { try $0.v.diagflat(offset: 1) }), ("torch.block_diag(x, m)", { try Tensor.blockDiag([$0.x, $0.m]) }),
        ("torch.tensor_split(v, 2)[0]", { try $0.v.tensorSplit(2)[0] }),
        ("torch.tensor_split(x, (1, 3), dim=1)[1]", { try $0.x.tensorSplit(indices: [1, 3], dim: 1)[1] }),
        ("torch.hsplit(x, 2)[1]", { try $0.x.hsplit(2)[1] }), ("torch.vsplit(x, (1,))[1]", { try $0.x.vsplit(indices: [1])[1] }),
        ("torch.dsplit(b, 2)[0]", { try $0.b.dsplit(2)[0] }),
        ("torch.as_strided_scatter(x, v[:2], (2,), (5,), 1)", { try $0.x.asStridedScatter($0.v[0..<2], [2], strides: [5], offset: 1) }),
        ("torch.concat([x, y], 1)", { try Tensor.concat([$0.x, $0.y], dim: 1) }),
        ("torch.dstack([x, y])", { try Tensor.dstack([$0.x, $0.y]) }),
        ("torch.column_stack([v, w])", { try Tensor.columnStack([$0.v, $0.w]) }),
        ("torch.cartesian_prod(v, i.float())", { try Tensor.cartesianProd([$0.v, $0.i.to(.float32)]) }),
        ("torch.combinations(v, 3)", { try $0.v.combinations(3) }),
        ("torch.tril_indices(3, 4, 1)", { _ in try Tensor.trilIndices(3, 4, offset: 1) }),
        ("torch.triu_indices(3, 4, -1)", { _ in try Tensor.triuIndices(3, 4, offset: -1) }),
        ("x.new_full((2, 1), 3)", { try $0.x.newFull([2, 1], 3) }), ("i.new_ones((2,))", { try $0.i.newOnes([2]) }),
        ("i.new_zeros((2,))", { try $0.i.newZeros([2]) }), ("torch.empty(2, 3) * 0", { _ in try Tensor.empty([2, 3]) * 0 }),
        ("torch.empty_like(x) * 0", { try $0.x.emptyLike() * 0 }),
    ]

    private static let indexing: [Row] = [
        ("torch.argwhere(x > 0)", { try ($0.x .> 0).argwhere() }), ("x.put(i, v[:3])", { try $0.x.put($0.i, $0.v[0..<3]) }),
        ("x.put(i, v[:3], accumulate=True)", { try $0.x.put($0.i, $0.v[0..<3], accumulate: true) }),
        ("torch.nonzero_static(x > 0, size=9, fill_value=-2)", { try ($0.x .> 0).nonzeroStatic(size: 9, fillValue: -2) }),
        ("x.index_fill(1, i, 7)", { try $0.x.indexFill(dim: 1, $0.i, 7) }),
        ("x.index_reduce(1, i, y[:, :3], 'prod')", { try $0.x.indexReduce(dim: 1, $0.i, $0.y[.all, 0..<3], reduce: "prod") }),
        ("torch.nonzero(x > 0, as_tuple=True)[1]", { try ($0.x .> 0).nonzeroTuple()[1] }),
        ("torch.unique(m, dim=1)", { try $0.m.unique(dim: 1).values }),
        ("torch.unique_consecutive(v.sort().values, return_counts=True)[1]", { try $0.v.sort().values.uniqueConsecutive().counts }),
    ]

    private static let matrices: [Row] = [
        (
            "torch.addbmm(m[:, :3], b[:, :, :3], b[:, :, :3], beta=2, alpha=0.5)",
            { try $0.m[.all, 0..<3].addbmm($0.b[.all, .all, 0..<3], $0.b[.all, .all, 0..<3], beta: 2, alpha: 0.5) }
        ),
        ("torch.addmv(v[:3], x, v[:4], beta=2, alpha=0.5)", { try $0.v[0..<3].addmv($0.x, $0.v[0..<4], beta: 2, alpha: 0.5) }),
        ("torch.vdot(z[0], z[1])", { try $0.z[0].vdot($0.z[1]) }),
        ("torch.addr(x, v[:3], w[:4], beta=2)", { try $0.x.addr($0.v[0..<3], $0.w[0..<4], beta: 2) }),
        ("torch.linalg.vecdot(x, y, dim=0)", { try $0.x.vecdot($0.y, dim: 0) }),
        ("torch.linalg.multi_dot([m, x, x.T])", { try Tensor.multiDot([$0.m, $0.x, $0.x.T]) }),
        ("torch.linalg.vander(v, N=3)", { try $0.v.vander(3) }), ("torch.logdet(m)", { try $0.m.logdet() }),
        ("F.pdist(x)", { try $0.x.pdist() }),
        ("torch.dist(x, y, 3)", { try $0.x.dist($0.y, p: 3) }), ("torch.linalg.matrix_norm(x, 1)", { try $0.x.matrixNorm(1) }),
        ("torch.linalg.matrix_norm(x, 'nuc')", { try $0.x.matrixNorm(named: "nuc") }),
        ("torch.cov(x, correction=0)", { try $0.x.cov(correction: 0) }),
        ("torch.corrcoef(m)", { try $0.m.corrcoef() }),
        (
            "F.bilinear(x, y, b[:, :, :4].reshape(2, 3, 4)[:, :1].expand(2, 4, 4))",
            { try $0.x.bilinear($0.y, $0.b[.all, 0..<1].expanded([2, 4, 4])) }
        ),
        ("torch.linalg.svdvals(m)", { try $0.m.svdvals() }), ("torch.linalg.eigvalsh(m)", { try $0.m.eigvalsh() }),
    ]

    private static let losses: [Row] = [
        (
            "F.cosine_embedding_loss(x, y, torch.tensor([1, -1, 1]), margin=0.2)",
            { try $0.x.cosineEmbeddingLoss($0.y, Tensor([1, -1, 1]), margin: 0.2) }
        ),
        (
            "F.hinge_embedding_loss(x, x.sign() + (x == 0), margin=2)",
            { try $0.x.hingeEmbeddingLoss($0.x.sign() + ($0.x .== 0), margin: 2) }
        ),
        ("F.margin_ranking_loss(v, w, v.sign(), margin=0.5)", { try $0.v.marginRankingLoss($0.w, $0.v.sign(), margin: 0.5) }),
        ("F.multi_margin_loss(x, i, p=2, margin=0.5)", { try $0.x.multiMarginLoss($0.i, p: 2, margin: 0.5) }),
        ("F.multilabel_margin_loss(v, torch.tensor([1, 3, -1, 0, 0]))", { try $0.v.multilabelMarginLoss(Tensor([1, 3, -1, 0, 0])) }),
        ("F.poisson_nll_loss(x, y, full=True, reduction='sum')", { try $0.x.poissonNllLoss($0.y, full: true, reduction: .sum) }),
        ("F.poisson_nll_loss(y, y, log_input=False, eps=1e-3)", { try $0.y.poissonNllLoss($0.y, logInput: false, epsilon: 1e-3) }),
        ("F.soft_margin_loss(x, v[:4].sign())", { try $0.x.softMarginLoss($0.v[0..<4].sign().expanded([3, 4])) }),
        ("F.instance_norm(b, eps=0.1)", { try $0.b.instanceNorm(epsilon: 0.1) }),
    ]

    private static let windows: [Row] = [
        ("F.max_pool3d(p, 2, 1)", { try $0.p.maxPool3d([2], stride: [1]) }),
        ("F.avg_pool3d(p, 2, padding=1, count_include_pad=False)", { try $0.p.avgPool3d([2], padding: [1], countIncludePad: false) }),
        ("F.adaptive_avg_pool3d(p, (2, 1, 3))", { try $0.p.adaptiveAvgPool3d([2, 1, 3]) }),
        ("F.adaptive_max_pool1d(b, 2)", { try $0.b.adaptiveMaxPool1d([2]).values }),
        ("F.adaptive_max_pool3d(p, (1, 2, 2))", { try $0.p.adaptiveMaxPool3d([1, 2, 2]).values }),
        ("F.max_pool1d(b, 2, return_indices=True)[1]", { try $0.b.maxPool1dWithIndices(2).indices }),
        ("F.max_pool3d(p, 2, return_indices=True)[1]", { try $0.p.maxPool3dWithIndices([2]).indices }),
        (
            "F.max_unpool3d(*F.max_pool3d(p, 2, return_indices=True), 2)",
            {
                let (values, indices) = try $0.p.maxPool3dWithIndices([2])
                return try values.maxUnpool3d(indices, to: [2, 4, 4], stride: [2, 2, 2])
            }
        ),
        ("F.conv_transpose1d(b, m.reshape(3, 1, 3), stride=2)", { try $0.b.convTranspose1d($0.m.reshaped([3, 1, 3]), stride: [2]) }),
        (
            "F.conv_transpose3d(p.reshape(1, 1, 2, 4, 4), p[:, :, :2, :2].reshape(1, 1, 2, 2, 2))",
            { try $0.p.reshaped([1, 1, 2, 4, 4]).convTranspose3d($0.p[.all, .all, 0..<2, 0..<2].reshaped([1, 1, 2, 2, 2])) }
        ),
        ("F.unfold(p, (2, 3), padding=1)", { try $0.p.im2col([2, 3], dilation: [1, 1], padding: [1, 1], stride: [1, 1]) }),
        ("F.fold(F.unfold(p, (2, 3)), (4, 4), (2, 3))", { try $0.p.im2col([2, 3]).col2im([4, 4], [2, 3]) }),
        (
            "F.grid_sample(p, F.affine_grid(x[:2, :3].reshape(1, 2, 3), (1, 2, 3, 3), align_corners=True), padding_mode='border', align_corners=True)",
            {
                try $0.p.gridSample(
                    $0.x[0..<2, 0..<3].reshaped([1, 2, 3]).affineGrid([1, 2, 3, 3], alignsCorners: true), padding: "border",
                    alignsCorners: true)
            }
        ),
        ("F.interpolate(b, 6, mode='linear')", { try $0.b.interpolated(to: [6], mode: "linear") }),
        (
            "F.interpolate(p, (6, 3), mode='bicubic', align_corners=True)",
            { try $0.p.interpolated(to: [6, 3], mode: "bicubic", alignsCorners: true) }
        ),
        (
            "F.interpolate(p, (3, 2), mode='bilinear', antialias=True)",
            { try $0.p.interpolated(to: [3, 2], mode: "bilinear", antialias: true) }
        ),
        ("F.interpolate(p, (6, 3), mode='nearest-exact')", { try $0.p.interpolated(to: [6, 3], mode: "nearest-exact") }),
        (
            "F.interpolate(p.reshape(1, 1, 2, 4, 4), (3, 5, 2), mode='trilinear')",
            { try $0.p.reshaped([1, 1, 2, 4, 4]).interpolated(to: [3, 5, 2], mode: "trilinear") }
        ),
    ]

    @Test func wholeTensorsCompare() throws {
        let x: Tensor = try Tensor([1.0, 2, 3])
        #expect(try x.equal(x.clone()))
        #expect(try !x.equal(x + 1))
        #expect(try !x.equal(Tensor([1.0, 2])))
        #expect(try x.allclose(x + 1e-9))
        #expect(try !x.allclose(x + 1))
        #expect(x.numel == 3)
        #expect(throws: TensorError.self) { try x.equal(Tensor([1, 2, 3])) }
    }
}
