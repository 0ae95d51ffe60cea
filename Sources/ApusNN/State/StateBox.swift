import ApusTensor

/// The place where one parameter or buffer is kept: what optimizers, loaders and exporters read and write.
///
/// Its identity is that of the parameter: two properties over one box are tied.
package final class StateBox {
    package enum Kind: Sendable, Hashable {
        case parameter
        /// A buffer; one that does not persist is left out of state dictionaries.
        case buffer(isPersistent: Bool)
    }

    package let kind: Kind
    /// Nil where an optional parameter or buffer is absent, and where a parametrization gives the value.
    package var tensor: Tensor?
    /// What the value is computed from, where it is no tensor of its own.
    var parametrization: Parametrization?
    /// False for a parameter that training leaves alone.
    package var requiresGradient: Bool

    package init(_ kind: Kind, _ tensor: Tensor?) {
        self.kind = kind
        self.tensor = tensor
        requiresGradient = kind == .parameter
    }

    /// What the property gives and takes. A parametrization that can't compute it, or could not take what was set, gives a tensor without data: every
    /// operation on it throws.
    var value: Tensor? {
        get {
            guard let parametrization else { return tensor }
            do {
                if let fault = parametrization.fault { throw fault }
                return try parametrization.value()
            } catch { return Tensor(fault: "\(error)") }
        }
        set {
            guard let parametrization else {
                tensor = newValue
                return
            }
            do {
                guard let newValue else { throw TensorError(.invalidArgument, "a parametrized parameter can't be nil") }
                try parametrization.assign(newValue)
                parametrization.fault = nil
            } catch { parametrization.fault = error }
        }
    }
}

/// What `@Parameter` and `@Buffer` wrap: `Tensor`, or `Tensor?` where it may be absent.
public protocol StateValue {
    init(state: Tensor?)
    var state: Tensor? { get }
}

extension Tensor: StateValue {
    /// A tensor without data where nothing was set yet: every operation on it throws.
    public init(state: Tensor?) { self = state ?? Tensor(fault: "a parameter or buffer is read that was never set") }
    public var state: Tensor? { self }
}

extension Optional: StateValue where Wrapped == Tensor {
    public init(state: Tensor?) { self = state }
    public var state: Tensor? { self }
}

/// A property wrapper with a box: how reflection recognises parameters and buffers.
protocol StateProperty {
    var box: StateBox { get }
    /// True for `Tensor?`, which may be nil.
    var isOptional: Bool { get }
}
