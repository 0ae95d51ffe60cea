import Apus
import Testing

/// The ranges of numbers that a program reads, in the program and while tracing.
@Suite struct ConstraintRangeTests {
    private let x: Tensor

    init() throws { x = try Tensor.ones([3]) }

    private func number(_ value: Int) throws -> Tensor { try Tensor([Int64(value)], shape: []) }

    /// The range of the number that a program reads by `read`.
    private func range(_ read: @escaping (Tensor) throws -> SymInt, example: Int) throws -> (SymRange, ExportedProgram) {
        let program = try export({ (x: Tensor, y: Tensor) in try x * read(y) }, args: x, try number(example))
        let symbols = program.symbolToRange.filter { !$0.key.isBacked }
        try #require(symbols.count == 1)
        return (try #require(symbols.first?.value), program)
    }

    @Test func aDimensionWithoutBoundsTakesAnySize() throws {
        let (range, program) = try range({ try constrainAsValue($0.item()) }, example: 4)
        #expect(range == SymRange(lowerBound: .min, upperBound: .max))
        for value in [0, -1, 7, Int.max, Int.min] {
            let result: Tensor = try program(x, try number(value))
            #expect(try result.array(of: Float.self) == [Float](repeating: Float(value), count: 3))
        }
        #expect(try Int(constrainAsValue(-9)) == -9)
    }

    @Test func sizesBeginAtTwo() throws {
        let (range, program) = try range({ try constrainAsSize($0.item(), max: 5) }, example: 4)
        #expect(range == SymRange(2...5))
        let two: Tensor = try program(x, try number(2))
        #expect(try two.array(of: Float.self) == [2, 2, 2])
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(self.x, try self.number(1)) }
        let start = "constrainAsSize: y.item() is outside of 2...5, where y.item() = 1 (at ConstraintRangeTests.swift:"
        #expect(error?.description.hasPrefix(start) == true)
    }

    @Test func anUpperBoundMayBeMissing() throws {
        let (range, program) = try range({ try constrainAsSize($0.item(), min: 3) }, example: 4)
        #expect(range.lowerBound == 3 && range.upperBound == .max)
        let large: Tensor = try program(x, try number(1 << 40))
        #expect(try large.array(of: Float.self) == [Float](repeating: Float(1 << 40), count: 3))
        #expect(throws: TensorError.self) { let _: Tensor = try program(self.x, try self.number(2)) }
        let (both, _) = try self.range({ try constrainAsSize($0.item()) }, example: 4)
        #expect(both.lowerBound == 2 && both.upperBound == .max)
    }

    @Test func boundsThatCrossAreRefused() throws {
        let error = #expect(throws: TensorError.self) { _ = try self.range({ try constrainAsSize($0.item(), min: 4, max: 3) }, example: 4) }
        #expect(
            error?.description.hasPrefix("constrainAsSize: min is 4, which is more than max, 3 (at ConstraintRangeTests.swift:") == true)
    }
}
