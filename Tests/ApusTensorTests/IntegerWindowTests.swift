import Testing

@testable import ApusTensor

/// Windows over integers of every width: they give what float64 gives, as long as that is exact.
@Suite struct IntegerWindowTests {
    static let dtypes: [DType] = [.uint8, .int8, .int16, .int32, .int64]

    @Test(arguments: dtypes) func convolutionsAgreeWithFloats(_ dtype: DType) throws {
        let x: Tensor = try .sample([2, 4, 5, 4], dtype: .int64) % 3
        let (weight, back): (Tensor, Tensor) = (
            try .sample([6, 2, 3, 2], dtype: .int64, seed: 2) % 2, try .sample([4, 3, 3, 2], dtype: .int64, seed: 3) % 2
        )
        func plain(_ dtype: DType) throws -> Tensor {
            try x.to(dtype).conv2d(weight.to(dtype), stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2)
        }
        func transposed(_ dtype: DType) throws -> Tensor {
            try x.to(dtype).convTranspose2d(back.to(dtype), stride: [2, 1], padding: [1, 0], outputPadding: [1, 0], groups: 2)
        }
        for convolution in [plain, transposed] {
            let (own, wide) = (try convolution(dtype), try convolution(.float64))
            #expect(own.dtype == dtype)
            #expect(try own.array(of: Double.self) == wide.array(of: Double.self))
        }
    }

    @Test(arguments: dtypes) func maximaAgreeWithFloats(_ dtype: DType) throws {
        let x: Tensor = try .sample([1, 2, 5, 6], dtype: .int64)
        let (own, wide) = (
            try x.to(dtype).maxPool2dWithIndices([3], stride: [2], padding: [1]),
            try x.to(.float64).maxPool2dWithIndices([3], stride: [2], padding: [1])
        )
        #expect(own.values.dtype == dtype)
        #expect(try own.values.array(of: Double.self) == wide.values.array(of: Double.self))
        #expect(try own.indices.array(of: Int.self) == wide.indices.array(of: Int.self))
    }

    /// The smallest number over -1 wraps; it does not stop the process.
    @Test func averagesOfTheSmallestNumberWrap() throws {
        let x = try Tensor([Int.min, 0] as [Int], shape: [1, 1, 2])
        #expect(try x.avgPool2d([1], divisorOverride: -1).array(of: Int.self) == [Int.min, 0])
        #expect(try Tensor([7, -7] as [Int], shape: [1, 1, 2]).avgPool2d([1], divisorOverride: 2).array(of: Int.self) == [3, -3])
    }
}
