import ApusGraph
import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let controlFlow: [ONNXOperator] = [
        ONNXOperator("If", results: .own, isFolded: false, values: { try branch($0) }),
        ONNXOperator("Loop", results: .own, isFolded: false, values: { try ONNXLoop($0).results() }),
        ONNXOperator("Scan", results: .own, isFolded: false, values: { try scan($0) }),
    ]

    /// A body as a graph of its own, with the element types of its results.
    static func traced(_ tracer: BodyTracer, _ run: () throws -> [ONNXValue]) throws -> [ONNXElement] {
        let results: [ONNXValue] = try tracer.trace(run)
        try Interpreter.with(tracer) { try tracer.setResults(try results.map { try $0.tensor() }) }
        return results.map(\.element)
    }

    private static func branch(_ call: ONNXCall) throws -> [ONNXValue] {
        guard let bodies = call.bodies else { throw call.error("has no body") }
        let (whenTrue, whenFalse) = (try call.graph("then_branch"), try call.graph("else_branch"))
        let condition: ONNXValue = try call.value(0)
        if let known = condition.known {
            guard known.count.constant == 1 else { throw call.error(.invalidProgram, "chooses by \(known.spec)") }
            return try bodies.run(try known.knownTruths()[0] ? whenTrue : whenFalse, [])
        }
        guard let tracer = Interpreter.tracing else { throw call.error("is not recorded here") }
        let predicate: Tensor = try condition.tensor()
        let scalar: Tensor = predicate.rank == 0 ? predicate : try predicate.reshaped([] as [Int])
        let sides = (BodyTracer(of: "cond", parent: tracer), BodyTracer(of: "cond", parent: tracer))
        let elements: [ONNXElement] = try traced(sides.0) { try bodies.run(whenTrue, []) }
        let others: [ONNXElement] = try traced(sides.1) { try bodies.run(whenFalse, []) }
        guard elements == others else { throw call.error(.invalidProgram, "has branches that give \(elements) and \(others)") }
        let results: [Tensor] = try TensorControlFlow.finishCond(.tensor(scalar), sides)
        return zip(results, elements).map { ONNXValue(.tensor($0), $1) }
    }

    private static func scan(_ call: ONNXCall) throws -> [ONNXValue] {
        guard let bodies = call.bodies, let tracer = Interpreter.tracing else { throw call.error("has no body") }
        guard call.version >= 9 else { throw call.error("goes over batches, which is read from opset 9 on") }
        let graph: Onnx_GraphProto = try call.graph("body")
        let count: Int = try call.int("num_scan_inputs", 0)
        let inputs: [ONNXValue] = call.inputs.compactMap { $0 }
        guard count > 0, count <= inputs.count, inputs.count == call.inputs.count else {
            throw call.error(.invalidProgram, "goes over \(count) of \(inputs.count) inputs")
        }
        let (initial, given) = (Array(inputs.dropLast(count)), Array(inputs.suffix(count)))
        let axes: [Int] = try call.ints("scan_input_axes") ?? Array(repeating: 0, count: count)
        let directions: [Int] = try call.ints("scan_input_directions") ?? Array(repeating: 0, count: count)
        guard axes.count == count, directions.count == count else {
            throw call.error(.invalidProgram, "has \(axes.count) axes for \(count) inputs")
        }
        let xs: [Tensor] = try given.indices.map { index in
            var x: Tensor = try given[index].tensor()
            x = try x.movedDim(from: try call.dim(axes[index], rank: x.rank), to: 0)
            return directions[index] == 1 ? try x.flipped([0]) : x
        }
        let start: [Tensor] = try initial.map { try $0.tensor() }
        let body = BodyTracer(of: "scan", parent: tracer)
        let carried: [Tensor] = start.enumerated().map { body.addInput("carried_\($0)", $1.spec) }
        let slices: [Tensor] = try xs.enumerated().map { body.addInput("x_\($0)", try $1.spec.slice) }
        let elements: [ONNXElement] = try traced(body) {
            try bodies.run(graph, zip(carried + slices, inputs).map { ONNXValue(.tensor($0), $1.element) })
        }
        let (last, stacked) = try TensorControlFlow.finishScan(body, start, xs)
        let outAxes: [Int] = try call.ints("scan_output_axes") ?? Array(repeating: 0, count: stacked.count)
        let outDirections: [Int] = try call.ints("scan_output_directions") ?? Array(repeating: 0, count: stacked.count)
        guard outAxes.count == stacked.count, outDirections.count == stacked.count else {
            throw call.error(.invalidProgram, "has \(outAxes.count) axes for \(stacked.count) outputs")
        }
        let results: [Tensor] = try stacked.indices.map { index in
            let x: Tensor = outDirections[index] == 1 ? try stacked[index].flipped([0]) : stacked[index]
            return try x.movedDim(from: 0, to: try call.dim(outAxes[index], rank: x.rank))
        }
        return zip(last + results, elements).map { ONNXValue(.tensor($0), $1) }
    }
}
