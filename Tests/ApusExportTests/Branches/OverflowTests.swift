import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Numbers that leave 64 bits, or are divided by zero: eager code throws, and a program rejects the input.
@Suite("Overflow of numbers that are read") struct OverflowTests {
    private let x: Tensor

    init() throws { x = try Tensor([0.5, 1, 2] as [Float], shape: [3]) }

    private func number(_ value: Int) throws -> Tensor { try Tensor([value], shape: []) }

    /// At each number: what the function gives the program gives too, or it rejects the input; and where the function throws, it throws.
    /// Returns how many inputs the program takes.
    @discardableResult
    private func sweep(
        _ numbers: [Int], sourceLocation: SourceLocation = #_sourceLocation, _ f: @escaping (Tensor, Tensor) throws -> Tensor
    ) throws -> Int {
        let program = try export(f, args: x, number(1))
        try verify(program.graph, scope: program.scope)
        var accepted = 0
        for value in numbers {
            let y = try number(value)
            let expected = Result { try f(x, y).array(of: Float.self) }
            let actual = Result { () throws -> [Float] in
                let result: Tensor = try program(x, y)
                return try result.array(of: Float.self)
            }
            switch (expected, actual) {
            case (.success(let wanted), .success(let given)):
                accepted += 1
                #expect(wanted == given, "at \(value)", sourceLocation: sourceLocation)
            case (.failure(let error), .success(let given)):
                Issue.record("at \(value): eager throws \(error), the program gives \(given)", sourceLocation: sourceLocation)
            case (_, .failure(let error)): #expect(error is TensorError, "at \(value): \(error)", sourceLocation: sourceLocation)
            }
        }
        return accepted
    }

    private let extremes: [Int] = [
        .min, .min + 1, .min / 2, -(1 << 40), -3, -1, 0, 1, 2, 3, 8, (1 << 40) + 3, .max / 3, .max / 2, .max - 1, .max,
    ]

    /// CE1 of the audit.
    private static func hashed(x: Tensor, y: Tensor) throws -> Tensor {
        let k = try y.item()
        return k * 2_654_435_761 % 8 == 3 ? try x.cos() : try x.sin()
    }

    @Test("A product that overflows decides no branch") func product() throws {
        let accepted = try sweep(extremes) { try Self.hashed(x: $0, y: $1) }
        #expect(accepted == 7)
        let far = try number((1 << 40) + 3)
        let eager = #expect(throws: TensorError.self) { _ = try Self.hashed(x: x, y: far) }
        #expect(eager?.code == .overflow)
        #expect(eager?.unplaced == "a comparison has no answer: integer overflow in 1099511627779 * 2654435761")
        let program = try export(Self.hashed, args: x, number(1))
        let rejected = #expect(throws: TensorError.self) { let _: Tensor = try program(x, far) }
        #expect(rejected?.code == .checkFailed)
        #expect(rejected?.unplaced == "integer overflow: '2654435761*y.item()' does not fit in 64 bits, where y.item() = 1099511627779")
    }

    @Test("A sum that the normal form cancels") func cancelled() throws {
        // Eager code: false at Int.max, and the cosine is not taken. Over all integers it is true.
        let accepted = try sweep(extremes) { x, y in
            let k = try y.item()
            return k + 1 > k ? try x.cos() : try x.sin()
        }
        #expect(accepted == extremes.count - 1)
        try sweep(extremes) { x, y in
            let k = try y.item()
            return k * 3 - k * 2 == k ? try x.cos() : try x.sin()
        }
        try sweep(extremes) { x, y in
            let k = try y.item()
            return (k * k) % 2 == k % 2 ? try x.cos() : try x.sin()
        }
    }

    @Test("The last operation may be the question") func nothingAfterTheQuestion() throws {
        try sweep(extremes) { x, y in try y.item() + 1 > 0 ? x : try x.sin() }
        try sweep(extremes) { x, y in
            let k = try y.item()
            let z: Tensor = try x.cos()
            return -k <= 0 ? x : z
        }
    }

    @Test("Division by zero") func divisions() throws {
        let accepted = try sweep([-2, -1, 0, 1, 2, .min]) { x, y in
            let k = try y.item()
            return 12 / k > 3 ? try x.cos() : try x.sin()
        }
        #expect(accepted == 5)
        try sweep(extremes) { x, y in
            let k = try y.item()
            return (x.shape[0] / k) * 0 == 0 ? try x.cos() : try x.sin()
        }
        try sweep(extremes) { x, y in
            let k = try y.item()
            return k.isMultiple(of: k - 1) ? try x.cos() : try x.sin()
        }
        try sweep(extremes) { x, y in try y.item() / -1 > 2 ? try x.cos() : try x.sin() }
    }

    @Test("A question before a division keeps it out of the way") func guardedDivision() throws {
        let accepted = try sweep([-2, -1, 0, 1, 2]) { x, y in
            let k = try y.item()
            return k != 0 && 12 / k > 3 ? try x.cos() : try x.sin()
        }
        #expect(accepted == 5)
    }

    @Test("Numbers used in tensors, lengths and loops") func otherUses() throws {
        try sweep(extremes) { x, y in try x * (try y.item() * 1000) }
        try sweep([-3, -1, 0, 1, 2, 3, 4, .max, .min]) { x, y in try x.narrowed(dim: 0, from: 0, length: try y.item() + 1) }
        try sweep(extremes) { x, y in
            let k = try y.item()
            return try cond(k > 3) {
                try x * Double(2)
            } else: {
                k * k > 3 ? try x.cos() : try x.sin()
            }
        }
        try sweep([.max, .max - 1, 5, 0, -1]) { x, y in
            let k = try y.item()
            return try whileLoop((SymInt(0), x)) { i, _ in
                i < min(k, 3)
            } do: { i, z in
                (i + 1, try z + 1)
            }.1
        }
    }

    @Test("abs, ceiling division, floats and small dtypes") func otherArithmetic() throws {
        try sweep(extremes) { x, y in abs(try y.item()) > 2 ? try x.cos() : try x.sin() }
        try sweep(extremes) { x, y in try y.item().ceilDivided(by: 3) > 2 ? try x.cos() : try x.sin() }
        let program = try export(
            { (x: Tensor, y: Tensor) in try y.item() * 1000 + 7 > 3 ? try x.cos() : try x.sin() }, args: x, number(1).to(.int32))
        #expect(program.graph.count(.assertScalar) == 0)
    }

    @Test("Sizes need no checks") func sizes() throws {
        let program = try export(
            { (x: Tensor) in
                let n = x.shape[0]
                return n * 3 + 1 > 10 && (n + 1) / 2 < 40 ? try x.reshaped([n * 1]).cos() : try x.flattened().sin()
            }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(program.graph.count(.assertScalar) == 0)
    }

    @Test("Sizes that no memory holds are not admitted") func largestSize() throws {
        let empty = try Tensor.zeros([3, 0])
        let program = try export(
            { (x: Tensor) in x.shape[0] * 8 > 100 ? try x + 1 : try x + 2 }, args: empty, constraints: [dynamicDim(empty, 0)])
        let _: Tensor = try program(Tensor.zeros([1 << 40, 0]))
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(Tensor.zeros([(1 << 48) + 1, 0])) }
        #expect(error?.unplaced == "x.shape[0] must be at most 281474976710656, got 281474976710657")
    }

    @Test("Products of sizes of two inputs are checked when the program runs") func productsOfSizes() throws {
        let y = try Tensor.ones([2])
        let f = { (x: Tensor, y: Tensor) in x.shape[0] * y.shape[0] > 10 ? try x.cos() : try x.sin() }
        let open = try export(f, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
        #expect(open.graph.count(.assertScalar) == 1)
        let bounded = try export(f, args: x, y, constraints: [dynamicDim(x, 0) <= 4096, dynamicDim(y, 0)])
        #expect(bounded.graph.count(.assertScalar) == 0)
    }
}
