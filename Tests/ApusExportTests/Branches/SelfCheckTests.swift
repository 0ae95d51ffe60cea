import ApusSymbolic
import ApusTensor
import Synchronization
import Testing

@testable import ApusExport

/// Numbers that the check at the end of an export makes up: small ones, since a number may be the length of a loop or of a tensor.
@Suite("Witnesses of the check") struct SelfCheckTests {
    private let x: Tensor
    private let k: Tensor

    init() throws {
        x = try Tensor.ones([3])
        k = try Tensor([Int64(5)], shape: [])
    }

    /// The numbers that a function reads eagerly while it is exported.
    private func numbersTried(_ function: @escaping (Tensor, SymInt) throws -> Tensor) throws -> [Int] {
        var tried: [Int] = []
        _ = try export(
            { (x: Tensor, k: Tensor) in
                let number = try k.item()
                if !x.isTraced, let plain = number.constant { tried.append(plain) }
                return try function(x, number)
            }, args: x, k)
        return tried.sorted()
    }

    @Test("A side that only huge numbers reach is left out, however dear it would be") func hugeNumbers() throws {
        // Ones of 2^33 elements would be 32 GiB.
        let tried = try numbersTried { x, number in
            if number > 1 << 33 { return try x + Tensor.ones([number]).sum() }
            return x
        }
        #expect(tried.allSatisfy { $0.magnitude <= 16 } && tried.count == 1)
    }

    @Test("The smallest number that takes a path is tried") func smallNumbers() throws {
        let tried = try numbersTried { x, number in
            if number > 7 { return try x + Tensor.ones([number]).sum() }
            return number < -3 ? try x * 2 : x
        }
        #expect(tried.count == 3 && tried[0] < -3 && tried[0] >= -16 && tried[2] == 8, "\(tried)")
        let large = try numbersTried { x, number in number > 1000 ? try x + 1 : x }
        #expect(large.count == 2 && large[1] > 1000 && large[1] <= 1 << 20, "\(large)")
    }
}
