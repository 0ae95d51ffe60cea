import ApusTensor

/// Optionals, arrays and dictionaries: what may stand between a module and its submodules.
protocol StateContainer {
    /// The types of what it holds.
    static var contentTypes: [Any.Type] { get }
    /// What it holds, with the key that becomes part of the name; a nil key adds nothing to it.
    var elements: [(key: String?, value: Any)] { get }
}

extension Optional: StateContainer {
    static var contentTypes: [Any.Type] { [Wrapped.self] }
    var elements: [(key: String?, value: Any)] { map { [(nil, $0)] } ?? [] }
}

extension Array: StateContainer {
    static var contentTypes: [Any.Type] { [Element.self] }
    var elements: [(key: String?, value: Any)] { enumerated().map { ("\($0.offset)", $0.element) } }
}

extension Dictionary: StateContainer {
    static var contentTypes: [Any.Type] { [Key.self, Value.self] }
    /// In the order of the keys' texts, so that names come in the same order in every run.
    var elements: [(key: String?, value: Any)] {
        map { (key: "\($0.key)", value: $0.value) }.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value as Any) }
    }
}

/// True for a tensor and for containers declared to hold tensors, however deep, even while they are empty.
func holdsTensors(_ type: Any.Type) -> Bool {
    if type == Tensor.self { return true }
    guard let container = type as? any StateContainer.Type else { return false }
    return container.contentTypes.contains(where: holdsTensors)
}

/// True for types that can't hold a tensor, so that a long array of them need not be looked through.
func isPlain(_ type: Any.Type) -> Bool {
    if plainTypes.contains(ObjectIdentifier(type)) { return true }
    guard let container = type as? any StateContainer.Type else { return false }
    return container.contentTypes.allSatisfy(isPlain)
}

private let plainTypes: Set<ObjectIdentifier> = Set(
    ([
        Bool.self, Int.self, Int8.self, Int16.self, Int32.self, Int64.self, UInt.self, UInt8.self, UInt16.self, UInt32.self, UInt64.self,
        Float.self, Double.self, String.self, Substring.self, Character.self, DType.self,
    ] as [Any.Type]).map { ObjectIdentifier($0) })
