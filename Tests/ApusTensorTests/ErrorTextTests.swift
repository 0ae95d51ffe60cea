import ApusSymbolic
import Testing

@testable import ApusTensor

/// What a caller reads after the main mistakes.
@Suite struct ErrorTextTests {
    private func text(_ body: () throws -> Tensor) -> String? {
        (#expect(throws: TensorError.self) { _ = try body() })?.statement
    }

    @Test func elementwise() throws {
        let x = try Tensor([[1.0, 2, 3], [4, 5, 6]])
        let mask = try Tensor([true, false, true])
        #expect(text { try x * Tensor.ones([4]) } == "mul: shapes [2, 3] and [4] do not broadcast: dimension -1 is 3 and 4")
        #expect(text { try -mask } == "neg: does not take bool")
        #expect(text { try mask - mask } == "sub: does not take bool")
        #expect(text { try x & x } == "bitwise_and: does not take float32")
        #expect(text { try x.to(.complex64) .< 1 } == "lt: does not take complex64")
        #expect(text { try Tensor.where(x, x, x) } == "where: the condition must be bool, not float32")
        #expect(text { try x.maskedFill(x, 0) } == "masked_fill: the mask must be bool, not float32")
        #expect(
            text { try x.to(.int64).maskedFill(mask, Double.nan) }
                == "masked_fill: the number nan can't be converted to int64 without overflow")
        #expect(text { try x.clamp() } == "clamp: at least one of 'min' and 'max' must be given")
        #expect(text { try x.to(.int64) % 0 } == "remainder: division of an integer by zero")
        #expect(text { try x.to(.int64).pow(-1) } == "pow: an integer can't be raised to a negative power")
        #expect(
            text { try x.to(.int64).add(x.to(.int64), alpha: 0.5) } == "add: the factor 0.5 is no integer, but the tensors are of int64")
    }

    @Test func reductions() throws {
        let x = try Tensor.zeros([0, 3])
        #expect(text { try x.amax(dim: 0) } == "amax: dimension 0 of shape [0, 3] has no elements, and amax of nothing has no value")
        #expect(text { try x.argmax() } == "argmax: dimension 0 of shape [0, 3] has no elements, and argmax of nothing has no value")
        #expect(text { try x.max(dim: 0).values } == "max: dimension 0 of shape [0, 3] has no elements, and max of nothing has no value")
        #expect(try x.amax(dim: 1).shape.constants == [0])
        #expect(text { try x.sum(dim: 2) } == "sum: dimension 2 is out of range for a tensor of rank 2 (-2...1)")
        #expect(text { try x.sum(dims: [0, -2]) } == "sum: dimension -2 appears twice in [0, -2]")
        #expect(text { try Tensor.arange(3).mean() } == "mean: does not take int64; pass dtype: .float32, or convert with to(.float32)")
        #expect(text { try Tensor.arange(3).std() } == "std: does not take int64, only floating-point and complex dtypes")
    }

    @Test func normalization() throws {
        let x = try Tensor.zeros([2, 3, 4])
        #expect(
            text { try Tensor.arange(3).softmax(dim: 0) }
                == "softmax: does not take int64, only floating-point dtypes; pass a dtype to convert to")
        #expect(text { try x.layerNorm([3]) } == "layer_norm: a tensor of shape [2, 3, 4] does not end in the sizes [3]")
        #expect(
            text { try x.layerNorm([4], weight: .ones([3])) }
                == "layer_norm: the weight has shape [3], but the sizes to normalise are [4]")
        #expect(text { try x.groupNorm(groups: 2) } == "group_norm: 3 channels can't be split into 2 groups")
        #expect(
            text { try x.batchNorm(weight: .ones([4])) } == "batch_norm: the weight has shape [4], but there are 3 channels")
        #expect(text { try x.dropout(p: 1.5) } == "dropout: the probability must lie between 0 and 1, not at 1.5")
    }

    @Test func creation() throws {
        #expect(text { try Tensor.zeros([2, -1]) } == "zeros: the size of dimension 1 is negative: -1")
        #expect(
            text { try Tensor.zeros([1_099_511_627_776, 1_099_511_627_776]) }
                == "zeros: a tensor of shape [1099511627776, 1099511627776] has too many elements")
        #expect(text { try Tensor.arange(0, 5, step: 0) } == "arange: the step must not be 0")
        #expect(text { try Tensor.arange(0, 5, step: -1) } == "arange: from 0 to 5 is not the direction of the step -1")
        #expect(text { try Tensor.linspace(0, 1, steps: -1) } == "linspace: the size of dimension 0 is negative: -1")
        #expect(text { try Tensor.ones([3]).tril() } == "tril: needs a matrix, not a tensor of shape [3]")
        #expect(text { try Tensor.rand([2], dtype: .int64) } == "rand: does not draw numbers of int64")
        #expect(text { try Tensor.randint(3, 3, [2]) } == "randint: there is no integer from 3 to below 3")
    }

    @Test func losses() throws {
        let scores = try Tensor.zeros([2, 3])
        #expect(
            text { try scores.crossEntropy(Tensor([0, 1, 2])) }
                == "cross_entropy: scores of shape [2, 3] need targets of [2], not [3]")
        #expect(
            text { try scores.crossEntropy(Tensor([0, 3])) }
                == "cross_entropy: a target names no class of the scores: the index 3 is out of range for dimension 1 of shape [2, 3]")
        #expect(
            text { try scores.nllLoss(Tensor([0.0, 1])) }
                == "nll_loss: targets must be integers, or probabilities in the scores' shape, not float32; convert numbers of classes with to(.int64)"
        )
    }

    @Test func nanWinsInPositions() throws {
        let x = try Tensor([1, .nan, 3, .nan])
        #expect(try x.argmax().array(of: Int.self) == [1])
        #expect(try x.argmin().array(of: Int.self) == [1])
        #expect(try x.max(dim: 0).indices.array(of: Int.self) == [1])
    }

    @Test func gradientsThatWouldBeLost() throws {
        let a = try Tensor([[2.0, 1], [1, 3]])
        #expect(
            text { try gradient(at: a) { try applyTensors(.linalgDet, [.tensor($0)])[1].sum() } }
                == "_linalg_det: has no gradient through its result 1, of float32[2, 2], counted from 0; use its detached() value")
        let pair = try Operator(
            Schema("mine::pair(Tensor self) -> (Tensor, Tensor)"), rule: { call in [try call.tensor(0).spec, try call.tensor(0).spec] },
            kernel: .compute { call, outputs in for output in outputs { try call.copy(call.tensor(0), to: output) } },
            gradient: { g in [.tensor(try g.gradient(0))] })
        #expect(try gradient(at: a) { try applyTensors(pair, [.tensor($0)])[0].sum() }.array(of: Double.self) == [1, 1, 1, 1])
        #expect(
            text { try gradient(at: a) { try applyTensors(pair, [.tensor($0)])[1].sum() } }
                == "pair: has no gradient through its result 1, of float32[2, 2], counted from 0; use its detached() value")
    }
}
