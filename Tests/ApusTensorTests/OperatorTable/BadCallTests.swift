import ApusSymbolic
import Testing

@testable import ApusTensor

/// Bad calls through every operator record: whatever an argument is replaced by, the operator computes or throws a typed error. That the
/// test ends at all says that none trapped.
@Suite struct BadCallTests {
    private static func replacements() throws -> [OperatorArgument] {
        [
            .none, .tensor(try .sample([0])), .tensor(try .sample([2, 0, 3], dtype: .int64)), .tensor(try .sample([5, 7])),
            .tensor(try .sample([2, 3], dtype: .bool)), .tensor(try .sample([2, 3], dtype: .complex64)),
            .tensor(try .sample([], dtype: .int64)),
            .tensor(try .sample([1, 1, 1, 1, 1, 1, 2])), .tensor(try .sample([3], dtype: .float16)), .tensors([]),
            .tensors([try .sample([2]), try .sample([2, 3], dtype: .int64)]), .int(-1), .int(.max), .int(.min), .int(1 << 40),
            .double(.nan),
            .double(.infinity), .double(-1e300), .bool(true), .ints([Int]()), .ints([-1, -1]), .ints([.max, .max]), .ints([.min]),
            .ints([0, 0, 0, 0]), .ints([7, -9]), .floats([.nan, 1]), .bools([true]), .string("nonsense"), .dtype(.bool),
            .dtype(.complex128),
            .dtype(.uint8),
        ]
    }

    @Test func noCallTraps() throws {
        var calls = 0
        var thrown = 0
        for operation in OperatorTable.all {
            guard let sample = try operation.samples().first else { continue }
            for position in sample.indices {
                for replacement in try Self.replacements() {
                    var arguments = sample
                    arguments[position] = replacement
                    calls += 1
                    thrown += try Self.isRefused(operation, arguments) ? 1 : 0
                }
            }
            calls += 1
            thrown += try Self.isRefused(operation, []) ? 1 : 0
        }
        #expect(calls > 10_000)
        #expect(thrown > calls / 4)
    }

    /// Runs a call; true where it threw a `TensorError`. Other errors fail the test.
    private static func isRefused(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> Bool {
        do {
            _ = try apply(operation, arguments)
            return false
        } catch is TensorError {
            return true
        } catch {
            Issue.record("\(operation) threw \(type(of: error)): \(error)")
            return true
        }
    }
}
