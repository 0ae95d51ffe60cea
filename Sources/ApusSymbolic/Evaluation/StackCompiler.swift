/// Turns the trees of expressions into stack programs. Conditions short-circuit, so that the branch of a choice that is
/// not taken cannot fail.
struct StackCompiler {
    private(set) var program = StackProgram()
    private let slots: [Symbol: Int]
    private var height = 0

    init(_ symbols: [Symbol]) {
        slots = Dictionary(symbols.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func push(_ instruction: StackProgram.Instruction) {
        program.instructions.append(instruction)
        height += 1
        program.depth = max(program.depth, height)
    }

    /// An instruction that replaces the top, or two tops by one.
    private mutating func apply(_ instruction: StackProgram.Instruction, popping count: Int = 0) {
        program.instructions.append(instruction)
        height -= count
    }

    private func slot(_ symbol: Symbol) throws(SymbolicError) -> Int {
        guard let slot = slots[symbol] else {
            throw SymbolicError(.symbolic, "no value is given for \(symbol.displayName)")
        }
        return slot
    }

    /// Adds a branch whose target is set later; its condition is popped.
    private mutating func branch(_ make: (Int) -> StackProgram.Instruction, popping: Bool) -> Int {
        program.instructions.append(make(0))
        if popping { height -= 1 }
        return program.instructions.count - 1
    }

    private mutating func land(_ index: Int, _ make: (Int) -> StackProgram.Instruction) {
        program.instructions[index] = make(program.instructions.count)
    }

    mutating func emit(_ view: SymExpr.View) throws(SymbolicError) {
        switch view {
        case .constant(let value): push(.constant(value))
        case .symbol(let symbol):
            let index: Int = try slot(symbol)
            push(.slot(index))
        case .sum(let parts): try fold(parts, .add)
        case .product(let parts): try fold(parts, .multiply)
        case .max(let parts): try fold(parts, .max)
        case .min(let parts): try fold(parts, .min)
        case .floorDiv(let p, let q): try fold([p, q], .floorDiv)
        case .remainder(let p, let q): try fold([p, q], .remainder)
        case .select(let condition, let p, let q):
            try emit(condition)
            let toElse: Int = branch({ .branchIfFalse($0) }, popping: true)
            try emit(p)
            let toEnd: Int = branch({ .jump($0) }, popping: false)
            height -= 1
            land(toElse) { .branchIfFalse($0) }
            try emit(q)
            land(toEnd) { .jump($0) }
        case .rounded(let value, let rule):
            try emit(value)
            apply(.round(rule))
        }
    }

    private mutating func fold(
        _ parts: [SymExpr.View], _ operation: StackProgram.Instruction
    ) throws(SymbolicError) {
        for (index, part) in parts.enumerated() {
            try emit(part)
            if index > 0 { apply(operation, popping: 1) }
        }
    }

    mutating func emit(_ view: BoolExpr.View) throws(SymbolicError) {
        switch view {
        case .constant(let value): push(.constant(value ? 1 : 0))
        case .comparison(let p, let comparison, let q):
            try emit(p)
            try emit(q)
            apply(.compare(comparison), popping: 1)
        case .floatComparison(let a, let relation, let b):
            try emit(a)
            try emit(b)
            apply(.compareFloats(relation), popping: 1)
        case .not(let part):
            try emit(part)
            apply(.not)
        case .all(let parts): try connect(parts, decisive: false)
        case .any(let parts): try connect(parts, decisive: true)
        }
    }

    private mutating func connect(_ parts: [BoolExpr.View], decisive: Bool) throws(SymbolicError) {
        let make: (Int) -> StackProgram.Instruction = { decisive ? .branchIfTrue($0) : .branchIfFalse($0) }
        var exits: [Int] = []
        for part in parts {
            try emit(part)
            exits.append(branch(make, popping: true))
        }
        push(.constant(decisive ? 0 : 1))
        let toEnd: Int = branch({ .jump($0) }, popping: false)
        height -= 1
        for exit in exits { land(exit, make) }
        push(.constant(decisive ? 1 : 0))
        land(toEnd) { .jump($0) }
    }

    mutating func emit(_ view: FloatExpr.View) throws(SymbolicError) {
        switch view {
        case .constant(let value): push(.real(value))
        case .symbol(let symbol):
            let index: Int = try slot(symbol)
            push(.floatSlot(index))
        case .integer(let p):
            try emit(p)
            apply(.toFloat)
        case .unary(let operation, let a):
            try emit(a)
            apply(.unary(operation))
        case .binary(let operation, let a, let b):
            try emit(a)
            try emit(b)
            apply(.binary(operation), popping: 1)
        }
    }
}
