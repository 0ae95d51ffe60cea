import Foundation
import Testing

@testable import ApusTensor

@Suite struct FirstStepsTests {
    @Test func addsWithBroadcasting() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        let y = try Tensor([10, 20] as [Float], shape: [2])
        #expect(try (x + y).array(of: Float.self) == [11, 22, 13, 24])
        #expect(try (x + y * 2 - 1).array(of: Float.self) == [20, 41, 22, 43])
        #expect(try x.transposed(0, 1).reshaped([4]).array(of: Float.self) == [1, 3, 2, 4])
        #expect(try x.sum(dim: 1).array(of: Float.self) == [3, 7])
    }

    @Test func namesTheDimensionThatDoesNotBroadcast() throws {
        let x = try Tensor.ones([2, 3])
        let y = try Tensor.ones([2, 4])
        let error = #expect(throws: TensorError.self) { try x + y }
        #expect(error?.statement == "add: shapes [2, 3] and [2, 4] do not broadcast: dimension -1 is 3 and 4")
    }

    @Test func differentiates() throws {
        let x = try Tensor([0.5, 1, 2] as [Double], shape: [3])
        let gradient = try gradient(at: x) { try ($0.sin() * $0).sum() }
        let expected: [Double] = [0.5, 1, 2].map { _sin($0) + $0 * _cos($0) }
        for (a, b) in zip(try gradient.array(of: Double.self), expected) { #expect(abs(a - b) < 1e-12) }
    }
}

private func _sin(_ x: Double) -> Double { Foundation.sin(x) }
private func _cos(_ x: Double) -> Double { Foundation.cos(x) }
