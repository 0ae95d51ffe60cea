import ApusTensor

/// A part of a program's arguments or results whose nesting has no type that a program's values could have: a tuple inside of a tuple or an
/// array, since Swift's tuples conform to nothing.
///
///     let (loss, parts): (Tensor, NestedValue) = try program(x)
///     let (mean, spread): (Tensor, Tensor) = try parts.unpacked()
///
/// A function may take one as well. It is how to pass a tuple: the compiler of Swift 6.3.1 crashes where a function that is exported has a tuple
/// among its parameters.
///
///     func f(_ pair: NestedValue) throws -> Tensor {
///         let (a, b): (Tensor, Tensor) = try pair.unpacked()
///         return try a + b
///     }
///     let program = try export(f, args: NestedValue((x, y)))
public struct NestedValue: ProgramValue, Sendable {
    package let leaves: [LeafValue]
    package let spec: TreeSpec

    package init(_ leaves: [LeafValue], _ spec: TreeSpec) { (self.leaves, self.spec) = (leaves, spec) }

    /// - Parameter value: tensors, numbers, strings, nil, and tuples, arrays and dictionaries of them.
    public init(_ value: Any) throws {
        let tree: FlatTree = try flatten(value)
        self.init(tree.leaves, tree.spec)
    }

    /// The value as what it is: a tensor, a number, an array, another nested value.
    /// - Throws: `ProgramError` where it is something else.
    public func unpacked<Value: ProgramValue>(as type: Value.Type = Value.self) throws -> Value {
        var rest = leaves[...]
        return try type.build(from: &rest, spec)
    }

    /// The elements of a tuple.
    /// - Throws: `ProgramError` where it is no tuple of these.
    public func unpacked<First: ProgramValue, Second: ProgramValue, each Rest: ProgramValue>() throws -> (First, Second, repeat each Rest) {
        let specs: [TreeSpec]
        switch spec {
        case .tuple(let children), .list(let children): specs = children
        default: throw ProgramError(.structureMismatch, "the program gives \(spec) where a tuple is asked for")
        }
        var count = 2
        for _ in repeat (each Rest).self { count += 1 }
        guard specs.count == count else {
            throw ProgramError(.structureMismatch, "the program gives \(spec) where a tuple of \(count) is asked for")
        }
        var rest = leaves[...]
        var next = specs.makeIterator()
        func element<Value: ProgramValue>(_ type: Value.Type) throws -> Value { try type.build(from: &rest, next.next() ?? .leaf) }
        return (try element(First.self), try element(Second.self), repeat try element((each Rest).self))
    }

    public var leaf: LeafValue? { spec == .leaf ? leaves.first : nil }

    public var children: [(key: String?, value: Any)] {
        let parts: [(key: String?, spec: TreeSpec)]
        switch spec {
        case .leaf: parts = []
        case .tuple(let specs), .list(let specs): parts = specs.map { (nil, $0) }
        case .dictionary(let keys, let specs): parts = zip(keys, specs).map { ($0, $1) }
        }
        var rest = leaves[...]
        return parts.map { key, spec in
            defer { rest = rest.dropFirst(spec.leafCount) }
            return (key, NestedValue(Array(rest.prefix(spec.leafCount)), spec))
        }
    }

    public static func build(from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> NestedValue {
        let count: Int = spec.leafCount
        guard leaves.count >= count else {
            throw ProgramError(.structureMismatch, "\(leaves.count) values can't stand for the structure \(spec)")
        }
        defer { leaves = leaves.dropFirst(count) }
        return NestedValue(Array(leaves.prefix(count)), spec)
    }
}
