import ApusSymbolic
import ApusTensor

/// The values of symbols in one run of a program: read from the inputs' shapes, and from the results of operators whose sizes or numbers
/// depend on data.
package struct SymbolValues: Sendable {
    package private(set) var assignment: Assignment

    package init(_ assignment: Assignment = Assignment()) { self.assignment = assignment }

    package func knows(_ symbol: Symbol) -> Bool {
        symbol.kind == .unbackedFloat ? assignment.floats[symbol] != nil : assignment[symbol] != nil
    }

    /// The known values in the order of the symbols, integers and floats; nil where one is missing.
    private func values(_ symbols: [Symbol]) -> (integers: [Int], floats: [Double])? {
        var integers: [Int] = []
        var floats: [Double] = []
        for symbol in symbols {
            guard knows(symbol) else { return nil }
            integers.append(assignment[symbol] ?? 0)
            floats.append(assignment.floats[symbol] ?? 0)
        }
        return (integers, floats)
    }
}

// MARK: - Evaluating

extension SymbolValues {
    /// The value of a size. Throws where it overflows or has a symbol that is not bound.
    package func value(of size: SymInt, in operatorName: String = "") throws -> Int {
        if let known = size.constant { return known }
        guard let value = known(size) else { throw failure(size, size.fault, operatorName) }
        return value
    }

    package func value(of number: SymFloat, in operatorName: String = "") throws -> Double {
        if let known = number.constant { return known }
        guard let (integers, floats) = values(number.freeSymbols),
            let value = try? CompiledFloat(number, symbols: number.freeSymbols).evaluate(integers, floats: floats)
        else { throw failure(number, number.fault, operatorName) }
        return value
    }

    package func value(of condition: SymBool, in operatorName: String = "") throws -> Bool {
        if let known = condition.constant { return known }
        guard let value = known(condition) else { throw failure(condition, condition.fault, operatorName) }
        return value
    }

    private func known(_ size: SymInt) -> Int? {
        if let symbol = size.expression?.symbol { return assignment[symbol] }
        guard let (integers, floats) = values(size.freeSymbols) else { return nil }
        return try? CompiledExpression(size, symbols: size.freeSymbols).evaluate(integers, floats: floats)
    }

    private func known(_ condition: SymBool) -> Bool? {
        guard let (integers, floats) = values(condition.freeSymbols) else { return nil }
        return try? CompiledCondition(condition, symbols: condition.freeSymbols).evaluate(integers, floats: floats)
    }

    private func failure(_ expression: some CustomStringConvertible, _ fault: SymbolicError?, _ operatorName: String) -> TensorError {
        if let fault { return TensorError(.overflow, in: operatorName, fault.message) }
        return TensorError(
            .overflow, in: operatorName,
            "'\(expression)' has no value for \(assignment): a symbol is not known, a division is by zero, or it does not fit in 64 bits")
    }

    /// The error of a check that did not hold, with the numbers read for it: `y.item()` alone does not say what was wrong with it.
    package func explained(_ error: TensorError, _ symbols: @autoclosure () -> [Symbol]) -> TensorError {
        guard error.code == .checkFailed else { return error }
        var read = Assignment()
        for symbol in symbols() where !symbol.isBacked && !symbol.origin.isEmpty {
            read[symbol] = assignment[symbol]
            read.floats[symbol] = assignment.floats[symbol]
        }
        let known: String = read.description
        // Bodies and pieces of programs tell it where they fail, and are part of others.
        if known.isEmpty || error.message.hasSuffix(known) { return error }
        var error: TensorError = error
        error.message += ", where \(known)"
        return error
    }

    package func explained(_ error: TensorError, of node: Node) -> TensorError {
        explained(error, node.arguments.flatMap(\.freeSymbols))
    }

    /// The sizes of a shape.
    package func sizes(of shape: Shape, in operatorName: String = "") throws -> [Int] {
        if let known = shape.constants { return known }
        return try shape.sizes.map { try value(of: $0, in: operatorName) }
    }

    /// An argument with its symbols replaced by plain values.
    package func concrete<Reference>(_ argument: ArgumentOf<Reference>, in operatorName: String = "") throws -> ArgumentOf<Reference> {
        switch argument {
        case .ints(let sizes) where sizes.contains(where: { $0.constant == nil }):
            .ints(try sizes.map { SymInt(try value(of: $0, in: operatorName)) })
        case .scalar(.int(let size)) where size.constant == nil: .int(try value(of: size, in: operatorName))
        case .scalar(.float(let number)) where number.constant == nil: .double(try value(of: number, in: operatorName))
        case .symBool(let condition): .bool(try value(of: condition, in: operatorName))
        default: argument
        }
    }
}

// MARK: - Binding

extension SymbolValues {
    /// Binds the symbols of a size that has been seen, where they are not known yet. Returns false where the size contradicts what is known;
    /// a size with several unknown symbols says nothing yet and is taken.
    package mutating func bind(_ size: SymInt, to seen: Int) -> Bool {
        if let known = size.constant { return known == seen }
        guard let expression = size.expression else { return false }
        if let symbol = expression.symbol, !knows(symbol) {
            assignment[symbol] = seen
            return true
        }
        let unknown: [Symbol] = expression.freeSymbols.filter { !knows($0) }
        guard let symbol = unknown.first else { return known(size) == seen }
        guard unknown.count == 1, symbol.kind != .unbackedFloat else { return true }
        guard let value = solve(size, for: symbol, seen) else { return false }
        assignment[symbol] = value
        return true
    }

    /// The value of the symbol at which a size that is linear in it equals `seen`. Two points give the line, a third proves it.
    private func solve(_ size: SymInt, for symbol: Symbol, _ seen: Int) -> Int? {
        func at(_ value: Int) -> Int? {
            var trial: SymbolValues = self
            trial.assignment[symbol] = value
            return trial.known(size)
        }
        guard let low = at(1), let high = at(2) else { return nil }
        let (slope, overflow) = high.subtractingReportingOverflow(low)
        let (distance, far) = seen.subtractingReportingOverflow(low)
        guard !overflow, !far, slope != 0, slope != -1 || distance != .min, distance % slope == 0 else { return nil }
        let (value, more) = (distance / slope).addingReportingOverflow(1)
        guard !more, at(value) == seen else { return nil }
        return value
    }

    package mutating func bind(_ number: SymFloat, to seen: Double) -> Bool {
        if let known = number.constant { return known == seen || (known.isNaN && seen.isNaN) }
        if case .symbol(let symbol)? = number.view, !knows(symbol) { assignment.floats[symbol] = seen }
        return true
    }

    /// A truth value read from a tensor is a condition on a symbol that is 0 or 1.
    package mutating func bind(_ condition: SymBool, to seen: Bool) -> Bool {
        if let known = condition.constant { return known == seen }
        let unknown: [Symbol] = condition.freeSymbols.filter { !knows($0) }
        guard unknown.count == 1 else { return unknown.count > 1 || known(condition) == seen }
        for candidate in [1, 0] {
            var trial: SymbolValues = self
            trial.assignment[unknown[0]] = candidate
            if trial.known(condition) == seen {
                self = trial
                return true
            }
        }
        return false
    }

    /// Binds the symbols of a value's type to what has been seen. Throws where it contradicts the type; `what` names the value.
    package mutating func bind(_ type: ValueType, to seen: RuntimeValue, _ what: @autoclosure () -> String) throws {
        func contradiction(_ expected: some CustomStringConvertible) -> TensorError {
            TensorError(.checkFailed, "\(what()) is \(seen) where the program has \(expected)")
        }
        switch (type, seen) {
        case (.none, _): return
        case (.tensor(let spec), .tensor(let tensor)): try bind(spec, to: tensor, what())
        case (.int(let size), .int(let value)): if !bind(size, to: value) { throw contradiction(size) }
        case (.float(let number), .float(let value)): if !bind(number, to: value) { throw contradiction(number) }
        case (.bool(let condition), .bool(let value)): if !bind(condition, to: value) { throw contradiction(condition) }
        default: throw TensorError(.invalidArgument, "\(what()) is \(seen) where the program has \(type)")
        }
    }

    /// Binds the symbols of a graph's inputs. Inputs whose size is a bare symbol come first, since others may be written in terms of them.
    package mutating func bind(_ inputs: [Value], of graph: Graph, to given: [RuntimeValue]) throws {
        for (input, value) in zip(inputs, given) {
            guard case .tensor(let spec) = graph.type(input), let tensor = value.tensor, tensor.rank == spec.shape.count else { continue }
            guard spec.shape.isSymbolic else { continue }
            for dim in 0..<tensor.rank where spec.shape[dim].expression?.symbol != nil {
                if let size = tensor.size(dim) { _ = bind(spec.shape[dim], to: size) }
            }
        }
        // What the name may be asked of: one reference, not every part of the graph.
        let entries: [Graph.Entry] = graph.values
        for (input, value) in zip(inputs, given) where graph.contains(input) {
            try bind(entries[input.index].type, to: value, "input '\(entries[input.index].name)'")
        }
    }

    private mutating func bind(_ spec: TensorSpec, to tensor: Tensor, _ what: @autoclosure () -> String) throws {
        guard spec.dtype == tensor.dtype else {
            throw TensorError(.dtypeMismatch, "\(what()) is \(tensor.spec) where the program has \(ValueType.tensor(spec))")
        }
        guard spec.shape.count == tensor.rank else {
            throw TensorError(.shapeMismatch, "\(what()) is \(tensor.spec) where the program has \(ValueType.tensor(spec))")
        }
        if !spec.shape.isSymbolic, spec.shape.isIdentical(to: tensor.shape) { return }
        for dim in 0..<tensor.rank {
            guard let size = tensor.size(dim), bind(spec.shape[dim], to: size) else {
                throw TensorError(
                    .shapeMismatch,
                    "\(what()) is \(tensor.spec) where the program has \(ValueType.tensor(spec)): dimension \(dim) does not fit")
            }
        }
    }
}

extension Tensor {
    /// A size, where it is known.
    fileprivate func size(_ dim: Int) -> Int? { isTraced ? shape[dim].constant : layout.size(dim) }
}
