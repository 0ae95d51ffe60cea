import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Sizes that depend on what a run computes: the error names what the user wrote, and its line.
@Suite struct DataDependentTests {
    private let x: Tensor

    init() throws { x = try Tensor.ones([4, 6]) }

    @Test func plainSizes() throws {
        let line: Int = #line + 2
        @inline(never) func f(_ x: Tensor) throws -> Tensor {
            let count: Int = try x.sizes[0] + 1
            return try Tensor.zeros([count]) * 1
        }
        let error = #expect(throws: TensorError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(error?.message.contains("[x.shape[0], 6]") == true)
        #expect(error?.site?.description == "DataDependentTests.swift:\(line)")
    }

    @Test func numbersAsSizes() throws {
        let line: Int = #line + 3
        // Not on one line, and not inlined: the place is the line of the call.
        @inline(never) func f(_ x: Tensor, _ k: Tensor) throws -> Tensor {
            let count = Int(try k.item())
            return try x + Double(count)
        }
        let error = #expect(throws: ConstraintViolationError.self) {
            _ = try export(f, args: x, try Tensor([Int64(3)], shape: []), options: ExportOptions(names: ["x", "k"]))
        }
        #expect(error?.description.contains("k.item()") == true)
        #expect(error?.description.contains("DataDependentTests.swift:\(line)") == true, "\(error?.description ?? "")")
    }

    @Test("A position outside is told of the axis that was written, by eager code, by export and by a program alike") func writtenAxis()
        throws
    {
        let (one, seven) = (try Tensor([Int64(1)], shape: []), try Tensor([Int64(7)], shape: []))
        func read(_ x: Tensor, _ k: Tensor) throws -> Tensor { try x[0, k.item()] }
        let eager = #expect(throws: TensorError.self) { _ = try read(x, seven) }
        #expect(eager?.unplaced == "index: the index 7 is out of range for dimension 1 of shape [4, 6]")
        let program = try export(read, args: x, one, options: ExportOptions(names: ["x", "k"]))
        let exported = #expect(throws: TensorError.self) { let _: Tensor = try program(x, seven) }
        #expect(exported?.message == "index: the index k.item() is out of range for dimension 1 of shape [4, 6], where k.item() = 7")

        let narrow = try Tensor.ones([4, 9])
        let refused = #expect(throws: ConstraintViolationError.self) {
            _ = try export({ (x: Tensor) in try x[0, 7] }, args: narrow, constraints: [dynamicDim(narrow, 1)])
        }
        #expect(refused?.violations.first?.message == "index: the index 7 is out of range for dimension 1 of shape [4, x.shape[1]]")
    }

    @Test func shapesThatMustAgree() throws {
        let line: Int = #line + 2
        @inline(never) func f(_ x: Tensor, _ mask: Tensor) throws -> Tensor {
            let sum = try x.maskedSelect(mask) + Tensor.ones([5])
            return try sum * 1
        }
        let mask = try Tensor.ones([4, 6]) .> 0
        let program = try export(f, args: x, mask)
        let assertion = try #require(program.graph.nodes.first { $0.operator.schema.name == "_assert_scalar" })
        #expect(assertion.site.map { "\($0)" } == "DataDependentTests.swift:\(line)")
        let error = #expect(throws: TensorError.self) { let _: Tensor = try program(self.x, mask) }
        #expect(error?.site?.description == "DataDependentTests.swift:\(line)")
    }
}
