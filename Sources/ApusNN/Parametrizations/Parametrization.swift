import ApusTensor

/// What a parametrized parameter is computed from, each time that it is read. Its own parameters are trained and saved in the place of the one
/// that they give: under `parametrizations.weight`, as PyTorch names them.
class Parametrization: Module {
    /// Why what was set last could not be taken.
    final var fault: (any Error)?

    func value() throws -> Tensor { throw TensorError(.unsupported, "no parametrization of its own") }

    /// Changes the parameters so that they give this value.
    func assign(_ value: Tensor) throws { throw TensorError(.unsupported, "no parametrization of its own") }

    /// What is left where the parametrization is taken away and its value is not wanted; nil where several parameters make it up.
    var sole: Tensor? { nil }

    class var stateNames: [String: String] { [:] }

    fileprivate init() {}
}

/// A parameter put through modules, one after another.
final class ParametrizationList: Parametrization {
    @Parameter var original: Tensor
    var steps: [any TensorModule]
    private let name: String

    override class var stateNames: [String: String] { ["steps": ""] }

    init(_ name: String, _ original: Tensor, _ steps: [any TensorModule]) {
        (self.name, self.steps, self.original) = (name, steps, original)
        super.init()
    }

    override func value() throws -> Tensor { try steps.reduce(original) { try $1($0) } }

    override func assign(_ value: Tensor) throws {
        guard steps.allSatisfy({ $0 is SpectralNorm }) else {
            throw TensorError(
                .invalidArgument, in: name,
                "is parametrized and can't be set; set parametrizations.\(name).original, or remove the parametrization")
        }
        original = value
    }

    override var sole: Tensor? { original }
}

/// A length for each slice along a dimension, and the slices' direction.
final class WeightNormParametrization: Parametrization {
    @Parameter var original0: Tensor
    @Parameter var original1: Tensor
    /// Nil for one length of the whole.
    private let dim: Int?

    init(_ weight: Tensor, dim: Int?) throws {
        let dim: Int? = try dim.map { try normalize(dim: $0, rank: weight.rank, in: "weightNorm") }
        (self.dim, original0, original1) = (dim, try WeightNormParametrization.lengths(weight, dim), weight)
        super.init()
    }

    private static func lengths(_ weight: Tensor, _ dim: Int?) throws -> Tensor {
        try applySingle(.named("norm_except_dim"), [.tensor(weight), .int(2), .int(dim ?? -1)])
    }

    override func value() throws -> Tensor { try original1 * (original0 / WeightNormParametrization.lengths(original1, dim)) }

    override func assign(_ value: Tensor) throws { (original0, original1) = (try WeightNormParametrization.lengths(value, dim), value) }
}

// MARK: - In modules

extension Module {
    /// Has a parameter computed from now on: what it held, put through the modules in their order each time that it is read. It is trained and saved as
    /// `parametrizations.NAME.original`; the modules' own state stands beside it, after `torch.nn.utils.parametrize.register_parametrization`.
    ///
    ///     final class Symmetric: Module {
    ///         func forward(_ x: Tensor) throws -> Tensor { try x.triu() + x.triu(1).t() }
    ///     }
    ///     try layer.registerParametrization("weight", Symmetric())
    ///
    /// Further modules go behind those that are there.
    /// - Parameter name: the property's name, in Swift's spelling or PyTorch's; dotted for one of a submodule.
    /// - Throws: `TensorError` where there is no such parameter or it is nil; where what the modules give is not of its shape and dtype.
    @discardableResult
    public func registerParametrization(_ name: String, _ steps: any TensorModule...) throws -> Self {
        let (box, given) = try box(of: name)
        let list: ParametrizationList
        switch box.parametrization {
        case nil: list = ParametrizationList(name, given, steps)
        case let known as ParametrizationList: list = ParametrizationList(name, known.original, known.steps + steps)
        default: throw TensorError(.invalidArgument, in: "registerParametrization", "'\(name)' is parametrized in another way already")
        }
        return try parametrize(box, list, name, given)
    }

    /// Splits a parameter into a length for each slice along a dimension and the slices' direction, which are trained apart: `original0` and
    /// `original1` of `torch.nn.utils.parametrizations.weight_norm`.
    ///
    /// Source: Salimans and Kingma, "Weight Normalization", 2016.
    /// - Parameter dim: nil for one length of the whole
    @discardableResult
    public func weightNorm(_ name: String = "weight", dim: Int? = 0) throws -> Self {
        let (box, given) = try box(of: name)
        guard box.parametrization == nil else { throw TensorError(.invalidArgument, in: "weightNorm", "'\(name)' is parametrized already") }
        return try parametrize(box, WeightNormParametrization(given, dim: dim), name, given)
    }

    /// Divides a parameter by its largest singular value each time that it is read: `torch.nn.utils.parametrizations.spectral_norm`, see
    /// `SpectralNorm`.
    ///
    /// - Parameter dim: the dimension of the rows; nil for 0, and for 1 in transposed convolutions
    @discardableResult
    public func spectralNorm(
        _ name: String = "weight", powerIterations: Int = 1, epsilon: any ScalarConvertible = 1e-12, dim: Int? = nil
    ) throws -> Self {
        let (_, given) = try box(of: name)
        let dim: Int = dim ?? (self is ConvTransposeBase ? 1 : 0)
        return try registerParametrization(name, SpectralNorm(given, powerIterations: powerIterations, epsilon: epsilon, dim: dim))
    }

    /// Makes a parametrized parameter a plain one again.
    ///
    /// - Parameter leaveParametrized: it keeps the value that it has now; else that of `original`, where there is one
    @discardableResult
    public func removeParametrizations(_ name: String = "weight", leaveParametrized: Bool = true) throws -> Self {
        let (box, value) = try box(of: name)
        guard let known = box.parametrization else {
            throw TensorError(.invalidArgument, in: "removeParametrizations", "'\(name)' is not parametrized")
        }
        guard let kept: Tensor = leaveParametrized ? value : known.sole else {
            throw TensorError(.invalidArgument, in: "removeParametrizations", "'\(name)' is made of several parameters; leave its value")
        }
        (box.parametrization, box.tensor) = (nil, kept)
        return self
    }

    /// Whether the parameter with this name is computed from others.
    public func isParametrized(_ name: String = "weight") throws -> Bool { try box(of: name).box.parametrization != nil }

    private func parametrize(_ box: StateBox, _ parametrization: Parametrization, _ name: String, _ given: Tensor) throws -> Self {
        let value: Tensor = try parametrization.value()
        guard value.spec.isIdentical(to: given.spec) else {
            throw TensorError(.shapeMismatch, in: name, "is \(given.spec); its parametrization gives \(value.spec)")
        }
        box.parametrization = parametrization
        // What every walk of the module reads; the value is the parametrization's.
        box.tensor = nil
        return self
    }

    /// Where a parameter with this name is kept, and its value.
    private func box(of name: String) throws -> (box: StateBox, value: Tensor) {
        let found = Discovery(self)
        let names: Set<String> = [name, Self.stateNames[name] ?? Discovery.torchName(name)]
        let boxes: [(name: String, box: StateBox)] = found.entries.filter(\.isParameter).map { ($0.name, $0.box) } + found.parametrized
        guard let box = boxes.first(where: { names.contains($0.name) })?.box, let value: Tensor = box.value else {
            throw TensorError(.invalidArgument, in: "\(Self.self)", "has no parameter '\(name)', or it is nil")
        }
        return (box, value)
    }
}
