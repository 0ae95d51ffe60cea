import ApusSymbolic
import ApusTensor

// The check of a loop: what goes into a body fits what it takes, and what it gives fits what it takes the next time.

extension GraphCheck {
    func checkLoop(_ node: Node) throws {
        do {
            if node.operator == .whileLoop {
                try checkWhile(try WhileArguments(node))
            } else {
                try checkScan(try ScanArguments(node))
            }
        } catch let error as TensorError {
            throw offence(.body, error.message)
        }
    }

    private func checkWhile(_ loop: WhileArguments<Value>) throws {
        for body in [loop.condition.graph, loop.body.graph] {
            let own = Array(body.inputs.prefix(loop.carried.count))
            for (input, carried) in zip(own, loop.carried) { try requireStart(body, input, graph.type(carried), graph.name(carried)) }
            try requireOperands(body, body.inputs.dropFirst(own.count), loop.operands)
        }
        var condition = GraphCheck(loop.condition.graph, dialect, rules, bound: bound)
        let fact: SymBool? = try rules.scoped {
            try condition.run()
            guard case .bool(let holds) = loop.condition.graph.type(of: loop.condition.graph.outputs[0]) else { return nil }
            return holds
        }
        let runs: Bool = fact.map { rules.decide($0) != false } ?? true
        try rules.assumingAnything(!runs) { try assuming(fact) { try checkNext(loop.body.graph, carried: loop.carried.count) } }
    }

    private func checkScan(_ scan: ScanArguments<Value>) throws {
        let body: Graph = scan.body.graph
        for (input, carried) in zip(body.inputs, scan.initial) {
            guard fits(body.type(input), graph.type(carried)) else {
                throw misfit(body, input, graph.type(carried), graph.name(carried))
            }
        }
        for (input, x) in zip(body.inputs.dropFirst(scan.initial.count), scan.xs) {
            guard let spec = graph.spec(x), let slice = try? spec.slice, fits(body.type(input), .tensor(slice)) else {
                throw misfit(body, input, graph.type(x), graph.name(x))
            }
        }
        try requireOperands(body, body.inputs.dropFirst(scan.initial.count + scan.xs.count), scan.operands)
        try rules.scoped { try checkNext(body, carried: scan.initial.count) }
    }

    /// A body whose first results are its first inputs of the next time: sizes that are not the input's own stay as they are.
    private func checkNext(_ body: Graph, carried: Int) throws {
        var inner = GraphCheck(body, dialect, rules, bound: bound)
        try inner.run()
        for (input, output) in zip(body.inputs, body.outputs).prefix(carried) {
            guard let before = body.spec(input), let after = body.spec(of: output) else { continue }
            for (p, q) in zip(before.shape, after.shape) where !isOwn(p) {
                guard rules.isEqual(p, q) else {
                    throw offence(
                        .body, "what is carried as '%\(body.name(input))' does not keep its sizes", expected: "\(before)", found: "\(after)"
                    )
                }
            }
        }
    }

    /// True for a size that each pass gives its value.
    private func isOwn(_ size: SymInt) -> Bool { size.expression?.symbol.map { !bound.contains($0) } ?? false }

    /// What a loop starts with fits the body's input; a size that differs from pass to pass may be any.
    private func requireStart(_ body: Graph, _ input: Value, _ given: ValueType, _ name: String) throws {
        guard case .tensor(let taken) = body.type(input), case .tensor(let spec) = given, taken.dtype == spec.dtype,
            taken.shape.count == spec.shape.count, zip(taken.shape, spec.shape).allSatisfy({ isOwn($0) || isEqual($0, $1) })
        else { throw misfit(body, input, given, name) }
    }

    private func requireOperands(_ body: Graph, _ inputs: some Sequence<Value>, _ operands: [Value]) throws {
        for (input, operand) in zip(inputs, operands) {
            guard fits(body.type(input), graph.type(operand)) else { throw misfit(body, input, graph.type(operand), graph.name(operand)) }
        }
    }

    private func misfit(_ body: Graph, _ input: Value, _ given: ValueType, _ name: String) -> VerificationError {
        offence(
            .body, "the input '%\(body.name(input))' of a body does not fit '%\(name)'", expected: "\(given)",
            found: "\(body.type(input))")
    }
}

extension RuleInterpreter {
    /// Whether two sizes are equal; where that is open and open conditions are taken as true, it is taken as true.
    fileprivate func isEqual(_ a: SymInt, _ b: SymInt) -> Bool {
        if a.isIdentical(to: b) { return true }
        let equality: SymBool = a == b
        return (try? require(equality) { TensorError(.shapeMismatch, in: "", "") }) != nil
    }
}
