import ApusSymbolic
import Testing

@testable import ApusTensor

/// Which operators may fail by the values they are given. A program must keep such a call also where nothing reads its results, so that none
/// may be missing.
@Suite struct FallibilityTests {
    /// Other values for a tensor's elements: positions out of range, divisors and matrices of zero, and no numbers.
    private static func hostile(_ tensor: Tensor) throws -> [Tensor] {
        let values: [Double] =
            tensor.dtype == .bool ? [0, 1] : tensor.dtype.isInteger ? [0, -3, 1000, -1000] : [0, .nan, .infinity, -1, 1e30]
        return try values.map { try Tensor.full(tensor.shape.sizes, $0, dtype: .float64).to(tensor.dtype) }
    }

    /// The call with every value of one tensor replaced.
    private static func variants(_ arguments: [OperatorArgument]) throws -> [[OperatorArgument]] {
        var found: [[OperatorArgument]] = []
        for position in arguments.indices {
            switch arguments[position] {
            case .tensor(let tensor):
                for other in try hostile(tensor) {
                    var changed = arguments
                    changed[position] = .tensor(other)
                    found.append(changed)
                }
            case .optionalTensors(let tensors):
                for index in tensors.indices {
                    guard let tensor = tensors[index] else { continue }
                    for other in try hostile(tensor) {
                        var (changed, list) = (arguments, tensors)
                        list[index] = other
                        changed[position] = .optionalTensors(list)
                        found.append(changed)
                    }
                }
            default: continue
            }
        }
        return found
    }

    /// Samples as they are, and with integers in the place of floats where the operator takes them.
    private static func samples(_ operation: Operator) throws -> [[OperatorArgument]] {
        try operation.samples().flatMap { sample in
            let integers: [OperatorArgument] = try sample.map { argument in
                guard case .tensor(let tensor) = argument, tensor.dtype.isFloatingPoint else { return argument }
                return .tensor(try tensor.to(.int64))
            }
            return [sample, integers]
        }
    }

    @Test func noneThatFailsIsMissing() throws {
        var failing = Set<String>()
        for operation in OperatorTable.all where operation.effects.isPure {
            // A dtype that the kernels lack fails for every value.
            for sample in try Self.samples(operation) where (try? apply(operation, sample)) != nil {
                for arguments in try Self.variants(sample) {
                    let call = Call(operation, arguments)
                    // What the rule refuses, it refuses for every value.
                    guard (try? operation.rule(call)) != nil else { continue }
                    do { _ = try apply(operation, arguments) } catch {
                        failing.insert(operation.name)
                        let bare: [OperatorArgument] = arguments.map { argument in argument.map { Tensor(spec: $0.spec) } }
                        #expect(operation.mayFail(Call(operation, bare)), "\(operation) throws \(error)")
                    }
                }
            }
        }
        #expect(failing.count > 40, "\(failing.sorted())")
    }

    @Test func kernelsSayItByDType() throws {
        func mayFail(_ name: String, _ dtype: DType, _ further: [OperatorArgument] = []) throws -> Bool {
            let operation = try #require(OperatorTable.find(name))
            let x = Tensor(spec: TensorSpec(dtype, try Shape([3])))
            return operation.mayFail(Call(operation, [.tensor(x), .tensor(x)] + further))
        }
        #expect(try mayFail("aten::remainder.Tensor", .int64))
        #expect(try !mayFail("aten::remainder.Tensor", .float32))
        #expect(try mayFail("aten::div.Tensor_mode", .int32, [.string("floor")]))
        #expect(try !mayFail("aten::div.Tensor_mode", .int32, [.none]))
        #expect(try !mayFail("aten::add.Tensor", .int64, [.int(1)]))
    }

    @Test func whatIsMadeOfOthersFollowsFromThem() throws {
        func mayFail(_ name: String, _ arguments: [OperatorArgument]) throws -> Bool {
            let operation = try #require(OperatorTable.find(name))
            return operation.mayFail(Call(operation, arguments))
        }
        let (x, index) = (Tensor(spec: TensorSpec(.float32, try Shape([3]))), Tensor(spec: TensorSpec(.int64, try Shape([2]))))
        #expect(try mayFail("aten::take", [.tensor(x), .tensor(index)]))
        #expect(try !mayFail("aten::rsub.Tensor", [.tensor(x), .tensor(x), .int(1)]))
        #expect(try mayFail("aten::linalg_inv", [.tensor(Tensor(spec: TensorSpec(.float32, try Shape([3, 3]))))]))
    }
}
