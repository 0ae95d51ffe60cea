import ApusSymbolic
import ApusTensor

// Which symbols stand in the parts of a graph, and where they get their values.

extension ArgumentOf {
    /// The symbols that the argument is made of.
    package var freeSymbols: [Symbol] {
        switch self {
        case .scalar(.int(let size)): size.freeSymbols
        case .scalar(.float(let number)): number.freeSymbols
        case .symBool(let condition): condition.freeSymbols
        case .ints(let sizes): sizes.flatMap(\.freeSymbols)
        default: []
        }
    }
}

extension ValueType {
    /// The symbols that stand in a type.
    package var freeSymbols: [Symbol] {
        switch self {
        case .tensor(let spec): spec.shape.flatMap(\.freeSymbols)
        case .int(let size): size.freeSymbols
        case .float(let number): number.freeSymbols
        case .bool(let condition): condition.freeSymbols
        case .none: []
        }
    }

    /// The symbol that a number is, the way back from `SymbolScope.type(of:)`; nil for a tensor, and for a number computed from symbols.
    package var symbol: Symbol? {
        switch self {
        case .int(let size): return size.expression?.symbol
        case .float(let number):
            if case .symbol(let symbol)? = number.view { return symbol }
            return nil
        case .bool(let condition):
            // A truth value is a condition on a symbol that is 0 or 1.
            guard condition.freeSymbols.count == 1, let symbol = condition.freeSymbols.first, symbol.kind == .unbackedBool else {
                return nil
            }
            func holds(_ value: Int) -> Bool? { try? SymbolValues(Assignment([symbol: value])).value(of: condition) }
            return holds(1) == true && holds(0) == false ? symbol : nil
        case .tensor, .none: return nil
        }
    }
}

extension GraphOutput {
    /// The symbols of an output that is a number by itself.
    package var freeSymbols: [Symbol] {
        switch self {
        case .int(let size): size.freeSymbols
        case .float(let number): number.freeSymbols
        case .bool(let condition): condition.freeSymbols
        case .value, .literal: []
        }
    }
}

extension [Symbol] {
    /// Each symbol once, in the order of its first place.
    package var unique: [Symbol] {
        var seen = Set<Symbol>()
        return filter { seen.insert($0).inserted }
    }
}

extension [ValueType] {
    /// Sizes that are symbols which nothing gives a value yet, each symbol once: in the order in which a rule asks for them.
    package func newSizes(beyond isKnown: (Symbol) -> Bool) -> [SymInt] {
        var seen = Set<Symbol>()
        return flatMap { $0.spec?.shape.sizes ?? [] }.filter { size in
            size.expression?.symbol.map { !isKnown($0) && seen.insert($0).inserted } ?? false
        }
    }
}

extension Graph {
    /// Symbols of the arguments and outputs of the graph and of its bodies, each once in the order of its first use.
    package var usedSymbols: [Symbol] {
        let inNodes: [Symbol] = nodes.flatMap { $0.arguments.flatMap(\.freeSymbols) + $0.bodies.flatMap(\.graph.usedSymbols) }
        return (inNodes + outputs.flatMap(\.freeSymbols)).unique
    }

    /// Symbols of the sizes and integers among the graph's values.
    package var sizeSymbols: [Symbol] {
        values.flatMap { entry -> [Symbol] in
            switch entry.type {
            case .tensor, .int: entry.type.freeSymbols
            case .float, .bool, .none: []
            }
        }.unique
    }

    /// The same of its bodies' values.
    package var sizeSymbolsOfBodies: [Symbol] { allNodes.flatMap(\.bodies).flatMap(\.graph.sizeSymbols).unique }

    /// Symbols that the graph, as a body, reads from around it: all but those that its inputs and its nodes give a value.
    package var outerSymbols: Set<Symbol> {
        var given: Set<Symbol> = madeSymbols
        for input in inputs { given.formUnion(type(input).freeSymbols) }
        var read = Set<Symbol>()
        for entry in values { read.formUnion(entry.type.freeSymbols) }
        for node in nodes {
            for argument in node.arguments { read.formUnion(argument.freeSymbols) }
            for body in node.bodies { read.formUnion(body.graph.outerSymbols) }
        }
        for output in outputs { read.formUnion(type(of: output).freeSymbols) }
        return read.subtracting(given)
    }

    /// Symbols that get their value from a node of the graph: sizes and numbers that depend on data.
    package var madeSymbols: Set<Symbol> {
        var made = Set<Symbol>()
        for node in nodes { made.formUnion(madeSymbols(of: node)) }
        return made
    }

    /// Symbols that get their value from one node.
    package func madeSymbols(of node: Node) -> Set<Symbol> {
        guard node.effects.contains(.dataDependent) || !node.bodies.isEmpty else { return [] }
        var known = Set(node.operands.flatMap { type($0).freeSymbols })
        for argument in node.arguments { known.formUnion(argument.freeSymbols) }
        for body in node.bodies { for entry in body.graph.values { known.formUnion(entry.type.freeSymbols) } }
        return Set(node.outputs.flatMap { type($0).freeSymbols }).subtracting(known)
    }

    /// The scope of the graph's symbols, found through the first size that has one.
    var scope: SymbolScope? {
        for entry in values {
            switch entry.type {
            case .tensor(let spec): for size in spec.shape { if let scope = size.scope { return scope } }
            case .int(let size): if let scope = size.scope { return scope }
            case .float(let number): if let scope = number.scope { return scope }
            case .bool(let condition): if let scope = condition.scope { return scope }
            case .none: continue
            }
        }
        return nil
    }
}
