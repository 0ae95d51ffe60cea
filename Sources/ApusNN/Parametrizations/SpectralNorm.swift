import ApusTensor

/// A weight over its largest singular value, which `torch.nn.utils.parametrizations.spectral_norm` estimates: while training, each reading takes the
/// estimate some iterations further. A vector is divided by its length.
///
/// Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
public final class SpectralNorm: Module {
    @Buffer public var u: Tensor?
    @Buffer public var v: Tensor?
    public let powerIterations: Int
    public let epsilon: Double
    public let dim: Int
    public var isTraining = true

    public static var stateNames: [String: String] { ["u": "_u", "v": "_v"] }

    /// - Parameters:
    ///   - weight: what is to be divided; fifteen iterations are made with it
    ///   - dim: the dimension of the matrix's rows, all others are its columns
    public init(_ weight: Tensor, powerIterations: Int = 1, epsilon: any ScalarConvertible = 1e-12, dim: Int = 0) throws {
        let name = "SpectralNorm"
        self.powerIterations = try powerIterations.positive("powerIterations", in: name)
        self.epsilon = try epsilon.plainNumber("epsilon", in: name)
        self.dim = try normalize(dim: dim, rank: weight.rank, in: name)
        guard weight.rank > 1 else { return }
        let matrix: Tensor = try matrix(weight)
        u = try Tensor.randn([matrix.shape[0]], dtype: weight.dtype).normalize(dim: 0, epsilon: self.epsilon)
        v = try Tensor.randn([matrix.shape[1]], dtype: weight.dtype).normalize(dim: 0, epsilon: self.epsilon)
        try iterate(matrix, 15)
    }

    public func forward(_ weight: Tensor) throws -> Tensor {
        guard let u, let v else { return try weight.normalize(dim: 0, epsilon: epsilon) }
        let matrix: Tensor = try matrix(weight)
        guard isTraining else { return try weight / u.vdot(matrix.mv(v)) }
        try iterate(matrix.detached(), powerIterations)
        return try weight / (self.u ?? u).vdot(matrix.mv(self.v ?? v))
    }

    private func matrix(_ weight: Tensor) throws -> Tensor { try weight.movedDim(from: dim, to: 0).flattened(from: 1) }

    private func iterate(_ matrix: Tensor, _ count: Int) throws {
        guard var u, var v else { return }
        for _ in 0..<count {
            u = try matrix.mv(v).normalize(dim: 0, epsilon: epsilon)
            v = try matrix.adjoint().mv(u).normalize(dim: 0, epsilon: epsilon)
        }
        (self.u, self.v) = (u, v)
    }
}
