/// An expression compiled for repeated evaluation: a small stack program over the values of given symbols.
///
/// Evaluation is exact and never traps; it gives `nil` when a division is by zero or the result does not fit `Int`. What leads to the result
/// may leave `Int`, up to 128 bits: the normal form of arithmetic that fits need not fit itself. It allocates nothing, and one compiled
/// expression may be evaluated from many tasks at once.
package struct CompiledExpression: Sendable {
    private let program: StackProgram

    /// Compiles a size. `symbols` gives the order of the values; a symbol that is not listed throws.
    package init(_ size: SymInt, symbols: [Symbol]) throws(SymbolicError) {
        guard let view = size.view else { throw size.fault ?? SymbolicError(.tooComplex, "invalid size") }
        var compiler = StackCompiler(symbols)
        try compiler.emit(view)
        program = compiler.program
    }

    /// The value, given one per symbol; symbols that are floats read `floats` at the same position.
    package func evaluate(_ values: [Int], floats: [Double] = []) -> Int? {
        values.withUnsafeBufferPointer { program.run($0, floats).flatMap { Int(exactly: $0) } }
    }

    package func evaluate(_ values: UnsafeBufferPointer<Int>) -> Int? {
        program.run(values, []).flatMap { Int(exactly: $0) }
    }
}

/// A condition compiled for repeated evaluation; see ``CompiledExpression``.
package struct CompiledCondition: Sendable {
    private let program: StackProgram

    package init(_ condition: SymBool, symbols: [Symbol]) throws(SymbolicError) {
        guard let view = condition.view else { throw condition.fault ?? SymbolicError(.tooComplex, "invalid condition") }
        var compiler = StackCompiler(symbols)
        try compiler.emit(view)
        program = compiler.program
    }

    /// Whether the condition holds; `nil` when it has no value there.
    package func evaluate(_ values: [Int], floats: [Double] = []) -> Bool? {
        values.withUnsafeBufferPointer { program.run($0, floats).map { $0 != 0 } }
    }

    package func evaluate(_ values: UnsafeBufferPointer<Int>) -> Bool? { program.run(values, []).map { $0 != 0 } }
}

/// A float expression compiled for repeated evaluation; see ``CompiledExpression``.
package struct CompiledFloat: Sendable {
    private let program: StackProgram

    package init(_ value: SymFloat, symbols: [Symbol]) throws(SymbolicError) {
        guard let view = value.view else { throw value.fault ?? SymbolicError(.tooComplex, "invalid value") }
        var compiler = StackCompiler(symbols)
        try compiler.emit(view)
        program = compiler.program
    }

    package func evaluate(_ values: [Int], floats: [Double] = []) -> Double? {
        values.withUnsafeBufferPointer { program.run($0, floats).map(StackProgram.float) }
    }
}

/// Instructions over a stack of wide integers; conditions are 0 and 1, floats travel as bit patterns.
struct StackProgram: Sendable {
    enum Instruction: Sendable {
        case constant(Int)
        case real(Double)
        case slot(Int)
        case floatSlot(Int)
        case add, multiply, floorDiv, remainder, max, min
        case compare(BoolExpr.Comparison)
        case compareFloats(FloatExpr.Relation)
        case not
        case toFloat
        case round(FloatRounding)
        case unary(FloatExpr.Unary)
        case binary(FloatExpr.Binary)
        /// Pops a condition; goes on at the target when it is false.
        case branchIfFalse(Int)
        case branchIfTrue(Int)
        case jump(Int)
    }

    var instructions: [Instruction] = []
    var depth = 0

    static func float(_ bits: Int128) -> Double { Double(bitPattern: UInt64(truncatingIfNeeded: bits)) }
    static func bits(_ value: Double) -> Int128 { Int128(value.bitPattern) }

    func run(_ values: UnsafeBufferPointer<Int>, _ floats: [Double]) -> Int128? {
        withUnsafeTemporaryAllocation(of: Int128.self, capacity: depth) { stack in
            instructions.withUnsafeBufferPointer { run($0, values, floats, stack) }
        }
    }

    private func run(
        _ code: UnsafeBufferPointer<Instruction>, _ values: UnsafeBufferPointer<Int>, _ floats: [Double],
        _ stack: UnsafeMutableBufferPointer<Int128>
    ) -> Int128? {
        var top = -1
        var position = 0
        while position < code.count {
            let instruction: Instruction = code[position]
            position += 1
            switch instruction {
            case .constant(let value):
                top += 1
                stack[top] = Int128(value)
            case .real(let value):
                top += 1
                stack[top] = StackProgram.bits(value)
            case .slot(let index):
                guard index < values.count else { return nil }
                top += 1
                stack[top] = Int128(values[index])
            case .floatSlot(let index):
                guard index < floats.count else { return nil }
                top += 1
                stack[top] = StackProgram.bits(floats[index])
            case .not:
                stack[top] = 1 - stack[top]
            case .toFloat:
                stack[top] = StackProgram.bits(Double(stack[top]))
            case .round(let rule):
                guard let rounded = Int(exactly: rule.apply(StackProgram.float(stack[top]))) else { return nil }
                stack[top] = Int128(rounded)
            case .unary(let operation):
                stack[top] = StackProgram.bits(operation.apply(StackProgram.float(stack[top])))
            case .branchIfFalse(let target):
                if stack[top] == 0 { position = target }
                top -= 1
            case .branchIfTrue(let target):
                if stack[top] != 0 { position = target }
                top -= 1
            case .jump(let target):
                position = target
            default:
                guard let result = StackProgram.binary(instruction, stack[top - 1], stack[top]) else { return nil }
                top -= 1
                stack[top] = result
            }
        }
        return top == 0 ? stack[0] : nil
    }

    private static func binary(_ instruction: Instruction, _ a: Int128, _ b: Int128) -> Int128? {
        switch instruction {
        case .add:
            let (sum, overflow) = a.addingReportingOverflow(b)
            return overflow ? nil : sum
        case .multiply:
            let (product, overflow) = a.multipliedReportingOverflow(by: b)
            return overflow ? nil : product
        case .floorDiv:
            // Division of 64 bits is many times faster.
            guard let x = Int(exactly: a), let y = Int(exactly: b), x != .min else { return floorQuotient(a, b) }
            return floorQuotient(x, y).map { Int128($0) }
        case .remainder:
            if b == 0 { return nil }
            guard let x = Int(exactly: a), let y = Int(exactly: b) else { return floorRemainder(a, b) }
            return Int128(floorRemainder(x, y))
        case .max: return a < b ? b : a
        case .min: return b < a ? b : a
        case .compare(let comparison): return comparison.holds(a, b) ? 1 : 0
        case .compareFloats(let relation): return relation.holds(float(a), float(b)) ? 1 : 0
        case .binary(let operation): return bits(operation.apply(float(a), float(b)))
        default: return nil
        }
    }
}

extension BoolExpr.Comparison {
    func holds<T: Comparable>(_ a: T, _ b: T) -> Bool {
        switch self {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}
