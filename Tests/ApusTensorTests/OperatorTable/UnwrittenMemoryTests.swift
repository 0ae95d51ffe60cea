import ApusSymbolic
import CApusKernels
import Foundation
import Testing

@testable import ApusTensor

/// Results that a kernel leaves unwritten would hold whatever was in their memory. Every call is made twice, with all fresh memory filled
/// with one byte and then with another: the results must be the same.
@Suite(.serialized) struct UnwrittenMemoryTests {
    /// Operators whose results are unwritten memory by their definition.
    static func isUnwritten(_ operation: Operator) -> Bool { operation.schema.name.contains("empty") }

    /// The bytes of every result of a call, made in memory full of a byte; nil where it is refused.
    private static func bytes(_ operation: Operator, _ arguments: [OperatorArgument], poison: Int32) throws -> [String]? {
        // The generator is everybody's: others are disturbed as little as can be.
        if operation.effects.contains(.random) { RandomGenerator.default.seed(1) }
        apus_allocator_poison_thread(poison)
        defer { apus_allocator_poison_thread(-1) }
        guard let results = try? apply(operation, arguments) else { return nil }
        return try results.map { result in
            var text = ""
            switch result {
            case .tensor, .tensors: try result.forEachReference { text += "\($0.spec) \(try bytes($0))" }
            default: text = "\(result)"
            }
            return text
        }
    }

    private static func bytes(_ tensor: Tensor) throws -> String {
        let dense = try tensor.contiguous()
        return withExtendedLifetime(dense) {
            Data(bytes: dense.baseAddress, count: dense.layout.count * dense.dtype.byteWidth).base64EncodedString()
        }
    }

    /// What is unwritten: where the results of a call differ between two poisons. Counts calls that give results.
    private static func problem(_ operation: Operator, _ arguments: [OperatorArgument], _ count: inout Int) throws -> String? {
        var (first, second): ([String]?, [String]?)
        // Another test may have drawn between the two; memory that is not written differs every time.
        for _ in 0..<(operation.effects.contains(.random) ? 20 : 1) {
            first = try bytes(operation, arguments, poison: 0xFF)
            second = try bytes(operation, arguments, poison: 0x25)
            if first == second { break }
        }
        if first != nil { count += 1 }
        guard first != second else { return nil }
        let given = ValueJudge.Case(operation: operation, arguments: arguments, results: nil, refusal: nil)
        return "\(given.description): \(first ?? ["refused"]) and \(second ?? ["refused"])"
    }

    @Test func everyResultIsWrittenWhereSizesAreZero() throws {
        var (count, problems) = (0, [String]())
        for operation in OperatorTable.all where !Self.isUnwritten(operation) {
            for sample in try operation.samples() {
                for arguments in try ZeroSizes.variants(of: sample) {
                    if let problem = try Self.problem(operation, arguments, &count) { problems.append(problem) }
                }
            }
        }
        for problem in problems { Issue.record("\(problem)") }
        #expect(count > 20_000)
    }

    @Test func everyResultIsWrittenInEveryDType() throws {
        var (count, problems) = (0, [String]())
        for operation in OperatorTable.all where !Self.isUnwritten(operation) {
            for sample in try operation.samples() {
                for dtype in [nil] + DType.allCases {
                    let arguments: [OperatorArgument] = try sample.map { argument in
                        try argument.map { $0.dtype.isDifferentiable ? try $0.to(dtype ?? $0.dtype) : $0 }
                    }
                    if let problem = try Self.problem(operation, arguments, &count) { problems.append(problem) }
                }
            }
        }
        for problem in problems { Issue.record("\(problem)") }
        #expect(count > 30_000)
    }
}
