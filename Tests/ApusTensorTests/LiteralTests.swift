import Testing

@testable import ApusTensor

@Suite struct LiteralTests {
    @Test func numbersAreFloat32() throws {
        let x = try Tensor([[1, 2], [3, 4]])
        #expect("\(x.spec)" == "float32[2, 2]")
        #expect(try x.array(of: Float.self) == [1, 2, 3, 4])
        #expect("\(try Tensor([1.0, 2]).spec)" == "float32[2]")
        #expect("\(try Tensor(3).spec)" == "float32[]")
        #expect("\(try Tensor([true, false]).spec)" == "bool[2]")
    }

    @Test func integersStayExact() throws {
        let x = try Tensor([Int.max, Int.min, 1 << 60 | 1], dtype: .int64)
        #expect(try x.array(of: Int.self) == [Int.max, Int.min, 1 << 60 | 1])
    }

    @Test func emptyArraysGiveEmptyTensors() throws {
        #expect("\(try Tensor([[Int]]()).spec)" == "float32[0, 0]")
        #expect("\(try Tensor([[Double](), []]).spec)" == "float32[2, 0]")
    }

    @Test func raggedLiteralsNameThePlace() throws {
        let error = #expect(throws: TensorError.self) { try Tensor([[[1, 2], [3, 4]], [[5, 6], [7]]]) }
        #expect(error?.description == "Tensor: the literal is ragged: the part at [1, 1] has 1 elements, but those before it have 2")
        #expect(throws: TensorError.self) { try Tensor([[1, 2], []]) }
    }
}
