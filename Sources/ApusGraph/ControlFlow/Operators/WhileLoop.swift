import ApusSymbolic
import ApusTensor

extension Operator {
    /// The loop whose length its values decide. Both bodies take the carried tensors and then the operands. A dimension of a carried tensor
    /// that differs from pass to pass has a symbol of its own as a body's input, bound anew for each pass, and another one as a result.
    public static let whileLoop: Operator = Operator(
        "apus::while_loop(Graph cond_graph, Graph body_graph, Tensor[] carried, Tensor[] operands) -> Tensor[]",
        "Runs the second body on the carried tensors as long as the first gives true, and gives the last carried tensors.",
        rule: { call in try WhileArguments(call).resultSpecs(call) },
        kernel: .host { call in
            // Results are values of their own, also where the loop made no pass.
            try ControlFlowRun().results(of: call)?.map { try $0.map { try $0.withOwnIdentity() } } ?? []
        },
        gradient: { call in
            throw TensorError(
                .notDifferentiable, in: "whileLoop",
                "a loop whose number of passes depends on values has no gradient; use scan, whose number of steps is a size")
        },
        samples: {
            let spec = TensorSpec(.float32, try Shape([2]))
            guard let below = OperatorTable.find("aten::lt.Scalar"), let any = OperatorTable.find("aten::all"),
                let double = OperatorTable.find("aten::mul.Scalar")
            else { return [] }
            var condition = Graph()
            let tested: Value = condition.addInput("x", .tensor(spec))
            let isBelow: [Value] = condition.append(
                below, [.tensor(tested), .int(10)], types: [.tensor(TensorSpec(.bool, spec.shape))])
            let areAll: [Value] = condition.append(
                any, [.tensor(isBelow[0])], types: [.tensor(TensorSpec(.bool, .scalar))])
            condition.outputs = [.value(areAll[0])]
            var body = Graph()
            let carried: Value = body.addInput("x", .tensor(spec))
            let doubled: [Value] = body.append(double, [.tensor(carried), .int(2)], types: [.tensor(spec)])
            body.outputs = [.value(doubled[0])]
            return [
                [
                    .graph(GraphBody(condition)), .graph(GraphBody(body)), .tensors([try Tensor([1, 3] as [Float], shape: [2])]),
                    .tensors([]),
                ]
            ]
        })
}

extension Operator {
    /// What a loop gave that ran pass by pass, such that a gradient that would flow back through it is an error, as it is where the loop is one
    /// operation: the results of a loop that makes no pass.
    package static func withoutGradient(_ results: [Tensor]) throws -> [Tensor] {
        if results.isEmpty { return [] }
        var condition = Graph()
        var body = Graph()
        for tensor in results {
            _ = condition.addInput("carried", .tensor(tensor.spec))
            body.outputs.append(.value(body.addInput("carried", .tensor(tensor.spec))))
        }
        condition.outputs = [.literal(.bool(false))]
        return try applyTensors(.whileLoop, [.graph(GraphBody(condition)), .graph(GraphBody(body)), .tensors(results), .tensors([])])
    }
}

/// The arguments of a loop, by their meaning.
public struct WhileArguments<Reference: Sendable>: ControlFlowArguments, Sendable {
    public let condition: GraphBody
    public let body: GraphBody
    public let carried: [Reference]
    public let operands: [Reference]

    public init(_ arguments: [ArgumentOf<Reference>]) throws {
        guard arguments.count == 4, case .graph(let first) = arguments[0], let condition = first as? GraphBody,
            case .graph(let second) = arguments[1], let body = second as? GraphBody, case .tensors(let carried) = arguments[2],
            case .tensors(let operands) = arguments[3]
        else {
            throw TensorError(.invalidArgument, in: "whileLoop", "takes two graphs, the carried tensors and a list of operands")
        }
        (self.condition, self.body, self.carried, self.operands) = (condition, body, carried, operands)
        for graph in [condition.graph, body.graph] where graph.inputs.count != carried.count + operands.count {
            throw TensorError(
                .invalidArgument, in: "whileLoop",
                "a body takes \(graph.inputs.count) inputs where \(carried.count) tensors are carried and \(operands.count) operands are given"
            )
        }
        try checkBodies()
    }

    /// The condition is one truth value, and the body gives what it is given.
    private func checkBodies() throws {
        func fail(_ message: String) -> TensorError { TensorError(.invalidArgument, in: "whileLoop", message) }
        guard condition.graph.outputs.count == 1 else {
            throw fail("the condition gives \(condition.graph.outputs.count) results where one truth value is expected")
        }
        switch condition.graph.type(of: condition.graph.outputs[0]) {
        case .bool: break
        case .tensor(let spec) where spec.dtype == .bool: break
        case let type: throw fail("the condition must be one truth value or a tensor of one bool, not \(type)")
        }
        guard body.graph.outputs.count == carried.count else {
            throw fail("the body gives \(body.graph.outputs.count) results where \(carried.count) tensors are carried")
        }
        try body.graph.requireCarried(carried.count, in: "whileLoop")
    }
}

extension Graph {
    /// Requires that what a loop's body gives first is of the dtypes and ranks that it takes first.
    func requireCarried(_ count: Int, in construct: String) throws {
        func fail(_ code: TensorError.Code, _ message: String) -> TensorError { TensorError(code, in: construct, message) }
        for (position, (output, input)) in zip(outputs, inputs).prefix(count).enumerated() {
            guard let given = spec(of: output), let taken = spec(input) else {
                throw fail(.invalidArgument, "the carried value \(position) is no tensor")
            }
            guard given.dtype == taken.dtype else {
                throw fail(.dtypeMismatch, "the carried value \(position) is \(taken) and becomes \(given)")
            }
            guard given.shape.count == taken.shape.count else {
                throw fail(.shapeMismatch, "the carried value \(position) is \(taken) and becomes \(given)")
            }
        }
    }
}

extension WhileArguments where Reference == Tensor {
    /// What is carried, with a fresh size in the place of each one that differs from pass to pass.
    fileprivate func resultSpecs(_ call: Call) throws -> [TensorSpec] {
        var fresh: [Symbol: SymInt] = [:]
        return try zip(carried, body.graph.inputs).map { tensor, input in
            guard let spec = body.graph.spec(input), spec.dtype == tensor.dtype, spec.shape.count == tensor.rank else {
                throw call.error(
                    .invalidArgument, "the carried \(tensor.spec) does not fit the body's input '\(body.graph.name(input))'")
            }
            let sizes: [SymInt] = try zip(spec.shape, tensor.shape).map { inner, outer in
                guard !inner.isIdentical(to: outer), let symbol = inner.expression?.symbol else { return outer }
                if let known = fresh[symbol] { return known }
                let range: SymRange = symbol.declaredRange.intersection(SymRange(lowerBound: 0, upperBound: .max))
                guard let bounds = range.closedRange, let interpreter = Interpreter.current else { return outer }
                let size: SymInt = try interpreter.unbackedSize(for: "whileLoop", in: bounds)
                fresh[symbol] = size
                return size
            }
            return TensorSpec(spec.dtype, try Shape(sizes, in: call.name))
        }
    }
}
