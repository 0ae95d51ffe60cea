import ApusRun

/// How a value of a program lies with respect to the rows of a batch.
enum Rows: Hashable, Sendable {
    /// The same for every batch of these inputs' other sizes: it is made of weights and constants alone.
    case shared
    /// One dimension is the batch's size, or a multiple of it whose blocks follow the batch's order. What lies in a row's block depends on that row alone.
    case along(Int)
    /// As `along`, and each element is the number of its row: what `arange` of the batch's size gives, which only indexing by it takes back.
    case numbers(Int)
}

/// Why a program is not proven to keep its rows apart.
struct NotProven: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// A proof, node by node, that a program computes each row of its results of the same row of its inputs, whatever the batch's size.
///
/// It knows a list of operators and what each does with the batch's dimension. What it doesn't know it doesn't guess: the first node that is not on
/// the list, or mixes rows, or takes the batch's size for a number, ends it.
struct RowProof {
    let graph: Graph
    let batch: SymInt
    let symbol: SymInt.Symbol
    private var rows: [Graph.Value: Rows] = [:]

    /// - Parameter batch: the batch's size, a symbol
    init(_ program: ExportedProgram, batch: SymInt, _ symbol: SymInt.Symbol) throws {
        (self.batch, self.symbol) = (batch, symbol)
        // Parts that another program was put into are looked at in their place.
        graph = try Inlining().run(program.graph)
        for (value, role) in zip(graph.inputs, program.graphSignature.inputRoles) {
            guard role == .userInput else {
                rows[value] = .shared
                continue
            }
            let name: String = graph.name(value)
            guard let spec = graph.spec(value) else { throw NotProven("the input \(name) is no tensor") }
            let dims: [Int] = spec.shape.indices.filter { spec.shape[$0].freeSymbols.contains(symbol) }
            guard let dim = dims.first, dims.count == 1, spec.shape[dim].isIdentical(to: batch) else {
                throw NotProven("the input \(name) has no dimension of the batch's size alone")
            }
            rows[value] = .along(dim)
        }
        for node in graph.nodes { try walk(node) }
    }

    /// How an output lies; a plain number must not follow from the batch.
    func rows(of output: GraphOutput) throws -> Rows {
        switch output {
        case .value(let value):
            guard case let found? = rows[value], found != .shared else { return .shared }
            guard case .along = found else { throw NotProven("the result \(graph.name(value)) holds the rows' numbers") }
            return found
        case .literal: return .shared
        case .int(let size):
            if size.freeSymbols.contains(symbol) { throw NotProven("a result is a number that follows from the batch's size") }
        case .float(let number):
            if number.freeSymbols.contains(symbol) { throw NotProven("a result is a number that follows from the batch's size") }
        case .bool(let condition):
            if condition.freeSymbols.contains(symbol) { throw NotProven("a result is a truth value that follows from the batch's size") }
        }
        return .shared
    }

    // MARK: One node

    private mutating func walk(_ node: Graph.Node) throws {
        let view = NodeRows(node, graph, batch, symbol, rows)
        do {
            let results: [Rows] = try view.results()
            guard results.count == node.outputs.count else { throw NotProven("has \(node.outputs.count) results") }
            for (output, result) in zip(node.outputs, results) {
                try view.check(output, result)
                rows[output] = result
            }
        } catch let error as NotProven {
            let place: String = node.site.map { " (\($0))" } ?? ""
            throw NotProven("\(node.operator.name)\(place) \(error.reason)")
        }
    }
}

/// One node with what is known of its operands.
struct NodeRows {
    let node: Graph.Node
    let graph: Graph
    let batch: SymInt
    let symbol: SymInt.Symbol
    private let known: [Graph.Value: Rows]

    init(_ node: Graph.Node, _ graph: Graph, _ batch: SymInt, _ symbol: SymInt.Symbol, _ known: [Graph.Value: Rows]) {
        (self.node, self.graph, self.batch, self.symbol, self.known) = (node, graph, batch, symbol, known)
    }

    var name: String { node.operator.schema.name }

    func results() throws -> [Rows] {
        guard node.bodies.isEmpty else { throw NotProven("has bodies, which are not looked into") }
        if node.effects.contains(.random), !dropsNothing { throw NotProven("draws random numbers, other ones for each place in a batch") }
        let rule: BatchRule? = node.operator.schema.namespace == "aten" ? BatchRule.byName[name] : nil
        let isShared: Bool = node.operands.allSatisfy { rows($0) == .shared }
        if isShared, !mentionsBatch { return node.outputs.map { _ in .shared } }
        guard let rule else { throw NotProven("is not among the operators whose rows are known") }
        guard rule.takesSizes || !node.arguments.contains(where: { mentions($0) }) else {
            throw NotProven("takes the batch's size for a number")
        }
        if !isShared, node.effects.contains(.dataDependent) { throw NotProven("gives sizes that depend on values") }
        return try rule.apply(self)
    }

    /// Whether a dropout is one that keeps all.
    private var dropsNothing: Bool { name == "dropout" && flag("train") == false }

    private var mentionsBatch: Bool {
        node.arguments.contains { mentions($0) }
            || node.outputs.contains { spec($0)?.shape.contains { $0.freeSymbols.contains(symbol) } ?? true }
    }

    private func mentions(_ argument: GraphArgument) -> Bool {
        switch argument {
        case .scalar(.int(let size)): size.freeSymbols.contains(symbol)
        case .scalar(.float(let number)): number.freeSymbols.contains(symbol)
        case .symBool(let condition): condition.freeSymbols.contains(symbol)
        case .ints(let sizes): sizes.contains { $0.freeSymbols.contains(symbol) }
        case .scalar, .none, .tensor, .tensors, .optionalTensors, .floats, .bools, .string, .dtype: false
        case .graph: true
        }
    }

    /// A result must be of the batch in the dimension that it is said to be of, and in no other.
    func check(_ value: Graph.Value, _ rows: Rows) throws {
        guard let spec = spec(value) else {
            if rows == .shared { return }
            throw NotProven("gives a number for a row")
        }
        for (dim, size) in spec.shape.enumerated() where size.freeSymbols.contains(symbol) {
            guard rows != .shared, rows.dim == dim, factor(size) != nil else {
                throw NotProven("gives \(spec), whose dimension \(dim) follows from the batch in another way")
            }
        }
        if let dim = rows.dim, dim < 0 || dim >= spec.rank || !spec.shape[dim].freeSymbols.contains(symbol) {
            throw NotProven("gives \(spec), without the batch in dimension \(dim)")
        }
    }

    // MARK: Operands

    func spec(_ value: Graph.Value) -> TensorSpec? { graph.spec(value) }
    func rows(_ value: Graph.Value) -> Rows { known[value] ?? .shared }

    /// What a size is the batch's size times; nil where it is no multiple.
    func factor(_ size: SymInt) -> SymInt? {
        let factor: SymInt = size.substituting([symbol: 1])
        return !factor.freeSymbols.contains(symbol) && size.isIdentical(to: batch * factor) ? factor : nil
    }

    func argument(_ name: String) -> GraphArgument? { node.operator.schema.index(of: name).map { node.arguments[$0] } }

    func tensor(_ name: String) -> Graph.Value? {
        if case .tensor(let value)? = argument(name) { return value }
        return nil
    }

    /// The operand that most operators have one of.
    func first() throws -> (value: Graph.Value, spec: TensorSpec, rows: Rows) {
        guard case .tensor(let value)? = node.arguments.first, let spec = spec(value) else {
            throw NotProven("has no tensor in first place")
        }
        return (value, spec, rows(value))
    }

    func int(_ name: String) -> Int? {
        if case .scalar(.int(let value))? = argument(name) { return value.plain }
        return nil
    }

    /// A plain number, or what stands for one that is left out; nil for a symbol, which is neither.
    func int(_ name: String, otherwise: Int) -> Int? {
        switch argument(name) {
        case nil, .some(.none): otherwise
        default: int(name)
        }
    }

    func ints(_ name: String) -> [Int]? {
        switch argument(name) {
        case .ints(let values)?:
            let plain: [Int] = values.compactMap(\.plain)
            return plain.count == values.count ? plain : nil
        case .scalar(.int(let value))?: return value.plain.map { [$0] }
        default: return nil
        }
    }

    func flag(_ name: String) -> Bool? {
        if case .scalar(.bool(let value))? = argument(name) { return value }
        return nil
    }

    func result(_ index: Int = 0) throws -> TensorSpec {
        guard index < node.outputs.count, let spec = spec(node.outputs[index]) else { throw NotProven("gives no tensor") }
        return spec
    }

    /// All operands but some must be the same for every batch.
    func requireShared(except names: String...) throws {
        for (parameter, argument) in zip(node.operator.schema.parameters, node.arguments) where !names.contains(parameter.name) {
            try argument.forEachReference { value in
                guard rows(value) == .shared else { throw NotProven("takes rows for its \(parameter.name)") }
            }
        }
    }
}

extension Rows {
    var dim: Int? {
        switch self {
        case .shared: nil
        case .along(let dim), .numbers(let dim): dim
        }
    }

    /// The same in another dimension.
    func moved(to dim: Int) -> Rows {
        switch self {
        case .shared: .shared
        case .along: .along(dim)
        case .numbers: .numbers(dim)
        }
    }
}

extension TensorSpec {
    var rank: Int { shape.count }
}
