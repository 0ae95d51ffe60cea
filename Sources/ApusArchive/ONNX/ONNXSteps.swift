import ApusGraph
import ApusTensor

/// A function of what is carried and of one slice of each tensor, for slice after slice along their first dimension: recorded as a scan.
struct ONNXSteps {
    typealias Step = (_ carried: [Tensor], _ slices: [Tensor]) throws -> (carried: [Tensor], results: [Tensor])

    private let name: String
    private let xs: [Tensor]
    private let initial: [Tensor]
    private let step: Step

    init(of name: String, over xs: [Tensor], from initial: [Tensor], _ step: @escaping Step) {
        (self.name, self.xs, self.initial, self.step) = (name, xs, initial, step)
    }

    func run() throws -> (carried: [Tensor], results: [Tensor]) {
        guard let tracer = Interpreter.tracing else { throw ArchiveError(.unsupported, "\(name) is not recorded here") }
        let body = BodyTracer(of: name, parent: tracer)
        let carried: [Tensor] = initial.enumerated().map { body.addInput("carried_\($0)", $1.spec) }
        let slices: [Tensor] = try xs.enumerated().map { body.addInput("x_\($0)", try $1.spec.slice) }
        let (next, results) = try body.trace { try step(carried, slices) }
        try body.setResults(next + results)
        return try TensorControlFlow.finishScan(body, initial, xs)
    }
}
