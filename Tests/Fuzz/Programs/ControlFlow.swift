import Apus

// What closures see of a program that runs is a copy, in which some tensor variables are theirs.

extension Machine {
    private func with(_ first: Tensor, _ second: Tensor? = nil) -> Machine {
        var inner: Machine = self
        inner.tensors[0] = first
        if let second { inner.tensors[1] = second }
        return inner
    }

    func controlFlow(_ term: TensorTerm) throws -> Tensor {
        switch term {
        case .cond(let question, let yes, let no): return try branch(question, yes, no)
        case .map(let over, let body): return try map(try atLeastVector(value(over))) { row in try with(row).value(body) }
        case .scan(let over, let body, let isReversed, let givesLast):
            let rows: Tensor = try atLeastVector(value(over))
            let (last, all) = try scan(try rows.sum(), over: rows, reversed: isReversed) { carried, row in
                let result: Tensor = try with(row, carried).value(body)
                return (try carried * 0.5 + result.sum(), result)
            }
            return givesLast ? last : all
        case .loop(let count, let start, let body, let grows):
            let passes: SymInt = min(max(value(count), 0), 4)
            let first: Tensor = grows ? try value(start).flattened() : try value(start)
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), first)) { i, _ -> SymBool in
                i < passes
            } do: { i, carried in
                let step: Tensor = try with(carried).value(body).sum()
                return (i + 1, grows ? try Tensor.cat([carried, step.reshaped([1] as [Int])]) : try carried * 0.5 + step)
            }
            return end.1
        case .loopByValue(let counted, let bound, let start, let body):
            let passes: Tensor = try (value(counted) .> bound).sum().clamp(max: 3)
            let end: (Tensor, Tensor) = try whileLoop((try passes * 0, try value(start))) { i, _ -> Tensor in
                try i .< passes
            } do: { i, carried in
                (try i + 1, try carried * 0.5 + with(carried).value(body).sum())
            }
            return end.1
        case .gradient(let function, let point):
            return try gradient(at: try value(point)) { point in try with(point).value(function).sum() }
        default: return try value(term)
        }
    }

    /// A question as `cond` takes it.
    private enum Predicate {
        case sizes(SymBool)
        case tensor(Tensor)
    }

    private func branch(_ question: Question, _ yes: TensorTerm, _ no: TensorTerm) throws -> Tensor {
        func one() throws -> Tensor { try value(yes).flattened() }
        func other() throws -> Tensor { try value(no).flattened() }
        switch try predicate(question) {
        case .sizes(let condition): return try cond(condition, then: one, else: other)
        case .tensor(let condition): return try cond(condition, then: one, else: other)
        }
    }

    private func predicate(_ question: Question) throws -> Predicate {
        switch question {
        case .compare(let a, let relation, let b):
            let (p, q) = (value(a), value(b))
            let condition: SymBool =
                switch relation {
                case .equal: p == q
                case .notEqual: p != q
                case .less: p < q
                case .lessOrEqual: p <= q
                case .greater: p > q
                case .greaterOrEqual: p >= q
                }
            return .sizes(condition)
        case .isMultiple(let a, let b):
            let condition: SymBool = value(a).isMultiple(of: value(b))
            return .sizes(condition)
        case .floatExceeds(let term, let bound): return .tensor(try value(term).sum() .> bound)
        case .intExceeds(let term, let bound): return .tensor(try (value(term) .> 0.1).sum() .> bound)
        case .truth(let term, let bound): return .tensor(try (value(term) .> bound).any())
        case .plainExceeds: return .sizes(SymBool(try answer(question)))
        case .and(let a, let b): return try joined(a, b, { .all([$0, $1]) }, { try $0.logicalAnd($1) })
        case .or(let a, let b): return try joined(a, b, { .any([$0, $1]) }, { try $0.logicalOr($1) })
        case .not(let a):
            switch try predicate(a) {
            case .sizes(let condition): return .sizes(!condition)
            case .tensor(let condition): return .tensor(try condition.logicalNot())
            }
        }
    }

    /// Conditions of two kinds have no joint form: the first then is asked.
    private func joined(
        _ a: Question, _ b: Question, _ sizes: (SymBool, SymBool) -> SymBool, _ tensors: (Tensor, Tensor) throws -> Tensor
    ) throws -> Predicate {
        switch (try predicate(a), try predicate(b)) {
        case (.sizes(let p), .sizes(let q)): return .sizes(sizes(p, q))
        case (.tensor(let p), .tensor(let q)): return .tensor(try tensors(p, q))
        case (.sizes(let p), .tensor(let q)):
            return .tensor(try cond(p, then: { try tensors(try full(true), q) }, else: { try tensors(try full(false), q) }))
        case (.tensor(let p), .sizes(let q)):
            return .tensor(try cond(q, then: { try tensors(p, try full(true)) }, else: { try tensors(p, try full(false)) }))
        }
    }

    private func full(_ value: Bool) throws -> Tensor { try Tensor.zeros([] as [Int]) .> (value ? -1.0 : 1.0) }
}
