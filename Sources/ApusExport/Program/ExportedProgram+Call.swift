import ApusTensor

extension ExportedProgram {
    /// Runs the program. The result's type is the caller's to say: `let y: Tensor = try program(x)`.
    ///
    /// - Throws: `ProgramError` where arguments or result do not have the program's structure, or an input is not admitted.
    public func callAsFunction<each Input, Output: ProgramValue>(_ arguments: repeat each Input) throws -> Output {
        let leaves = try run(leaves: callLeaves(repeat each arguments))
        var rest = leaves[...]
        return try Output.build(from: &rest, callSpec.outSpec)
    }

    /// Runs a program that returns a tuple: `let (y, z): (Tensor, [Tensor]) = try program(x)`.
    public func callAsFunction<each Input, First: ProgramValue, Second: ProgramValue, each Rest: ProgramValue>(
        _ arguments: repeat each Input
    ) throws -> (First, Second, repeat each Rest) {
        let leaves = try run(leaves: callLeaves(repeat each arguments))
        let specs: [TreeSpec]
        switch callSpec.outSpec {
        case .tuple(let children), .list(let children): specs = children
        default: throw ProgramError(.structureMismatch, "the program gives \(callSpec.outSpec) where a tuple is asked for")
        }
        var count = 2
        for _ in repeat (each Rest).self { count += 1 }
        guard specs.count == count else {
            throw ProgramError(.structureMismatch, "the program gives \(callSpec.outSpec) where a tuple of \(count) is asked for")
        }
        var rest = leaves[...]
        var next = specs.makeIterator()
        func element<Value: ProgramValue>(_ type: Value.Type) throws -> Value { try type.build(from: &rest, next.next() ?? .leaf) }
        return (try element(First.self), try element(Second.self), repeat try element((each Rest).self))
    }

    /// The leaves of arguments of the program's structure.
    func callLeaves<each Input>(_ arguments: repeat each Input) throws -> [LeafValue] {
        var leaves: [LeafValue] = []
        var specs: [TreeSpec] = []
        for argument in repeat each arguments {
            let tree = try flatten(argument)
            leaves += tree.leaves
            specs.append(tree.spec)
        }
        let spec = TreeSpec.tuple(specs)
        guard spec == callSpec.inSpec else {
            throw ProgramError(.structureMismatch, "the arguments have the structure \(spec) where the program takes \(callSpec.inSpec)")
        }
        return leaves
    }
}
