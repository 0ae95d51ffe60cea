import ApusGraph
import ApusSymbolic
import ApusTensor
import Synchronization
import Testing

/// The operator of that name, or a failed test.
func op(_ name: String) throws -> Operator { try #require(OperatorTable.standard.find(name), "no operator \(name)") }

func float32(_ sizes: [SymInt]) throws -> ValueType { .tensor(TensorSpec(.float32, try Shape(sizes))) }

extension Graph {
    /// Appends an operation on tensors with one result.
    mutating func add(
        _ name: String, _ arguments: GraphArgument..., type: ValueType, named: String? = nil, site: String? = nil
    ) throws -> Value {
        let results = append(
            try op(name), arguments, types: [type], names: named.map { [$0] }, site: site.map { .text($0) })
        return try #require(results.first)
    }

    /// A graph of one elementwise operator on `x`.
    static func elementwise(_ name: String, _ type: ValueType) throws -> Graph {
        var graph = Graph()
        let x = graph.addInput("x", type)
        graph.outputs = [.value(try graph.add(name, .tensor(x), type: type))]
        return graph
    }
}

/// Scopes live as long as the tests: sizes do not keep them.
private let scopes = Mutex<[SymbolScope]>([])

/// A scope with one dynamic size.
struct OneSize {
    let scope = SymbolScope()
    let symbol: Symbol
    var size: SymInt { scope.size(symbol) }

    init(_ range: SymRange = .size) {
        let scope = scope
        scopes.withLock { $0.append(scope) }
        symbol = scope.makeSymbol(origin: "x.shape[0]", range: range, hint: 4)
        scope.freeze()
    }
}

/// `sin` of x where its size is above 3, else `cos`, then doubled: the sample with a branch.
func branchGraph(_ one: OneSize) throws -> Graph {
    let type = try float32([one.size])
    var graph = Graph()
    let x = graph.addInput("x", type)
    let condition: SymBool = one.size > 3
    let branch = graph.append(
        .cond,
        [
            .symBool(condition), .graph(GraphBody(try .elementwise("aten::cos", type))),
            .graph(GraphBody(try .elementwise("aten::sin", type))), .tensors([x]),
        ], types: [type], site: .text("Model.swift:12"))
    let doubled = try graph.add(
        "aten::mul.Scalar", .tensor(branch[0]), .int(2), type: type, named: "doubled", site: "Model.swift:17")
    graph.outputs = [.value(doubled), .int(one.size * 2), .literal(.string("done"))]
    return graph
}

func ramp(_ sizes: [Int], dtype: DType = .float32) throws -> Tensor {
    let count: Int = sizes.reduce(1, *)
    return try Tensor((0..<count).map { Float($0) * 0.25 - 1 }, shape: sizes).to(dtype)
}
