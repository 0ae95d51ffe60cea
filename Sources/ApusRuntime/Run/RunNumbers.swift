import ApusGraph
import ApusSymbolic
import ApusTensor

/// The numbers that a run reads from tensors, by their symbols. Belongs to a bound program and its loops' bodies.
final class RunNumbers {
    private(set) var slots: [Symbol: Int] = [:]
    fileprivate var integers: [Int] = []
    fileprivate var floats: [Double] = []

    var isEmpty: Bool { slots.isEmpty }

    func contains(_ symbol: Symbol) -> Bool { slots[symbol] != nil }

    /// The place of a symbol's value.
    func slot(of symbol: Symbol) -> Int {
        if let known = slots[symbol] { return known }
        slots[symbol] = integers.count
        integers.append(0)
        floats.append(0)
        return integers.count - 1
    }

    func set(_ slot: Int, _ value: RuntimeValue) {
        switch value {
        case .int(let value): integers[slot] = value
        case .bool(let value): integers[slot] = value ? 1 : 0
        case .float(let value): floats[slot] = value
        default: break
        }
    }
}

/// An operator's argument, or a result, that follows from numbers which a run reads.
struct RunNumber {
    private enum Code {
        case size(CompiledExpression)
        case float(CompiledFloat)
        case condition(CompiledCondition)
    }

    private let argument: OperatorArgument
    private let code: Code
    private let numbers: RunNumbers
    private let known: SymbolValues
    /// For each symbol its place among the numbers; nil where the value has been known before.
    private let slots: [(symbol: Symbol, slot: Int?)]
    private let integers: [Int]
    private let floats: [Double]

    /// - Parameter known: the symbols that have the same values in each run; nil is made of an argument with others, and of one that is no number
    init?(_ argument: OperatorArgument, _ numbers: RunNumbers, knowing known: SymbolValues) {
        let symbols: [Symbol] = argument.freeSymbols
        switch argument {
        case .scalar(.int(let size)):
            guard let program = try? CompiledExpression(size, symbols: symbols) else { return nil }
            code = .size(program)
        case .scalar(.float(let number)):
            guard let program = try? CompiledFloat(number, symbols: symbols) else { return nil }
            code = .float(program)
        case .symBool(let condition):
            guard let program = try? CompiledCondition(condition, symbols: symbols) else { return nil }
            code = .condition(program)
        default: return nil
        }
        slots = symbols.map { ($0, numbers.slots[$0]) }
        guard slots.allSatisfy({ $0.slot != nil || known.knows($0.symbol) }) else { return nil }
        integers = symbols.map { known.assignment[$0] ?? 0 }
        floats = symbols.map { known.assignment.floats[$0] ?? 0 }
        (self.argument, self.numbers, self.known) = (argument, numbers, known)
    }

    /// The number by what has been read. Throws where it overflows, or a division is by zero.
    func value(in name: String) throws -> OperatorArgument {
        var (integers, floats): ([Int], [Double]) = (integers, floats)
        for (position, place) in slots.enumerated() {
            guard let slot = place.slot else { continue }
            integers[position] = numbers.integers[slot]
            floats[position] = numbers.floats[slot]
        }
        switch code {
        case .size(let program): if let value = program.evaluate(integers, floats: floats) { return .int(value) }
        case .float(let program): if let value = program.evaluate(integers, floats: floats) { return .double(value) }
        case .condition(let program): if let value = program.evaluate(integers, floats: floats) { return .bool(value) }
        }
        return try values.concrete(argument, in: name)  // throws in words
    }

    /// The error of a check of this number.
    func explained(_ error: TensorError) -> TensorError { values.explained(error, slots.map(\.symbol)) }

    /// What is known of its symbols in this run, for the words of errors.
    private var values: SymbolValues {
        var assignment: Assignment = known.assignment
        for (symbol, slot) in slots {
            guard let slot else { continue }
            if symbol.kind == .unbackedFloat {
                assignment.floats[symbol] = numbers.floats[slot]
            } else {
                assignment[symbol] = numbers.integers[slot]
            }
        }
        return SymbolValues(assignment)
    }

    func holds(in name: String) throws -> Bool {
        switch try value(in: name) {
        case .scalar(.bool(let holds)): holds
        case .symBool(let condition) where condition.constant != nil: condition.constant ?? false
        default: throw TensorError(.invalidArgument, in: name, "the predicate must be a truth value or a tensor of one bool")
        }
    }
}
