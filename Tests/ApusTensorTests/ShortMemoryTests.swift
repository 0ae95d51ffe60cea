import ApusSymbolic
import Testing

@testable import ApusTensor

/// What no machine has the memory for is an error, whether sizes, counts or values ask for it.
@Suite struct ShortMemoryTests {
    private func code(_ body: () throws -> Void) -> TensorError.Code? {
        do { try body() } catch let error as TensorError { return error.code } catch { Issue.record("\(error)") }
        return nil
    }

    @Test func arraysOfExpandedTensors() throws {
        for dtype in DType.allCases where !dtype.isComplex {
            let huge = try Tensor.zeros([1], dtype: dtype).expanded([1 << 40])
            #expect(code { _ = try huge.array(of: Double.self) } == .outOfMemory)
            #expect(code { _ = try huge.array(of: Int.self) } == .outOfMemory)
            // Of floating-point numbers no truth values are read.
            #expect(code { _ = try huge.array(of: Bool.self) } == (dtype.isFloatingPoint ? .dtypeMismatch : .outOfMemory))
        }
    }

    @Test func countsAndValues() throws {
        let huge = try Tensor([1 << 40] as [Int], shape: [1])
        let zeros = try Tensor.zeros([1], dtype: .int64).expanded([1 << 40])
        func run(_ name: String, _ arguments: [OperatorArgument]) -> TensorError.Code? {
            code { _ = try apply(try #require(OperatorTable.find("aten::\(name)")), arguments) }
        }
        #expect(run("bincount", [.tensor(huge), .none, .int(0)]) == .outOfMemory)
        #expect(run("bincount", [.tensor(huge), .none, .int(1 << 41)]) == .outOfMemory)
        #expect(run("bincount", [.tensor(zeros), .none, .int(0)]) == .outOfMemory)
        let all = try Tensor([true], shape: [1]).expanded([1 << 40])
        let none = try Tensor([false], shape: [1]).expanded([1 << 40])
        #expect(run("nonzero", [.tensor(all)]) == .outOfMemory)
        #expect(run("nonzero", [.tensor(none)]) == nil)
        #expect(run("masked_select", [.tensor(zeros), .tensor(all)]) == .outOfMemory)
        #expect(run("masked_select", [.tensor(zeros), .tensor(none)]) == nil)
        for row in [zeros, try Tensor.zeros([1]).expanded([1 << 40])] {
            #expect(run("kthvalue", [.tensor(row), .int(1), .int(-1), .bool(false)]) == .outOfMemory)
            #expect(run("median", [.tensor(row)]) == .outOfMemory)
        }
        #expect(run("one_hot", [.tensor(huge), .int(-1)]) == .outOfMemory)
        #expect(run("repeat_interleave.Tensor", [.tensor(huge), .none]) == .outOfMemory)
        #expect(run("repeat_interleave.Tensor", [.tensor(zeros), .none]) == .outOfMemory)
        #expect(run("frexp.Tensor", [.tensor(try Tensor.zeros([1]).expanded([1 << 40]))]) == .outOfMemory)
        #expect(code { _ = try Tensor.full([1 << 40], 1) } == .outOfMemory)
        #expect(code { _ = try Tensor.arange(1 << 40) } == .outOfMemory)
        #expect(code { _ = try Tensor.linspace(0, 1, steps: 1_099_511_627_776) } == .outOfMemory)
    }

    /// Every operator with each of its integer tensors full of what sizes can't be.
    @Test func integersOfEveryOperator() throws {
        var (calls, refused) = (0, 0)
        for operation in OperatorTable.all {
            for sample in try operation.samples() {
                for position in sample.indices {
                    guard case .tensor(let tensor) = sample[position], tensor.dtype == .int64 || tensor.dtype == .int32 else { continue }
                    for value in tensor.dtype == .int32 ? [Int(Int32.max), Int(Int32.min)] : [1 << 40, 1 << 62, .max, .min] {
                        var changed = sample
                        changed[position] = .tensor(try Tensor.full(tensor.shape.sizes, value, dtype: tensor.dtype))
                        calls += 1
                        do { _ = try apply(operation, changed) } catch is TensorError { refused += 1 } catch {
                            Issue.record("\(operation) threw \(type(of: error)): \(error)")
                        }
                    }
                }
            }
        }
        #expect(calls > 300 && refused > 100, "\(calls) \(refused)")
    }
}
