import ApusRuntime
import ApusTensor

/// What is called as the function that a program was made of: the program, or a session of it.
public protocol CallableProgram: Sendable {
    /// How arguments and results are nested.
    var callSpec: CallSpec { get }
    /// Runs the program on the flattened arguments.
    func run(leaves: [LeafValue], profiler: Profiler?) throws -> [LeafValue]
}

extension ExportedProgram: CallableProgram {}

extension CallableProgram {
    /// Runs a program that returns one tensor: `let y = try program(x)`, `try program(x) * 2`. Where something else is expected,
    /// the overloads below give it, so that nothing else is ever meant by an expression that tensors can stand in.
    ///
    /// - Throws: `ProgramError` where arguments or result do not have the program's structure, or an input is not admitted.
    public func callAsFunction<each Input>(_ arguments: repeat each Input) throws -> Tensor {
        try result(repeat each arguments).unpacked()
    }

    /// Runs the program. The result's type is the caller's to say: `let lists: [Tensor] = try program(x)`.
    ///
    /// - Throws: `ProgramError` where arguments or result do not have the program's structure, or an input is not admitted.
    @_disfavoredOverload
    public func callAsFunction<each Input, Output: ProgramValue>(_ arguments: repeat each Input) throws -> Output {
        try result(repeat each arguments).unpacked()
    }

    /// Runs a program that returns two tensors: `let (values, indices) = try program(x)`.
    @_disfavoredOverload
    public func callAsFunction<each Input>(_ arguments: repeat each Input) throws -> (Tensor, Tensor) {
        try result(repeat each arguments).unpacked()
    }

    /// Runs a program that returns three tensors: `let (u, s, v) = try program(x)`.
    @_disfavoredOverload
    public func callAsFunction<each Input>(_ arguments: repeat each Input) throws -> (Tensor, Tensor, Tensor) {
        try result(repeat each arguments).unpacked()
    }

    /// Runs a program that returns another tuple: `let (y, z): (Tensor, [Tensor]) = try program(x)`. A tuple among its elements is a
    /// `NestedValue`.
    public func callAsFunction<each Input, First: ProgramValue, Second: ProgramValue, each Rest: ProgramValue>(
        _ arguments: repeat each Input
    ) throws -> (First, Second, repeat each Rest) {
        try result(repeat each arguments).unpacked()
    }

    private func result<each Input>(_ arguments: repeat each Input) throws -> NestedValue {
        NestedValue(try run(leaves: callLeaves(repeat each arguments), profiler: nil), callSpec.outSpec)
    }

    /// The leaves of arguments of the program's structure.
    package func callLeaves<each Input>(_ arguments: repeat each Input) throws -> [LeafValue] {
        var leaves: [LeafValue] = []
        var specs: [TreeSpec] = []
        for argument in repeat each arguments { specs.append(try collect(argument, &leaves)) }
        let spec = TreeSpec.tuple(specs)
        guard spec == callSpec.inSpec else {
            var text = "the arguments have the structure \(spec) where the program takes \(callSpec.inSpec)"
            if case .tuple(let expected) = callSpec.inSpec {
                if expected.count != specs.count {
                    text += ": pass \(expected.count) argument\(expected.count == 1 ? "" : "s") rather than \(specs.count)"
                } else if let index = specs.indices.first(where: { specs[$0] != expected[$0] }) {
                    text += ": argument \(index) is \(specs[index].kind) rather than \(expected[index].kind)"
                }
            }
            throw ProgramError(.structureMismatch, text)
        }
        return leaves
    }
}
