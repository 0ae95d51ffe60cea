import ApusGraph
import ApusRuntime
import ApusSymbolic
import ApusTensor
import Synchronization
import Testing

func op(_ name: String) throws -> Operator { try #require(OperatorTable.standard.find(name), "no operator \(name)") }

func float32(_ sizes: [SymInt]) throws -> ValueType { .tensor(TensorSpec(.float32, try Shape(sizes))) }

/// Builds a program operation by operation; types follow from the rules.
struct Program {
    var copy: GraphCopy
    var inputs: [Value] { copy.graph.inputs }

    init(_ inputs: ValueType...) throws { try self.init(inputs) }

    init(_ inputs: [ValueType]) throws {
        var graph = Graph()
        for (index, type) in inputs.enumerated() { _ = graph.addInput("x\(index)", type) }
        copy = GraphCopy(of: graph, provenance: "test")
    }

    mutating func add(_ name: String, _ arguments: GraphArgument...) throws -> Value { try add(name, arguments) }

    mutating func add(_ name: String, _ arguments: [GraphArgument]) throws -> Value {
        try #require(try copy.apply(try op(name), arguments).first)
    }

    func graph(_ outputs: Value...) -> Graph { graph(outputs) }

    func graph(_ outputs: [Value]) -> Graph {
        var graph = copy.graph
        graph.outputs = outputs.map { .value($0) }
        return graph
    }
}

/// Scopes live as long as the tests: sizes do not keep them.
private let scopes = Mutex<[SymbolScope]>([])

/// A scope with dynamic sizes s0, s1...
struct Sizes {
    let scope = SymbolScope()
    let sizes: [SymInt]

    init(_ count: Int) {
        let scope = scope
        scopes.withLock { $0.append(scope) }
        sizes = (0..<count).map { scope.size(scope.makeSymbol(origin: "x\($0).shape[0]", hint: 4)) }
        scope.freeze()
    }
}

/// A number, or a size, that a program reads from a tensor.
func numberThatIsRead(isSize: Bool = false) -> SymInt {
    let scope = SymbolScope()
    scopes.withLock { $0.append(scope) }
    let symbol = scope.makeSymbol(origin: "item", range: isSize ? .size : .unbounded, kind: .unbackedInt, isSize: isSize)
    defer { scope.freeze() }
    return scope.size(symbol)
}

func ramp(_ sizes: [Int], _ seed: Int = 0) throws -> Tensor {
    let count: Int = sizes.reduce(1, *)
    return try Tensor((0..<count).map { Float(($0 &* 37 &+ seed &* 11) % 101) * 0.05 - 2.5 }, shape: sizes)
}

/// A program with all passes, without each of them, and without any.
func everyPlan(_ graph: Graph) throws -> [Plan] {
    let names = LoweringPipeline.standard.names
    return try ([[]] + names.map { [$0] } + [names]).map { try Plan(graph, pipeline: LoweringPipeline.standard.skipping($0)) }
}

/// Runs a program by its plans and node by node, three times each, and expects the same bits whichever pass is left out.
func expectPlanAgrees(_ graph: Graph, _ inputs: [Tensor], sourceLocation: SourceLocation = #_sourceLocation) throws {
    for plan in try everyPlan(graph) { try expectAgrees(plan, graph, inputs, sourceLocation: sourceLocation) }
}

func expectAgrees(_ plan: Plan, _ graph: Graph, _ inputs: [Tensor], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let expected = try GraphExecutor(graph).run(inputs)
    // New sizes may run node by node before they are laid out.
    for _ in 0..<3 {
        let results = try plan.run(inputs)
        #expect(results.count == expected.count, sourceLocation: sourceLocation)
        for (result, other) in zip(results, expected) {
            try expectSame(result, other, sourceLocation: sourceLocation)
        }
    }
}

func expectSame(_ a: RuntimeValue, _ b: RuntimeValue, sourceLocation: SourceLocation = #_sourceLocation) throws {
    guard case .tensor(var p) = a, case .tensor(var q) = b else {
        #expect("\(a)" == "\(b)", sourceLocation: sourceLocation)
        return
    }
    #expect(p.dtype == q.dtype, sourceLocation: sourceLocation)
    #expect(try p.sizes == q.sizes, sourceLocation: sourceLocation)
    if p.dtype.isComplex { (p, q) = (try p.viewAsReal(), try q.viewAsReal()) }
    let (x, y): ([Double], [Double]) = (try p.array(of: Double.self), try q.array(of: Double.self))
    #expect(zip(x, y).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }, sourceLocation: sourceLocation)
}
