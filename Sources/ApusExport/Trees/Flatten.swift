import ApusTensor

/// Takes a value apart into leaves and nesting. Tuples are found by reflection, everything else by `ProgramValue`.
func flatten(_ value: Any) throws -> FlatTree {
    var tree = FlatTree(leaves: [], spec: .leaf, paths: [])
    tree.spec = try collect(value, "", &tree)
    return tree
}

private func collect(_ value: Any, _ path: String, _ tree: inout FlatTree) throws -> TreeSpec {
    if let value = value as? any ProgramValue {
        if let leaf = value.leaf {
            tree.leaves.append(leaf)
            tree.paths.append(path)
            return .leaf
        }
        let children = value.children
        let isDictionary = children.first?.key != nil || value is any DictionaryMarker
        let specs = try children.enumerated().map { index, child in
            try collect(child.value, child.key.map { "\(path).\($0)" } ?? "\(path)[\(index)]", &tree)
        }
        return isDictionary ? .dictionary(children.map { $0.key ?? "" }, specs) : .list(specs)
    }
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .tuple else {
        throw ProgramError(
            .unsupportedValue,
            "a value of type \(type(of: value)) can't be an argument or result of a program; use tensors, Int, Double, Bool, String, nil, tuples, arrays and dictionaries"
        )
    }
    return .tuple(try mirror.children.enumerated().map { index, child in try collect(child.value, "\(path).\(index)", &tree) })
}

/// Tells an empty dictionary from an empty array.
private protocol DictionaryMarker {}
extension Dictionary: DictionaryMarker {}

/// Puts a value together again with other leaves. `example` gives the types, which tuples need.
func rebuild<Value>(_ example: Value, from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Value {
    if let type = Value.self as? any ProgramValue.Type {
        func build<T: ProgramValue>(_ type: T.Type) throws -> Any { try type.build(from: &leaves, spec) }
        guard let value = try build(type) as? Value else {
            throw ProgramError(.structureMismatch, "a value of type \(Value.self) could not be rebuilt")
        }
        return value
    }
    let mirror = Mirror(reflecting: example)
    guard mirror.displayStyle == .tuple, case .tuple(let specs) = spec, specs.count == mirror.children.count else {
        throw ProgramError(.unsupportedValue, "a value of type \(Value.self) can't be rebuilt from \(spec)")
    }
    // A tuple's elements lie one after the other, each at its own alignment. All of them are built before any is stored, so that an
    // error leaves nothing half made.
    var writers: [(UnsafeMutableRawPointer) -> Void] = []
    var offset = 0
    for (child, childSpec) in zip(mirror.children, specs) {
        func element<T>(_ value: T) throws {
            let built: T = try rebuild(value, from: &leaves, childSpec)
            let alignment = MemoryLayout<T>.alignment
            let position = (offset + alignment - 1) / alignment * alignment
            writers.append { ($0 + position).bindMemory(to: T.self, capacity: 1).initialize(to: built) }
            offset = position + MemoryLayout<T>.size
        }
        try element(child.value)
    }
    guard offset == MemoryLayout<Value>.size else {
        throw ProgramError(.unsupportedValue, "a tuple of type \(Value.self) has a layout that can't be rebuilt")
    }
    // The empty tuple has no memory to build it in, and only one value.
    if MemoryLayout<Value>.size == 0 { return example }
    return try withUnsafeTemporaryAllocation(byteCount: MemoryLayout<Value>.size, alignment: MemoryLayout<Value>.alignment) { buffer in
        guard let base = buffer.baseAddress else {
            throw ProgramError(.unsupportedValue, "a tuple of type \(Value.self) can't be rebuilt")
        }
        for writer in writers { writer(base) }
        return base.bindMemory(to: Value.self, capacity: 1).move()
    }
}
