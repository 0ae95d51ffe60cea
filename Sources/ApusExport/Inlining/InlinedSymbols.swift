import ApusGraph
import ApusSymbolic
import ApusTensor

/// What the symbols of a program stand for where it is inlined: sizes and numbers of the function that is traced.
struct InlinedSymbols {
    private var integers: [Symbol: SymInt] = [:]
    private var floats: [Symbol: SymFloat] = [:]

    /// What an integer symbol stands for; nil where it is not known.
    subscript(symbol: Symbol) -> SymInt? { integers[symbol] }

    private func knows(_ symbol: Symbol) -> Bool { integers[symbol] != nil || floats[symbol] != nil }

    private func requireKnown(_ symbols: [Symbol], _ expression: some CustomStringConvertible) throws {
        guard let unknown = symbols.first(where: { !knows($0) }) else { return }
        throw TensorError(.tracing, "'\(expression)' is read before '\(unknown.displayName)' is known")
    }

    // MARK: Replacing

    func value(of size: SymInt) throws -> SymInt {
        if size.constant != nil { return size }
        try requireKnown(size.freeSymbols, size)
        return size.substituting(integers)
    }

    func value(of number: SymFloat) throws -> SymFloat {
        if number.constant != nil { return number }
        try requireKnown(number.freeSymbols, number)
        return number.substituting(integers, floats: floats)
    }

    func value(of condition: SymBool) throws -> SymBool {
        if condition.constant != nil { return condition }
        try requireKnown(condition.freeSymbols, condition)
        return condition.substituting(integers, floats: floats)
    }

    func value<Reference>(of argument: ArgumentOf<Reference>) throws -> ArgumentOf<Reference> {
        switch argument {
        case .ints(let sizes): return .ints(try sizes.map { try value(of: $0) })
        case .scalar(.int(let size)): return .int(try value(of: size))
        case .scalar(.float(let number)): return .scalar(.float(try value(of: number)))
        case .symBool(let condition):
            let holds: SymBool = try value(of: condition)
            return holds.constant.map { .bool($0) } ?? .symBool(holds)
        default: return argument
        }
    }

    // MARK: Binding

    /// Binds the symbols of a type to what the function has there. A size whose symbols are all known must be what it is.
    /// - Parameter name: of the value, for messages.
    mutating func bind(_ type: ValueType, to seen: OperatorArgument, _ name: @autoclosure () -> String) throws {
        switch (type, seen) {
        case (.tensor(let spec), .tensor(let tensor)):
            guard spec.dtype == tensor.dtype, spec.shape.count == tensor.rank else {
                throw TensorError(.shapeMismatch, "\(name()) is \(tensor.spec) where the program has \(type)")
            }
            for (size, actual) in zip(spec.shape, tensor.shape) {
                try bind(size, to: actual) {
                    TensorError(.shapeMismatch, "\(name()) is \(tensor.spec) where the program has \(type)")
                }
            }
        case (.int(let size), .scalar(.int(let actual))):
            try bind(size, to: actual) { TensorError(.checkFailed, "\(name()) is \(actual) where the program has \(size)") }
        case (.float(let number), .scalar(.float(let actual))):
            if case .symbol(let symbol)? = number.view, !knows(symbol) { floats[symbol] = actual }
        case (.bool(let condition), .symBool(let actual)): bind(condition, to: actual)
        case (.bool(let condition), .scalar(.bool(let actual))): bind(condition, to: SymBool(actual))
        case (.none, _): break
        default: throw TensorError(.invalidArgument, "\(name()) is no \(type)")
        }
    }

    /// Binds the sizes that are a symbol by itself and not known yet.
    mutating func bindBare(_ shape: Shape, to actual: Shape) {
        for (size, actual) in zip(shape, actual) {
            if let symbol = size.expression?.symbol, !knows(symbol) { integers[symbol] = actual }
        }
    }

    /// Binds a size: a bare symbol, or one that stands in a linear expression, as in an input of `2 * n` rows.
    mutating func bind(_ size: SymInt, to actual: SymInt, _ failure: () -> TensorError) throws {
        if let symbol = size.expression?.symbol, !knows(symbol) {
            integers[symbol] = actual
            return
        }
        let unknown: [Symbol] = size.freeSymbols.filter { !knows($0) }
        if unknown.count == 1, let symbol = unknown.first, let solution = solve(size, for: symbol, actual) { integers[symbol] = solution }
        let agrees: SymBool = try value(of: size) == actual
        try require(agrees, failure())
    }

    /// The value of the symbol at which a size that is linear in it is `actual`, where it divides. Two points give the line.
    private func solve(_ size: SymInt, for symbol: Symbol, _ actual: SymInt) -> SymInt? {
        func at(_ value: Int) -> SymInt {
            var trial: [Symbol: SymInt] = integers
            trial[symbol] = SymInt(value)
            return size.substituting(trial)
        }
        let first: SymInt = at(1)
        guard let slope = (at(2) - first).constant, slope != 0 else { return nil }
        return (actual - first) / slope + 1
    }

    /// A truth value is a condition on a symbol that is 0 or 1.
    private mutating func bind(_ condition: SymBool, to actual: SymBool) {
        guard let symbol = condition.freeSymbols.first, condition.freeSymbols.count == 1, !knows(symbol) else { return }
        // A condition that the function read in the same way is on a symbol of its own, which keeps it plain.
        if let other = actual.freeSymbols.first, actual.freeSymbols.count == 1, let same = actual.scope?.size(other),
            condition.substituting([symbol: same]).isIdentical(to: actual)
        {
            integers[symbol] = same
            return
        }
        let holdsAtOne: Bool = condition.substituting([symbol: 1]).constant ?? true
        integers[symbol] = .select(actual, SymInt(holdsAtOne ? 1 : 0), SymInt(holdsAtOne ? 0 : 1))
    }
}
