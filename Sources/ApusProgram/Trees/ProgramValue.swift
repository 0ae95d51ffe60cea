import ApusSymbolic
import ApusTensor

/// What a program can take and return: tensors, plain numbers, strings, and optionals, arrays and dictionaries of them.
///
/// Tuples nest too, in functions and in arguments, without conforming, since Swift's tuples can't: `(Tensor, [(Tensor, Int)])` may be what a
/// function returns. The caller, who says the type that a result has, writes `NestedValue` for a tuple inside of another value.
public protocol ProgramValue {
    /// Builds the value from the next leaves of a tree of this nesting.
    static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Self
    /// The value as a leaf, or nil where it has children.
    var leaf: LeafValue? { get }
    /// The children with their keys; a nil key for the elements of a list.
    var children: [(key: String?, value: Any)] { get }
}

extension ProgramValue {
    public var children: [(key: String?, value: Any)] { [] }

    fileprivate static func next(_ leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> LeafValue {
        guard case .leaf = spec, let leaf = leaves.popFirst() else {
            throw ProgramError(.structureMismatch, "a value of type \(Self.self) can't stand for the structure \(spec)")
        }
        return leaf
    }

    fileprivate static func mismatch(_ leaf: LeafValue) -> ProgramError {
        ProgramError(.structureMismatch, "the program gives \(leaf) where a value of type \(Self.self) is asked for")
    }
}

extension Tensor: ProgramValue {
    public var leaf: LeafValue? { .tensor(self) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Tensor {
        let leaf = try next(&leaves, spec)
        guard case .tensor(let tensor) = leaf else { throw mismatch(leaf) }
        return tensor
    }
}

extension Int: ProgramValue {
    public var leaf: LeafValue? { .int(SymInt(self)) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Int {
        let leaf = try next(&leaves, spec)
        guard case .int(let value) = leaf, let known = value.constant else { throw mismatch(leaf) }
        return known
    }
}

extension SymInt: ProgramValue {
    public var leaf: LeafValue? { .int(self) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> SymInt {
        let leaf = try next(&leaves, spec)
        guard case .int(let value) = leaf else { throw mismatch(leaf) }
        return value
    }
}

extension Double: ProgramValue {
    public var leaf: LeafValue? { .float(SymFloat(self)) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Double {
        let leaf = try next(&leaves, spec)
        guard case .float(let value) = leaf, let known = value.constant else { throw mismatch(leaf) }
        return known
    }
}

extension Float: ProgramValue {
    public var leaf: LeafValue? { .float(SymFloat(Double(self))) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Float {
        Float(try Double.build(from: &leaves, spec))
    }
}

extension SymFloat: ProgramValue {
    public var leaf: LeafValue? { .float(self) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> SymFloat {
        let leaf = try next(&leaves, spec)
        guard case .float(let value) = leaf else { throw mismatch(leaf) }
        return value
    }
}

extension Bool: ProgramValue {
    public var leaf: LeafValue? { .bool(self) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Bool {
        let leaf = try next(&leaves, spec)
        guard case .bool(let value) = leaf else { throw mismatch(leaf) }
        return value
    }
}

extension String: ProgramValue {
    public var leaf: LeafValue? { .string(self) }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> String {
        let leaf = try next(&leaves, spec)
        guard case .string(let value) = leaf else { throw mismatch(leaf) }
        return value
    }
}

extension Optional: ProgramValue where Wrapped: ProgramValue {
    public var leaf: LeafValue? {
        guard let self else { return LeafValue.none }
        return self.leaf
    }
    public var children: [(key: String?, value: Any)] { self?.children ?? [] }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Wrapped? {
        if case .leaf = spec, case .none? = leaves.first {
            leaves.removeFirst()
            return nil
        }
        return try Wrapped.build(from: &leaves, spec)
    }
}

extension Array: ProgramValue where Element: ProgramValue {
    public var leaf: LeafValue? { nil }
    public var children: [(key: String?, value: Any)] { map { (nil, $0) } }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> [Element] {
        switch spec {
        case .list(let children), .tuple(let children): return try children.map { try Element.build(from: &leaves, $0) }
        default: throw ProgramError(.structureMismatch, "the program gives \(spec) where an array is asked for")
        }
    }
}

extension Dictionary: ProgramValue where Key == String, Value: ProgramValue {
    public var leaf: LeafValue? { nil }
    public var children: [(key: String?, value: Any)] { keys.sorted().compactMap { key in self[key].map { (key, $0 as Any) } } }
    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> [String: Value] {
        guard case .dictionary(let keys, let children) = spec else {
            throw ProgramError(.structureMismatch, "the program gives \(spec) where a dictionary is asked for")
        }
        var result: [String: Value] = [:]
        for (key, child) in zip(keys, children) { result[key] = try Value.build(from: &leaves, child) }
        return result
    }
}
