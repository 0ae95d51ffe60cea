import ApusSymbolic
import Testing

@testable import ApusTensor

/// What a caller's mistake with shapes, positions and sizes says.
@Suite struct ShapeErrorTests {
    private func message(_ body: () throws -> Tensor) -> String {
        do {
            return "no error, \(try body().shape)"
        } catch {
            return error.unplaced
        }
    }

    @Test func namesShapesAndSizes() throws {
        let (x, y) = (try Tensor.ones([2, 3]), try Tensor.ones([4, 5]))
        #expect(message { try x.reshaped([4, 2]) } == "reshape: shape [2, 3] with 6 elements can't be reshaped to [4, 2]")
        #expect(message { try x.reshaped([-1, 4]) } == "reshape: shape [2, 3] with 6 elements can't be reshaped to [-1, 4]")
        #expect(message { try x.reshaped([-1, -1]) } == "reshape: only one size may be -1")
        #expect(message { try x.reshaped([-2, 3]) } == "reshape: the size of dimension 0 is negative: -2")
        #expect(message { try x.matmul(y) } == "matmul: shapes [2, 3] and [4, 5] can't be multiplied: the inner sizes are 3 and 4")
        #expect(
            message { try x.mm(try y.to(.float64)) }
                == "mm: operands of float32 and float64 don't go together; convert one of them with to(_:)")
        #expect(message { try x.bmm(y) } == "bmm: takes ranks 3 and 3, not shapes [2, 3] and [4, 5]")
        #expect(
            message { try x.linear(y) }
                == "linear: an input of shape [2, 3] has 3 features; a weight of shape [4, 5] takes 5")
        #expect(
            message { try Tensor.cat([x, y], dim: 0) }
                == "cat: shapes [2, 3] and [4, 5] can't be joined along dimension 0: dimension 1 is 3 and 5")
        #expect(message { try Tensor.stack([x, y]) } == "stack: shapes [2, 3] and [4, 5] differ; stack needs equal ones")
        #expect(message { try Tensor.cat([]) } == "cat: needs at least one tensor")
        #expect(message { try x.expanded([2, 4]) } == "expand: shape [2, 3] can't be expanded to [2, 4] (dimension 1)")
        #expect(message { try x.permuted([0, 0]) } == "permute: [0, 0] is no permutation of the 2 dimensions of shape [2, 3]")
        #expect(message { try x.split(sizes: [1, 1], dim: 1)[0] } == "split_with_sizes: the parts [1, 1] add up to 2, not to the size 3")
        #expect(message { try x.unfolded(dim: 1, size: 4, step: 1) } == "unfold: windows of 4 don't fit into dimension 1 of shape [2, 3]")
        #expect(
            message { try x.unflattened(1, [2, 2]) } == "unflatten: dimension 1 of shape [2, 3] can't be split into [2, 2]")
    }

    @Test func namesPositions() throws {
        let x = try Tensor.ones([2, 3])
        #expect(message { try x.transposed(0, 2) } == "transpose: dimension 2 is out of range for a tensor of rank 2 (-2...1)")
        #expect(message { try x.select(dim: 1, index: -4) } == "select: the index -4 is out of range for dimension 1 of shape [2, 3]")
        #expect(
            message { try x.narrowed(dim: 1, from: 2, length: 2) }
                == "narrow: 2 positions from 2 on reach outside of dimension 1 of shape [2, 3]")
        #expect(message { try x.sliced(dim: 0, step: 0) } == "slice: the step of a slice must be positive, not 0")
        #expect(
            message { try Tensor.ones([] as [SymInt]).select(dim: 0, index: 0) }
                == "select: a zero-dimensional tensor has no dimension to take")
        let index = try Tensor([0, 5], shape: [1, 2])
        #expect(message { try x.gather(dim: 1, index) } == "gather: the index 5 is out of range for dimension 1 of shape [2, 3]")
        #expect(
            message { try x.gather(dim: 1, try index.to(.float32)) } == "gather: the index must be int64 or int32, not float32")
        #expect(
            message { try x.embedding(try Tensor([-1], shape: [1])) }
                == "embedding: the index -1 is out of range for dimension 0 of shape [2, 3]")
        #expect(message { try x.topk(4).values } == "topk: can't take 4 elements of dimension 1 of shape [2, 3]")
    }

    @Test func namesWindows() throws {
        let (x, weight) = (try Tensor.ones([1, 2, 4, 4]), try Tensor.ones([3, 2, 5, 5]))
        #expect(
            message { try x.conv2d(weight) }
                == "conv2d: a kernel of shape [5, 5] with dilation [1, 1] is larger than the padded input of shape [1, 2, 4, 4]")
        #expect(
            message { try x.conv2d(try Tensor.ones([3, 1, 2, 2])) }
                == "conv2d: an input of shape [1, 2, 4, 4] has 2 channels; a weight of shape [3, 1, 2, 2] in 1 groups takes 1")
        #expect(message { try x.conv2d(weight, stride: [0]) } == "conv2d: the stride must be positive, not [0, 0]")
        #expect(
            message { try x.maxPool2d([5]) }
                == "max_pool2d: windows of [5, 5] with padding [0, 0] don't fit into an input of shape [1, 2, 4, 4]")
        #expect(
            message { try x.maxPool2d([2], padding: [2]) }
                == "max_pool2d: the padding [2, 2] must lie between 0 and half of the kernel size [2, 2]")
    }

    @Test func refusesWrongItems() throws {
        let numbers = try Tensor([1.5, 2] as [Float], shape: [2])
        func text(_ body: () throws -> Any) -> String {
            do { return "\(try body())" } catch { return error.unplaced }
        }
        #expect(text { try numbers.item() } == "item: a tensor of shape [2] has 2 elements; only one element can become a number")
        #expect(
            text { try numbers[0].item() }
                == "item: the element is of float32, no integer: ask for item(SymFloat.self) or item(Float.self), or convert with to(.int64) first"
        )
        #expect(try numbers[0].item(Float.self) == 1.5)
        #expect(try (numbers[0] .> 1).item(Bool.self))
        #expect(try Int(Tensor([42], shape: [1]).item()) == 42)
    }

    @Test func countsThatOverflowAreErrors() throws {
        let x = try Tensor.ones([2, 3])
        let huge = SymInt(Int.max / 2)
        #expect(
            message { try x.unsqueezed(0).expanded([huge, 2, 3]) }
                == "expand: a tensor of shape [4611686018427387903, 2, 3] has too many elements")
        #expect(
            message { try x.repeated([huge, huge]) }
                == "repeat: a tensor of shape [4611686018427387903, 2, 4611686018427387903, 3] has too many elements")
        #expect(
            message { try x.padded([huge, huge, huge, huge]) }
                == "pad: the size of dimension 0 is not a number: integer overflow in 2 + 9223372036854775806")
    }
}
