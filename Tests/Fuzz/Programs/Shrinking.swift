// Smaller versions of a tree, the smallest first as far as that is cheap to tell.

extension RandomProgram {
    /// Programs that differ by one cut.
    var smaller: [RandomProgram] {
        var result: [RandomProgram] = []
        func add(_ change: (inout RandomProgram) -> Void) {
            var copy: RandomProgram = self
            change(&copy)
            result.append(copy)
        }
        for body in cuts(of: body) { add { $0.body = body } }
        for term in self.result.smaller { add { $0.result = term } }
        for term in number.smaller { add { $0.number = term } }
        if isJoint { add { $0.isJoint = false } }
        for index in domain.first.indices { for size in domain.first[index].smaller { add { $0.domain.first[index] = size } } }
        for index in domain.second.indices { for size in domain.second[index].smaller { add { $0.domain.second[index] = size } } }
        return result
    }
}

private func cuts(of statements: [Statement]) -> [[Statement]] {
    var result: [[Statement]] = []
    for index in statements.indices {
        var without: [Statement] = statements
        without.remove(at: index)
        result.append(without)
        for replacement in statements[index].inlined {
            result.append(Array(statements[..<index]) + replacement + Array(statements[(index + 1)...]))
        }
    }
    for index in statements.indices {
        for simpler in statements[index].smaller {
            var copy: [Statement] = statements
            copy[index] = simpler
            result.append(copy)
        }
    }
    return result
}

extension Statement {
    /// What may stand in the place of a statement with bodies.
    fileprivate var inlined: [[Statement]] {
        switch self {
        case .branch(_, let yes, let no): [yes, no]
        case .repeated(_, let body), .halving(_, _, let body): [body]
        case .attempt(let body, let other): [body, other]
        default: []
        }
    }

    fileprivate var smaller: [Statement] {
        switch self {
        case .setTensor(let place, let term): return term.smaller.map { .setTensor(place, $0) }
        case .setSize(let place, let term): return term.smaller.map { .setSize(place, $0) }
        case .readCount(let place, let term, let bound): return term.smaller.map { .readCount(place, $0, bound) }
        case .constrain, .fail, .readNumber: return []
        case .attempt(let body, let other):
            return cuts(of: body).map { .attempt($0, else: other) } + cuts(of: other).map { .attempt(body, else: $0) }
        case .branch(let question, let yes, let no):
            let questions: [Statement] = question.smaller.map { .branch($0, yes, no) }
            return questions + cuts(of: yes).map { .branch(question, $0, no) } + cuts(of: no).map { .branch(question, yes, $0) }
        case .repeated(let term, let body):
            return term.smaller.map { .repeated($0, body) } + cuts(of: body).map { .repeated(term, $0) }
        case .halving(let place, let bound, let body): return cuts(of: body).map { .halving(place, above: bound, $0) }
        case .returnNow(let term): return term.smaller.map { .returnNow($0) }
        case .require(let question): return question.smaller.map { .require($0) }
        case .remember(let term): return term.smaller.map { .remember($0) }
        }
    }
}

extension Question {
    fileprivate var smaller: [Question] {
        switch self {
        case .compare(let a, let relation, let b):
            return a.smaller.map { .compare($0, relation, b) } + b.smaller.map { .compare(a, relation, $0) }
        case .floatExceeds(let term, let bound): return term.smaller.map { .floatExceeds($0, bound) }
        case .intExceeds(let term, let bound): return term.smaller.map { .intExceeds($0, bound) }
        case .truth(let term, let bound): return term.smaller.map { .truth($0, bound) }
        case .plainExceeds(let term, let bound): return term.smaller.map { .plainExceeds($0, bound) }
        case .isMultiple(let a, let b): return a.smaller.map { .isMultiple($0, of: b) } + b.smaller.map { .isMultiple(a, of: $0) }
        case .and(let a, let b): return [a, b] + a.smaller.map { .and($0, b) } + b.smaller.map { .and(a, $0) }
        case .or(let a, let b): return [a, b] + a.smaller.map { .or($0, b) } + b.smaller.map { .or(a, $0) }
        case .not(let a): return [a] + a.smaller.map { .not($0) }
        }
    }
}

extension SizeTerm {
    fileprivate var smaller: [SizeTerm] {
        func both(_ a: SizeTerm, _ b: SizeTerm, _ make: (SizeTerm, SizeTerm) -> SizeTerm) -> [SizeTerm] {
            [a, b] + a.smaller.map { make($0, b) } + b.smaller.map { make(a, $0) }
        }
        switch self {
        case .constant(let value): return value == 0 || value == 1 ? [] : [.constant(1), .constant(value > 0 ? value - 1 : 0)]
        case .variable, .dim, .plainDim: return [.constant(1)]
        case .integer(let a): return [a] + a.smaller.map { .integer($0) }
        case .count(let place): return [.constant(1), .dim(tensor: place, 0)]
        case .add(let a, let b): return both(a, b) { .add($0, $1) }
        case .subtract(let a, let b): return both(a, b) { .subtract($0, $1) }
        case .multiply(let a, let b): return both(a, b) { .multiply($0, $1) }
        case .quotient(let a, let b): return both(a, b) { .quotient($0, $1) }
        case .modulus(let a, let b): return both(a, b) { .modulus($0, $1) }
        case .max(let a, let b): return both(a, b) { .max($0, $1) }
        case .min(let a, let b): return both(a, b) { .min($0, $1) }
        case .divide(let a, let d): return [a] + a.smaller.map { .divide($0, d) }
        case .remainder(let a, let d): return [a] + a.smaller.map { .remainder($0, d) }
        }
    }
}

extension TensorTerm {
    fileprivate var smaller: [TensorTerm] {
        switch self {
        case .variable(let place): return place == 0 ? [] : [.variable(0)]
        case .memory: return [.variable(0)]
        case .unary(let operation, let a): return [a] + a.smaller.map { .unary(operation, $0) }
        case .scaled(let a, let b): return [a] + a.smaller.map { .scaled($0, b) } + b.smaller.map { .scaled(a, $0) }
        case .add(let a, let b): return [a, b] + a.smaller.map { .add($0, b) } + b.smaller.map { .add(a, $0) }
        case .cat(let a, let b): return [a, b] + a.smaller.map { .cat($0, b) } + b.smaller.map { .cat(a, $0) }
        case .slice(let a, let from, let to, let step):
            return [a] + a.smaller.map { .slice($0, from: from, to: to, step: step) }
                + from.smaller.map { .slice(a, from: $0, to: to, step: step) }
                + to.smaller.map { .slice(a, from: from, to: $0, step: step) }
        case .narrow(let a, let from, let length):
            return [a] + a.smaller.map { .narrow($0, from: from, length: length) }
                + from.smaller.map { .narrow(a, from: $0, length: length) } + length.smaller.map { .narrow(a, from: from, length: $0) }
        case .reduce(let reduction, let a, let dim): return [a] + a.smaller.map { .reduce(reduction, $0, dim: dim) }
        case .transpose(let a): return [a] + a.smaller.map { .transpose($0) }
        case .flatten(let a): return [a] + a.smaller.map { .flatten($0) }
        case .rows(let a, let length): return [a] + a.smaller.map { .rows($0, length) }
        case .rowsUnasked(let a, let length): return [a] + a.smaller.map { .rowsUnasked($0, length) }
        case .filled(let size, let value): return size.smaller.map { .filled($0, value) }
        case .arange(let size): return size.smaller.map { .arange($0) }
        case .padded(let a, let before, let after):
            return [a] + a.smaller.map { .padded($0, before: before, after: after) }
                + before.smaller.map { .padded(a, before: $0, after: after) } + after.smaller.map { .padded(a, before: before, after: $0) }
        case .select(let a, let index): return [a] + a.smaller.map { .select($0, index) }
        case .masked(let a, let bound): return [a] + a.smaller.map { .masked($0, above: bound) }
        case .attempt(let a, let other):
            return [a, other] + a.smaller.map { .attempt($0, else: other) } + other.smaller.map { .attempt(a, else: $0) }
        case .cond, .map, .scan, .loop, .loopByValue, .gradient: return smallerControlFlow
        }
    }

    private var smallerControlFlow: [TensorTerm] {
        switch self {
        case .cond(let question, let a, let b):
            return [a, b] + question.smaller.map { .cond($0, a, b) } + a.smaller.map { .cond(question, $0, b) }
                + b.smaller.map { .cond(question, a, $0) }
        case .map(let over, let body):
            return [over, body] + over.smaller.map { .map(over: $0, body) } + body.smaller.map { .map(over: over, $0) }
        case .scan(let over, let body, let isReversed, let givesLast):
            func copy(_ over: TensorTerm, _ body: TensorTerm) -> TensorTerm {
                .scan(over: over, body, isReversed: isReversed, givesLast: givesLast)
            }
            return [over, body, .map(over: over, body)] + over.smaller.map { copy($0, body) } + body.smaller.map { copy(over, $0) }
        case .loop(let count, let start, let body, let grows):
            func copy(_ count: SizeTerm, _ start: TensorTerm, _ body: TensorTerm) -> TensorTerm {
                .loop(count, from: start, body, grows: grows)
            }
            return [start, body] + count.smaller.map { copy($0, start, body) } + start.smaller.map { copy(count, $0, body) }
                + body.smaller.map { copy(count, start, $0) }
        case .loopByValue(let counted, let bound, let start, let body):
            func copy(_ counted: TensorTerm, _ start: TensorTerm, _ body: TensorTerm) -> TensorTerm {
                .loopByValue(counted, above: bound, from: start, body)
            }
            return [start, body] + counted.smaller.map { copy($0, start, body) } + start.smaller.map { copy(counted, $0, body) }
                + body.smaller.map { copy(counted, start, $0) }
        case .gradient(let function, let point):
            return [function, point] + function.smaller.map { .gradient(of: $0, at: point) }
                + point.smaller.map { .gradient(of: function, at: $0) }
        default: return []
        }
    }
}

extension Domain.Size {
    fileprivate var smaller: [Domain.Size] {
        switch self {
        case .fixed(let value): return value == 2 ? [] : [.fixed(2)]
        case .range(let range):
            let (low, high) = (range.lowerBound, range.upperBound)
            return high - low < 1 ? [.fixed(low)] : [.fixed(low), .fixed(high), .range(low...(high - 1)), .range((low + 1)...high)]
        case .atLeast(let low): return [.range(low...(low + 6))]
        case .oneOf(let values): return values.map { .fixed($0) }
        case .same: return [.fixed(2), .range(1...4)]
        }
    }
}
