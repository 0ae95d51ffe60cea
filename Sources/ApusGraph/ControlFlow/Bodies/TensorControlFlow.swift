import ApusSymbolic
import ApusTensor

/// What a branch chooses by.
package enum Predicate {
    case condition(SymBool)
    /// One bool.
    case tensor(Tensor)

    /// A predicate out of an operator's argument.
    package init(_ argument: OperatorArgument, in construct: String) throws {
        switch argument {
        case .tensor(let tensor): self = .tensor(tensor)
        case .symBool(let condition): self = .condition(condition)
        case .scalar(.bool(let holds)): self = .condition(SymBool(holds))
        default: throw TensorError(.invalidArgument, in: construct, "the predicate must be a truth value or a tensor of one bool")
        }
    }

    /// The condition, where it is one on sizes.
    package var condition: SymBool? {
        if case .condition(let condition) = self { return condition }
        return nil
    }

    /// The answer where it is known: in eager code always.
    package func known(in construct: String) throws -> Bool? {
        switch self {
        case .condition(let condition):
            try condition.requireValid()
            return decide(condition)
        case .tensor(let tensor):
            guard tensor.dtype == .bool else {
                throw TensorError(
                    .dtypeMismatch, in: construct,
                    "the condition must be a tensor of one bool, not \(tensor.spec); compare it first, as in x > 0")
            }
            let isSingle: SymBool = tensor.count == 1
            try require(
                isSingle,
                TensorError(
                    .shapeMismatch, in: construct, "the condition must be a tensor of one bool, not \(tensor.spec); use all() or any()"))
            return Interpreter.tracing == nil ? try tensor.truth(in: construct) : nil
        }
    }

    package var argument: OperatorArgument {
        switch self {
        case .condition(let condition): condition.constant.map { .bool($0) } ?? .symBool(condition)
        case .tensor(let tensor): .tensor(tensor)
        }
    }

    /// The facts of the two branches.
    package var facts: (whenTrue: [SymBool], whenFalse: [SymBool]) {
        condition.map { ([$0], [$0.negated()]) } ?? ([], [])
    }
}

extension Predicate {
    /// What the function does where one of two ways always throws: inputs that lead there are refused, and the other way is left.
    package func refuse<Output>(
        when holds: Bool, _ error: any Error, _ tracer: any TracingInterpreter, _ site: CallSite, else other: () throws -> Output
    ) throws -> Output {
        guard try tracer.demand(self, is: !holds, orThrow: error, site: (error as? TensorError)?.site ?? site) else { throw error }
        return try other()
    }
}

/// Control flow over plain lists of tensors: what gradients of control flow are made of.
package enum TensorControlFlow {
    /// - Parameter needsBody: whether a side has symbols of its own, which need a body to live in also where the answer is known by now.
    static func cond(
        _ predicate: Predicate, needsBody: (Bool) -> Bool, _ whenTrue: () throws -> [Tensor], _ whenFalse: () throws -> [Tensor]
    ) throws -> [Tensor] {
        let known: Bool? = try predicate.known(in: "cond")
        // The other side never runs: what is known may say that nothing in it fits.
        if let known, !needsBody(known) { return known ? try whenTrue() : try whenFalse() }
        guard let tracer = Interpreter.tracing else {
            guard let known else { throw TensorError(.tracing, in: "cond", "the condition belongs to a trace that has ended") }
            return known ? try whenTrue() : try whenFalse()
        }
        let bodies = (BodyTracer(of: "cond", parent: tracer), BodyTracer(of: "cond", parent: tracer))
        // A gradient whose shapes don't fit is that of a branch that was not taken: the questions in between have told.
        let site = CallSite.capture(skip: 1)
        do { try bodies.0.setResults(try bodies.0.trace(assuming: predicate.facts.whenTrue, whenTrue)) } catch let error as TensorError
            where error.code == .shapeMismatch
        {
            return try predicate.refuse(when: true, error, tracer, site, else: whenFalse)
        }
        do { try bodies.1.setResults(try bodies.1.trace(assuming: predicate.facts.whenFalse, whenFalse)) } catch let error as TensorError
            where error.code == .shapeMismatch
        {
            return try predicate.refuse(when: false, error, tracer, site, else: whenTrue)
        }
        return try finishCond(predicate.argument, bodies)
    }

    /// The node of a branch whose ways have been traced.
    package static func finishCond(_ predicate: OperatorArgument, _ bodies: (BodyTracer, BodyTracer)) throws -> [Tensor] {
        let operands: [Tensor] = try BodyTracer.shareOperands([bodies.0, bodies.1])
        return try applyTensors(.cond, [predicate, .graph(bodies.0.body), .graph(bodies.1.body), .tensors(operands)])
    }

    /// The node of a loop whose condition and body have been traced.
    package static func finishWhile(_ condition: BodyTracer, _ body: BodyTracer, _ carried: [Tensor]) throws -> [Tensor] {
        let operands: [Tensor] = try BodyTracer.shareOperands([condition, body])
        return try applyTensors(.whileLoop, [.graph(condition.body), .graph(body.body), .tensors(carried), .tensors(operands)])
    }

    typealias Step = ([Tensor], [Tensor]) throws -> (carried: [Tensor], results: [Tensor])

    /// Goes over the first dimension of tensors.
    static func scan(_ initial: [Tensor], over xs: [Tensor], _ step: Step) throws -> (carried: [Tensor], results: [Tensor]) {
        guard let tracer = Interpreter.tracing else { return try ScanStep.run(initial, over: xs, step) }
        let body = BodyTracer(of: "scan", parent: tracer)
        let carried: [Tensor] = initial.enumerated().map { body.addInput("carried_\($0)", $1.spec) }
        let slices: [Tensor] = try xs.enumerated().map { body.addInput("x_\($0)", try $1.spec.slice) }
        let (next, results) = try body.trace { try step(carried, slices) }
        try body.setResults(next + results)
        return try finishScan(body, initial, xs)
    }

    /// The node of a scan whose body has been traced.
    package static func finishScan(_ body: BodyTracer, _ initial: [Tensor], _ xs: [Tensor]) throws -> (carried: [Tensor], results: [Tensor])
    {
        let operands: [Tensor] = try BodyTracer.shareOperands([body])
        let all: [Tensor] = try applyTensors(.scan, [.graph(body.body), .tensors(initial), .tensors(xs), .tensors(operands)])
        return (Array(all.prefix(initial.count)), Array(all.dropFirst(initial.count)))
    }
}

extension TensorSpec {
    /// The spec of one slice along the first dimension.
    package var slice: TensorSpec {
        get throws { TensorSpec(dtype, try Shape(Array(shape.sizes.dropFirst()), in: "scan")) }
    }
}
