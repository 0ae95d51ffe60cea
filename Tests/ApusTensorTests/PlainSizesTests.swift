import ApusTensor
import Testing

@Suite struct PlainSizesTests {
    @Test func arraysOfIntegersAreSizesToo() throws {
        let n = 3
        let sizes: [Int] = [n, n + 1]
        #expect(try Tensor.zeros(sizes).sizes == [3, 4])
        #expect(try Tensor.ones([n]).sizes == [3])
        #expect(try Tensor.full([n, n], 2).sizes == [3, 3])
        #expect(try Tensor.rand(sizes, seed: 1).sizes == sizes)
        #expect(try Tensor.randn([n, n], seed: 1).sizes == [3, 3])
        #expect(try Tensor.randint(5, sizes, seed: 1).sizes == sizes)
        #expect(try Tensor.arange(12).reshaped([n, -1]).sizes == [3, 4])
        #expect(try Tensor.ones([1, 2]).expanded([n, 2]).repeated([n, 1]).sizes == [9, 2])
        #expect(try Tensor.zeros([]).sizes == [])
        #expect(throws: TensorError.self) { try Tensor.zeros([n, -n]) }
    }
}
