import ApusTensor

/// A tensor that training changes: `@Parameter var weight: Tensor`, or `@Parameter var bias: Tensor?` where it may be absent.
///
/// `$weight` is the parameter itself. Assigning it in another module's initialiser ties the two: `_decoder = encoder.$weight`. Assigning
/// the tensor, `decoder = encoder.weight`, ties them as well as long as both hold the same tensor; assign `clone()` to start from equal
/// values but train apart.
@propertyWrapper
public struct Parameter<Value: StateValue>: StateProperty {
    package let box: StateBox

    public init(wrappedValue: Value) { box = StateBox(.parameter, wrappedValue.state) }

    public var wrappedValue: Value {
        get { Value(state: box.value) }
        nonmutating set { box.value = newValue.state }
    }

    public var projectedValue: Parameter<Value> { self }

    /// False keeps `valueAndGradient(of:)` and so optimizers from touching the parameter.
    public var requiresGradient: Bool {
        get { box.requiresGradient }
        nonmutating set { box.requiresGradient = newValue }
    }

    var isOptional: Bool { Value.self == Tensor?.self }
}

/// A tensor that belongs to a module's state without being trained, such as running statistics: `@Buffer var count: Tensor`.
///
/// What `forward` assigns to it is kept; in an exported program it becomes a mutation of the buffer. A buffer that need not be saved, such
/// as a mask, is `@Buffer(persistent: false)` and set last in the initialiser, or by `_mask = Buffer(wrappedValue: mask, persistent: false)`.
@propertyWrapper
public struct Buffer<Value: StateValue>: StateProperty {
    package let box: StateBox

    public init(wrappedValue: Value) { box = StateBox(.buffer(isPersistent: true), wrappedValue.state) }

    public init(wrappedValue: Value, persistent: Bool) { box = StateBox(.buffer(isPersistent: persistent), wrappedValue.state) }

    /// A buffer to be set before it is used.
    public init(persistent: Bool) { box = StateBox(.buffer(isPersistent: persistent), nil) }

    public var wrappedValue: Value {
        get { Value(state: box.tensor) }
        nonmutating set { box.tensor = newValue.state }
    }

    public var projectedValue: Buffer<Value> { self }

    var isOptional: Bool { Value.self == Tensor?.self }
}
