import ApusSymbolic
import BadCalls
import Testing

@testable import ApusTensor

/// Bad calls through every operator record: whatever arguments are replaced by, the operator computes or throws a typed error, eagerly and
/// under a gradient. That the test ends at all says that none trapped and none read beyond its arguments, whose memory is guarded.
@Suite struct BadCallTests {
    @Test func noCallTraps() throws {
        let (calls, refused) = try Self.drive { operation, arguments in _ = try apply(operation, arguments) }
        #expect(calls > 100_000)
        #expect(refused > calls / 4)
    }

    @Test func noGradientTraps() throws {
        let (calls, refused) = try Self.drive { operation, arguments in
            guard operation.isDifferentiable else { return }
            try Self.differentiate(operation, arguments)
        }
        #expect(calls > 100_000)
        #expect(refused > calls / 4)
    }

    /// Makes every bad call; the numbers of calls and of those that threw a `TensorError`. Other errors fail the test.
    private static func drive(_ run: (Operator, [OperatorArgument]) throws -> Void) throws -> (calls: Int, refused: Int) {
        let bad = try BadCalls()
        var (calls, refused) = (0, 0)
        for operation in OperatorTable.all {
            try bad.each(of: operation) { arguments in
                calls += 1
                do { try run(operation, arguments) } catch is TensorError { refused += 1 } catch {
                    Issue.record("\(operation) threw \(type(of: error)): \(error)")
                }
            }
        }
        return (calls, refused)
    }

    /// The gradient of the sum of everything that an operator gives.
    private static func differentiate(_ operation: Operator, _ arguments: [OperatorArgument]) throws {
        var sources: [Tensor] = []
        for argument in arguments { argument.forEachReference { if $0.dtype.isDifferentiable { sources.append($0) } } }
        guard !sources.isEmpty else { return }
        _ = try valueAndGradient(at: sources) { given in
            var next = given.makeIterator()
            let replaced = arguments.map { argument in argument.map { $0.dtype.isDifferentiable ? next.next() ?? $0 : $0 } }
            var total = try Tensor.zeros([], dtype: .float64)
            for result in try apply(operation, replaced) {
                try result.forEachReference { if $0.dtype.isFloatingPoint { total = try total + $0.to(.float64).sum() } }
            }
            return total
        }
    }
}
