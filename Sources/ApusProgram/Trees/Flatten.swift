import ApusTensor

/// Takes a value apart into leaves and nesting. Tuples are found by reflection, everything else by its type.
package func flatten(_ value: Any) throws -> FlatTree {
    var leaves: [LeafValue] = []
    let spec: TreeSpec = try collect(value, &leaves)
    return FlatTree(leaves: leaves, spec: spec, paths: spec.leafPaths)
}

/// Appends a value's leaves, and tells how they are nested.
func collect(_ value: Any, _ leaves: inout [LeafValue]) throws -> TreeSpec {
    // Most are tensors, and the question which protocols a type conforms to takes as long as a small program.
    if let tensor = value as? Tensor {
        leaves.append(.tensor(tensor))
        return .leaf
    }
    if let nested = value as? NestedValue {
        leaves += nested.leaves
        return nested.spec
    }
    if let container = value as? any TreeContainer { return try collect(parts: try container.parts, &leaves) }
    if let value = value as? any ProgramValue {
        if let leaf = value.leaf { return try collect(parts: .leaf(leaf), &leaves) }
        let children = value.children
        if children.first?.key == nil { return try collect(parts: .list(children.map(\.value)), &leaves) }
        return try collect(parts: .dictionary(children.map { ($0.key ?? "", $0.value) }), &leaves)
    }
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .tuple else {
        throw ProgramError(
            .unsupportedValue,
            "a value of type \(type(of: value)) can't be an argument or result of a program; use tensors, Int, Double, Bool, String, nil, tuples, arrays and dictionaries with String keys"
        )
    }
    return .tuple(try mirror.children.map { try collect($0.value, &leaves) })
}

private func collect(parts: TreeParts, _ leaves: inout [LeafValue]) throws -> TreeSpec {
    switch parts {
    case .leaf(let leaf):
        leaves.append(leaf)
        return .leaf
    case .one(let value): return try collect(value, &leaves)
    case .list(let values): return .list(try values.map { try collect($0, &leaves) })
    case .dictionary(let entries): return .dictionary(entries.map(\.key), try entries.map { try collect($0.value, &leaves) })
    }
}

/// Puts a value together again with other leaves. `example` gives the types, which tuples need.
package func rebuild<Value>(_ example: Value, from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Value {
    if let built = try rebuildByType(example, from: &leaves, spec) {
        guard let value = built as? Value else {
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

/// Nil for a tuple, which has no type that could conform to anything.
private func rebuildByType<Value>(_ example: Value, from leaves: inout ArraySlice<LeafValue>, _ spec: TreeSpec) throws -> Any? {
    if let container = example as? any TreeContainer { return try container.rebuilt(from: &leaves, spec) }
    if let type = Value.self as? any ProgramValue.Type { return try type.build(from: &leaves, spec) }
    return nil
}
