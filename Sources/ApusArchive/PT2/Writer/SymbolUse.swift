import ApusGraph
import ApusSymbolic

/// Which symbols graphs use, beside those that they define themselves.
enum SymbolUse {
    /// In order of first use.
    static func free(in graphs: [Graph]) -> [Symbol] {
        var found: [Symbol] = []
        var seen: Set<Symbol> = []
        for graph in graphs { collect(graph, &found, &seen) }
        return found
    }

    /// The symbols of the values in bodies of control flow, in order of appearance.
    static func inBodies(of graph: Graph) -> [Symbol] {
        var found: [Symbol] = []
        var seen = Set<Symbol>()
        func add(_ symbols: [Symbol]) { for symbol in symbols where seen.insert(symbol).inserted { found.append(symbol) } }
        func visit(_ graph: Graph) {
            for node in graph.nodes {
                for body in node.bodies {
                    for entry in body.graph.values {
                        switch entry.type {
                        case .tensor(let spec): add(spec.shape.flatMap(\.freeSymbols))
                        case .int(let size): add(size.freeSymbols)
                        default: continue
                        }
                    }
                    visit(body.graph)
                }
            }
        }
        visit(graph)
        return found
    }

    private static func collect(_ graph: Graph, _ found: inout [Symbol], _ seen: inout Set<Symbol>) {
        func add(_ symbols: [Symbol]) { for symbol in symbols where seen.insert(symbol).inserted { found.append(symbol) } }
        for node in graph.nodes {
            for argument in node.arguments {
                switch argument {
                case .ints(let sizes): for size in sizes { add(size.freeSymbols) }
                case .scalar(.int(let size)): add(size.freeSymbols)
                case .scalar(.float(let number)): add(number.freeSymbols)
                case .symBool(let condition): add(condition.freeSymbols)
                default: break
                }
            }
            for body in node.bodies { collect(body.graph, &found, &seen) }
        }
        for output in graph.outputs {
            switch output {
            case .int(let size): add(size.freeSymbols)
            case .float(let number): add(number.freeSymbols)
            case .bool(let condition): add(condition.freeSymbols)
            case .value, .literal: break
            }
        }
    }
}
