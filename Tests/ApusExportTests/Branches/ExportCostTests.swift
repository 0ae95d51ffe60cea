import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// What exploring and merging cost, against one plain trace for each path.
@Suite("Cost of exploring", .serialized) struct ExportCostTests {
    /// `count` questions about values, with some thirty operations after each.
    private static func chain(_ x: Tensor, questions: Int) throws -> Tensor {
        var y = x
        for i in 0..<8 {
            if i < questions {
                y = try x[i].item(SymFloat.self) > 0 ? try y.sin() : try y.cos()
            } else {
                y = try (x[i] + y).sin()
            }
            for _ in 0..<10 { y = try (y * 2 + x).tanh() }
        }
        return try y.sum()
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let duration: Duration = try ContinuousClock().measure { try body() }
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    /// The best of three, as the machine may be busy.
    private func best(_ body: () throws -> Void) rethrows -> Double {
        try min(seconds(body), seconds(body), seconds(body))
    }

    @Test("Five questions: thirty-two paths cost a few plain traces each") func ratio() throws {
        let x = try Tensor.ones([8])
        let plain: Double = try best { _ = try export({ (x: Tensor) in try Self.chain(x, questions: 0) }, args: x, selfCheck: false) }
        let explored: Double = try best { _ = try export({ (x: Tensor) in try Self.chain(x, questions: 5) }, args: x, selfCheck: false) }
        let ratio: Double = explored / (32 * plain)
        print("one plain trace \(plain * 1000) ms, thirty-two paths \(explored * 1000) ms: \(ratio) plain traces for each path")
        #expect(ratio < 6, "\(ratio)")
    }
}
