import ApusTensor

/// A part of a model: parameters, buffers and submodules, and usually a `forward`.
///
///     final class MLP: Module {
///         let first: Linear
///         let second: Linear
///         init() throws {
///             first = try Linear(64, 32)
///             second = try Linear(32, 10)
///         }
///         func forward(_ x: Tensor) throws -> Tensor { try second(first(x).relu()) }
///     }
///
/// `forward` takes one, two or three unlabelled arguments of any types and returns a value of any type; it is found at compile time and
/// called through the module itself, `try model(x)`. A module without `forward` conforms too and is called through methods of its own; one
/// that is meant for subclasses declares a `forward` that they override.
///
/// Stored properties are found by reflection: `@Parameter` and `@Buffer` tensors, submodules, and optionals, arrays and dictionaries of
/// submodules. Numbers, strings and other plain values are configuration. A tensor stored in any other way is an error that names the
/// property, thrown by everything that walks the module, and by every use of what stands for the property in `parameters()` and
/// `stateDict()`.
///
/// Modules are classes and belong to one task at a time; what they are exported to may be shared.
public protocol Module<Input, Output>: AnyObject, CustomStringConvertible {
    /// What a `forward` of one argument takes. Inferred.
    associatedtype Input = NoForward
    /// What a `forward` of one argument returns. Inferred.
    associatedtype Output = NoForward
    func forward(_ x: Input) throws -> Output

    associatedtype FirstOfTwo = NoForward
    associatedtype SecondOfTwo = NoForward
    associatedtype OutputOfTwo = NoForward
    func forward(_ x: FirstOfTwo, _ y: SecondOfTwo) throws -> OutputOfTwo

    associatedtype FirstOfThree = NoForward
    associatedtype SecondOfThree = NoForward
    associatedtype ThirdOfThree = NoForward
    associatedtype OutputOfThree = NoForward
    func forward(_ x: FirstOfThree, _ y: SecondOfThree, _ z: ThirdOfThree) throws -> OutputOfThree

    /// True while the module trains: dropout drops, batch norm uses the batch's own statistics. True for a new module.
    ///
    /// `train()` and `eval()` set it for a whole model. A module that reads it often may store it: `var isTraining = true`.
    var isTraining: Bool { get set }

    /// The names that properties have in dotted names, where they are not what PyTorch's spelling of Swift's name gives: `inProjWeight` is
    /// `in_proj_weight` by itself, so that state dictionaries fit PyTorch's. An empty name puts what an array holds directly under the module:
    /// `0.weight` rather than `layers.0.weight`.
    static var stateNames: [String: String] { get }
}

/// The argument of a `forward` that a module does not have. It has no values, so calling such a module does not compile.
public enum NoForward: Sendable {}

extension Module {
    public func forward(_ x: NoForward) throws -> NoForward {}
    public func forward(_ x: NoForward, _ y: NoForward) throws -> NoForward {}
    public func forward(_ x: NoForward, _ y: NoForward, _ z: NoForward) throws -> NoForward {}

    public static var stateNames: [String: String] { [:] }

    public var isTraining: Bool {
        get { TrainingModes.shared.isTraining(self) }
        set { TrainingModes.shared.set(newValue, for: self) }
    }

    /// Runs `forward` and the module's hooks, telling observers such as a tracer that this module is running.
    public func callAsFunction(_ x: Input) throws -> Output { try called(self, x) { try forward($0) } }
    public func callAsFunction(_ x: FirstOfTwo, _ y: SecondOfTwo) throws -> OutputOfTwo {
        try called(self, (x, y)) { try forward($0.0, $0.1) }
    }
    public func callAsFunction(_ x: FirstOfThree, _ y: SecondOfThree, _ z: ThirdOfThree) throws -> OutputOfThree {
        try called(self, (x, y, z)) { try forward($0.0, $0.1, $0.2) }
    }
}

/// A module from tensor to tensor, as `Sequential` takes them.
public typealias TensorModule = Module<Tensor, Tensor>
