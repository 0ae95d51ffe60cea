import Apus
import Synchronization

/// The buffer that programs may change.
public final class Memory: Module {
    @Buffer public var kept: Tensor

    public init() throws { kept = try Tensor([0.5, -1, 2] as [Float], shape: [3]) }
}

/// What a program throws by itself.
public struct Refusal: Error, CustomStringConvertible {
    public var description: String { "the program refuses this input" }
}

extension RandomProgram {
    /// The meaning of a program: one Swift function, which runs eagerly and is traced.
    func callAsFunction(_ inputs: [Tensor], _ memory: Memory) throws -> (tensor: Tensor, number: SymInt) {
        let tensors: [Tensor] = Array(inputs.prefix(2))
        var machine = Machine(tensors: tensors, numbers: inputs[2], sizes: tensors.flatMap(\.shape.sizes) + [2], memory: memory)
        let early: Tensor? = try machine.run(body)
        let value: Tensor = try early ?? machine.value(result)
        return (try value.flattened(), machine.value(number))
    }
}

/// Learns of numbers that a function computes and that no integer is: a program rejects such an input, even where it never looks at the number.
final class InvalidNumbers: Sendable {
    @TaskLocal static var current: InvalidNumbers?
    private let found = Atomic<Bool>(false)

    var exist: Bool { found.load(ordering: .relaxed) }
    func note() { found.store(true, ordering: .relaxed) }
}

/// Learns of errors in bodies of branches and loops: where the function catches one, the program rejects the input.
final class BodyErrors: Sendable {
    @TaskLocal static var current: BodyErrors?
    private let found = Atomic<Bool>(false)

    var exist: Bool { found.load(ordering: .relaxed) }
    func note() { found.store(true, ordering: .relaxed) }
}

struct Machine {
    var tensors: [Tensor]
    /// The third input.
    let numbers: Tensor
    var sizes: [SymInt]
    let memory: Memory
    /// The size variables that hold a number read from a tensor, as it was read.
    var read: Set<Int> = []
    /// Loops nest; what is left of the steps bounds them.
    var steps = 60

    /// Runs statements; a tensor when one of them returned.
    mutating func run(_ statements: [Statement]) throws -> Tensor? {
        for statement in statements {
            steps -= 1
            if steps < 0 { return nil }
            if let early = try run(statement) { return early }
        }
        return nil
    }

    private mutating func run(_ statement: Statement) throws -> Tensor? {
        switch statement {
        case .setTensor(let place, let term):
            tensors[place % tensors.count] = try value(term)
        case .setSize(let place, let term):
            sizes[place % sizes.count] = value(term)
            read.remove(place % sizes.count)
        case .readCount(let place, let term, let bound):
            let count: SymInt = try (value(term) .> bound).sum().item()
            sizes[place % sizes.count] = count
            read.insert(place % sizes.count)
        case .readNumber(let place, let element):
            sizes[place % sizes.count] = try numbers[element % 4].item()
            read.insert(place % sizes.count)
        case .constrain(let place, let bound):
            if read.contains(place % sizes.count) { try constrainAsValue(sizes[place % sizes.count], min: 0, max: bound) }
        case .branch(let question, let yes, let no):
            return try run(try answer(question) ? yes : no)
        case .repeated(let term, let body):
            for _ in 0..<min(value(term), 4) {
                if let early = try run(body) { return early }
            }
        case .halving(let place, let bound, let body):
            var turns = 0
            while turns < 5, sizes[place % sizes.count] > bound {
                if let early = try run(body) { return early }
                sizes[place % sizes.count] = sizes[place % sizes.count] / 2
                read.remove(place % sizes.count)
                turns += 1
            }
        case .returnNow(let term):
            return try value(term)
        case .fail:
            throw Refusal()
        case .require(let question):
            if !(try answer(question)) { throw Refusal() }
        case .remember(let term):
            memory.kept = try memory.kept * 0.5 + value(term).sum()
        case .attempt(let body, let other):
            do { return try run(body) } catch { return try run(other) }
        }
        return nil
    }

    func value(_ term: SizeTerm) -> SymInt {
        let number: SymInt = computed(term)
        // The least integer counts as one that does not fit.
        if number.isInvalid || number.constant == .min { InvalidNumbers.current?.note() }
        return number
    }

    private func computed(_ term: SizeTerm) -> SymInt {
        switch term {
        case .constant(let value): return SymInt(value)
        case .variable(let place): return sizes[place % sizes.count]
        case .dim(let place, let dim):
            let shape: [SymInt] = tensors[place % tensors.count].shape.sizes
            return shape.isEmpty ? 1 : shape[dim % shape.count]
        case .count(let place): return tensors[place % tensors.count].shape.sizes.reduce(1, *)
        case .add(let a, let b): return value(a) + value(b)
        case .subtract(let a, let b): return value(a) - value(b)
        case .multiply(let a, let b): return value(a) * value(b)
        case .divide(let a, let d): return value(a) / d
        case .remainder(let a, let d): return value(a) % d
        case .quotient(let a, let b): return value(a) / value(b)
        case .modulus(let a, let b): return value(a) % value(b)
        case .max(let a, let b): return max(value(a), value(b))
        case .min(let a, let b): return min(value(a), value(b))
        case .integer(let a): return SymInt(Int(value(a)))
        case .plainDim(let place, let dim):
            guard let shape = try? tensors[place % tensors.count].sizes, !shape.isEmpty else { return 1 }
            return SymInt(shape[dim % shape.count])
        }
    }

    func answer(_ question: Question) throws -> Bool {
        switch question {
        case .compare(let a, let relation, let b):
            let (p, q) = (value(a), value(b))
            switch relation {
            case .equal: return p == q
            case .notEqual: return p != q
            case .less: return p < q
            case .lessOrEqual: return p <= q
            case .greater: return p > q
            case .greaterOrEqual: return p >= q
            }
        case .isMultiple(let a, let b): return value(a).isMultiple(of: value(b))
        case .plainExceeds(let term, let bound):
            guard let element = try? value(term).sum().item(Double.self) else { return false }
            return element > bound
        case .floatExceeds(let term, let bound):
            let element: SymFloat = try value(term).sum().item(SymFloat.self)
            return element > bound
        case .intExceeds(let term, let bound):
            let count: SymInt = try (value(term) .> 0.1).sum().item()
            return count > bound
        case .truth(let term, let bound): return try (value(term) .> bound).any().item(Bool.self)
        case .and(let a, let b): return try answer(a) && answer(b)
        case .or(let a, let b): return try answer(a) || answer(b)
        case .not(let a): return try !answer(a)
        }
    }

    func value(_ term: TensorTerm) throws -> Tensor {
        switch term {
        case .variable(let place): return tensors[place % tensors.count]
        case .memory: return memory.kept
        case .unary(let operation, let a): return try apply(operation, value(a))
        case .scaled(let a, let factor): return try value(a) * value(factor)
        case .add(let a, let b):
            let (p, q) = (try value(a), try value(b))
            return try p + (haveSameShape(p, q) ? q : q.sum())
        case .slice(let a, let from, let to, let step):
            let p: Tensor = try atLeastVector(value(a))
            return try p.sliced(dim: 0, from: value(from), to: value(to), step: SymInt(step))
        case .narrow(let a, let from, let length):
            let p: Tensor = try atLeastVector(value(a))
            let size: SymInt = p.shape[0]
            let start: SymInt = min(max(value(from), 0), size)
            return try p.narrowed(dim: 0, from: start, length: min(max(value(length), 0), size - start))
        case .cat(let a, let b): return try Tensor.cat([value(a).flattened(), value(b).flattened()])
        case .reduce(let reduction, let a, let dim): return try reduce(reduction, value(a), dim)
        case .transpose(let a):
            let p: Tensor = try value(a)
            return p.rank < 2 ? p : try p.transposed(0, 1)
        case .flatten(let a): return try value(a).flattened()
        case .rows(let a, let length):
            let p: Tensor = try value(a).flattened()
            let size: SymInt = p.shape[0]
            return size % length == 0 ? try p.reshaped([size / length, SymInt(length)]) : p
        case .rowsUnasked(let a, let length): return try value(a).flattened().reshaped([-1, SymInt(length)])
        case .filled(let size, let value): return try Tensor.full([bounded(self.value(size))], value, dtype: .float32)
        case .arange(let size): return try Tensor.arange(bounded(value(size)), dtype: .float32)
        case .padded(let a, let before, let after):
            return try value(a).flattened().padded([bounded(value(before)), bounded(value(after))], value: 1)
        case .select(let a, let index): return try atLeastVector(value(a)).select(dim: 0, index: value(index))
        case .masked(let a, let bound):
            let p: Tensor = try value(a)
            return try p.maskedSelect(p .> bound)
        case .attempt(let a, let other): return try (try? value(a)) ?? value(other)
        case .gradient: return try controlFlow(term)
        case .cond, .map, .scan, .loop, .loopByValue:
            do { return try controlFlow(term) } catch {
                BodyErrors.current?.note()
                throw error
            }
        }
    }

    /// Kept within what a test can hold.
    private func bounded(_ size: SymInt) -> SymInt { min(max(size, 0), 40) }

    func atLeastVector(_ x: Tensor) throws -> Tensor { x.rank == 0 ? try x.reshaped([1] as [Int]) : x }

    private func haveSameShape(_ a: Tensor, _ b: Tensor) -> Bool {
        guard a.rank == b.rank else { return false }
        for (p, q) in zip(a.shape.sizes, b.shape.sizes) where p != q { return false }
        return true
    }

    private func apply(_ operation: TensorTerm.Unary, _ x: Tensor) throws -> Tensor {
        switch operation {
        case .cos: try x.cos()
        case .relu: try x.relu()
        case .negate: try x * -1
        case .abs: try x.abs()
        case .tanh: try x.tanh()
        case .square: try x * x
        case .softmax: try atLeastVector(x).softmax(dim: -1)
        case .cumsum: try atLeastVector(x).cumsum(dim: 0)
        case .flip: try atLeastVector(x).flipped([0])
        }
    }

    private func reduce(_ reduction: TensorTerm.Reduction, _ x: Tensor, _ dim: Int?) throws -> Tensor {
        guard let dim, x.rank > 0 else {
            switch reduction {
            case .sum: return try x.sum()
            case .mean: return try x.mean()
            case .amax: return try x.amax()
            case .amin: return try x.amin()
            }
        }
        switch reduction {
        case .sum: return try x.sum(dim: dim % x.rank)
        case .mean: return try x.mean(dim: dim % x.rank)
        case .amax: return try x.amax(dim: dim % x.rank)
        case .amin: return try x.amin(dim: dim % x.rank)
        }
    }
}
