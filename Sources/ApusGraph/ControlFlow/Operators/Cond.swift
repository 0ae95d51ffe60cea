import ApusSymbolic
import ApusTensor

extension Operator {
    /// The branch. Its bodies are graphs whose inputs correspond to the operands; symbols are those of the graph around, so sizes need no operands.
    public static let cond: Operator = Operator(
        "apus::cond(bool pred, Graph true_graph, Graph false_graph, Tensor[] operands) -> Tensor[]",
        "Runs one of two bodies on the operands: the first where the predicate holds, a condition on sizes or a tensor of one bool. Both give as many results, of the same dtypes and ranks.",
        rule: { call in try Operator.condRule(call) },
        kernel: .host { call in try ControlFlowRun().results(of: call) ?? [] },
        gradient: { call in try CondGradient(call).gradients() }, saving: { call in try SavedDraws.cond(call) },
        samples: { try Operator.condSamples() })

    /// Sizes on which the bodies differ are joined; see ``TypeJoin``.
    private static func condRule(_ call: Call) throws -> [TensorSpec] {
        let arguments = try CondArguments(call)
        try arguments.checkOperands(call)
        let (whenTrue, whenFalse) = (arguments.whenTrue.graph, arguments.whenFalse.graph)
        try checkBodiesAgree(whenTrue, whenFalse)
        let made: Set<Symbol> = whenTrue.madeSymbols.union(whenFalse.madeSymbols)
        var join = TypeJoin(arguments.condition, inner: made) { _, range in
            guard let bounds = range.closedRange, let interpreter = Interpreter.current else { throw TypeJoin.failure(range) }
            return .int(try interpreter.unbackedSize(for: "cond", in: bounds))
        }
        return try zip(whenTrue.outputs, whenFalse.outputs).compactMap { first, second -> TensorSpec? in
            guard let a = whenTrue.spec(of: first), let b = whenFalse.spec(of: second) else { return nil }
            let sizes: [SymInt] = try zip(a.shape, b.shape).map { p, q in
                if made.isDisjoint(with: p.freeSymbols), p.isIdentical(to: q) || decide(p == q) == true { return p }
                return try join.size(p, q)
            }
            return TensorSpec(a.dtype, try Shape(sizes, in: call.name))
        }
    }

    /// Both bodies must give as many results, of the same kinds, dtypes and ranks.
    static func checkBodiesAgree(_ a: Graph, _ b: Graph) throws {
        func fail(_ message: String) -> TensorError { TensorError(.invalidArgument, in: "cond", message) }
        guard a.outputs.count == b.outputs.count else {
            throw fail("the branches give \(a.outputs.count) and \(b.outputs.count) results")
        }
        for (position, pair) in zip(a.outputs, b.outputs).enumerated() {
            let (first, second) = (a.type(of: pair.0), b.type(of: pair.1))
            switch (first, second) {
            case (.tensor(let p), .tensor(let q)):
                guard p.dtype == q.dtype else {
                    throw TensorError(.dtypeMismatch, in: "cond", "the branches give \(p) and \(q) as result \(position)")
                }
                guard p.shape.count == q.shape.count else {
                    throw TensorError(.shapeMismatch, in: "cond", "the branches give \(p) and \(q) as result \(position)")
                }
            case (.int, .int), (.float, .float), (.bool, .bool), (.none, .none): continue
            default: throw fail("the branches give \(first) and \(second) as result \(position)")
            }
        }
    }

    private static func condSamples() throws -> [[OperatorArgument]] {
        func body(_ operation: Operator) throws -> GraphBody {
            var graph = Graph()
            let spec = TensorSpec(.float32, try Shape([2, 3]))
            let input = graph.addInput("x", .tensor(spec))
            let result = graph.append(operation, [.tensor(input)], types: [.tensor(spec)])
            graph.outputs = result.map { .value($0) }
            return GraphBody(graph)
        }
        guard let sin = OperatorTable.find("aten::sin"), let cos = OperatorTable.find("aten::cos") else { return [] }
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        return [[.bool(true), .graph(try body(sin)), .graph(try body(cos)), .tensors([x])]]
    }
}

/// The arguments of a branch, by their meaning.
public struct CondArguments<Reference: Sendable>: ControlFlowArguments {
    public let predicate: ArgumentOf<Reference>
    public let whenTrue: GraphBody
    public let whenFalse: GraphBody
    public let operands: [Reference]

    /// The predicate, where it is a condition on sizes that is open.
    package var condition: SymBool? {
        if case .symBool(let condition) = predicate { return condition }
        return nil
    }

    public init(_ arguments: [ArgumentOf<Reference>]) throws {
        guard arguments.count == 4, case .graph(let first) = arguments[1], let whenTrue = first as? GraphBody,
            case .graph(let second) = arguments[2], let whenFalse = second as? GraphBody, case .tensors(let operands) = arguments[3]
        else {
            throw TensorError(.invalidArgument, in: "cond", "takes a predicate, two graphs and a list of operands")
        }
        predicate = arguments[0]
        self.whenTrue = whenTrue
        self.whenFalse = whenFalse
        self.operands = operands
        for body in [whenTrue, whenFalse] where body.graph.inputs.count != operands.count {
            throw TensorError(
                .invalidArgument, in: "cond", "a branch takes \(body.graph.inputs.count) inputs where \(operands.count) operands are given")
        }
    }
}

extension CondArguments where Reference == Tensor {
    /// Operands must have the dtypes and ranks that the bodies' inputs have.
    fileprivate func checkOperands(_ call: Call) throws {
        for body in [whenTrue, whenFalse] {
            for (operand, input) in zip(operands, body.graph.inputs) {
                guard let spec = body.graph.spec(input) else { continue }
                guard spec.dtype == operand.dtype, spec.shape.count == operand.rank else {
                    throw call.error(
                        .invalidArgument, "the operand \(operand.spec) does not fit the branch's input '\(body.graph.name(input))', \(spec)"
                    )
                }
            }
        }
    }
}
