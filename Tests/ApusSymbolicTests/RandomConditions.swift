@testable import ApusSymbolic

/// A fixed sequence of pseudo-random numbers, the same in every run.
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
}

/// An integer expression as a plain tree, evaluated by plain arithmetic: what the normal form is judged against.
indirect enum Tree {
    case constant(Int)
    case variable(Int)
    case add(Tree, Tree)
    case subtract(Tree, Tree)
    case multiply(Tree, Tree)
    case floorDiv(Tree, Tree)
    case remainder(Tree, Tree)
    case max(Tree, Tree)
    case min(Tree, Tree)
    case abs(Tree)
    case select(ConditionTree, Tree, Tree)

    func value(_ x: [Int]) -> Int? {
        switch self {
        case .constant(let value): return value
        case .variable(let index): return x[index]
        case .add(let a, let b): return Tree.both(a, b, x) { $0 + $1 }
        case .subtract(let a, let b): return Tree.both(a, b, x) { $0 - $1 }
        case .multiply(let a, let b): return Tree.both(a, b, x) { $0 * $1 }
        case .max(let a, let b): return Tree.both(a, b, x) { $0 > $1 ? $0 : $1 }
        case .min(let a, let b): return Tree.both(a, b, x) { $0 < $1 ? $0 : $1 }
        case .abs(let a): return a.value(x).map { Swift.abs($0) }
        case .select(let condition, let a, let b):
            // Without a value where either part has none: the normal form keeps both.
            guard let holds = condition.value(x), let p = a.value(x), let q = b.value(x) else { return nil }
            return holds ? p : q
        case .floorDiv(let a, let b):
            guard let p = a.value(x), let q = b.value(x), q != 0 else { return nil }
            return Tree.floor(p, q)
        case .remainder(let a, let b):
            guard let p = a.value(x), let q = b.value(x), q != 0 else { return nil }
            return p - q * Tree.floor(p, q)
        }
    }

    private static func both(_ a: Tree, _ b: Tree, _ x: [Int], _ f: (Int, Int) -> Int) -> Int? {
        guard let p = a.value(x), let q = b.value(x) else { return nil }
        return f(p, q)
    }

    private static func floor(_ p: Int, _ q: Int) -> Int {
        var quotient: Int = p / q
        if quotient * q > p && q > 0 || quotient * q < p && q < 0 { quotient -= 1 }
        return quotient
    }

    func size(_ symbols: [SymInt]) -> SymInt {
        switch self {
        case .constant(let value): SymInt(value)
        case .variable(let index): symbols[index]
        case .add(let a, let b): a.size(symbols) + b.size(symbols)
        case .subtract(let a, let b): a.size(symbols) - b.size(symbols)
        case .multiply(let a, let b): a.size(symbols) * b.size(symbols)
        case .floorDiv(let a, let b): a.size(symbols) / b.size(symbols)
        case .remainder(let a, let b): a.size(symbols) % b.size(symbols)
        case .max(let a, let b): ApusSymbolic.max(a.size(symbols), b.size(symbols))
        case .min(let a, let b): ApusSymbolic.min(a.size(symbols), b.size(symbols))
        case .abs(let a): ApusSymbolic.abs(a.size(symbols))
        case .select(let condition, let a, let b): SymInt.select(condition.condition(symbols), a.size(symbols), b.size(symbols))
        }
    }

    /// The text in SMT-LIB. Its `div` rounds so that the remainder is not negative, which for a positive divisor is floor.
    var smt: String {
        switch self {
        case .constant(let value): value < 0 ? "(- \(-value))" : "\(value)"
        case .variable(let index): "x\(index)"
        case .add(let a, let b): "(+ \(a.smt) \(b.smt))"
        case .subtract(let a, let b): "(- \(a.smt) \(b.smt))"
        case .multiply(let a, let b): "(* \(a.smt) \(b.smt))"
        case .floorDiv(let a, let b): "(div \(a.smt) \(b.smt))"
        case .remainder(let a, let b): "(mod \(a.smt) \(b.smt))"
        case .max(let a, let b): "(ite (>= \(a.smt) \(b.smt)) \(a.smt) \(b.smt))"
        case .min(let a, let b): "(ite (<= \(a.smt) \(b.smt)) \(a.smt) \(b.smt))"
        case .abs(let a): "(abs \(a.smt))"
        case .select(let condition, let a, let b): "(ite \(condition.smt) \(a.smt) \(b.smt))"
        }
    }
}

/// A condition as a plain tree.
indirect enum ConditionTree {
    case compare(BoolExpr.Comparison, Tree, Tree)
    case not(ConditionTree)
    case and(ConditionTree, ConditionTree)
    case or(ConditionTree, ConditionTree)
    case isMultiple(Tree, of: Int)

    func value(_ x: [Int]) -> Bool? {
        switch self {
        case .compare(let comparison, let a, let b):
            guard let p = a.value(x), let q = b.value(x) else { return nil }
            return comparison.holds(p, q)
        case .not(let a):
            return a.value(x).map { !$0 }
        case .isMultiple(let a, let divisor): return a.value(x).map { $0 % divisor == 0 }
        case .and(let a, let b):
            // A part without a value (a division by zero) leaves the whole one only where the other part settles it.
            let (p, q) = (a.value(x), b.value(x))
            if p == false || q == false { return false }
            return p == nil || q == nil ? nil : true
        case .or(let a, let b):
            let (p, q) = (a.value(x), b.value(x))
            if p == true || q == true { return true }
            return p == nil || q == nil ? nil : false
        }
    }

    func condition(_ symbols: [SymInt]) -> SymBool {
        switch self {
        case .compare(let comparison, let a, let b):
            let (p, q) = (a.size(symbols), b.size(symbols))
            switch comparison {
            case .equal: return p == q
            case .notEqual: return p != q
            case .less: return p < q
            case .lessOrEqual: return p <= q
            case .greater: return p > q
            case .greaterOrEqual: return p >= q
            }
        case .not(let a): return !a.condition(symbols)
        case .isMultiple(let a, let divisor): return a.size(symbols).isMultiple(of: divisor)
        case .and(let a, let b): return a.condition(symbols) && b.condition(symbols)
        case .or(let a, let b): return a.condition(symbols) || b.condition(symbols)
        }
    }

    var smt: String {
        switch self {
        case .compare(.equal, let a, let b): "(= \(a.smt) \(b.smt))"
        case .compare(.notEqual, let a, let b): "(distinct \(a.smt) \(b.smt))"
        case .compare(let comparison, let a, let b): "(\(comparison.rawValue) \(a.smt) \(b.smt))"
        case .not(let a): "(not \(a.smt))"
        case .isMultiple(let a, let divisor): "(= 0 (mod \(a.smt) \(divisor)))"
        case .and(let a, let b): "(and \(a.smt) \(b.smt))"
        case .or(let a, let b): "(or \(a.smt) \(b.smt))"
        }
    }
}

/// Draws expressions and conditions.
struct Generator {
    enum Kind {
        /// Sums, multiples, floor division and remainder by positive constants, minimum and maximum.
        case linear
        /// Everything: products, symbolic and negative divisors, absolute values and choices included.
        case any
    }

    var random: SplitMix
    let variables: Int
    let kind: Kind

    mutating func tree(_ depth: Int) -> Tree {
        if depth == 0 || random.below(6) == 0 {
            return random.below(4) == 0 ? .constant(random.within(-3...7)) : .variable(random.below(variables))
        }
        let a: Tree = tree(depth - 1)
        switch random.below(kind == .linear ? 9 : 14) {
        case 0, 1: return .add(a, tree(depth - 1))
        case 2: return .subtract(a, tree(depth - 1))
        case 3: return .multiply(.constant(random.within(-3...4)), a)
        case 4, 5: return .floorDiv(a, .constant(random.within(2...6)))
        case 6: return .remainder(a, .constant(random.within(2...6)))
        case 7: return .max(a, tree(depth - 1))
        case 8: return .min(a, tree(depth - 1))
        case 9: return .multiply(a, tree(depth - 1))
        case 10: return .floorDiv(a, tree(depth - 1))
        case 11: return .abs(a)
        case 12: return .select(condition(depth - 1), a, tree(depth - 1))
        default: return .remainder(a, .constant(random.below(2) == 0 ? -2 : -3))
        }
    }

    mutating func condition(_ depth: Int) -> ConditionTree {
        let comparisons: [BoolExpr.Comparison] = [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]
        switch random.below(10) {
        case 0: return .and(literal(depth, comparisons), literal(depth, comparisons))
        case 1: return .or(literal(depth, comparisons), literal(depth, comparisons))
        case 2: return .not(literal(depth, comparisons))
        default: return literal(depth, comparisons)
        }
    }

    private mutating func literal(_ depth: Int, _ comparisons: [BoolExpr.Comparison]) -> ConditionTree {
        let left: Tree = tree(depth)
        if kind == .any, random.below(12) == 0 { return .isMultiple(left, of: random.within(2...5)) }
        let right: Tree = random.below(2) == 0 ? .constant(random.within(-2...8)) : tree(depth > 0 ? depth - 1 : 0)
        return .compare(comparisons[random.below(6)], left, right)
    }
}
