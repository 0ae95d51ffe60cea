import Testing

@testable import ApusTensor

@Suite struct LiteralTests {
    /// As `torch.tensor` of Python's numbers: the kind of number gives the dtype, and one floating-point number among integers all of theirs.
    @Test func theKindOfNumberGivesTheDType() throws {
        let kinds: [(Tensor, String)] = [
            (try Tensor([[1, 2], [3, 4]]), "int64[2, 2]"), (try Tensor(3), "int64[]"), (try Tensor([1.0, 2]), "float32[2]"),
            (try Tensor([[1, 2.5], [3, 4]]), "float32[2, 2]"), (try Tensor(1.5), "float32[]"), (try Tensor([true, false]), "bool[2]"),
            (try Tensor(true), "bool[]"), (try Tensor([1, 2] as [Double]), "float32[2]"), (try Tensor([1, 2] as [Float]), "float32[2]"),
            (try Tensor([1, -2] as [Int8]), "int64[2]"), (try Tensor([1, -2] as [Int16]), "int64[2]"),
            (try Tensor([[1], [-2]] as [[Int32]]), "int64[2, 1]"), (try Tensor([1, 2] as [Int64]), "int64[2]"),
            (try Tensor([1, 255] as [UInt8]), "int64[2]"), (try Tensor([1, 2] as [UInt16]), "int64[2]"),
            (try Tensor([1, 2] as [UInt32]), "int64[2]"), (try Tensor([1, 2] as [UInt64]), "int64[2]"),
            (try Tensor([1, 2] as [UInt]), "int64[2]"),
            (try Tensor([1, 2], dtype: .float16), "float16[2]"), (try Tensor([1.5, 2], dtype: .int32), "int32[2]"),
            (try Tensor([true], dtype: .float64), "float64[1]"), (try Tensor([1, 0], dtype: .complex64), "complex64[2]"),
        ]
        for (tensor, spec) in kinds { #expect("\(tensor.spec)" == spec) }
        #expect(try Tensor([[1, 2.5], [3, 4]]).array(of: Float.self) == [1, 2.5, 3, 4])
        #expect(try Tensor([1.7, -1.7], dtype: .int32).array(of: Int.self) == [1, -1])
        #expect(try Tensor([2, 0], dtype: .bool).array(of: Bool.self) == [true, false])
    }

    @Test func integersStayExact() throws {
        let x = try Tensor([Int.max, Int.min, 1 << 60 | 1, 16_777_217])
        #expect(try x.array(of: Int.self) == [Int.max, Int.min, 1 << 60 | 1, 16_777_217])
        let rows = try Tensor.arange(6, dtype: .float32).reshaped([3, 2]).embedding(Tensor([[2, 0]]))
        #expect(try rows.array(of: Float.self) == [4, 5, 0, 1])
    }

    /// The type of the array says the dtype, so that a batch without elements is of the same dtype as others.
    @Test func emptyArraysGiveEmptyTensors() throws {
        #expect("\(try Tensor([[Int]]()).spec)" == "int64[0, 0]")
        #expect("\(try Tensor([Int32]()).spec)" == "int64[0]")
        #expect("\(try Tensor([[Double](), []]).spec)" == "float32[2, 0]")
        #expect("\(try Tensor([Bool]()).spec)" == "bool[0]")
        #expect("\(try Tensor([[Int]](), dtype: .float16).spec)" == "float16[0, 0]")
    }

    @Test func numbersThatDoNotFitAreErrors() throws {
        let texts: [(() throws -> Tensor, String)] = [
            ({ try Tensor([1, UInt64.max]) }, "18446744073709551615 can't be converted to int64"),
            ({ try Tensor([1, 300], dtype: .uint8) }, "300 can't be converted to uint8"),
            ({ try Tensor([-129], dtype: .int8) }, "-129 can't be converted to int8"),
            ({ try Tensor([1, Double.nan], dtype: .int64) }, "nan can't be converted to int64"),
            ({ try Tensor([[1e19]], dtype: .int64) }, "1e+19 can't be converted to int64"),
            ({ try Tensor(Float.infinity, dtype: .int32) }, "inf can't be converted to int32"),
        ]
        for (body, text) in texts {
            let error = #expect(throws: TensorError.self) { try body() }
            #expect(error?.statement == "Tensor: the number \(text) without overflow")
            #expect(error?.code == .overflow)
        }
    }

    @Test func raggedLiteralsNameThePlace() throws {
        let error = #expect(throws: TensorError.self) { try Tensor([[[1, 2], [3, 4]], [[5, 6], [7]]]) }
        #expect(error?.statement == "Tensor: the literal is ragged: the part at [1, 1] has 1 elements, but those before it have 2")
        #expect(throws: TensorError.self) { try Tensor([[1, 2], []]) }
    }
}
