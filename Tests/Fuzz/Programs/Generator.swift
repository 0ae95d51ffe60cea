/// Draws programs.
struct Generator {
    private var random: SplitMix
    private var budget: Int

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
        budget = 0
    }

    mutating func program() -> RandomProgram {
        budget = 4 + random.below(9)
        let domain = Domain(first: dimensions(after: 0), second: [])
        let second: [Domain.Size] = dimensions(after: domain.first.count)
        let body: [Statement] = statements(depth: 0)
        return RandomProgram(
            body: body, result: tensor(2), number: size(1), domain: Domain(first: domain.first, second: second), isJoint: random.chance(12))
    }

    private mutating func dimensions(after count: Int) -> [Domain.Size] {
        (0..<(random.chance(70) ? 1 : 2)).map { index in
            let position: Int = count + index
            switch random.below(12) {
            case 0...1: return .fixed(1 + random.below(6))
            case 2...6:
                let low: Int = random.below(4)
                return .range(low...(low + 1 + random.below(9)))
            case 7: return .atLeast(random.below(3))
            case 8...9:
                let step: Int = 1 + random.below(4)
                return .oneOf(Array(Set((0..<(2 + random.below(3))).map { _ in step * (1 + random.below(5)) })).sorted())
            default: return position == 0 ? .range(1...8) : .same(random.below(position))
            }
        }
    }

    private mutating func statements(depth: Int) -> [Statement] {
        var result: [Statement] = []
        let wanted: Int = 1 + random.below(depth == 0 ? 6 : 3)
        while result.count < wanted, budget > 0 {
            budget -= 1
            result.append(statement(depth))
        }
        return result
    }

    private mutating func statement(_ depth: Int) -> Statement {
        switch random.below(depth < 3 ? 28 : 19) {
        case 0...6: return .setTensor(random.below(3), tensor(2))
        case 7...9: return .setSize(random.below(5), size(2))
        case 10: return .readCount(random.below(5), tensor(1), 0.1)
        case 11: return .constrain(random.below(5), max: 2 + random.below(12))
        case 12: return .remember(tensor(1))
        case 13: return random.chance(50) ? .returnNow(tensor(2)) : .setTensor(0, tensor(3))
        case 14: return random.chance(30) ? .require(question(1)) : .setTensor(1, tensor(2))
        case 15, 18: return .readNumber(random.below(5), element: random.below(4))
        case 16, 17: return .setTensor(random.below(3), controlFlow(1))
        case 19...23: return .branch(question(1), statements(depth: depth + 1), branchEnd(depth))
        case 24: return .repeated(size(1), statements(depth: depth + 1))
        case 25: return .halving(random.below(5), above: 1 + random.below(3), statements(depth: depth + 1))
        case 26: return .attempt(statements(depth: depth + 1), else: statements(depth: depth + 1))
        default: return .branch(question(1), [random.chance(50) ? .fail : .returnNow(tensor(1))], [])
        }
    }

    private mutating func branchEnd(_ depth: Int) -> [Statement] { random.chance(50) ? [] : statements(depth: depth + 1) }

    private mutating func question(_ depth: Int) -> Question {
        switch random.below(depth > 0 ? 16 : 12) {
        case 0...3: return .compare(size(1), random.element(Question.Relation.allCases), .constant(random.below(9)))
        case 4...5: return .compare(size(1), random.element(Question.Relation.allCases), size(1))
        case 6: return .compare(.remainder(size(1), 2 + random.below(3)), .equal, .constant(0))
        case 7: return .floatExceeds(tensor(1), 0.1)
        case 8: return .truth(tensor(1), random.chance(50) ? 0.1 : 1.1)
        case 9: return .intExceeds(tensor(1), random.below(4))
        case 10: return .isMultiple(size(1), of: random.chance(50) ? .constant(2 + random.below(3)) : divisor(1))
        case 11: return random.chance(40) ? .plainExceeds(tensor(1), 0.1) : .compare(size(1), .greater, .constant(random.below(5)))
        case 12...13: return .and(question(depth - 1), question(depth - 1))
        case 14: return .or(question(depth - 1), question(depth - 1))
        default: return .not(question(depth - 1))
        }
    }

    private mutating func size(_ depth: Int) -> SizeTerm {
        if depth == 0 || random.chance(35) {
            switch random.below(8) {
            case 0...1: return .constant(random.below(8) - 1)
            case 2...3: return .variable(random.below(5))
            case 4: return .count(tensor: random.below(3))
            default:
                let (place, dim) = (random.below(3), random.below(2))
                return random.chance(4) ? .plainDim(tensor: place, dim) : .dim(tensor: place, dim)
            }
        }
        switch random.below(11) {
        case 0...1: return .add(size(depth - 1), size(depth - 1))
        case 2: return .subtract(size(depth - 1), size(depth - 1))
        case 3: return .multiply(size(depth - 1), random.chance(70) ? .constant(2 + random.below(2)) : size(depth - 1))
        case 4...5: return .divide(size(depth - 1), random.chance(15) ? -2 : 2 + random.below(3))
        case 6: return .remainder(size(depth - 1), random.chance(15) ? -3 : 2 + random.below(3))
        case 7: return random.chance(50) ? .quotient(size(depth - 1), divisor(depth - 1)) : .modulus(size(depth - 1), divisor(depth - 1))
        case 8: return random.chance(30) ? .integer(size(depth - 1)) : .add(size(depth - 1), .constant(1))
        case 9: return .max(size(depth - 1), size(depth - 1))
        default: return .min(size(depth - 1), size(depth - 1))
        }
    }

    /// Mostly one that is not zero.
    private mutating func divisor(_ depth: Int) -> SizeTerm { random.chance(80) ? .max(size(depth), .constant(1)) : size(depth) }

    private mutating func tensor(_ depth: Int) -> TensorTerm {
        if depth == 0 || random.chance(20) { return random.chance(12) ? .memory : .variable(random.below(3)) }
        let next: Int = depth - 1
        switch random.below(26) {
        case 20: return .masked(tensor(next), above: random.chance(50) ? 0.1 : -0.6)
        case 21: return .attempt(tensor(next), else: tensor(next))
        case 22...25: return controlFlow(next)
        case 0...3: return .unary(random.element(TensorTerm.Unary.allCases), tensor(next))
        case 4: return .scaled(tensor(next), size(1))
        case 5...7: return .add(tensor(next), tensor(next))
        case 8: return .slice(tensor(next), from: size(1), to: size(1), step: 1 + random.below(2))
        case 9...10: return .narrow(tensor(next), from: size(1), length: size(1))
        case 11...12: return .cat(tensor(next), tensor(next))
        case 13: return .reduce(random.element(TensorTerm.Reduction.allCases), tensor(next), dim: random.chance(50) ? 0 : nil)
        case 14: return random.chance(50) ? .transpose(tensor(next)) : .flatten(tensor(next))
        case 15: return .rows(tensor(next), 2 + random.below(3))
        case 16: return random.chance(25) ? .rowsUnasked(tensor(next), 2) : .rows(tensor(next), 2)
        case 17: return random.chance(50) ? .filled(size(1), 0.25) : .arange(size(1))
        case 18: return .padded(tensor(next), before: size(1), after: size(1))
        default: return random.chance(40) ? .select(tensor(next), .constant(random.below(4) - 2)) : .unary(.cos, tensor(next))
        }
    }
    private mutating func controlFlow(_ depth: Int) -> TensorTerm {
        switch random.below(10) {
        case 0...2: return .cond(question(1), tensor(depth), tensor(depth))
        case 3: return .map(over: tensor(depth), body())
        case 4...5: return .scan(over: tensor(depth), body(), isReversed: random.chance(30), givesLast: random.chance(50))
        case 6: return .loop(size(1), from: tensor(depth), body(), grows: random.chance(40))
        case 7: return .loopByValue(tensor(depth), above: 0.1, from: tensor(depth), body())
        default: return .gradient(of: body(), at: tensor(depth))
        }
    }

    /// What sees a variable of its own in place 0, and mostly uses it.
    private mutating func body() -> TensorTerm {
        random.chance(70) ? .unary(random.element(TensorTerm.Unary.allCases), .add(.variable(0), tensor(1))) : tensor(2)
    }
}
