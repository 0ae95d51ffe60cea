import ApusSymbolic
import ApusTensor

// The check of a branch: each body under its own condition, and the results as the join of both bodies' results.

extension GraphCheck {
    mutating func checkBranch(_ node: Node) throws {
        let branch: CondArguments<Value>
        do {
            branch = try CondArguments(node)
            try Operator.checkBodiesAgree(branch.whenTrue.graph, branch.whenFalse.graph)
        } catch let error as TensorError {
            throw offence(.body, error.message)
        }
        let predicate: SymBool? = try predicate(branch.predicate)
        for (body, fact) in [(branch.whenTrue, predicate), (branch.whenFalse, predicate.map { !$0 })] {
            let runs: Bool = fact.map { rules.decide($0) != false } ?? true
            try rules.assumingAnything(!runs) { try assuming(fact) { try checkBody(body.graph, operands: branch.operands) } }
        }
        try checkJoins(node, branch, predicate)
    }

    /// The body of a part of a program, which sees what is known around it.
    func checkPart(_ node: Node) throws {
        do {
            let part = try PartArguments(node)
            try checkBody(part.body.graph, operands: part.operands)
        } catch let error as TensorError {
            throw offence(.body, error.message)
        }
    }

    /// The condition on sizes; nil where the predicate is a tensor, which must be of one bool.
    private func predicate(_ argument: GraphArgument) throws -> SymBool? {
        switch argument {
        case .symBool(let condition): return condition
        case .scalar(.bool(let value)): return SymBool(value)
        case .tensor(let value):
            switch graph.type(value) {
            case .bool(let condition): return condition
            case .tensor(let spec) where spec.dtype == .bool && spec.shape.allSatisfy({ $0.constant == 1 }): return nil
            default: throw offence(.argument, "the predicate must be a truth value or a tensor of one bool", found: "\(graph.type(value))")
            }
        default: throw offence(.argument, "the predicate must be a truth value or a tensor of one bool", found: argument.kindText)
        }
    }

    func assuming<Result>(_ fact: SymBool?, _ body: () throws -> Result) rethrows -> Result {
        guard let fact else { return try body() }
        return try rules.scoped {
            rules.assume(fact)
            return try body()
        }
    }

    func checkBody(_ body: Graph, operands: [Value]) throws {
        for (input, operand) in zip(body.inputs, operands) {
            let (found, expected) = (body.type(input), graph.type(operand))
            guard fits(found, expected) else {
                throw offence(
                    .body, "the input '%\(body.name(input))' of a branch does not fit its operand '%\(graph.name(operand))'",
                    expected: "\(expected)", found: "\(found)")
            }
        }
        var inner = GraphCheck(body, dialect, rules, bound: bound)
        try inner.run()
    }

    func fits(_ a: ValueType, _ b: ValueType) -> Bool {
        switch (a, b) {
        case (.tensor(let p), .tensor(let q)):
            p.dtype == q.dtype && p.shape.count == q.shape.count && zip(p.shape, q.shape).allSatisfy { isEqual($0, $1) }
        case (.int(let p), .int(let q)): isEqual(p, q)
        case (.float(let p), .float(let q)): p.isIdentical(to: q)
        case (.bool(let p), .bool(let q)): p.isIdentical(to: q)
        case (.none, .none): true
        default: false
        }
    }

    // MARK: Results

    private mutating func checkJoins(_ node: Node, _ branch: CondArguments<Value>, _ predicate: SymBool?) throws {
        let (whenTrue, whenFalse) = (branch.whenTrue.graph, branch.whenFalse.graph)
        guard node.outputs.count == whenTrue.outputs.count else {
            throw offence(.body, "\(node.outputs.count) results where the branches give \(whenTrue.outputs.count)")
        }
        // Results of the same two sizes share one new symbol.
        var made: [Symbol: (SymInt, SymInt)] = [:]
        func isSizeJoin(_ joined: SymInt, _ p: SymInt, _ q: SymInt, least: Int) -> Bool {
            guard let symbol = joined.expression?.symbol else { return isJoin(joined, p, q, least, predicate) }
            if let (first, second) = made[symbol] { return p.isIdentical(to: first) && q.isIdentical(to: second) }
            if !bound.contains(symbol) { made[symbol] = (p, q) }
            return isJoin(joined, p, q, least, predicate)
        }
        for (output, pair) in zip(node.outputs, zip(whenTrue.outputs, whenFalse.outputs)) {
            let (joined, first, second) = (graph.type(output), whenTrue.type(of: pair.0), whenFalse.type(of: pair.1))
            let holds: Bool
            switch (joined, first, second) {
            case (.tensor(let joined), .tensor(let p), .tensor(let q)):
                holds =
                    joined.dtype == p.dtype && joined.shape.count == p.shape.count
                    && joined.shape.indices.allSatisfy { isSizeJoin(joined.shape[$0], p.shape[$0], q.shape[$0], least: 0) }
            case (.int(let joined), .int(let p), .int(let q)): holds = isSizeJoin(joined, p, q, least: .min)
            // A number that is a symbol of its own gets its value from the branch that runs.
            case (.float, .float, .float), (.bool, .bool, .bool), (.none, .none, .none): holds = true
            default: holds = false
            }
            guard holds else {
                throw offence(.type, "a result is not what the branches give", expected: "\(first) or \(second)", found: "\(joined)")
            }
            bindNew(joined.freeSymbols)
        }
    }

    /// Whether a size of a side keeps to the range that a new symbol for it claims.
    /// - Parameter least: what it is at least, whatever is known of it.
    private func keeps(_ size: SymInt, to range: SymRange, _ least: Int, _ fact: SymBool?) -> Bool {
        guard let scope = rules.scope, !rules.isVacuous else { return true }
        let possible = SymRange(lowerBound: least, upperBound: .max)
        return assuming(fact) {
            let side: SymRange = scope.range(of: size).intersection(possible)
            return side.isEmpty || range.contains(side)
        }
    }

    /// True where a size is the first one when the predicate holds and the second one when it does not, or a new symbol.
    private func isJoin(_ joined: SymInt, _ first: SymInt, _ second: SymInt, _ least: Int, _ predicate: SymBool?) -> Bool {
        if let symbol = joined.expression?.symbol, !bound.contains(symbol) {
            return keeps(first, to: symbol.declaredRange, least, predicate)
                && keeps(second, to: symbol.declaredRange, least, predicate.map { !$0 })
        }
        guard joined.freeSymbols.allSatisfy({ bound.contains($0) }) else { return false }
        if let predicate, joined.isIdentical(to: .select(predicate, first, second)) { return true }
        return assuming(predicate) { isEqual(joined, first) } && assuming(predicate.map { !$0 }) { isEqual(joined, second) }
    }
}
