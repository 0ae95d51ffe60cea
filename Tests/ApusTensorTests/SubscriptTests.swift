import ApusSymbolic
import Testing

@testable import ApusTensor

/// Indexing with brackets, as NumPy does it, reading and writing.
@Suite struct SubscriptTests {
    /// 0 ..< 24 as [2, 3, 4].
    private let x: Tensor = {
        guard let x = try? Tensor(Array(0..<24), shape: [2, 3, 4]) else { return Tensor(spec: TensorSpec(.int64, .scalar)) }
        return x
    }()

    private func values(_ tensor: Tensor) throws -> [Int] { try tensor.array(of: Int.self) }

    @Test func takesPositionsAndRanges() throws {
        #expect(try values(x[1, 2, 3]) == [23])
        #expect(try values(x[-1, 0]) == [12, 13, 14, 15])
        #expect(try values(x[0, 1..., 2]) == [6, 10])
        #expect(try values(x[0, ..<2, ...1]) == [0, 1, 4, 5])
        #expect(try values(x[1, 0...1, .slice(nil, nil, step: 3)]) == [12, 15, 16, 19])
        #expect(try values(x[1, 1..<2, .slice(1, -1)]) == [17, 18])
        #expect(try x[.all, 1].sizes == [2, 4])
        #expect(try x[.ellipsis, 0].sizes == [2, 3])
        #expect(try x[0, .newAxis, .ellipsis, .newAxis].sizes == [1, 3, 4, 1])
    }

    @Test func takesSwiftsEllipsis() throws {
        let n: SymInt = 2
        #expect(try x[...].sizes == [2, 3, 4])
        #expect(try values(x[..., 0]) == values(x[.ellipsis, 0]))
        #expect(try x[..., n, 1...].sizes == [2, 3])
        #expect(try values(x[0, ...]) == Array(0..<12))
        #expect(try values(x[0, ..., n]) == [2, 6, 10])
        #expect(try x[.newAxis, ..., 0..<n].sizes == [1, 2, 3, 2])
        var y = try x.setting(..., 0, to: -1)
        #expect(try values(y[..., 0]) == Array(repeating: -1, count: 6) && values(y[..., 1]) == values(x[..., 1]))
        #expect(try values(x.setting(0, ..., n, to: x[1, ..., 0])[0, ..., n]) == [12, 16, 20])
        #expect(try values(x.setting(..., 3, to: x[..., 0])[1, ..., 3]) == [12, 16, 20])
        #expect(try values(x.setting(1, ..., 0, to: 5)[1, ..., 0]) == [5, 5, 5])
        try y.set(..., to: 0)
        try y.set(1, ..., to: 2)
        try y.set(..., 0, to: x[..., 0])
        try y.set(0, ..., 3, to: Tensor([7, 8, 9], shape: [3]))
        #expect(try values(y[1, 0]) == [12, 2, 2, 2] && values(y[0, ..., 3]) == [7, 8, 9] && values(y[0, 1]) == [4, 0, 0, 8])
        let dots = #expect(throws: TensorError.self) { try x[..., .ellipsis] }
        #expect(dots?.statement == "index: only one ellipsis may stand in an index")
    }

    @Test func takesSymbolicBounds() throws {
        let n: SymInt = 2
        #expect(try x[0, n...].sizes == [1, 4])
        #expect(try x[0, ..<n].sizes == [2, 4])
        #expect(try x[0, 0..<n, n].sizes == [2])
    }

    @Test func clampsRangesButNotPositions() throws {
        #expect(try x[0, 2..<100].sizes == [1, 4])
        #expect(try x[0, 7...].sizes == [0, 4])
        let error = #expect(throws: TensorError.self) { try x[0, 3] }
        #expect(error?.statement == "index: the index 3 is out of range for dimension 1 of shape [2, 3, 4]")
        let many = #expect(throws: TensorError.self) { try x[0, 0, 0, 0] }
        #expect(many?.statement == "index: 4 indices are too many for a tensor of rank 3")
        let dots = #expect(throws: TensorError.self) { try x[.ellipsis, .ellipsis] }
        #expect(dots?.statement == "index: only one ellipsis may stand in an index")
    }

    @Test func takesTensors() throws {
        let rows = try Tensor([1, 0, 1], shape: [3])
        let columns = try Tensor([0, -1, 2], shape: [3])
        #expect(try values(x[rows, 0, columns]) == [12, 3, 14])
        #expect(try x[.all, columns].sizes == [2, 3, 4])
        #expect(try x[rows, .all, columns].sizes == [3, 3])
        #expect(try values(x[1, x[1] .> 20]) == [21, 22, 23])
        #expect(try x[try Tensor([true, false], shape: [2])].sizes == [1, 3, 4])
        let outside = try Tensor([3], shape: [1])
        let error = #expect(throws: TensorError.self) { try x[.all, outside] }
        #expect(error?.statement == "index: the index 3 is out of range for a tensor of shape [2, 3, 4]")
        let mask = #expect(throws: TensorError.self) { try x[try Tensor([true], shape: [1])] }
        #expect(mask?.statement == "index: a mask of shape [1] doesn't fit dimension 0 of shape [2, 3, 4]")
    }

    @Test func writesWithoutChangingOthers() throws {
        var y = try Tensor.zeros([2, 3])
        let before = y
        try y.set(1, 0..<2, to: 5)
        #expect(try y.array(of: Float.self) == [0, 0, 0, 5, 5, 0])
        #expect(try before.array(of: Float.self) == [0, 0, 0, 0, 0, 0])
        let view = try y[1]
        try y.set(.all, 2, to: try Tensor([7, 8] as [Int], shape: [2]))
        #expect(try y.array(of: Float.self) == [0, 0, 7, 5, 5, 8])
        #expect(try view.array(of: Float.self) == [5, 5, 0])
    }

    @Test func writesInPlaceWhereNobodyElseLooks() throws {
        var y = try Tensor.zeros([2, 3])
        let address = y.baseAddress
        try y.set(0, to: 1)
        #expect(y.baseAddress == address)
        let other = y
        try y.set(0, to: 2)
        #expect(y.baseAddress != address)
        #expect(try other.array(of: Float.self) == [1, 1, 1, 0, 0, 0])
    }

    @Test func writesWhereMasksAndPositionsSay() throws {
        let y = try Tensor([1, -2, 3, -4] as [Float], shape: [2, 2])
        #expect(try y.setting(y .< 0, to: 0).array(of: Float.self) == [1, 0, 3, 0])
        let positions = try Tensor([1, 0], shape: [2])
        let diagonal = try y.setting(try Tensor([0, 1], shape: [2]), positions, to: try Tensor([10, 20] as [Float], shape: [2]))
        #expect(try diagonal.array(of: Float.self) == [1, 10, 20, -4])
        let error = #expect(throws: TensorError.self) { try y.setting(0, to: try Tensor.ones([3])) }
        #expect(error?.statement == "set: a tensor of shape [3] doesn't broadcast to a part of shape [2]")
    }

    @Test func differentiatesWrites() throws {
        let x = try Tensor([1, 2, 3, 4] as [Double], shape: [2, 2])
        let gradient = try gradient(at: x) { x in try (x.setting(0, 1, to: x[1, 1] * 3) * x).sum() }
        // 1*1 + (3*4)*2 + 3*3 + 4*4
        #expect(try gradient.array(of: Double.self) == [2, 12, 6, 14])
    }
}
