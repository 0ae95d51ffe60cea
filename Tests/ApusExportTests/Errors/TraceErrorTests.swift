import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Functions that can't be traced the way they are written.
@Suite struct TraceErrorTests {
    private let x: Tensor

    init() throws { x = try Tensor.ones([4, 6]) }

    @Test func aFunctionThatAsksOtherQuestions() throws {
        var runs = 0
        let line: Int = #line + 3
        let f = { (x: Tensor) in
            runs += 1
            if x.shape[0] > SymInt(2 + runs) { return try x.sin() }
            return try x.cos()
        }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(error?.code == .notDeterministic)
        #expect(
            error?.description
                == "the function is not deterministic: a run asked 'x.shape[0] >= 5' where an earlier one asked 'x.shape[0] >= 4' at TraceErrorTests.swift:\(line). What it depends on besides its arguments must not change between runs. (at TraceErrorTests.swift:\(line))"
        )
    }

    @Test func aFunctionThatRunsOtherOperations() throws {
        var runs = 0
        let f = { (x: Tensor) in
            runs += 1
            var y = x
            for _ in 0..<runs { y = try y.sin() }
            if x.shape[0] > 3 { return y }
            return try y.cos()
        }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(
            error?.message
                == "the function is not deterministic: a run made 2 operations before the question 'x.shape[0] >= 4', and an earlier one 1. What it depends on besides its arguments must not change between runs."
        )
    }

    @Test func aFunctionThatEndsEarly() throws {
        var runs = 0
        let f = { (x: Tensor) in
            runs += 1
            if runs > 1 { return x }
            if x.shape[0] > 3 { return try x.sin() }
            return try x.cos()
        }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(
            error?.message
                == "the function is not deterministic: a run ended where an earlier one asked 'x.shape[0] >= 4'. What it depends on besides its arguments must not change between runs."
        )
    }

    @Test func numbersThatOnlyARunKnows() throws {
        let line: Int = #line + 1
        let f = { (x: Tensor) in try x * x.sum().item(Double.self) }
        let error = #expect(throws: TensorError.self) { _ = try export(f, args: x) }
        #expect(
            error?.unplaced
                == "item: the element f0 has no value while it is traced; ask for item(SymFloat.self), which stays symbolic")
        #expect(error?.site?.description == "TraceErrorTests.swift:\(line)")
    }

    @Test func plainSizesOfADynamicShape() throws {
        let error = #expect(throws: TensorError.self) {
            _ = try export({ (x: Tensor) in try x * Double(x.sizes[0]) }, args: x, constraints: [dynamicDim(x, 0)])
        }
        #expect(
            error?.unplaced
                == "sizes: the shape [x.shape[0], 6] is symbolic while tracing; use 'shape' instead, or Int(x.shape[d]) to specialise a dimension"
        )
    }

    /// What only tracing can't do must not become an error of the program.
    @Test func onOnePathOfTwo() throws {
        let f = { (x: Tensor) in x.shape[0] > 3 ? try x * x.sum().item(Double.self) : x }
        let error = #expect(throws: TensorError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(error?.code == .tracing)
    }

    @Test func dataDependentSizes() throws {
        let line: Int = #line + 2
        @inline(never) func f(_ x: Tensor) throws -> Tensor {
            let positions = try x.nonzero().reshaped([3, 2])
            return try positions * 1
        }
        let program = try export(f, args: x)
        let three = try Tensor([1, 0, 1, 0, 0, 0, 0, 1] as [Float] + Array(repeating: 0, count: 16), shape: [4, 6])
        let positions: Tensor = try program(three)
        #expect(try positions.sizes == [3, 2])
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(x) }
        #expect(
            error?.unplaced
                == "reshape: shape [count(nonzero elements), 2] with 2*count(nonzero elements) elements can't be reshaped to [3, 2], "
                + "where count(nonzero elements) = 24")
        let assertion = try #require(program.graph.nodes.first { $0.operator.schema.name == "_assert_scalar" })
        #expect(assertion.site.map { "\($0)" } == "TraceErrorTests.swift:\(line)")
    }

    @Test func errorsOfTheOnlyPath() throws {
        let line: Int = #line + 1
        let f = { (x: Tensor) in try x.matmul(x) * 1 }
        let error = #expect(throws: TensorError.self) { _ = try export(f, args: x) }
        #expect(error?.unplaced == "matmul: shapes [4, 6] and [4, 6] can't be multiplied: the inner sizes are 6 and 4")
        #expect(error?.site?.description == "TraceErrorTests.swift:\(line)")
    }

    @Test func sizesThatCantBeComputed() throws {
        let line: Int = #line + 1
        let f = { (x: Tensor) in x.shape[0] / (x.shape[1] - 6) > 3 ? try x.sin() : x }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(
            error?.description
                == "a size can't be computed: division by zero in x.shape[0] / 0 (at TraceErrorTests.swift:\(line))")
    }
}
