import ApusSymbolic
import Testing

@testable import ApusTensor

/// A comparison of a number that overflowed has no answer: the next operation throws.
@Suite struct PendingFaultTests {
    private let x: Tensor

    init() throws { x = try Tensor([1, 2] as [Float], shape: [2]) }

    /// Asks something that has no answer.
    private func ask() {
        let huge: SymInt = SymInt(Int.max) * 2
        if huge > 0 { Issue.record("it has no answer") }
    }

    @Test func theNextOperationThrows() throws {
        let operations: [(Tensor) throws -> Void] = [
            { _ = try $0.sin() }, { _ = try $0 + $0 }, { _ = try $0 + 1 }, { _ = try $0.reshaped([1, 2]) }, { _ = try $0.sum() },
            { _ = try $0.sum().item(SymFloat.self) }, { _ = try $0.array(of: Float.self) }, { _ = try $0.topk(1) },
            { _ in try check(true, "") }, { _ in try constrainAsValue(3, max: 5) }, { x in _ = try gradient(at: x) { try $0.sum() } },
        ]
        for (index, operation) in operations.enumerated() {
            ask()
            let error = #expect(throws: TensorError.self, "operation \(index)") { try operation(x) }
            #expect(error?.code == .overflow)
            #expect(
                error?.statement == "a comparison has no answer: integer overflow in 9223372036854775807 * 2", "operation \(index)")
            // Once.
            try operation(x)
        }
    }

    @Test func theErrorNamesTheQuestion() throws {
        let line: Int = #line + 1
        if SymInt(1) / (x.shape[0] - 2) > 0 { Issue.record("it has no answer") }
        let error = #expect(throws: TensorError.self) { _ = try x.sin() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.statement == "a comparison has no answer: division by zero in 1 / 0")
        #expect(error?.site?.location?.line == line)
    }

    @Test func aDimensionThatIsNotThere() throws {
        if x.shape[3] > 0 { Issue.record("it has no answer") }
        let error = #expect(throws: TensorError.self) { _ = try x.sin() }
        #expect(error?.code == .indexOutOfRange)
        #expect(error?.statement == "a comparison has no answer: dimension 3 of a tensor of rank 1")
    }

    @Test func invalidNumbersAreThrownWhereTheyAreUsed() throws {
        let huge: SymInt = SymInt(Int.max) * 2
        for use: () throws -> Tensor in [
            { try x * huge }, { try Tensor.zeros([huge]) }, { try x.narrowed(dim: 0, from: 0, length: huge) },
            { try x.expanded([huge, 2]) },
            { try Tensor.full([2], huge) }, { try x.rolled([huge], dims: [0]) },
        ] {
            #expect(throws: TensorError.self) { _ = try use() }
        }
        #expect(PendingFault.take() == nil)
    }
}
