import ApusSymbolic
import ApusTensor

extension Operator {
    /// The loop over the first dimension of tensors. Its body takes the carried tensors, one slice of each tensor, and the operands; it gives
    /// the next carried tensors and one slice of each result. Without carried tensors it is a map.
    public static let scan: Operator = Operator(
        "apus::scan(Graph combine_graph, Tensor[] init, Tensor[] xs, Tensor[] operands) -> Tensor[]",
        "Runs a body for each slice along the first dimension of the tensors, from the first to the last, and gives the last carried tensors and the stacked results.",
        rule: { call in try ScanArguments(call).resultSpecs(call) },
        kernel: .host { call in try ControlFlowRun().results(of: call) ?? [] },
        gradient: { call in try ScanGradient(call).gradients() }, saving: { call in try SavedDraws.scan(call) },
        samples: {
            guard let add = OperatorTable.find("aten::add.Tensor"), let sin = OperatorTable.find("aten::sin") else { return [] }
            let spec = TensorSpec(.float32, try Shape([2]))
            var body = Graph()
            let (carried, x) = (body.addInput("carried", .tensor(spec)), body.addInput("x", .tensor(spec)))
            let sum: [Value] = body.append(add, [.tensor(carried), .tensor(x), .int(1)], types: [.tensor(spec)])
            let result: [Value] = body.append(sin, [.tensor(sum[0])], types: [.tensor(spec)])
            body.outputs = [.value(sum[0]), .value(result[0])]
            let initial = try Tensor([0.5, -1] as [Float], shape: [2])
            let xs = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
            return [[.graph(GraphBody(body)), .tensors([initial]), .tensors([xs]), .tensors([])]]
        })
}

/// The arguments of a scan, by their meaning.
public struct ScanArguments<Reference: Sendable>: ControlFlowArguments, Sendable {
    public let body: GraphBody
    public let initial: [Reference]
    public let xs: [Reference]
    public let operands: [Reference]

    public init(_ arguments: [ArgumentOf<Reference>]) throws {
        guard arguments.count == 4, case .graph(let graph) = arguments[0], let body = graph as? GraphBody,
            case .tensors(let initial) = arguments[1], case .tensors(let xs) = arguments[2], case .tensors(let operands) = arguments[3]
        else {
            throw TensorError(.invalidArgument, in: "scan", "takes a graph, the carried tensors, the tensors to go over, and operands")
        }
        (self.body, self.initial, self.xs, self.operands) = (body, initial, xs, operands)
        try checkBody()
    }

    private func checkBody() throws {
        func fail(_ message: String) -> TensorError { TensorError(.invalidArgument, in: "scan", message) }
        guard !xs.isEmpty else { throw fail("there is no tensor to go over") }
        let graph: Graph = body.graph
        guard graph.inputs.count == initial.count + xs.count + operands.count else {
            throw fail(
                "the body takes \(graph.inputs.count) inputs where \(initial.count + xs.count + operands.count) values are given")
        }
        guard graph.outputs.count >= initial.count else {
            throw fail("the body gives \(graph.outputs.count) results where \(initial.count) tensors are carried")
        }
        try graph.requireCarried(initial.count, in: "scan")
    }
}

extension ScanArguments where Reference == Tensor {
    fileprivate func resultSpecs(_ call: Call) throws -> [TensorSpec] {
        let length: SymInt = try ScanLength.of(xs)
        let graph: Graph = body.graph
        for (tensor, input) in zip(initial, graph.inputs) {
            guard let spec = graph.spec(input), spec.dtype == tensor.dtype, spec.shape.count == tensor.rank else {
                throw call.error(.invalidArgument, "the carried \(tensor.spec) does not fit the body's input '\(graph.name(input))'")
            }
        }
        // That the carried shapes stay as they are was required inside of the body, where more is known.
        for (tensor, output) in zip(initial, graph.outputs) {
            guard let spec = graph.spec(of: output) else { continue }
            for (before, after) in zip(tensor.shape, spec.shape) where decide(before == after) == false {
                throw call.error(.shapeMismatch, "what is carried changes from \(tensor.spec) to \(spec)")
            }
        }
        let results: [TensorSpec] = try graph.outputs.dropFirst(initial.count).map { output in
            guard let spec = graph.spec(of: output) else { throw call.error(.invalidArgument, "a step gives what is no tensor") }
            return TensorSpec(spec.dtype, try Shape([length] + spec.shape.sizes, in: call.name))
        }
        return initial.map(\.spec) + results
    }
}

/// The number of steps of a scan.
package enum ScanLength {
    /// The first size of all tensors, which must be equal and at least 1: no step would leave the results without a shape.
    package static func of(_ xs: [Tensor]) throws -> SymInt {
        func fail(_ message: String) -> TensorError { TensorError(.shapeMismatch, in: "scan", message) }
        guard let first = xs.first else { throw TensorError(.invalidArgument, in: "scan", "there is no tensor to go over") }
        for x in xs where x.rank == 0 { throw fail("a tensor of \(x.spec) has no dimension to go over") }
        let length: SymInt = first.shape[0]
        for x in xs.dropFirst() {
            let isEqual: SymBool = x.shape[0] == length
            try require(isEqual, fail("the tensors to go over differ in their first size: \(first.spec) and \(x.spec)"))
        }
        let isPositive: SymBool = length >= 1
        try require(
            isPositive,
            fail("a tensor of \(first.spec) has no elements along its first dimension, and no step leaves results without a shape"))
        return length
    }
}
