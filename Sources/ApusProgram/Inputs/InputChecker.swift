import ApusGraph
import ApusSymbolic
import ApusTensor

/// Checks the user's tensors against a program's declared dtypes, ranks, sizes, ranges and guards, before any kernel runs.
package struct InputChecker: Sendable {
    package struct Input: Sendable {
        package let name: String
        package let dtype: DType
        package let shape: Shape
        let sizes: [Size]
    }

    enum Size: Sendable {
        case fixed(Int)
        /// The first dimension that shows a symbol.
        case binds(Int)
        /// A dimension that must agree with symbols that are known by then.
        case equals(CompiledExpression, SymInt)
    }

    package let inputs: [Input]
    package let symbols: [Symbol]
    package let ranges: [SymRange]
    package let origins: [String]
    package let guards: [(condition: CompiledCondition, guarding: InputGuard)]

    init(graph: Graph, stateCount: Int, names: [String], ranges: [Symbol: SymRange], guards: [InputGuard]) throws {
        var symbols: [Symbol] = []
        var origins: [String] = []
        let specs: [TensorSpec] = graph.inputs.dropFirst(stateCount).compactMap { graph.spec($0) }
        guard specs.count == graph.inputs.count - stateCount, specs.count == names.count else {
            throw ProgramError(.invalidGraph, "\(names.count) names for \(graph.inputs.count - stateCount) user inputs")
        }
        var positions: [Symbol: Int] = [:]
        // Plain symbols first: an expression of them may stand in an earlier input.
        for (spec, name) in zip(specs, names) {
            for (dim, size) in spec.shape.enumerated() {
                if let symbol = size.expression?.symbol, positions[symbol] == nil {
                    positions[symbol] = symbols.count
                    symbols.append(symbol)
                    origins.append("\(name).shape[\(dim)]")
                }
            }
        }
        var bound = Set<Symbol>()
        inputs = try zip(specs, names).map { spec, name in
            let sizes: [Size] = try spec.shape.map { size in
                if let known = size.constant { return .fixed(known) }
                if let symbol = size.expression?.symbol, bound.insert(symbol).inserted {
                    return .binds(positions[symbol] ?? 0)
                }
                return .equals(try CompiledExpression(size, symbols: symbols), size)
            }
            return Input(name: name, dtype: spec.dtype, shape: spec.shape, sizes: sizes)
        }
        self.symbols = symbols
        self.origins = origins
        self.ranges = symbols.map { ranges[$0] ?? $0.declaredRange }
        self.guards = try guards.map { guarding in
            (try CompiledCondition(guarding.condition, symbols: symbols), guarding)
        }
    }

    func check(_ tensors: [Tensor]) throws {
        guard tensors.count == inputs.count else {
            throw ProgramError(.structureMismatch, "\(tensors.count) tensors where the program takes \(inputs.count)")
        }
        try withUnsafeTemporaryAllocation(of: Int.self, capacity: symbols.count) { values in
            values.initialize(repeating: 0)
            for (tensor, input) in zip(tensors, inputs) { try bind(tensor, input, values) }
            for (tensor, input) in zip(tensors, inputs) { try compare(tensor, input, values) }
            for (index, range) in ranges.enumerated() where !range.contains(values[index]) {
                throw ProgramError(
                    .constraintViolated, "\(origins[index]) must be in \(range), got \(values[index])")
            }
            // Programs leave out checks that sizes up to this imply.
            for (index, origin) in origins.enumerated() where values[index] > SymbolScope.largestSize {
                throw ProgramError(
                    .constraintViolated, "\(origin) must be at most \(SymbolScope.largestSize), got \(values[index])")
            }
            for (condition, guarding) in guards where condition.evaluate(UnsafeBufferPointer(values)) != true {
                throw ProgramError(.constraintViolated, guarding.message + got(guarding.condition, values), site: guarding.site)
            }
        }
    }

    /// The sizes that break a guard.
    private func got(_ condition: SymBool, _ values: UnsafeMutableBufferPointer<Int>) -> String {
        let sizes = condition.freeSymbols.compactMap { symbol in
            symbols.firstIndex(of: symbol).map { "\(origins[$0]) = \(values[$0])" }
        }
        return sizes.isEmpty ? "" : ", got " + sizes.joined(separator: ", ")
    }

    private func bind(_ tensor: Tensor, _ input: Input, _ values: UnsafeMutableBufferPointer<Int>) throws {
        guard !tensor.isTraced else {
            let error = ProgramError(.inputMismatch, "\(input.name): a traced tensor can't be passed to a program that runs")
            Interpreter.current?.fail(error)
            throw error
        }
        guard tensor.dtype == input.dtype else {
            throw ProgramError(.inputMismatch, "\(input.name): expected dtype \(input.dtype), got \(tensor.dtype)")
        }
        guard tensor.rank == input.sizes.count else {
            throw ProgramError(
                .inputMismatch, "\(input.name): expected \(input.sizes.count) dimensions, got \(tensor.rank) (shape \(tensor.shape))")
        }
        for (dim, size) in input.sizes.enumerated() {
            let actual = tensor.layout.size(dim)
            switch size {
            case .fixed(let expected) where expected != actual: throw mismatch(input, dim, expected, actual)
            case .binds(let index): values[index] = actual
            default: break
            }
        }
    }

    private func compare(_ tensor: Tensor, _ input: Input, _ values: UnsafeMutableBufferPointer<Int>) throws {
        for case (let dim, .equals(let compiled, let size)) in input.sizes.enumerated() {
            let actual = tensor.layout.size(dim)
            guard let expected = compiled.evaluate(UnsafeBufferPointer(values)) else {
                throw ProgramError(.inputMismatch, "\(input.name): the expected size of dimension \(dim) overflows")
            }
            guard expected == actual else {
                throw ProgramError(
                    .inputMismatch,
                    "\(input.name): dimension \(dim) must be \(expected), equal to \(size.description { origin($0) }), got \(actual)")
            }
        }
    }

    package func origin(_ symbol: Symbol) -> String { symbols.firstIndex(of: symbol).map { origins[$0] } ?? symbol.displayName }

    private func mismatch(_ input: Input, _ dim: Int, _ expected: Int, _ actual: Int) -> ProgramError {
        ProgramError(.inputMismatch, "\(input.name): dimension \(dim) must be \(expected), got \(actual)")
    }
}
