import ApusSymbolic
import CApusKernels
import Testing

@testable import ApusTensor

/// What operators require of arguments whose memory, or whose count, a kernel would otherwise take on trust.
@Suite struct ArgumentCheckTests {
    private func text(_ body: () throws -> Any) -> String {
        do { return "no error: \(try body())" } catch { return error.unplaced }
    }

    private func text(_ operation: Operator, _ arguments: [OperatorArgument], _ position: Int, _ replacement: Tensor?) -> String {
        var arguments = arguments
        arguments[position] = .optional(replacement)
        return text { try apply(operation, arguments).count }
    }

    @Test func gradientsOfBatchNorm() throws {
        let sample = try #require(try Operator.nativeBatchNormBackward.samples().first)
        func replaced(_ position: Int, _ sizes: [Int], _ dtype: DType = .float64) throws -> String {
            text(.nativeBatchNormBackward, sample, position, try .sample(sizes, dtype: dtype))
        }
        let name = "native_batch_norm_backward"
        #expect(try replaced(0, [4, 3, 1]) == "\(name): a gradient of shape [4, 3, 1] doesn't fit; it must have shape [4, 3, 2]")
        #expect(try replaced(0, [4, 3, 2], .float32) == "\(name): the gradient is of float32, but the input of float64")
        #expect(try replaced(2, [1]) == "\(name): the weight has shape [1], but there are 3 channels")
        #expect(try replaced(5, [1]) == "\(name): the save_mean has shape [1], but there are 3 channels")
        #expect(try replaced(6, [2]) == "\(name): the save_invstd has shape [2], but there are 3 channels")
        #expect(try replaced(6, [3], .int64) == "\(name): the save_invstd is of int64, but the input of float64")
        #expect(text(.nativeBatchNormBackward, sample, 5, nil) == "\(name): argument 'save_mean' must be a tensor")
        // Outside of training the running statistics are read, and what was saved is not: PyTorch saves vectors of size 0.
        var evaluating = sample
        evaluating[7] = .bool(false)
        #expect(
            text(.nativeBatchNormBackward, evaluating, 3, try .ones([2], dtype: .float64))
                == "\(name): the running_mean has shape [2], but there are 3 channels")
        evaluating[5] = .tensor(try .zeros([0], dtype: .float64))
        evaluating[6] = evaluating[5]
        #expect(text { try apply(.nativeBatchNormBackward, evaluating).count } == "no error: 3")
    }

    @Test func gradientsOfLayerNorm() throws {
        let sample = try #require(try Operator.nativeLayerNormBackward.samples().first)
        func replaced(_ position: Int, _ sizes: [Int], _ dtype: DType = .float64) throws -> String {
            text(.nativeLayerNormBackward, sample, position, try .sample(sizes, dtype: dtype))
        }
        let name = "native_layer_norm_backward"
        #expect(try replaced(0, [1]) == "\(name): a gradient of shape [1] doesn't fit; it must have shape [2, 3, 4]")
        #expect(try replaced(1, [4]) == "\(name): a gradient of shape [2, 3, 4] doesn't fit; it must have shape [4]")
        #expect(try replaced(3, [1]) == "\(name): a mean of shape [1] doesn't fit; it must have shape [2, 3, 1]")
        #expect(try replaced(4, [2, 1, 1]) == "\(name): a rstd of shape [2, 1, 1] doesn't fit; it must have shape [2, 3, 1]")
        #expect(try replaced(5, [1]) == "\(name): the weight has shape [1], but the sizes to normalise are [4]")
        #expect(try replaced(4, [2, 3, 1], .bool) == "\(name): the rstd is of bool, but the input of float64")
        var sizes = sample
        sizes[2] = .ints([5])
        #expect(text { try apply(.nativeLayerNormBackward, sizes) } == "\(name): a tensor of shape [2, 3, 4] does not end in the sizes [5]")
    }

    @Test func gradientsOfGroupNorm() throws {
        let sample = try #require(try Operator.nativeGroupNormBackward.samples().first)
        func replaced(_ position: Int, _ sizes: [Int], _ dtype: DType = .float64) throws -> String {
            text(.nativeGroupNormBackward, sample, position, try .sample(sizes, dtype: dtype))
        }
        let name = "native_group_norm_backward"
        #expect(try replaced(0, [1]) == "\(name): a gradient of shape [1] doesn't fit; it must have shape [2, 4, 3]")
        #expect(try replaced(2, [2]) == "\(name): a mean of shape [2] doesn't fit; it must have shape [2, 2]")
        #expect(try replaced(3, [1, 2]) == "\(name): a rstd of shape [1, 2] doesn't fit; it must have shape [2, 2]")
        #expect(try replaced(4, [1]) == "\(name): the weight has shape [1], but there are 4 channels")
        #expect(try replaced(0, [2, 4, 3], .bfloat16) == "\(name): the gradient is of bfloat16, but the input of float64")
    }

    @Test func gradientsOfPooling() throws {
        for (name, index) in [
            ("avg_pool2d_backward", 0), ("max_pool2d_with_indices_backward", 0), ("_adaptive_avg_pool2d_backward", 0),
        ] {
            let operation = try #require(OperatorTable.find("aten::\(name)"))
            let sample = try #require(try operation.samples().first)
            guard case .tensor(let gradient) = sample[index] else {
                Issue.record("\(name) has no gradient in front")
                continue
            }
            // The result is of the input's dtype and would be written as if it were of the gradient's.
            let wide = text(operation, sample, index, try gradient.to(.float64))
            #expect(
                wide == "\(name): the gradient is of float64, but the input of float32"
                    || wide == "\(name): a gradient of float64[1, 2, 3, 2] does not fit an input of float32[1, 2, 5, 4]")
        }
    }

    @Test func padsThatLeaveNothing() throws {
        let x = try Tensor.ones([2, 3])
        #expect(text { try x.padded([-10, 10]) } == "pad: the pads (-10, 10) leave less than nothing of dimension 1 of shape [2, 3]")
        #expect(
            text { try x.padded([SymInt(Int.min), SymInt(Int.max)]) }
                == "pad: the pads (\(Int.min), \(Int.max)) leave less than nothing of dimension 1 of shape [2, 3]")
        #expect(
            text { try x.padded([-2, -2], mode: "replicate") }
                == "pad: the pads (-2, -2) leave less than nothing of dimension 1 of shape [2, 3]")
        #expect(try x.padded([-3, 1]).sizes == [2, 1])
        #expect(try x.padded([-1, -2]).sizes == [2, 0])
        for (before, after) in [(Int.min, Int.max), (Int.max, Int.min), (Int.min, 0), (Int.max, Int.max)] {
            for mode in ["constant", "reflect", "replicate", "circular"] {
                #expect(throws: TensorError.self) { try x.padded([SymInt(before), SymInt(after)], mode: mode) }
            }
        }
    }

    @Test func moreResultsThanOneCallMayGive() throws {
        let limit = "more than the 1048576 that one call may give"
        let empty = try Tensor.ones([0, 2])
        let huge = try Tensor.ones([1]).expanded([SymInt(1 << 50)])
        #expect(text { try huge.unbind() } == "unbind: would give 1125899906842624 results, \(limit)")
        #expect(text { try huge.split(1) } == "split: would give 1125899906842624 results, \(limit)")
        #expect(text { try huge.chunk(1 << 40) } == "chunk: would give 1099511627776 results, \(limit)")
        #expect(text { try empty.chunk(Int.max) } == "chunk: would give 9223372036854775807 results, \(limit)")
        #expect(try empty.chunk(3).map { try $0.sizes } == [[0, 2], [0, 2], [0, 2]])
        let sections = try #require(OperatorTable.find("aten::tensor_split.sections"))
        #expect(
            text { try apply(sections, [.tensor(empty), .int(1 << 40), .int(0)]) }
                == "tensor_split: would give 1099511627776 results, \(limit)")
    }

    /// A decomposition runs only on what the rule has seen, whether a gradient is recorded or not.
    @Test func rulesComeBeforeDecompositions() throws {
        let (x, weight) = (try Tensor.ones([2, 4]), try Tensor.ones([5]))
        let expected = "rms_norm: a tensor of shape [2, 4] does not end in the sizes [5]"
        #expect(text { try x.rmsNorm([5], weight: weight) } == expected)
        #expect(text { try gradient(at: x) { try $0.rmsNorm([5], weight: weight).sum() } } == expected)
        let sample = try #require(try Operator.nativeLayerNormBackward.samples().first)
        #expect(throws: TensorError.self) {
            try gradient(at: try Tensor.ones([], dtype: .float64)) { x in
                try applyTensors(.nativeLayerNormBackward, [sample[0], .tensor(x)] + sample[2...])[0].sum()
            }
        }
        let batch = try #require(try Operator.nativeBatchNormBackward.samples().first)
        #expect(throws: TensorError.self) {
            try gradient(at: try Tensor.ones([3], dtype: .float64)) { x in
                try applyTensors(.nativeBatchNormBackward, [batch[0], .tensor(x)] + batch[2...])[0].sum()
            }
        }
    }

    @Test func oneValuePerChannelHasNoVariance() throws {
        let (mean, variance) = (try Tensor.zeros([3]), try Tensor.ones([3]))
        let expected = "batch_norm: training needs more than one value for each channel, but the input has shape"
        for sizes in [[1, 3], [1, 3, 1], [1, 3, 1, 1]] {
            let x = try Tensor.ones(sizes)
            #expect(text { try x.batchNormTraining(runningMean: mean, runningVariance: variance) } == "\(expected) \(x.shape)")
            #expect(text { try x.batchNorm() } == "\(expected) \(x.shape)")
            #expect(try x.batchNorm(runningMean: mean, runningVariance: variance).sizes == sizes)
        }
        #expect(try Tensor.ones([1, 3, 2]).batchNorm().sizes == [1, 3, 2])
        #expect(try Tensor.ones([0, 3]).batchNorm().sizes == [0, 3])
        // The operator itself, which a program may hold, gives what PyTorch's gives.
        #expect(
            try applyTensors(.batchNormNoStats, [.tensor(.ones([1, 3])), .none, .none, .bool(true), .double(0), .double(1e-5)])[0].sizes
                == [1, 3])
    }

    /// What a kernel says of arguments that reached it nevertheless.
    @Test func kernelsThatRefuseNameTheirArguments() throws {
        let call = Call(.mm, [.tensor(try .ones([2, 3])), .tensor(try .ones([3, 4], dtype: .int64))])
        #expect(
            text { try check(Int32(bitPattern: APUS_INVALID_ARGUMENT.rawValue), call) }
                == "mm: does not take float32[2, 3], int64[3, 4] (sizes or parameters do not fit together)")
    }

    @Test func attentionSkipsBlindRowsInEveryForm() throws {
        let q: Tensor = try .sample([1, 1, 2, 4])
        let mask = try Tensor([0, 0, 0, -Double.infinity, -Double.infinity, -Double.infinity], shape: [2, 3])
        for dtype in [DType.float16, .bfloat16, .float32, .float64] {
            let (x, k): (Tensor, Tensor) = (try q.to(dtype), try .sample([1, 1, 3, 4], dtype: dtype, seed: 2))
            let result = try x.scaledDotProductAttention(key: k, value: k, mask: mask.to(dtype))
            #expect(try result.select(dim: 2, index: 1).array(of: Double.self) == [0, 0, 0, 0], "\(dtype)")
            let slope = try gradient(at: x) { try $0.scaledDotProductAttention(key: k, value: k, mask: mask.to(dtype)).to(.float32).sum() }
            #expect(try slope.select(dim: 2, index: 1).array(of: Double.self) == [0, 0, 0, 0], "\(dtype)")
            #expect(try slope.array(of: Double.self).allSatisfy { $0.isFinite }, "\(dtype)")
        }
        // Rows that lie on top of each other are copied for the kernel.
        let flat = try q.narrowed(dim: 2, from: 0, length: 1).expanded([1, 1, 5, 4])
        #expect(try flat.scaledDotProductAttention(key: flat, value: flat).sizes == [1, 1, 5, 4])
    }
}
