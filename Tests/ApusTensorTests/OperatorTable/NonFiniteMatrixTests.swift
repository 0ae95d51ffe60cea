import Foundation
import Testing

@testable import ApusTensor

/// Linear algebra of matrices that hold a NaN or an infinity, each element in turn: nothing hangs, nothing is read from outside, and no
/// result is a number where PyTorch says that there is none.
@Suite struct NonFiniteMatrixTests {
    static let records: [Operator] = Operator.lapack + Operator.matrixNorms

    /// The calls of a record's samples with one element replaced.
    static func variants(of operation: Operator, _ value: Double) throws -> [[OperatorArgument]] {
        var found: [[OperatorArgument]] = []
        for sample in try operation.samples() {
            for position in sample.indices {
                guard case .tensor(let tensor) = sample[position], tensor.dtype.isFloatingPoint else { continue }
                let numbers: [Double] = try tensor.array(of: Double.self)
                for index in numbers.indices {
                    var (changed, elements) = (sample, numbers)
                    elements[index] = value
                    changed[position] = .tensor(try Tensor(elements, shape: tensor.sizes).to(tensor.dtype))
                    found.append(changed)
                }
            }
        }
        return found
    }

    /// A number here is PyTorch's number, and what is refused here PyTorch refuses or has no sensible number for.
    @Test func agreeWithTorch() throws {
        var cases: [ValueJudge.Case] = []
        for operation in Self.records {
            for value in [Double.nan, .infinity, -.infinity] {
                for arguments in try Self.variants(of: operation, value) {
                    var given = try ValueJudge.run(operation, arguments, label: "with \(value)")
                    given.isBoundOnly = true
                    cases.append(given)
                }
            }
        }
        #expect(cases.count > 1500)
        for (given, answer) in zip(cases, try ValueJudge.judge(cases)) {
            // The default driver gives no residuals there, and of infinities any rank.
            let isKnown = given.operation.name == "aten::linalg_lstsq"
            if isKnown || answer == "same" || answer == "both refuse" { continue }
            // What PyTorch refuses may be NaN here. Of infinities PyTorch's blocked elimination makes NaN where that here, which divides by them
            // first, has the limit.
            var isLimit = false
            if let results = given.results { isLimit = try Self.areLimits(results, given.operation, given.arguments) }
            #expect(isLimit, "\(given.description): \(given.refusal?.description ?? "") \(answer)")
        }
    }

    /// Whether the numbers among results are those for a number far out in place of an infinity, in float64; nothing that comes of NaN is a number.
    static func areLimits(_ results: [OperatorArgument], _ operation: Operator, _ arguments: [OperatorArgument]) throws -> Bool {
        var hasNaN = false
        let large: [OperatorArgument] = try arguments.map { argument in
            guard case .tensor(let tensor) = argument, tensor.dtype.isFloatingPoint else { return argument }
            hasNaN = try hasNaN || tensor.isnan().any().item(Bool.self)
            return .tensor(try tensor.to(.float64).nanToNum(positiveInfinity: 1e100, negativeInfinity: -1e100))
        }
        let limits: [OperatorArgument]? = hasNaN ? nil : try? apply(operation, large)
        for (index, result) in results.enumerated() {
            guard case .tensor(let result) = result, result.dtype.isFloatingPoint else { continue }
            var limit: [Double]?
            if let limits, case .tensor(let tensor) = limits[index] { limit = try tensor.array(of: Double.self) }
            for (place, value) in try result.array(of: Double.self).enumerated() where value.isFinite {
                guard let right = limit?[place], (value - right).magnitude <= 1e-5 * max(1, right.magnitude) else { return false }
            }
        }
        return true
    }

    @Test func determinantsOfInfinitiesAreThoseOfTheDefinition() throws {
        let infinity = Double.infinity
        #expect(try Tensor([[infinity, 0], [0, 1]]).det().array(of: Double.self) == [infinity])
        #expect(try Tensor([[0, 1], [-infinity, 0]]).det().array(of: Double.self) == [infinity])
        let (sign, logarithm) = try Tensor([[0, -infinity], [-2.0, 0]]).slogdet()
        #expect(try sign.array(of: Double.self) == [-1] && logarithm.array(of: Double.self) == [infinity])
        #expect(try Tensor([[infinity, 0], [0, 4]]).inverse().array(of: Double.self) == [0, 0, 0, 0.25])
    }

    @Test(arguments: [Int](1...40)) func nothingOfALargerMatrixIsANumber(_ n: Int) throws {
        var elements = [Double](repeating: 1, count: n * n)
        for i in 0..<n { elements[i * n + i] = Double(n) }
        elements[(n - 1) * n] = .nan
        for dtype in LapackTests.dtypes {
            let a = try Tensor(elements, shape: [n, n]).to(dtype)
            for result in [
                try a.det(), try a.inverse(), try a.solve(Tensor.ones([n, 2], dtype: dtype)), try a.qr().q, try a.slogdet().sign,
            ] {
                #expect(try result.isnan().all().item(Bool.self))
            }
            let (values, vectors) = try a.eigh()
            #expect(try values.isnan().all().item(Bool.self) && vectors.isnan().all().item(Bool.self))
            let (_, info) = try applyPair(.linalgCholeskyEx, [.tensor(a), .bool(false), .bool(false)])
            #expect(try info.array(of: Int.self) == [n])
            #expect(throws: TensorError.self) { try a.svd() }
            #expect(throws: TensorError.self) { try a.lstsq(Tensor.ones([n, 1], dtype: dtype)) }
        }
    }

    private func applyPair(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> (Tensor, Tensor) {
        let results = try applyTensors(operation, arguments)
        return (results[0], results[1])
    }
}
