import ApusTensor
import Testing

/// `x += y` gives `x` a new value, in its own memory where nobody else can see it; other tensors keep theirs.
@Suite struct CompoundAssignmentTests {
    private func updates(_ x: inout Tensor, _ y: Tensor) throws {
        try x += y
        try x *= y
        try x -= 1
        try x /= 2
    }

    @Test func memoryOfOnesOwnIsWritten() throws {
        let y = try Tensor([3, 4, 5] as [Float])
        var x = try Tensor([1, 2, 3] as [Float])
        let address = x.baseAddress
        try updates(&x, y)
        #expect(x.baseAddress == address)
        #expect(try x.array(of: Float.self) == [5.5, 11.5, 19.5])
        // Broadcast from fewer elements, and the tensor itself as the other operand, which then sees it.
        try x += Tensor([10], shape: [])
        #expect(x.baseAddress == address)
        try x += x
        #expect(try x.array(of: Float.self) == [31, 43, 59])
    }

    @Test func othersKeepTheirValues() throws {
        var x = try Tensor([[1.0, 2], [3, 4]])
        let copy = x
        try x += 1
        #expect(try copy.array(of: Float.self) == [1, 2, 3, 4])
        let row = try x[0]
        try x *= 10
        #expect(try row.array(of: Float.self) == [2, 3])
        #expect(try x.array(of: Float.self) == [20, 30, 40, 50])
    }

    @Test func resultsOfOtherTypesAreNew() throws {
        var x = try Tensor([1, 2] as [Int])
        try x += Tensor([0.5, 0.5] as [Float])
        #expect(x.dtype == .float32)
        try x += Tensor([[1], [2]] as [[Float]])
        #expect(try x.sizes == [2, 2])
        var one = try Tensor([1, 2, 3] as [Float])
        #expect(throws: TensorError.self) { try one += Tensor([1, 2] as [Float]) }
        #expect(try one.array(of: Float.self) == [1, 2, 3])
    }

    @Test func gradientsSeeTheOldValues() throws {
        let x = try Tensor([1, 2, 3] as [Float])
        let slope = try gradient(at: x) { x in
            var y = try x * 1
            let square = try y * y
            try y += square
            return try (y * square).sum()
        }
        // (x + x^2) x^2
        #expect(try slope.array(of: Float.self) == [1, 2, 3].map { 3 * $0 * $0 + 4 * $0 * $0 * $0 })
    }
}
